// Power losses, worked out: everything that a server does to its disk is written down, with the syncs,
// and from that come the states that a power loss may leave at any moment. Each is opened and checked
// against what clients were promised by then. See docs/decisions/0029-proofs.md.
//
//   CARREL_TEST_POWER_STATES=20000 CARREL_TEST_SEED=abc npm test -- --only test/power-states
//   CARREL_TEST_POWER_TABLE=true: tells of each place that syncs whether it is missed
//   CARREL_TEST_POWER_RECORDING=FILE: the states of a recording that an earlier run has kept
import assert from 'node:assert/strict'
import { mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { deserialize, serialize } from 'node:v8'
import { warmStarts, type WarmStarts } from './durability/compile-cache.ts'
import { inLanes, lanes } from './durability/lanes.ts'
import { diskFolder } from './durability/loop-disk.ts'
import { explorePowerStatesAside, tryWithoutAside } from './durability/power-thread.ts'
import { record, type Recording } from './durability/power-recording.ts'
import { seedOfRun } from './durability/random.ts'
import {
  anyPlace,
  findSyncSites,
  type Mutation,
  type SyncSite,
} from './durability/sync-mutations.ts'
import { doubled, notRecorded, unneeded, type SyncReason } from './durability/sync-reasons.ts'
import { buildSystemCalls, whyNoSystemCalls } from './durability/system-calls.ts'

const statesWanted = Number(process.env['CARREL_TEST_POWER_STATES'] ?? 2000)
const isLong = statesWanted > 2000
const statesPerRecording = 1000
/** Of a sync that must be missed, until it is; and of one that need not. */
const statesToFind = 120
const statesInVain = isLong ? 300 : 20
const loadMs = 700
const mebibytesNeeded = 3072
const lacking = whyNoSystemCalls()
const skip = lacking === undefined || process.env['CI'] === 'true' ? false : lacking
const kept = process.env['CARREL_TEST_POWER_RECORDING']
const isTold = process.env['CARREL_TEST_POWER_TABLE'] === 'true'
let warm: WarmStarts

before(async () => {
  if (lacking === undefined) warm = await warmStarts()
})
after(async () => warm?.[Symbol.asyncDispose]())

test(
  `${statesWanted} states that power losses may leave have all that was acknowledged`,
  { skip, timeout: 120_000 + 100 * statesWanted },
  async (t) => {
    assert.equal(lacking, undefined)
    const seed = seedOfRun()
    const total = { states: 0, acknowledged: 0, operations: 0, slowestOpenMs: 0 }
    await inLanes(async (lane) => {
      const rounds = Math.ceil(
        (statesWanted - lane * statesPerRecording) / (lanes * statesPerRecording),
      )
      for (let round = 0; round < rounds; round += 1) {
        const number = round * lanes + lane
        const states = Math.min(statesPerRecording, statesWanted - number * statesPerRecording)
        const name = `${seed}/${number}`
        const { recording, report } = await explore(name, states, number % 2 === 1)
        const told = report.problems.length > 0 ? await keep(recording, name, states) : ''
        assert.deepEqual(report.problems, [], told)
        total.states += report.states
        total.acknowledged += recording.acknowledged
        total.operations += report.operations
        total.slowestOpenMs = Math.max(total.slowestOpenMs, report.slowestOpenMs)
      }
    })
    t.diagnostic(
      `seed ${seed}: ${total.states} states of ${total.operations} operations with ` +
        `${total.acknowledged} acknowledged changes; the slowest was open in ${Math.round(total.slowestOpenMs)} ms`,
    )
    assert.equal(total.states, statesWanted)
    assert.ok(total.acknowledged > 100, 'too little was pushed to prove anything')
  },
)

test(
  'each place that syncs is needed, or known not to be: without it a power loss is noticed',
  { skip, timeout: 600_000 },
  async (t) => {
    assert.equal(lacking, undefined)
    const seed = seedOfRun()
    await using folder = await diskFolder(mebibytesNeeded)
    const recording = await made(folder.path, `${seed}/syncs`, true)
    const { sites } = findSyncSites(recording)
    const kinds = [...new Set(sites.map(({ kind }) => kind))]
    const whole = kinds.map((kind): SyncSite => ({ kind, place: anyPlace, count: 0 }))
    const wanted = [...sites, ...whole].map((site) => ({
      ...site,
      states: reasonOf(site) === undefined ? statesToFind : statesInVain,
    }))
    const shares = await inLanes(async (lane) =>
      tryWithoutAside({
        recording,
        seed,
        scratch: join(folder.path, `scratch-${lane}`),
        sites: wanted.filter((_, index) => index % lanes === lane),
      }),
    )
    const mutations = shares.flat()
    assert.deepEqual(await sourcesWithoutSite(sites), [])
    const alone = mutations.filter(({ place }) => place !== anyPlace)
    const missed = alone.filter(({ loss }) => loss !== undefined).length
    t.diagnostic(
      `seed ${seed}: ${sites.length} places that sync ${kinds.length} kinds of files and folders: ` +
        `${missed} are missed when they are left out, of ${alone.length - missed} it is known why not`,
    )
    if (isTold) for (const mutation of mutations) t.diagnostic(tell(mutation))
    assert.deepEqual(mutations.filter((one) => isUnexplained(one)).map(tell), [])
    assert.ok(mutations.filter(({ loss }) => loss !== undefined).length >= 20)
  },
)

async function explore(seed: string, states: number, withCommands: boolean) {
  await using folder = await diskFolder(mebibytesNeeded)
  const recording =
    kept === undefined ? await made(folder.path, seed, withCommands) : await restored(kept)
  const scratch = join(folder.path, 'scratch')
  return { recording, report: await explorePowerStatesAside({ recording, seed, states, scratch }) }
}

async function made(folder: string, seed: string, commands = false): Promise<Recording> {
  const library = await buildSystemCalls(folder)
  const recording = await record({ seed, folder, library, env: warm.env, loadMs, commands })
  assert.deepEqual(recording.problems, [], `the load of ${seed}`)
  return recording
}

/** A server does nothing twice in the same way: what was found is found again in the recording only. */
async function keep(recording: Recording, seed: string, states: number): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'carrel-power-')), 'recording')
  await writeFile(file, serialize({ ...recording, records: Buffer.from(recording.records) }))
  const [first] = seed.split('/')
  return (
    `again: CARREL_TEST_POWER_RECORDING=${file} CARREL_TEST_POWER_STATES=${states} ` +
    `CARREL_TEST_SEED=${first} npm test -- --only test/power-states`
  )
}

