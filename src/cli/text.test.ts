import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { asTyped, formatBytes, formatSeconds, plural, printable, wrap } from './text.ts'

test('sizes have at most three digits and a unit', () => {
  const shown = [0, 999, 1000, 3_600_000, 999_499, 999_999, 12_345_678_901, 5e15].map(formatBytes)
  assert.deepEqual(shown, [
    '0 B',
    '999 B',
    '1.0 kB',
    '3.6 MB',
    '999 kB',
    '1.0 MB',
    '12 GB',
    '5.0 PB',
  ])
})

test('times are short', () => {
  assert.deepEqual([0.41, 2.06, 12.4, 59.99, 125].map(formatSeconds), [
    '0.4 s',
    '2.1 s',
    '12 s',
    '1 min 0 s',
    '2 min 5 s',
  ])
})

test('counts agree with their nouns', () => {
  assert.equal(plural(1, 'tag'), '1 tag')
  assert.equal(plural(1200, 'repository', 'repositories'), '1,200 repositories')
})

test('wrapping keeps every word, and no line is wider than asked unless a word is', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 })
  fc.assert(
    fc.property(words, fc.integer({ min: 12, max: 60 }), (list, width) => {
      const lines = wrap(list.join(' '), width)
      assert.deepEqual(lines.join(' ').split(' '), list)
      for (const line of lines) assert.ok(line.length <= width)
    }),
    { numRuns: 100 },
  )
})

test('printable text holds no control character, whatever it is made of', () => {
  const anything = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(anything, (text) => assert.doesNotMatch(printable(text), /\p{Cc}/u)),
    { numRuns: 200 },
  )
})

test('lines to type begin with what the person typed, and other words stay', () => {
  assert.equal(asTyped('carrel repo ls', './carrel'), './carrel repo ls')
  assert.equal(asTyped('try: carrel repo ls, `carrel up`', '$1'), 'try: $1 repo ls, `$1 up`')
  assert.equal(asTyped('carrel 0.1.0 in ~/carrel/data', './x'), 'carrel 0.1.0 in ~/carrel/data')
})
