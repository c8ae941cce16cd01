// Runs the official conformance program of the distribution specification against a started server;
// builds the program first where it is missing.
import { bootstrap, runIfProgram } from './bootstrap.mjs'
import { provideGoPrograms } from './go-programs.mjs'
import { runTests } from './run-tests.mjs'

async function main() {
  await bootstrap({ tools: true })
  const [problem] = provideGoPrograms(['conformance'])
  if (problem !== undefined) {
    console.log(`✖ ${problem}`)
    process.exitCode = 1
    return
  }
  const records = await runTests(['test/conformance.test.ts'], {
    lines: 'tests',
    testTimeoutMs: 180_000,
    deadlineMs: 300_000,
  })
  if (records.some(({ result }) => result !== 'passed')) process.exitCode = 1
}

await runIfProgram(import.meta.url, main)
