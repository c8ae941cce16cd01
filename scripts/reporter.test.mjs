import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root } from './bootstrap.mjs'

function recordsOf(t, source) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carrel-reporter-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'sample.test.mjs')
  const records = path.join(folder, 'records')
  fs.writeFileSync(file, `import { describe, it, test, before } from 'node:test'\n${source}`)
  fs.writeFileSync(records, '')
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const reporter = pathToFileURL(path.join(root, 'scripts', 'reporter.mjs')).href
  const args = ['--test', '--test-isolation=none', `--test-reporter=${reporter}`, file]
  const result = spawnSync(process.execPath, args, {
    env: { ...env, CARREL_TEST_RECORDS: records, CARREL_TEST_LINES: 'tests' },
    encoding: 'utf8',
    timeout: 30_000,
  })
  const lines = fs
    .readFileSync(records, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  const told = lines.map((line) => JSON.parse(line)).map(({ name, result: fate }) => [name, fate])
  return { told, screen: result.stdout }
}

test('each test is recorded once, with its fate', (t) => {
  const { told } = recordsOf(
    t,
    `test('good', () => {})
     test('bad', () => { throw new Error('no') })
     test('left out', { skip: 'no network' }, () => {})
     test('some day', { todo: true }, () => { throw new Error('not yet') })
     test('late', { timeout: 20 }, () => new Promise((resolve) => setTimeout(resolve, 200)))
     describe('a suite', () => { it('inside', () => {}) })
     test('parent', async (t) => { await t.test('child', () => {}) })`,
  )
  assert.deepEqual(told, [
    ['good', 'passed'],
    ['bad', 'failed'],
    ['left out', 'skipped'],
    ['some day', 'skipped'],
    ['late', 'failed'],
    ['inside', 'passed'],
    ['child', 'passed'],
    ['parent', 'passed'],
  ])
})

test('a suite whose hook fails is a failure, and so is a file that does not load', (t) => {
  const { told } = recordsOf(
    t,
    `describe('a suite', () => { before(() => { throw new Error('no') }); it('inside', () => {}) })`,
  )
  assert.ok(told.some(([, fate]) => fate === 'failed'))
  assert.ok(recordsOf(t, `throw new Error('no')`).told.some(([, fate]) => fate === 'failed'))
})

test('what a process did before it died is recorded', (t) => {
  const { told } = recordsOf(
    t,
    `test('good', async () => {})
     test('deadly', async () => { await new Promise((resolve) => setTimeout(resolve, 300)); process.kill(process.pid, 'SIGKILL') })`,
  )
  assert.deepEqual(told, [['good', 'passed']])
})

test('the screen shows why a test failed and where', (t) => {
  const { screen } = recordsOf(t, `test('sums', () => { throw new Error('one and one is three') })`)
  assert.match(screen, /✖ sums/)
  assert.match(screen, /one and one is three/)
  assert.match(screen, /sample\.test\.mjs:2/)
})

test('a skipped test shows its reason', (t) => {
  const { screen } = recordsOf(t, `test('far', { skip: 'no network' }, () => {})`)
  assert.match(screen, /– far \(skipped: no network\)/)
})
