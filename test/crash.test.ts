// SIGKILL at random moments while clients push: after a restart everything that was acknowledged is
// there byte for byte, and nothing is wrong. What a killed process leaves in the page cache survives
// it, so this says nothing about a power loss: see power-loss.test.ts.
//
//   CARREL_TEST_CRASH_ROUNDS=1000 CARREL_TEST_SEED=abc npm test -- --only test/crash
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { warmStarts, type WarmStarts } from './durability/compile-cache.ts'
import { crashRounds } from './durability/crash-rounds.ts'
import { createClient } from './durability/client.ts'
import { runFsck } from './durability/fsck.ts'
import { createRandom, seedOfRun } from './durability/random.ts'
import { freePort, startDaemon } from './support/processes.ts'
import { basic, startPostgres, startRegistry, withoutSettings } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { fileURLToPath } from 'node:url'

const carrel = fileURLToPath(new URL('../carrel', import.meta.url))
const isThorough = process.env['CI'] === 'true'
const given = Number(process.env['CARREL_TEST_CRASH_ROUNDS'] ?? 0)
const sqliteRounds = given || (isThorough ? 300 : 60)
const postgresRounds = given || (isThorough ? 60 : 15)
const firstStarts = isThorough ? 15 : 3
const timeoutMs = 60_000 + 3000 * sqliteRounds
let warm: WarmStarts

before(async () => {
  warm = await warmStarts()
})
after(async () => warm[Symbol.asyncDispose]())

test(
  `SQLite: ${sqliteRounds} kills during pushes lose nothing that was acknowledged`,
  { timeout: timeoutMs },
  async (t) => killOften(t, sqliteRounds),
)

test(
  `PostgreSQL: ${postgresRounds} kills during pushes lose nothing that was acknowledged`,
  { timeout: timeoutMs },
  async (t) => {
    await using postgres = await startPostgres()
    await killOften(t, postgresRounds, await postgres.createDatabase('crash'))
  },
)

test(`${firstStarts} first starts that were killed at a random moment can be repeated`, async (t) => {
  const seed = seedOfRun()
  t.diagnostic(`seed ${seed}`)
  const random = createRandom(seed)
  for (let count = 0; count < firstStarts; count += 1) {
    await using folder = await temporaryFolder('crash')
    const data = join(folder.path, 'data')
    const passwordFile = join(folder.path, 'password')
    const password = random.bytes(15).toString('base64url')
    await writeFile(passwordFile, `${password}\n`)
    const env = { ...warm.env, CARREL_ADMIN_PASSWORD_FILE: passwordFile }
    const port = await freePort()
    await using first = await startDaemon(
      carrel,
      ['serve', '--listen', `127.0.0.1:${port}`, '--data', data],
      { env: { ...withoutSettings(process.env), ...env }, logFile: join(folder.path, 'log') },
    )
    await sleep(random.next() * 900)
    await first.stop('SIGKILL')
    await using registry = await startRegistry({ data, port, env, postgres: false })
    using client = createClient(port, basic('admin', password))
    const answer = await client.ask('GET', '/v2/')
    assert.equal(answer?.status, 200, registry.log())
  }
})

async function killOften(t: TestContext, rounds: number, postgres?: string): Promise<void> {
  await using folder = await temporaryFolder('crash')
  const data = join(folder.path, 'data')
  const seed = seedOfRun()
  const port = await freePort()
  const report = await crashRounds({
    seed,
    rounds,
    data,
    port,
    env: warm.env,
    ...(postgres !== undefined && { postgres }),
  })
  const starts = report.startMs.toSorted((a, b) => a - b)
  t.diagnostic(
    `seed ${seed}: ${report.acknowledged} acknowledged changes, ${report.manifests} of them manifests, ` +
      `${report.resumed} uploads resumed, ${report.read} objects read back; ` +
      `start to ready ${Math.round(starts[starts.length >> 1] ?? 0)} ms (median)`,
  )
  assert.deepEqual(report.problems, [])
  assert.ok(report.acknowledged > 4 * rounds, 'too little was pushed to prove anything')
  // On what the last kill has left, without a server that repairs it first.
  const { code, report: found } = await runFsck(data, postgres)
  assert.deepEqual(found.problems, [])
  assert.equal(found.ok, true)
  assert.equal(code, 0)
}
