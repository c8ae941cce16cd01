// docker, podman, containerd and helm with everything that can stand in for a password: tokens under one's own name and
// under the names that other registries want, secrets of robots while they are changed, passwords of a directory, and
// identity tokens of CI jobs (ux.md §4.1, protocol.md §3.6).
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { skipWithoutSlapd } from '../src/sign-on/test-support/slapd.ts'
import { makePlace } from './clients/place.ts'
import { openNearDoor } from './clients/near-door.ts'
import { addUser, basic, collect, registryToken } from './support/access-api.ts'
import { pushImage } from './support/access-images.ts'
import {
  engineKinds,
  whatIsMissing,
  type Engine,
  type EngineKind,
} from './support/access-engines.ts'
import { reportAccess, type Cell } from './support/access-report.ts'
import { openSlowDoor } from './support/access-slow-door.ts'
import { startAccessWorld, jobClaims, type AccessWorld } from './support/access-world.ts'
import { createWire } from './support/access-wire.ts'
import { waitUntil, type ProgramResult } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const isThorough = process.env['CI'] === 'true'
const slowPushSeconds = 9
const stopsWithinSeconds = 60
const kinds = Object.values(engineKinds)
const present = kinds.filter((kind) => whatIsMissing(kind) === undefined)
const cells: Cell[] = []
const stack = new AsyncDisposableStack()
let world: AccessWorld

const missing = kinds.map(whatIsMissing).filter((what) => what !== undefined)
const skip = missing.length > 0 && !isThorough && missing.join('; ')
test(`all of ${kinds.map(({ name }) => name).join(', ')} are here`, { skip }, () => {
  assert.deepEqual(missing, [])
})

before(async () => {
  if (present.length === 0) return
  world = stack.use(await startAccessWorld({ directory: skipWithoutSlapd() === false }))
  await addUser(world.api, 'ann')
  await world.api.call('teams.addMember', { name: 'web', member: 'ann' })
})
after(async () => {
  reportAccess(cells)
  await stack.disposeAsync()
})

for (const kind of present) describe(kind.name, () => testEngine(kind))

function testEngine(kind: EngineKind): void {
  const own = new AsyncDisposableStack()
  let engine: Engine
  before(async () => {
    engine = await openEngine(own, kind, (port) => openNearDoor(port, 'http'))
  })
  after(async () => own.disposeAsync())

  const names = (what: string) => `web/${kind.name}-${what}`
  function testCell(column: string, run: () => Promise<void>, why: string | false = false): void {
    test(`${kind.name}: ${column}`, { skip: why }, async () => {
      const cell = { client: kind.name, column, isRight: false }
      cells.push(cell)
      await run()
      cell.isRight = true
    })
  }

  testCell('own token', async () => {
    const { secret } = await world.api.call('tokens.create', { for: 'user:ann', name: 'laptop' })
    await pushAndPull(engine, ['ann', secret], names('own'))
    const wrong = secret.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'))
    await refused(engine, ['ann', wrong], names('own'))
    await refused(engine, ['admin', secret], names('own'))
  })

  testCell('other names', async () => {
    const { secret } = await world.api.call('tokens.create', { for: 'user:ann', name: 'moved' })
    for (const alias of ['AWS', 'oauth2accesstoken', '_json_key']) {
      await pushAndPull(engine, [alias, secret], names('alias'))
    }
  })

  testCell('narrowed token', async () => {
    const asked = { for: 'user:ann', name: 'reads', scopes: ['web/:pull'] }
    const { secret } = await world.api.call('tokens.create', asked)
    succeeded(await engine.login('ann', secret))
    succeeded(await engine.pull(names('own')))
    const { code, output } = await engine.push(names('narrow'))
    assert.notEqual(code, 0, 'a push was taken')
    const name = `${names('narrow')}${kind.suffix ?? ''}`
    const told = `ann may not push to ${name} with this token (web/:reader).`
    assert.ok(output.includes(kind.tellsWhy === 'never' ? '403' : told), output)
  })

  testCell('robot, rotated', async () => {
    const name = `robot-${kind.name}`
    const made = await world.api.call('robots.create', { name, scopes: ['web/:writer'] })
    succeeded(await engine.login(name, made.secret))
    succeeded(await engine.push(names('robot')))
    const rotated = await world.api.call('robots.rotate', { name })
    assert.notEqual(rotated.secret, made.secret)
    succeeded(await engine.pull(names('robot')))
    await pushAndPull(engine, [name, rotated.secret], names('robot'))
    await world.api.call('robots.remove', { name })
    for (const secret of [made.secret, rotated.secret]) {
      await waitUntil(
        'A secret of a removed robot was taken; it was not refused',
        async () => !(await isTaken(engine, [name, secret], names('robot'))),
        { timeoutMs: stopsWithinSeconds * 1000, everyMs: 500 },
      )
    }
  })

  testCell(
    'directory',
    async () => {
      await pushAndPull(engine, ['bob', 'bob-password'], names('directory'))
      await refused(engine, ['bob', 'alice-password'], names('directory'))
    },
    skipWithoutSlapd(),
  )

  testCell('CI job', async () => {
    await pushAndPull(engine, ['oidc', world.makeJobToken()], names('job'))
    await isOfTheJob(`${names('job')}${kind.suffix ?? ''}`)
    const stranger = world.makeJobToken({ claims: { ref: 'refs/heads/evil' } })
    const told = await refused(engine, ['oidc', stranger], names('job'))
    if (kind.tellsWhy === 'always') assert.match(told, /no trust rule is for this job/)
  })
}

