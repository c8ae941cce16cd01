// Puts a client through its steps and judges each by what the registry then holds. One test per
// client and door; the table of all of them is printed at the end of a file.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startRegistry } from '../support/start-registry.ts'
import type { StartedRegistry } from '../support/start-registry.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import type { Client, Session } from './client.ts'
import { farAddress } from './far-door.ts'
import { expectMount, expectRequests, makePlace, seeManifest, watchRequests } from './place.ts'
import type { Place } from './place.ts'
import { openNearDoor } from './near-door.ts'
import { findProgram, howToGet } from './programs.ts'
import { reportTable } from './report.ts'
import type { Row } from './report.ts'

/** How clients reach the registry, and what keeps its metadata. */
export interface Door {
  /** Short, for repository names. */
  readonly id: string
  readonly title: string
  readonly tls: boolean | 'own-authority'
  readonly postgres: boolean
}

export const doors = {
  http: { id: 'http', title: 'HTTP', tls: false, postgres: false },
  tls: { id: 'tls', title: 'TLS', tls: true, postgres: false },
  ownTls: { id: 'tls', title: 'TLS, own authority', tls: 'own-authority', postgres: false },
  postgres: { id: 'pg', title: 'HTTP, PostgreSQL', tls: false, postgres: true },
} satisfies Record<string, Door>

export interface Round {
  readonly door: Door
  readonly clients: readonly Client[]
}

/** Defines the tests of a file. With CI=true, a client that is missing is a failure. */
export function testClients(name: string, rounds: readonly Round[]): void {
  const rows: Row[] = []
  const allOnPostgres = process.env['CARREL_TEST_METADATA'] === 'postgres'
  testPresence(name, [...new Set(rounds.flatMap(({ clients }) => clients))])
  for (const { door, clients } of rounds) {
    const present = clients.filter((client) => whatIsMissing(client) === undefined)
    if (present.length === 0 || (allOnPostgres && door.postgres)) continue
    const title = allOnPostgres ? `${door.title}, PostgreSQL` : door.title
    describe(`${name} over ${title}`, () => {
      let registry: StartedRegistry
      const stack = new AsyncDisposableStack()
      before(async () => {
        registry = stack.use(await startFor(door, door.postgres || allOnPostgres))
      })
      after(async () => stack.disposeAsync())

      for (const client of present) {
        test(`${client.name} over ${title}`, async () => {
          const row = { ...(await runClient(client, door, registry)), door: title }
          rows.push(row)
          const failures = row.cells.filter(({ error }) => error !== undefined)
          const tell = failures.map(({ step, error }) => `${step}: ${error?.message ?? ''}`)
          if (tell.length > 0) throw new Error(tell.join('\n\n'))
        })
      }
    })
  }
  after(() => reportTable(name, rows))
}

/** One line for all that this machine lacks. */
function testPresence(name: string, clients: readonly Client[]): void {
  const missing = clients.map(whatIsMissing).filter((what) => what !== undefined)
  const skip = missing.length > 0 && process.env['CI'] !== 'true' ? missing.join('; ') : false
  test(
    `${name}: all of ${clients.map((client) => client.name).join(', ')} are here`,
    { skip },
    () => {
      assert.deepEqual(missing, [])
    },
  )
}

function whatIsMissing(client: Client): string | undefined {
  const missing = client.programs.filter((program) => findProgram(program) === undefined)
  const [first] = missing
  if (first !== undefined) return `no ${missing.join(', ')} (${howToGet(first)})`
  if (client.needsRoot === true && process.getuid?.() !== 0) return `${client.name} needs root`
  return undefined
}

async function startFor(door: Door, postgres: boolean): Promise<StartedRegistry> {
  return startRegistry({
    tls: door.tls,
    postgres,
    env: {
      // Every request in the log: it shows whether a blob was mounted or sent.
      CARREL_LOG_LEVEL: 'debug',
      ...(door.tls === 'own-authority' && { CARREL_TLS_NAMES: farAddress }),
    },
  })
}

