// A thousand clients that guess passwords at once: whoever pulls hardly feels it, no account has more than ten guesses
// evaluated, and its owner still signs in (reliability.md T23, T37).
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, before, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FloodOrder, FloodReport } from './support/access-flood-client.ts'
import { addUser, apiOf, basic, collect, passwordOf } from './support/access-api.ts'
import { pushImage, type PushedImage } from './support/access-images.ts'
import { createWire, quantile, textOf, type Wire } from './support/access-wire.ts'
import { freePort, runOk } from './support/processes.ts'
import { startRegistry, type StartedRegistry } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const floodClient = fileURLToPath(new URL('support/access-flood-client.ts', import.meta.url))
const clients = 1000
const floodSeconds = 8
const measureMs = 4000
const blobBytes = 65_536
/** Within 15 minutes, from clients that the account is not known to sign in from. */
const mostGuesses = 10
/** This machine may be busy with other things: what is asked of us is 1.2 times the time without a flood. */
const longestPullMs = 1000
const victim = 'victim'
/** Where both have signed in from before. */
const ownAddress = '127.0.4.1'
/** Guessed at more often than others, so that its guesses are surely used up. */
const other = 'other'
const ghosts = Array.from({ length: 44 }, (_, index) => `ghost-${index}`)
const accounts = [victim, ...ghosts, ...Array.from({ length: 5 }, () => other)]

interface World {
  readonly registry: StartedRegistry
  readonly image: PushedImage
  readonly token: string
}

const stack = new AsyncDisposableStack()
let world: World

before(async () => {
  const folder = stack.use(await temporaryFolder('flood'))
  const place = { data: folder.path, port: await freePort(), args: ['--workers', '2'] }
  const prepared = await prepare(place)
  // Started anew, it remembers nobody's password: but from where people have signed in.
  world = { ...prepared, registry: stack.use(await startRegistry({ ...place, postgres: false })) }
})
after(async () => stack.disposeAsync())

async function prepare(place: {
  readonly data: string
  readonly port: number
}): Promise<{ readonly image: PushedImage; readonly token: string }> {
  await using registry = await startRegistry({ ...place, postgres: false })
  const api = apiOf(registry, registry.authorization)
  using wire = createWire(registry.port)
  const repository = 'admin/app'
  const image = await pushImage(wire, registry.authorization, { repository, bytes: blobBytes })
  const { secret } = await api.call('tokens.create', { name: 'puller' })
  for (const name of [victim, other]) {
    await addUser(api, name)
    assert.equal(await signIn(registry, ownAddress, name), 200)
  }
  await registry.stop()
  return { image, token: secret }
}

async function signIn({ port }: StartedRegistry, from: string, name: string): Promise<number> {
  using wire = createWire(port, { from })
  const authorization = basic(name, passwordOf(name))
  return (await wire.ask('GET', '/token', { authorization })).status
}

test('a flood of wrong passwords does not hold up who pulls, and locks nobody out', async (t) => {
  const { registry } = world
  using wire = createWire(registry.port)
  await measure(wire, 500)
  const calm = await measure(wire, measureMs)

  const flooding = flood({
    port: registry.port,
    clients,
    seconds: floodSeconds,
    pauseMs: 1000,
    accounts,
  })
  await sleep(1000)
  const [flooded, signedIn] = await Promise.all([measure(wire, measureMs), signInMeanwhile(t)])
  const { statuses, withoutRetryAfter } = await flooding

  t.diagnostic(`guesses were answered ${JSON.stringify(statuses)}`)
  tell(t, calm, flooded)
  const slow = quantile(flooded, 0.99)
  assert.ok(slow < longestPullMs, `a pull in a hundred took ${slow} ms`)
  assert.ok((statuses['429'] ?? 0) > 0, 'nobody was told to wait')
  assert.equal(withoutRetryAfter, 0, '429 without Retry-After')
  assert.deepEqual(
    Object.keys(statuses).filter((status) => !['401', '429'].includes(status)),
    [],
  )
  assert.equal(signedIn, true)
})

test('of an account no more than ten guesses were evaluated', async (t) => {
  const { registry, token } = world
  // What failed is written in batches.
  await sleep(3000)
  const api = apiOf(registry, `Bearer ${token}`)
  const failed = await collect(api.pages('audit.list', { event: 'login.failed', limit: 500 }))
  const counts = [...new Set(accounts)].map(
    (name) => failed.filter(({ subject }) => subject === name).length,
  )
  t.diagnostic(`${failed.length} guesses at ${counts.length} accounts were evaluated`)
  assert.ok(failed.length > 0, 'nothing was evaluated, so nothing is proved')
  assert.ok(Math.max(...counts) <= mostGuesses, `${Math.max(...counts)} were evaluated for one`)
})

test('an account that was guessed at lets its owner in from where they are known', async () => {
  const { registry } = world
  assert.equal(await signIn(registry, '127.0.4.2', other), 429)
  assert.equal(await signIn(registry, ownAddress, other), 200)
})

/** One connection, one blob after another; in milliseconds each. */
async function measure(wire: Wire, forMs: number): Promise<readonly number[]> {
  const { image, token } = world
  const path = `/v2/${image.repository}/blobs/${image.layer}`
  const authorization = basic('admin', token)
  const times: number[] = []
  const endsAt = performance.now() + forMs
  while (performance.now() < endsAt) {
    const answer = await wire.ask('GET', path, { authorization })
    assert.equal(answer.status, 200, textOf(answer).slice(0, 200))
    assert.equal(answer.body.length, blobBytes)
    times.push(answer.ms)
    await sleep(2)
  }
  return times
}

function tell(t: TestContext, calm: readonly number[], flooded: readonly number[]): void {
  const both = (part: number) => [quantile(calm, part), quantile(flooded, part)] as const
  for (const [name, part] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    const [before, during] = both(part)
    const ratio = (during / before).toFixed(2)
    t.diagnostic(
      `pull ${name}: ${before.toFixed(2)} ms, in the flood ${during.toFixed(2)} ms: × ${ratio}`,
    )
  }
  t.diagnostic(
    `pulls: ${calm.length} and ${flooded.length}; the slowest ${Math.max(...flooded).toFixed(0)} ms`,
  )
}

/** As a client that tries again when it is told to wait. */
async function signInMeanwhile(t: TestContext): Promise<boolean> {
  const { registry } = world
  const began = performance.now()
  const answers: number[] = []
  while (performance.now() - began < 20_000) {
    answers.push(await signIn(registry, ownAddress, victim))
    if (answers.at(-1) === 200) break
    await sleep(250)
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  t.diagnostic(`the owner signed in after ${seconds} s: ${answers.join(', ')}`)
  return answers.at(-1) === 200
}

async function flood(order: FloodOrder): Promise<FloodReport> {
  const { stdout } = await runOk(process.execPath, [floodClient, JSON.stringify(order)])
  return JSON.parse(stdout) as FloodReport
}
