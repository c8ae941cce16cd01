// One run of node:test: the given files in one process, within a deadline, and what came of each
// test. Whatever the run leaves behind (a server that a test forgot) is ended with it.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { node, nodeFolder, root } from './bootstrap.mjs'

const reporter = pathToFileURL(path.join(root, 'scripts', 'reporter.mjs')).href

/**
 * @param {readonly string[]} files
 * @param {{ lines: 'files' | 'tests', testTimeoutMs: number, deadlineMs: number }} options
 */
export async function runTests(files, { lines, testTimeoutMs, deadlineMs }) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carrel-test-'))
  const recordFile = path.join(folder, 'records')
  try {
    const env = testEnvironment({ CARREL_TEST_RECORDS: recordFile, CARREL_TEST_LINES: lines })
    const end = await execute([...testArguments(testTimeoutMs), ...files], env, deadlineMs)
    return withEnd(readRecords(recordFile), end, files)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function testArguments(testTimeoutMs) {
  return [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-isolation=none',
    `--test-timeout=${testTimeoutMs}`,
    `--test-reporter=${reporter}`,
    '--test-reporter-destination=stdout',
  ]
}

/** Settings of the developer's own registry must not reach the tests; those for tests must. */
function testEnvironment(more) {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(CARREL|REGISTRY)_/.test(name) || name.startsWith('CARREL_TEST_'),
  )
  return {
    NODE_COMPILE_CACHE: path.join(nodeFolder, 'compile-cache'),
    ...Object.fromEntries(own),
    PATH: `${nodeFolder}${path.delimiter}${process.env.PATH ?? ''}`,
    ...more,
  }
}

/** Resolves with `undefined` after a good end, otherwise with a sentence about the bad one. */
function execute(args, env, deadlineMs) {
  return new Promise((resolve, reject) => {
    // A process group of its own, so that all of it can be ended at once.
    const child = spawn(node, args, {
      cwd: root,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    })
    let late = false
    const endGroup = (signal) => {
      try {
        process.kill(-child.pid, signal)
      } catch {
        // Nobody is left in the group.
      }
    }
    const interrupt = (signal) => {
      endGroup('SIGKILL')
      process.exit(128 + os.constants.signals[signal])
    }
    const timer = setTimeout(() => {
      late = true
      endGroup('SIGKILL')
    }, deadlineMs)
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
    child.on('error', reject)
    child.on('exit', (status, signal) => {
      clearTimeout(timer)
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
      endGroup('SIGKILL')
      if (late) resolve(`did not end within ${deadlineMs / 1000} s: a test or a handle hangs`)
      else resolve(status === 0 ? undefined : `ended with ${signal ?? `exit status ${status}`}`)
    })
  })
}

function readRecords(recordFile) {
  if (!fs.existsSync(recordFile)) return []
  const lines = fs.readFileSync(recordFile, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
}

/** A run that ended badly or ran nothing is itself a failure, unless one of its tests says so. */
function withEnd(records, end, files) {
  const file = files.length === 1 ? files[0] : `${files.length} files`
  const failed = records.some((record) => record.result === 'failed')
  const failure = (name) => {
    console.log(`✖ ${file}: ${name}`)
    return [...records, { result: 'failed', name, file }]
  }
  if (end !== undefined && (!failed || !end.endsWith('exit status 1'))) return failure(end)
  // For a file without a test, node:test reports the file itself as one that passed.
  const empty = records.every(({ name }) => files.includes(name))
  return empty && end === undefined ? failure('holds no test').slice(-1) : records
}
