import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'

import { createOutput } from './output.ts'
import { createProgressBar } from './progress.ts'
import { MemoryStream } from './test-support.ts'

function createBar(terminal: boolean, quiet = false) {
  const stderr = new MemoryStream(terminal)
  const stdout = new MemoryStream(terminal)
  const io = { stdin: new PassThrough(), stdout, stderr, env: {}, cwd: '/', program: 'carrel' }
  let time = 0
  const bar = createProgressBar(createOutput(io, { quiet, verbose: false }), () => time)
  const at = (ms: number, done: number) => {
    time = ms
    bar.show({ phase: 'blobs', done, total: 4_000_000, unit: 'bytes' })
  }
  return { bar, at, stderr, stdout }
}

test('what takes less than 300 ms shows nothing', () => {
  const { bar, at, stderr } = createBar(true)
  at(0, 0)
  at(299, 3_000_000)
  bar.end()
  assert.equal(stderr.text, '')
})

test('a terminal gets a bar in place, which is removed at the end', () => {
  const { bar, at, stderr, stdout } = createBar(true)
  at(300, 1_000_000)
  assert.equal(
    stderr.text,
    `\r  ${'█'.repeat(6)}${'░'.repeat(18)}  25 %  blobs  1.0 MB of 4.0 MB\u001b[K`,
  )
  at(301, 2_000_000)
  at(400, 4_000_000)
  bar.end()
  assert.equal(stderr.text.split('\r').length, 4)
  assert.ok(stderr.text.endsWith('\r\u001b[K'))
  assert.equal(stdout.text, '')
})

test('without a terminal it is one line every five seconds, and none with --quiet', () => {
  const { at, stderr } = createBar(false)
  for (let ms = 0; ms <= 11_000; ms += 500) at(ms, ms * 100)
  assert.equal(stderr.text, ' 12 %  blobs  500 kB of 4.0 MB\n 25 %  blobs  1.0 MB of 4.0 MB\n')
  const quiet = createBar(true, true)
  for (let ms = 0; ms <= 11_000; ms += 500) quiet.at(ms, ms)
  assert.equal(quiet.stderr.text, '')
})
