import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JsonError, parseStrictJson } from './strict-json.ts'

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function refusal(bytes: Uint8Array): string {
  try {
    parseStrictJson(bytes)
  } catch (error) {
    assert(error instanceof JsonError)
    return error.message
  }
  throw new assert.AssertionError({ message: 'It was accepted.' })
}

const repeated: readonly (readonly [what: string, text: string])[] = [
  ['side by side', '{"a":1,"a":1}'],
  ['with others between', '{"a":1,"b":2,"c":3,"a":4}'],
  ['spelled with an escape', '{"a":1,"\\u0061":2}'],
  ['spelled with an escaped slash', '{"a/b":1,"a\\/b":2}'],
  ['deep inside', '{"x":[{"y":{"a":1,"a":2}}]}'],
  ['inside a value that is itself dropped', '{"a":{"b":1,"b":2},"a":0}'],
  ['when the dropped value has as many keys as the kept one', '{"a":{"b":1},"a":{"b":1}}'],
  ['empty keys', '{"":1,"":2}'],
  ['numbers as keys', '{"1":1,"1":2}'],
  ['beside strings that look like keys', '{"a":"\\"a\\":1","a":"x:y"}'],
  ['with a quote in it', '{"\\"":1,"\\u0022":2}'],
  ['beyond the first plane', '{"\u{1f600}":1,"\\ud83d\\ude00":2}'],
]

for (const [what, text] of repeated) {
  test(`a key twice in one object is refused: ${what}`, () => {
    JSON.parse(text)
    assert.match(refusal(bytesOf(text)), /same key twice/)
  })
}

test('the same key in different objects is fine', () => {
  const text = '{"a":{"a":[{"a":1},{"a":2}]},"b":{"a":3}}'
  assert.deepEqual(parseStrictJson(bytesOf(text)), JSON.parse(text))
})

test('keys that differ in case or by blanks are different', () => {
  assert.deepEqual(parseStrictJson(bytesOf('{"a":1,"A":2," a":3}')), { a: 1, A: 2, ' a': 3 })
})

test('a byte order mark is refused', () => {
  assert.match(refusal(bytesOf('\ufeff{}')), /byte order mark/)
  assert.match(refusal(new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0])), /UTF-8/)
})

const broken: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ['a lone continuation byte', [0x80]],
  ['an overlong slash', [0xc0, 0xaf]],
  ['half a surrogate pair', [0xed, 0xa0, 0x80]],
  ['a cut sequence', [0xe2, 0x82]],
  ['a byte that never occurs', [0xff]],
]

for (const [what, middle] of broken) {
  test(`invalid UTF-8 is refused: ${what}`, () => {
    assert.match(refusal(new Uint8Array([0x22, ...middle, 0x22])), /not valid UTF-8/)
  })
}

for (const text of [
  '{} {}',
  '{}x',
  '{}\0',
  '{}\u00a0',
  '[1,]',
  '{"a":1,}',
  "{'a':1}",
  '{a:1}',
  '// x\n{}',
  'NaN',
  '01',
  '"\n"',
  '{"a"',
  '"\\',
  ' ',
  ']]]]',
]) {
  test(`${JSON.stringify(text)} is refused as not one JSON value`, () => {
    assert.match(refusal(bytesOf(text)), /not one well-formed JSON value/)
  })
}

test('nothing is refused as empty', () => {
  assert.match(refusal(new Uint8Array()), /empty/)
})

test('64 levels are read and 65 refused, however many objects and lists they mix', () => {
  const nested = (levels: number) =>
    '{"a":['.repeat(Math.floor(levels / 2)) +
    '[]'.repeat(levels % 2) +
    ']}'.repeat(Math.floor(levels / 2))
  assert.deepEqual(parseStrictJson(bytesOf(nested(64))), JSON.parse(nested(64)))
  assert.match(refusal(bytesOf(nested(65))), /deeper than 64/)
})

