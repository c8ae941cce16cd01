// SIGKILL at random moments, and before, after and in the middle of chosen system calls, while clients push
// and delete and the server collects: after a restart everything that was acknowledged is there byte for
// byte, and nothing is wrong. What a killed process leaves in the page cache survives it, so this says
// nothing about a power loss: see power-states.test.ts and power-loss.test.ts.
//
//   CARREL_TEST_CRASH_ROUNDS=1000 CARREL_TEST_SEED=abc npm test -- --only test/crash
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { warmStarts, type WarmStarts } from './durability/compile-cache.ts'
import { crashRounds, type CrashReport } from './durability/crash-rounds.ts'
import { createClient } from './durability/client.ts'
import { runFsck } from './durability/fsck.ts'
import { inLanes, lanes } from './durability/lanes.ts'
import { createRandom, seedOfRun, type Random } from './durability/random.ts'
import {
  buildSystemCalls,
  followSystemCalls,
  whyNoSystemCalls,
  type SystemCalls,
} from './durability/system-calls.ts'
import { freePort, startDaemon } from './support/processes.ts'
import { basic, startPostgres, startRegistry, withoutSettings } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { fileURLToPath } from 'node:url'

const carrel = fileURLToPath(new URL('../carrel', import.meta.url))
const isThorough = process.env['CI'] === 'true'
const given = Number(process.env['CARREL_TEST_CRASH_ROUNDS'] ?? 0)
const sqliteRounds = given || (isThorough ? 300 : 60)
const postgresRounds = given || (isThorough ? 60 : 15)
const firstStarts = Math.ceil(sqliteRounds / 10)
const timeoutMs = 60_000 + 3000 * sqliteRounds
/** Short runs have not time for all of them. */
const placesWanted = Math.min(25, sqliteRounds / 3)
const lacking = whyNoSystemCalls()
let warm: WarmStarts

before(async () => {
  warm = await warmStarts()
})
after(async () => warm[Symbol.asyncDispose]())

test(
  `SQLite: ${sqliteRounds} kills during pushes, deletes and collection lose nothing that was acknowledged`,
  { timeout: timeoutMs },
  async (t) => {
    const seed = seedOfRun()
    // Most of a round is a start, which uses one core.
    const reports = await inLanes(async (lane) =>
      killOften(`${seed}/${lane}`, Math.ceil((sqliteRounds - lane) / lanes)),
    )
    tell(t, seed, reports)
    const places = new Set(reports.flatMap((report) => [...report.places]))
    if (lacking === undefined) assert.ok(places.size >= placesWanted, [...places].join('\n'))
  },
)

test(
  `PostgreSQL: ${postgresRounds} kills during pushes, deletes and collection lose nothing that was acknowledged`,
  { timeout: timeoutMs },
  async (t) => {
    await using postgres = await startPostgres()
    const seed = seedOfRun()
    const url = await postgres.createDatabase('crash')
    tell(t, seed, [await killOften(seed, postgresRounds, url)])
  },
)

test(
  `${firstStarts} first starts that were killed can be repeated, whatever the call at which it happened`,
  { timeout: timeoutMs },
  async (t) => {
    const seed = seedOfRun()
    const places = await inLanes(async (lane) => {
      const random = createRandom(`${seed}/${lane}`)
      const seen: string[] = []
      for (let count = lane; count < firstStarts; count += lanes) seen.push(await killFirst(random))
      return seen
    })
    t.diagnostic(`seed ${seed}: killed ${[...new Set(places.flat())].join(', ')}`)
  },
)

async function killFirst(random: Random): Promise<string> {
  await using folder = await temporaryFolder('crash')
  const data = join(folder.path, 'new', 'data')
  const passwordFile = join(folder.path, 'password')
  const password = random.bytes(15).toString('base64url')
  await writeFile(passwordFile, `${password}\n`)
  const env = { ...warm.env, CARREL_ADMIN_PASSWORD_FILE: passwordFile }
  const port = await freePort()
  using calls = await followed(folder.path)
  const nth = random.whole(1, operationsOfFirstStart)
  calls?.choose({ call: 'any', nth, action: random.chance(0.5) ? 'kill before' : 'kill after' })
  await using first = await startDaemon(
    carrel,
    ['serve', '--listen', `127.0.0.1:${port}`, '--data', data],
    {
      env: { ...withoutSettings(process.env), ...env, ...calls?.env },
      logFile: join(folder.path, 'log'),
    },
  )
  const waitMs = calls === undefined ? random.next() * 900 : longestFirstStartMs
  await Promise.race([first.ended, sleep(waitMs)])
  const { signal } = await first.stop('SIGKILL')
  assert.equal(signal, 'SIGKILL', first.log())
  await using registry = await startRegistry({ data, port, env, postgres: false })
  using client = createClient(port, basic('admin', password))
  const answer = await client.ask('GET', '/v2/')
  assert.equal(answer?.status, 200, registry.log())
  return calls === undefined ? 'at a random moment' : `at call ${nth}`
}

/** About so many of its calls change something. */
const operationsOfFirstStart = 480
const longestFirstStartMs = 4000

async function followed(root: string): Promise<SystemCalls | undefined> {
  if (lacking !== undefined) return undefined
  const library = await buildSystemCalls(root)
  return followSystemCalls({ library, root, logFile: join(root, 'calls') })
}

async function killOften(seed: string, rounds: number, postgres?: string): Promise<CrashReport> {
  await using folder = await temporaryFolder('crash')
  const data = join(folder.path, 'new', 'data')
  using calls = await followed(folder.path)
  const report = await crashRounds({
    seed,
    rounds,
    data,
    port: await freePort(),
    env: warm.env,
    ...(calls !== undefined && { calls }),
    ...(postgres !== undefined && { postgres }),
  })
  assert.deepEqual(report.problems, [])
  assert.ok(report.acknowledged > 4 * rounds, 'too little was pushed to prove anything')
  // On what the last kill has left, without a server that repairs it first.
  const { code, report: found } = await runFsck(data, postgres)
  assert.deepEqual(found.problems, [])
  assert.equal(found.ok, true)
  assert.equal(code, 0)
  return report
}

function tell(t: TestContext, seed: string, reports: readonly CrashReport[]): void {
  const sum = (what: (report: CrashReport) => number) =>
    reports.reduce((total, report) => total + what(report), 0)
  const starts = reports.flatMap(({ startMs }) => startMs).sort((a, b) => a - b)
  const places = new Set(reports.flatMap((report) => [...report.places]))
  t.diagnostic(
    `seed ${seed}: ${sum(({ acknowledged }) => acknowledged)} acknowledged changes, ` +
      `${sum(({ manifests }) => manifests)} of them manifests, ` +
      `${sum(({ resumed }) => resumed)} uploads resumed, ${sum(({ read }) => read)} objects read back; ` +
      `killed at ${places.size} chosen places; ` +
      `start to ready ${Math.round(starts[starts.length >> 1] ?? 0)} ms (median)`,
  )
}
