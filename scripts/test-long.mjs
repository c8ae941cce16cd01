// The proofs of reliability at full length: the same tests as in `npm test`, with larger numbers. Each is
// run by itself, and the line that it prints runs it again with the same seed (docs/reliability.md).
import { randomBytes } from 'node:crypto'
import os from 'node:os'
import { parseArgs } from 'node:util'
import { bootstrap, runIfProgram } from './bootstrap.mjs'
import { providePackagesOf } from './debian-packages.mjs'
import { runTests } from './run-tests.mjs'

/** `variable` takes the number; `secondsEach` is what one takes here, with room to spare. */
const proofs = [
  {
    name: 'crash',
    file: 'test/crash.test.ts',
    variable: 'CARREL_TEST_CRASH_ROUNDS',
    long: 3000,
    secondsEach: 8,
  },
  {
    name: 'migration',
    file: 'test/crash-migration.test.ts',
    variable: 'CARREL_TEST_MIGRATION_KILLS',
    long: 1000,
    secondsEach: 2,
  },
  {
    name: 'power',
    file: 'test/power-states.test.ts',
    variable: 'CARREL_TEST_POWER_STATES',
    long: 20_000,
    secondsEach: 0.3,
  },
  {
    name: 'power-disk',
    file: 'test/power-loss.test.ts',
    variable: 'CARREL_TEST_POWER_LOSSES',
    long: 500,
    secondsEach: 8,
  },
  {
    name: 'faults',
    file: 'test/fault-driver.test.ts',
    variable: 'CARREL_TEST_FAULT_OPERATIONS',
    long: 1_000_000,
    secondsEach: 0.02,
  },
  {
    name: 'disk-full',
    file: 'test/full-disk-offsets.test.ts',
    variable: undefined,
    long: 200,
    secondsEach: 5,
  },
  {
    name: 'disk-errors',
    file: 'test/disk-errors.test.ts',
    variable: undefined,
    long: 90,
    secondsEach: 10,
  },
  {
    name: 'collection',
    file: 'src/collection/collect-model.test.ts',
    variable: 'CARREL_TEST_GC_GRAPHS',
    long: 10_000,
    secondsEach: 0.5,
  },
  {
    name: 'pushers',
    file: 'src/collection/pushers.test.ts',
    variable: 'CARREL_TEST_GC_SECONDS',
    long: 600,
    secondsEach: 3,
  },
  {
    name: 'deletes',
    file: 'src/collection/cost.test.ts',
    variable: 'CARREL_TEST_DELETES',
    long: 1_000_000,
    secondsEach: 0.01,
  },
  {
    name: 'journal',
    file: 'src/journal/rebuild-model.test.ts',
    variable: 'CARREL_TEST_JOURNAL_RUNS',
    long: 2000,
    secondsEach: 3,
  },
  {
    name: 'backup',
    file: 'test/backup.test.ts',
    variable: 'CARREL_TEST_BACKUP_KILLS',
    long: 500,
    secondsEach: 20,
  },
  {
    name: 'bit-flips',
    file: 'test/bit-rot.test.ts',
    variable: undefined,
    long: 1000,
    secondsEach: 1,
  },
]

const usage = `npm run test:long                        every proof at full length
npm run test:long -- --only NAME         one of them, or several with commas
npm run test:long -- --only NAME --n N   with another number
npm run test:long -- --seed TEXT         the same choices again
npm run test:long -- --hours H           again and again with new seeds until H hours are over

${proofs.map(({ name, long, file }) => `${name.padEnd(12)} ${String(long).padStart(9)}  ${file}`).join('\n')}`

const leastDeadlineMs = 600_000

async function main() {
  const { chosen, number, seed, hours, problem, help } = readArguments()
  if (help || problem !== undefined) {
    console.log(problem === undefined ? usage : `${problem}\n\n${usage}`)
    process.exitCode = problem === undefined ? 0 : 2
    return
  }
  await bootstrap({ tools: true })
  try {
    os.setPriority(os.constants.priority.PRIORITY_LOW)
  } catch {
    // Where it may not be changed, others have to wait.
  }
  const until = performance.now() + hours * 3_600_000
  const results = []
  do {
    for (const one of chosen) {
      results.push(await run(one, number ?? one.long, seed ?? randomBytes(6).toString('hex')))
    }
  } while (performance.now() < until)
  summarize(results)
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string' },
        n: { type: 'string' },
        seed: { type: 'string' },
        hours: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    const names = values.only?.split(',') ?? proofs.map(({ name }) => name)
    const unknown = names.find((name) => !proofs.some((one) => one.name === name))
    const number = values.n === undefined ? undefined : Number(values.n)
    const hours = Number(values.hours ?? 0)
    const problem =
      unknown !== undefined
        ? `There is no proof '${unknown}'.`
        : number !== undefined && !(Number.isInteger(number) && number > 0)
          ? '--n takes a whole number.'
          : number !== undefined && values.only === undefined
            ? '--n goes with --only.'
            : Number.isFinite(hours)
              ? undefined
              : '--hours takes a number.'
    const chosen = proofs.filter(({ name }) => names.includes(name))
    return { chosen, number, seed: values.seed, hours, problem, help: values.help === true }
  } catch (error) {
    return { problem: error.message, help: false }
  }
}

async function run({ name, file, variable, secondsEach, long }, number, seed) {
  const count = variable === undefined ? long : number
  const again = `npm run test:long -- --only ${name}${variable === undefined ? '' : ` --n ${count}`} --seed ${seed}`
  console.log(`\n── ${name}: ${count} ${'─'.repeat(Math.max(0, 68 - name.length))}\n${again}`)
  const before = { ...process.env }
  process.env.CARREL_TEST_SEED = seed
  if (variable !== undefined) process.env[variable] = String(count)
  const began = performance.now()
  const { ready, records } = providePackagesOf([file])
  const deadlineMs = Math.max(leastDeadlineMs, 1000 * secondsEach * count)
  for (const one of ready) {
    const limits = { testTimeoutMs: deadlineMs, deadlineMs }
    records.push(...(await runTests([one], { lines: 'tests', ...limits })))
  }
  process.env = before
  const failed = records.filter(({ result }) => result === 'failed').length
  const skipped = records.filter(({ result }) => result === 'skipped').length
  const passed = records.length - failed - skipped
  return { name, count, passed, failed, skipped, ms: performance.now() - began, again }
}

function summarize(results) {
  console.log('\nproof              number  passed  failed  skipped   seconds  again')
  for (const { name, count, passed, failed, skipped, ms, again } of results) {
    const cells = [
      name.padEnd(14),
      String(count).padStart(10),
      String(passed).padStart(7),
      String(failed).padStart(7),
      String(skipped).padStart(8),
      (ms / 1000).toFixed(0).padStart(9),
    ]
    console.log(`${cells.join(' ')}  ${again}`)
  }
  const sum = (what) => results.reduce((total, result) => total + result[what], 0)
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
  if (sum('failed') > 0 || sum('passed') === 0) process.exitCode = 1
}

await runIfProgram(import.meta.url, main)
