// Rounds of: start, verify what is owed, finish what was left, push and delete while the server collects,
// SIGKILL at a random moment or at one of the places of failpoints.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { startRegistry, type StartedRegistry } from '../support/start-registry.ts'
import { createAcknowledgementLog, type AcknowledgementLog } from './acknowledgements.ts'
import { createClient, signIn } from './client.ts'
import { failpointsUnderLoad, type Failpoint } from './failpoints.ts'
import { createShelf, startLoad } from './push-load.ts'
import { createRandom, type Random } from './random.ts'
import type { SystemCalls } from './system-calls.ts'
import { resumeUpload } from './upload-blob.ts'
import { verify } from './verify.ts'
import type { Shelf, Worker } from './worker.ts'

export interface CrashOptions {
  readonly seed: string
  readonly rounds: number
  /** The data folder, which stays when the rounds are over. */
  readonly data: string
  readonly port: number
  readonly env: Readonly<Record<string, string>>
  /** The URL of a database, instead of SQLite. */
  readonly postgres?: string
  /** Two thirds of the rounds end at a place of failpoints.ts then. The data is at new/data of its root. */
  readonly calls?: SystemCalls
}

export interface CrashReport {
  readonly problems: readonly string[]
  readonly acknowledged: number
  readonly manifests: number
  readonly read: number
  readonly resumed: number
  /** Of starts, in milliseconds. */
  readonly startMs: readonly number[]
  /** Places at which the server was killed. */
  readonly places: ReadonlySet<string>
}

const repositories = ['admin/one', 'admin/two', 'admin/deep/er/three']
const clientsAtOnce = 6
const longestLoadMs = 400
const oldContentPerRound = 20
/** Until the place comes at which the server is to be killed; else it is killed all the same. */
const longestWaitMs = 1500
/** What nobody needs goes within seconds, so that collection is under way at every kill. */
const collectSoon = { CARREL_KEEP_UNREFERENCED: '3s', CARREL_KEEP_TRASH: '1s' }
const signInEveryMs = 5 * 60_000

interface State {
  readonly options: CrashOptions
  readonly random: Random
  readonly log: AcknowledgementLog
  readonly shelf: Shelf
  readonly problems: string[]
  readonly startMs: number[]
  readonly places: Set<string>
  readonly points: Generator<Failpoint, never>
  /** Of the first start, which makes the administrator. */
  password: string | undefined
  authorization: string
  signedInAt: number
  acknowledged: number
  manifests: number
  read: number
  resumed: number
}

/** Stops at the first round that finds a problem. */
export async function crashRounds(options: CrashOptions): Promise<CrashReport> {
  const random = createRandom(options.seed)
  const state: State = {
    options,
    random,
    log: createAcknowledgementLog(),
    shelf: createShelf(repositories),
    problems: [],
    startMs: [],
    places: new Set(),
    points: failpointsUnderLoad(random.fork('places'), ({ name }) => isOfThisKind(options, name)),
    password: undefined,
    authorization: '',
    signedInAt: -Infinity,
    acknowledged: 0,
    manifests: 0,
    read: 0,
    resumed: 0,
  }
  for (let round = 1; round <= options.rounds && state.problems.length === 0; round += 1) {
    await using registry = await start(state)
    await verifyAll(state, registry, { sample: oldContentPerRound })
    await resumeAll(state, registry)
    await pushAndKill(state, registry)
    for (const [index, problem] of state.problems.entries()) {
      state.problems[index] = `Round ${round} of seed ${options.seed}: ${problem}`
    }
  }
  if (state.problems.length === 0) {
    await using registry = await start(state)
    await verifyAll(state, registry, { sample: undefined })
    await registry.kill()
  }
  return state
}

async function start(state: State): Promise<StartedRegistry> {
  const { data, port, env, postgres } = state.options
  const began = performance.now()
  const registry = await startOnPort({
    data,
    port,
    env: { ...env, ...state.options.calls?.env, ...collectSoon },
    postgres: postgres === undefined ? false : { url: postgres },
  })
  state.startMs.push(performance.now() - began)
  state.password ??= registry.password
  // A token outlives the process, but not for ever.
  if (performance.now() - state.signedInAt > signInEveryMs) {
    state.authorization = await signIn({ ...registry, password: state.password }, repositories)
    state.signedInAt = performance.now()
  }
  return registry
}

const looksAtPort = 20

/** Between a kill and the next start another program may hold the port for a moment. */
async function startOnPort(
  options: Parameters<typeof startRegistry>[0],
  looks = looksAtPort,
): Promise<StartedRegistry> {
  try {
    return await startRegistry(options)
  } catch (error) {
    if (looks === 0 || !String(error).includes('cannot listen')) throw error
    await sleep(500)
    return startOnPort(options, looks - 1)
  }
}

async function killed(registry: StartedRegistry): Promise<void> {
  void registry.kill()
  await registry.ended
}

function isOfThisKind({ postgres }: CrashOptions, name: string): boolean {
  return postgres === undefined || !name.includes('the database')
}

async function verifyAll(
  state: State,
  { port }: StartedRegistry,
  { sample }: { readonly sample: number | undefined },
): Promise<void> {
  const { log, random, authorization } = state
  const seen = await verify({
    port,
    authorization,
    expected: log.expected(),
    ...(sample !== undefined && { sample: { size: sample, pick: random.pick } }),
  })
  state.problems.push(...seen.problems)
  state.read += seen.read
  log.settle(seen.tags)
}

/** An upload that a crash cut short goes on where the registry says that it stands. */
async function resumeAll(state: State, { port }: StartedRegistry): Promise<void> {
  const { log, random, shelf, problems, authorization } = state
  using client = createClient(port, authorization)
  const counts = { acknowledged: 0, refused: 0, manifests: 0 }
  const worker: Worker = { client, log, random, shelf, problems, counts, collects: true }
  for (const upload of shelf.uploads.splice(0)) {
    if (problems.length > 0) return
    await resumeUpload(worker, upload)
  }
  state.resumed += counts.acknowledged
}

async function pushAndKill(state: State, registry: StartedRegistry): Promise<void> {
  if (state.problems.length > 0) return
  const { log, random, shelf, authorization, options } = state
  const load = startLoad({
    port: registry.port,
    authorization,
    log,
    random,
    shelf,
    clients: clientsAtOnce,
    deletes: true,
    collects: true,
    mayDie: true,
  })
  const { calls } = options
  if (calls === undefined || random.chance(1 / 3)) {
    await sleep(random.next() * longestLoadMs)
  } else {
    const point = state.points.next().value
    calls.choose(point)
    await Promise.race([registry.ended, sleep(longestWaitMs)])
    if (calls.release() >= point.nth) state.places.add(point.name)
  }
  const problems = load.stop('is killed')
  await killed(registry)
  state.problems.push(...(await problems))
  state.acknowledged += load.counts.acknowledged
  state.manifests += load.counts.manifests
}
