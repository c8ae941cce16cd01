import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditJson, cleanSubject, fittingDetail } from './audit-text.ts'

test('characters that break a line, turn it around or are half of one are replaced', () => {
  assert.equal(cleanSubject('web/app:1.4 ü 🐳'), 'web/app:1.4 ü 🐳')
  const bad = [
    '\0',
    '\n',
    '\r',
    '\u001b',
    '\u007f',
    '\u0085',
    '\u2028',
    '\u202e',
    '\u2066',
    '\ud800',
  ]
  for (const one of bad) assert.equal(cleanSubject(`a${one}b`), 'a\ufffdb')
  const cut = cleanSubject(`${'a'.repeat(510)}🐳🐳`)
  assert.equal(cut, `${'a'.repeat(510)}\ufffd…`)
})

test('JSON of the log is one line of text that any program can read, and the same when read again', () => {
  const value = { 'a\u2028': ['\u0085\u202e\n"\\', '\ud800', -0, 1e21], 2: null, 1: true }
  const text = auditJson(value)
  assert.equal(
    text,
    '{"1":true,"2":null,"a\\u2028":["\\u0085\\u202e\\n\\"\\\\","\\ud800",0,1e+21]}',
  )
  assert.equal(auditJson(JSON.parse(text)), text)
})

test('a detail takes 8 KiB at most, however it is made', () => {
  const bytes = (detail: Parameters<typeof fittingDetail>[0]): number => {
    const text = fittingDetail(detail)
    assert.equal(typeof JSON.parse(text), 'object')
    return Buffer.byteLength(text)
  }
  const texts = (count: number, one: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, number) => [`k${number}`, one]))
  assert.equal(
    fittingDetail(texts(60, 'a'.repeat(100))),
    JSON.stringify(texts(60, 'a'.repeat(100))),
  )
  for (const one of ['a', 'ü', '€', '"', '\u2028', '\n', '\ud800']) {
    for (const [count, length] of [
      [1, 100_000],
      [60, 100],
      [31, 300],
      [5000, 1],
    ] as const) {
      assert.ok(bytes(texts(count, one.repeat(length))) <= 8192, `${count} of ${length} ${one}`)
    }
  }
  assert.ok(bytes({ ['€'.repeat(9000)]: 1 }) <= 8192)
})