async function restored(file: string): Promise<Recording> {
  const { records, ...recording } = deserialize(await readFile(file)) as Omit<
    Recording,
    'records'
  > & { readonly records: Buffer }
  const memory = new SharedArrayBuffer(records.length)
  new Uint8Array(memory).set(records)
  return { ...recording, records: memory }
}

/** Sources that sync and whose syncs no recording has, nor any reason. */
async function sourcesWithoutSite(sites: readonly SyncSite[]): Promise<readonly string[]> {
  const seen = new Set(
    sites.flatMap(({ place }) => place.split(' < ').map((frame) => frame.split(':')[0])),
  )
  const root = fileURLToPath(new URL('../src', import.meta.url))
  const found: string[] = []
  for (const name of await readdir(root, { recursive: true })) {
    const source = basename(name, '.ts')
    if (!name.endsWith('.ts') || name.endsWith('.test.ts') || seen.has(source)) continue
    const text = await readFile(join(root, name), 'utf8')
    if (syncCall.test(text) && notRecorded[name] === undefined) found.push(name)
  }
  return found
}

const syncCall = /\b(?:fsync|fdatasync)(?:Sync)?\(|\.(?:data)?sync\(\)/

function reasonOf({ kind, place }: SyncSite): SyncReason | undefined {
  const fits = (reason: SyncReason) =>
    (reason.kind === undefined || reason.kind === kind) && place.startsWith(reason.place)
  return unneeded.find(fits) ?? (place === anyPlace ? undefined : doubled.find(fits))
}

function isUnexplained(mutation: Mutation): boolean {
  return mutation.loss === undefined && reasonOf(mutation) === undefined
}

function tell(mutation: Mutation): string {
  const { kind, place, count, loss, states } = mutation
  const often = count > 0 ? `, ${count} times` : ''
  const found =
    loss === undefined
      ? `no loss in ${states} states: ${reasonOf(mutation)?.why ?? 'why?'}`
      : `a loss is found (state ${states})`
  return `${kind}, by ${place}${often}: ${found}`
}
