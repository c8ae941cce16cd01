// The official conformance program of the distribution specification against a started server, with the
// rules of 1.1 and those of the coming version (protocol.md §2.1), on SQLite and on PostgreSQL.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { findProgram } from './clients/programs.ts'
import { runProgram } from './support/processes.ts'
import { startRegistry } from './support/start-registry.ts'
import type { StartedRegistry } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** A program that finds little to check has not checked the registry. */
const fewestChecks = 800

const program = findProgram('conformance')

if (program === undefined) {
  const skip = process.env['CI'] !== 'true' && 'npm run test:conformance builds it'
  test('the conformance program is here', { skip }, () => assert.fail('there is no such program'))
} else {
  for (const metadata of ['SQLite', 'PostgreSQL']) {
    for (const version of ['1.1', 'dev']) testConformance(program, version, metadata)
  }
}

function testConformance(path: string, version: string, metadata: string): void {
  test(`the conformance program finds no failure: ${version} on ${metadata}`, async () => {
    await using registry = await startRegistry({ postgres: metadata === 'PostgreSQL' })
    const { output, totals } = await runConformance(path, registry, version)
    const counts = `${totals.tests} checks, ${totals.failures} failures, ${totals.skipped} skipped`
    process.stdout.write(`  conformance ${version} on ${metadata}: ${counts}\n`)
    assert.equal(totals.failures + totals.errors, 0, failuresIn(output))
    assert.ok(totals.tests >= fewestChecks, `only ${counts}`)
  })
}

interface Totals {
  readonly tests: number
  readonly failures: number
  readonly errors: number
  readonly skipped: number
}

async function runConformance(
  path: string,
  registry: StartedRegistry,
  version: string,
): Promise<{ readonly output: string; readonly totals: Totals }> {
  await using folder = await temporaryFolder('conformance')
  const { code, output } = await runProgram(path, [], {
    cwd: folder.path,
    timeoutMs: 120_000,
    env: {
      PATH: process.env['PATH'],
      HOME: folder.path,
      OCI_REGISTRY: registry.host,
      OCI_TLS: 'disabled',
      OCI_REPO1: 'admin/conformance-one',
      OCI_REPO2: 'admin/conformance-two',
      OCI_USERNAME: registry.user,
      OCI_PASSWORD: registry.password,
      OCI_VERSION: version,
      OCI_RESULTS_DIR: folder.path,
    },
  })
  const report = await readFile(join(folder.path, 'junit.xml'), 'utf8').catch(() => {
    throw new Error(`The conformance program wrote no report (exit status ${code}):\n${output}`)
  })
  const suite = /<testsuite [^>]*>/.exec(report)?.[0] ?? ''
  const count = (name: string) => Number(new RegExp(`${name}="(\\d+)"`).exec(suite)?.[1])
  const totals = {
    tests: count('tests'),
    failures: count('failures'),
    errors: count('errors'),
    skipped: count('skipped'),
  }
  // It ends with 0 only when everything has passed.
  if (totals.failures + totals.errors === 0) assert.equal(code, 0, output)
  return { output, totals }
}

/** The program names each failed check in a line of its log. */
function failuresIn(output: string): string {
  const lines = output.split('\n').filter((line) => line.includes('failed test'))
  return [...lines.slice(0, 20), `${lines.length} failures`].join('\n')
}