test('a million levels are refused without exhausting the stack', () => {
  assert.match(refusal(bytesOf('['.repeat(1_000_000))), /deeper than 64/)
})

test('brackets inside strings do not count as levels', () => {
  const text = JSON.stringify({ a: '[{'.repeat(100), b: '\\"[['.repeat(100) })
  assert.deepEqual(parseStrictJson(bytesOf(text)), JSON.parse(text))
})

test('150,000 keys are read and one more is refused', () => {
  const list = (count: number) => bytesOf(`[${Array(count).fill('{"a":0}').join()}]`)
  assert.equal((parseStrictJson(list(150_000)) as unknown[]).length, 150_000)
  assert.match(refusal(list(150_001)), /more than 150000 keys/)
})

test('the key __proto__ is refused at any level and in any spelling', () => {
  assert.match(refusal(bytesOf('{"__proto__":{"a":1}}')), /__proto__/)
  assert.match(refusal(bytesOf('[{"x":{"__proto_\\u005f":1}}]')), /__proto__/)
  assert.equal(parseStrictJson(bytesOf('"__proto__"')), '__proto__')
})

test('it reads bytes from the middle of a larger buffer', () => {
  assert.deepEqual(parseStrictJson(bytesOf('xx{"a":1}yy').subarray(2, 9)), { a: 1 })
})

// Strings with all that a scanner could trip over.
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('"', '\\', ':', '{', '}', '[', ']', ',', 'a', '\n', '\u2028', '\u{1f600}'),
    fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }),
  ),
  maxLength: 8,
})
const key = text.filter((one) => one !== '__proto__')
const { document } = fc.letrec<{ document: unknown }>((tie) => ({
  document: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(text, fc.double({ noNaN: true }), fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie('document'), { maxLength: 4 }),
    fc.dictionary(key, tie('document'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))

test('a document without repeated keys is what JSON.parse makes of it', () => {
  fc.assert(
    fc.property(document, fc.constantFrom(0, 2), (value, indent) => {
      const written = JSON.stringify(value, undefined, indent)
      assert.deepEqual(parseStrictJson(bytesOf(written)), JSON.parse(written))
    }),
    { numRuns: 500 },
  )
})

/** A string of JSON that spells out every character. */
function escapeAll(one: string): string {
  const units = Array.from({ length: one.length }, (_, at) => one.charCodeAt(at))
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`
}

test('a document with one repeated key anywhere is always refused', () => {
  const objectWithRepeat = fc
    .tuple(key, fc.constantFrom(escapeAll, JSON.stringify), document, document, document)
    .map(
      ([name, spell, first, between, last]) =>
        `{${JSON.stringify(name)}:${JSON.stringify(first)},` +
        `${JSON.stringify(`${name}!`)}:${JSON.stringify(between)},` +
        `${spell(name)}:${JSON.stringify(last)}}`,
    )
  const wraps = fc.array(fc.constantFrom('list', 'object'), { maxLength: 10 })
  fc.assert(
    fc.property(objectWithRepeat, wraps, (inner, outside) => {
      let written = inner
      for (const wrap of outside) {
        written = wrap === 'list' ? `[0,${written}]` : `{"x":${written},"y":"}"}`
      }
      assert.match(refusal(bytesOf(written)), /same key twice/)
    }),
    { numRuns: 500 },
  )
})

test('whatever bytes arrive, the answer is a value that JSON.parse agrees with, or a JsonError', () => {
  const soup = fc.string({
    unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'a', '1', ' ', 'u0061'),
    maxLength: 20,
  })
  fc.assert(
    fc.property(fc.oneof(soup.map(bytesOf), fc.uint8Array()), (bytes) => {
      let value: unknown
      try {
        value = parseStrictJson(bytes)
      } catch (error) {
        assert(error instanceof JsonError)
        return
      }
      assert.deepEqual(value, JSON.parse(new TextDecoder().decode(bytes)))
    }),
    { numRuns: 2000 },
  )
})
