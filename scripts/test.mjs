// Everything that `npm test` does: installs what is missing, looks at the source, runs the unit
// tests in two processes and each file of test/ in a process of its own. The last line it prints is
// `N passed, N failed, N skipped`.
import { parseArgs } from 'node:util'
import fs from 'node:fs'
import path from 'node:path'
import { bootstrap, root, runIfProgram } from './bootstrap.mjs'
import { allChecks, check } from './check.mjs'
import { providePackagesOf } from './debian-packages.mjs'
import { provideGoPrograms } from './go-programs.mjs'
import { runTests } from './run-tests.mjs'

const usage = `npm test                      everything
npm test -- unit              one group or more: check, unit, system
npm test -- --only TEXT       the test files whose path holds TEXT

With CI=true, a group that needs what this machine does not have is a failure and not a skip.`

const unitDeadlineMs = process.env.CI === 'true' ? 1_200_000 : 420_000
/** With CI=true the crash loop alone goes on for ten minutes and more. */
const systemDeadlineMs = process.env.CI === 'true' ? 2_400_000 : 420_000

/** Each group returns its records: { result: 'passed' | 'failed' | 'skipped', name, file }. */
const groups = {
  check: { title: 'Source: lint, format, types, dead code', run: runChecks },
  unit: { title: 'Unit tests: src/', run: runUnitTests },
  system: { title: 'System tests: test/', run: runSystemTests },
}

async function main() {
  const { values, positionals, problem } = readArguments()
  if (problem !== undefined || values.help) {
    console.log(problem === undefined ? usage : `${problem}\n\n${usage}`)
    process.exitCode = problem === undefined ? 0 : 2
    return
  }
  const began = performance.now()
  await bootstrap({ tools: true })

  const records = []
  for (const name of namesOf(positionals, values.only)) {
    const group = groups[name]
    console.log(`\n── ${group.title} ${'─'.repeat(Math.max(0, 76 - group.title.length))}`)
    records.push(...(await group.run(values.only)))
  }
  summarize(records, performance.now() - began)
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: { only: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    })
    const unknown = positionals.find((name) => !Object.hasOwn(groups, name))
    const problem = unknown === undefined ? undefined : `There is no group '${unknown}'.`
    return { values, positionals, problem }
  } catch (error) {
    return { values: {}, positionals: [], problem: error.message }
  }
}

function namesOf(positionals, only) {
  if (positionals.length > 0)
    return Object.keys(groups).filter((name) => positionals.includes(name))
  return only === undefined ? Object.keys(groups) : ['unit', 'system']
}

async function runChecks() {
  const failed = await check(allChecks)
  return allChecks.map(({ name }) => ({
    result: failed.includes(name) ? 'failed' : 'passed',
    name,
    file: 'source',
  }))
}

async function runUnitTests(only) {
  const files = [...testFiles('src'), ...testFiles('scripts')].filter(matching(only))
  const { ready, records } = providePackagesOf(files)
  if (ready.length === 0) return records
  const limits = { lines: 'files', testTimeoutMs: 60_000, deadlineMs: unitDeadlineMs }
  // Two processes, because one uses one core.
  const halves = [0, 1].map((half) => ready.filter((_, index) => index % 2 === half))
  const runs = halves.filter((files) => files.length > 0).map((files) => runTests(files, limits))
  return [...records, ...(await Promise.all(runs)).flat()]
}

async function runSystemTests(only) {
  const files = testFiles('test').filter(matching(only))
  // Elsewhere the tests use the real clients that they find and name those that they skip.
  const problems = process.env.CI === 'true' ? provideGoPrograms() : []
  for (const problem of problems) console.log(`✖ ${problem}`)
  const { ready, records } = providePackagesOf(files)
  for (const file of ready) {
    console.log(file)
    const limits = { testTimeoutMs: 180_000, deadlineMs: systemDeadlineMs }
    records.push(...(await runTests([file], { lines: 'tests', ...limits })))
  }
  return records
}

function matching(only) {
  return (file) => only === undefined || file.includes(only)
}

/** Paths from the root, in a settled order. */
function testFiles(folder) {
  const absolute = path.join(root, folder)
  if (!fs.existsSync(absolute)) return []
  return fs
    .readdirSync(absolute, { recursive: true })
    .filter((file) => /\.test\.(ts|mjs)$/.test(file))
    .map((file) => path.join(folder, file))
    .sort()
}

function summarize(records, ms) {
  const count = (result) => records.filter((record) => record.result === result).length
  const failed = records.filter((record) => record.result === 'failed')
  if (failed.length > 0) console.log('\nFailed:')
  for (const { name, file } of failed) console.log(`  ${file === '' ? '' : `${file}: `}${name}`)
  console.log(`\n${(ms / 1000).toFixed(1)} s`)
  if (records.length === 0) console.log('No test was run.')
  console.log(`${count('passed')} passed, ${failed.length} failed, ${count('skipped')} skipped`)
  if (failed.length > 0 || records.length === 0) process.exitCode = 1
}

await runIfProgram(import.meta.url, main)