async function runClient(
  client: Client,
  door: Door,
  registry: StartedRegistry,
): Promise<Omit<Row, 'door'>> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder(client.name))
  const only = door.tls === false ? 'http' : 'tls'
  const { host } = stack.use(await openNearDoor(registry.port, only))
  const place = await makePlace({
    registry,
    host,
    caFile: door.tls === false ? undefined : registry.caFile,
    folder: folder.path,
    name: `${client.name}-${door.id}`,
  })
  const session = await client.open(place)
  const dispose = session[Symbol.asyncDispose]
  if (dispose !== undefined) stack.defer(async () => dispose.call(session))
  const cells: Row['cells'][number][] = []
  for (const { name, run } of stepsOf(session.place ?? place, session)) {
    const began = performance.now()
    const error = await failureOf(run)
    cells.push({ step: name, ms: performance.now() - began, error })
  }
  return { client: client.name, version: await client.version(), cells }
}

async function failureOf(run: () => Promise<void>): Promise<Error | undefined> {
  try {
    await run()
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

type Step = { readonly name: string; readonly run: () => Promise<void> }

function stepsOf(place: Place, session: Session): readonly Step[] {
  let image: string | undefined
  let pulled: string | undefined
  const pushed = (): string => {
    if (image === undefined) throw new Error('not reached: nothing was pushed')
    return image
  }
  const { index, mount, remove } = session
  return [
    { name: 'wrong password', run: async () => expectRefusal(place, session) },
    {
      name: 'login',
      run: async () => {
        const { code, output } = await session.login(place.registry.password)
        assert.equal(code, 0, output)
      },
    },
    {
      name: 'push',
      run: async () => {
        const name = await session.push()
        assert.ok(await seeManifest(place, name), `the registry does not have ${name}`)
        image = name
      },
    },
    {
      name: 'pull',
      run: async () => {
        const watch = watchRequests(place)
        pulled = await session.pull(pushed())
        await expectRequests(watch, 'No blob was read', (requests) =>
          requests.some(({ method, path }) => method === 'GET' && path.includes('/blobs/')),
        )
      },
    },
    {
      name: 'same digest',
      run: async () => {
        const seen = await seeManifest(place, pushed())
        assert.equal(pulled, seen?.digest)
      },
    },
    ...when(index, 'index', async (transfer) => expectIndex(place, await transfer())),
    ...when(mount, 'mount', async (bring) => {
      const watch = watchRequests(place)
      const there = await bring(pushed())
      await expectMount(watch, there)
      const [from, to] = [await seeManifest(place, pushed()), await seeManifest(place, there)]
      assert.equal(to?.digest, from?.digest)
    }),
    ...(session.more ?? []).map(({ name, run }) => ({ name, run: async () => run(pushed()) })),
    ...when(remove, 'delete', async (erase) => {
      await erase(pushed())
      assert.equal(await seeManifest(place, pushed()), undefined, 'it is still there')
    }),
  ]
}

function when<T>(part: T | undefined, name: string, run: (part: T) => Promise<void>): Step[] {
  return part === undefined ? [] : [{ name, run: async () => run(part) }]
}

async function expectRefusal(place: Place, session: Session): Promise<void> {
  const watch = watchRequests(place)
  const { code, output } = await session.login('wrong-password')
  assert.notEqual(code, 0, `a wrong password was taken: ${output}`)
  assert.match(output, /401|unauthorized|denied|incorrect|invalid username/i)
  await expectRequests(watch, 'Nobody was refused with 401', (requests) =>
    requests.some(({ status }) => status === 401),
  )
}

const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]

async function expectIndex(
  place: Place,
  { image, pulledDigest }: { readonly image: string; readonly pulledDigest: string },
): Promise<void> {
  const seen = await seeManifest(place, image)
  assert.ok(seen, `the registry does not have ${image}`)
  assert.ok(indexTypes.includes(seen.mediaType), seen.mediaType)
  const children = seen.body['manifests'] as readonly { readonly digest: string }[]
  assert.ok(children.length >= 2, 'it has fewer than two children')
  const repository = image.slice(0, image.lastIndexOf(':'))
  for (const { digest } of children) {
    assert.ok(await seeManifest(place, `${repository}@${digest}`), `the child ${digest} is missing`)
  }
  assert.equal(pulledDigest, seen.digest)
}