test(
  'docker pushes for longer than the identity token of its job lives',
  { skip: present.includes(engineKinds.docker) ? false : whatIsMissing(engineKinds.docker) },
  async (t) => {
    await using own = new AsyncDisposableStack()
    const layerBytes = 200_000
    const door = own.use(await openSlowDoor(world.registry.port))
    const engine = await openEngine(own, engineKinds.docker, async () => door, layerBytes)
    const began = Date.now()
    const token = world.makeJobToken({ goodFor: 5 })
    succeeded(await engine.login('oidc', token))
    door.slowDown(layerBytes / slowPushSeconds)
    const before = tokenRequests()
    succeeded(await engine.push('web/slow'))
    const seconds = (Date.now() - began) / 1000
    assert.ok(seconds > 6, `it took ${seconds} s only`)
    // One is enough: those of jobs last for an hour.
    t.diagnostic(
      `the push took ${seconds.toFixed(0)} s and ${tokenRequests() - before} registry tokens`,
    )

    door.slowDown(Number.POSITIVE_INFINITY)
    const again = tokenRequests()
    succeeded(await engine.push('web/slow-again'))
    succeeded(await engine.pull('web/slow'))
    assert.ok(tokenRequests() > again, 'docker did not ask for a token')
    await isOfTheJob('web/slow-again')

    // Nobody has seen this one before its end.
    const late = world.makeJobToken({ goodFor: -1 })
    assert.match(await refused(engine, ['oidc', late], 'web/slow'), /The ID token was good until/)
  },
)

test('a trust rule that is removed ends what its jobs still have', async (t) => {
  if (present.length === 0) return t.skip('nobody has signed in')
  const { api, registry } = world
  const job: Login = ['oidc', world.makeJobToken()]
  const path = '/v2/web/app/tags/list'
  using wire = createWire(registry.port)
  await pushImage(wire, registry.authorization, { repository: 'web/app' })
  const bearer = await registryToken(registry.port, job, 'repository:web/app:pull')
  const ask = async (authorization: string) =>
    (await wire.ask('GET', path, { authorization })).status
  assert.deepEqual([await ask(bearer), await ask(basic(...job))], [200, 200])
  await api.call('federation-rules.remove', { name: 'shop' })
  const stopped = async () => (await ask(bearer)) === 401 && (await ask(basic(...job))) === 401
  await waitUntil('The job did not stop', stopped, { timeoutMs: stopsWithinSeconds * 1000 })
})

async function openEngine(
  own: AsyncDisposableStack,
  kind: EngineKind,
  openDoor: (port: number) => Promise<AsyncDisposable & { readonly host: string }>,
  layerBytes?: number,
): Promise<Engine> {
  const { registry } = world
  const folder = own.use(await temporaryFolder(kind.name))
  const { host } = own.use(await openDoor(registry.port))
  const about = { registry, host, caFile: undefined, folder: folder.path, name: kind.name }
  return own.use(await kind.open(await makePlace(about), layerBytes))
}

type Login = readonly [user: string, secret: string]

async function pushAndPull(engine: Engine, login: Login, repository: string): Promise<void> {
  succeeded(await engine.login(...login))
  succeeded(await engine.push(repository))
  succeeded(await engine.pull(repository))
}

function succeeded({ code, output }: ProgramResult): void {
  assert.equal(code, 0, output)
}

/** At the login, or where the client asks nothing then, at the pull. */
async function isTaken(engine: Engine, login: Login, repository: string): Promise<boolean> {
  if ((await engine.login(...login)).code !== 0) return false
  return (await engine.pull(repository)).code === 0
}

async function refused(engine: Engine, login: Login, repository: string): Promise<string> {
  const signedIn = await engine.login(...login)
  const result = signedIn.code === 0 ? await engine.pull(repository) : signedIn
  assert.notEqual(result.code, 0, `it was taken: ${result.output}`)
  assert.match(result.output, /401|unauthorized|denied|invalid username/i)
  return result.output
}

/** Requests for registry tokens that were granted. */
function tokenRequests(): number {
  const lines = world.registry.log().split('\n')
  return lines.filter((line) => line.includes('"path":"/token","status":200')).length
}

/** What was pushed says which job it was: in the audit log and with the image itself. */
async function isOfTheJob(repository: string): Promise<void> {
  const entries = await collect(world.api.pages('audit.list', { event: 'image.pushed' }))
  const pushed = entries.find(({ subject }) => subject.startsWith(`${repository}:`))
  assert.equal(pushed?.actor, 'shop')
  const { repository: source, ref, sha, run_id: run, actor } = jobClaims
  const expected = { rule: 'shop', repository: source, ref, sha, run, actor }
  const told = JSON.parse(String(pushed?.detail['job'])) as object
  assert.deepEqual({ ...told, ...expected }, told)
  assert.deepEqual(JSON.parse(provenanceOf(repository)), told)
}

function provenanceOf(repository: string): string {
  using database = new DatabaseSync(join(world.registry.dataDir, 'carrel.db'), { readOnly: true })
  const found = database
    .prepare(
      'select provenance from manifests join repositories on repositories.id = repository_id where name = ?',
    )
    .get(repository)
  return String(found?.['provenance'])
}
