import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  algorithmOf,
  digestFromHash,
  digestOf,
  encodedOf,
  isDigest,
  parseDigest,
} from './digest.ts'
import { OciError } from './errors.ts'

const hex64 = '0123456789abcdef'.repeat(4)

test('sha256 with 64 and sha512 with 128 lower-case hexadecimal digits are digests', () => {
  assert.equal(parseDigest(`sha256:${hex64}`), `sha256:${hex64}`)
  assert.equal(parseDigest(`sha512:${hex64}${hex64}`), `sha512:${hex64}${hex64}`)
})

const refused: readonly (readonly [what: string, text: string, says: RegExp])[] = [
  ['an empty text', '', /not a digest/],
  ['bare hex', hex64, /not a digest/],
  ['a digit too few', `sha256:${hex64.slice(1)}`, /malformed/],
  ['a digit too many', `sha256:${hex64}0`, /malformed/],
  ['upper-case hex', `sha256:${hex64.toUpperCase()}`, /malformed/],
  ['an upper-case algorithm', `SHA256:${hex64}`, /does not support/],
  ['sha512 with the length of sha256', `sha512:${hex64}`, /malformed/],
  ['sha256 with the length of sha512', `sha256:${hex64}${hex64}`, /malformed/],
  ['an algorithm that is not supported', `blake3:${hex64}`, /does not support/],
  ['a line end', `sha256:${hex64}\n`, /malformed/],
  ['a path', `sha256:../${hex64.slice(3)}`, /malformed/],
  ['an underscore for a digit', `sha256:_${hex64.slice(1)}`, /malformed/],
  ['two digests', `sha256:${hex64},sha256:${hex64}`, /malformed/],
  ['the word undefined', 'undefined', /not a digest/],
]

for (const [what, text, says] of refused) {
  test(`${what} is not a digest`, () => {
    assert.equal(isDigest(text), false)
    assert.throws(
      () => parseDigest(text),
      (error: unknown) => {
        assert(error instanceof OciError)
        assert.equal(error.code, 'DIGEST_INVALID')
        assert.match(error.message, says)
        return true
      },
    )
  })
}

test('the message about a very long digest is short', () => {
  assert.throws(
    () => parseDigest(`sha256:${'a'.repeat(100_000)}`),
    (error: unknown) =>
      error instanceof OciError && error.message.length < 400 && !('cause' in error),
  )
})

test('the digest of bytes is what a streamed hash of them gives, and comes apart again', () => {
  fc.assert(
    fc.property(
      fc.uint8Array(),
      fc.constantFrom('sha256' as const, 'sha512' as const),
      (bytes, algorithm) => {
        const digest = digestOf(bytes, algorithm)
        const streamed = createHash(algorithm).update(bytes).digest('hex')
        assert.equal(digest, digestFromHash(algorithm, streamed))
        assert.equal(parseDigest(digest), digest)
        assert.equal(algorithmOf(digest), algorithm)
        assert.equal(encodedOf(digest), streamed)
      },
    ),
  )
})

test('the default algorithm is sha256', () => {
  assert.equal(
    digestOf(new TextEncoder().encode('{}')),
    'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  )
})

test('a hash of the wrong length for its algorithm makes no digest', () => {
  assert.throws(() => digestFromHash('sha512', hex64), { code: 'DIGEST_INVALID' })
})

test('parsing accepts what the two grammars accept and nothing else', () => {
  const reference = /^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/
  const nearly = fc
    .tuple(
      fc.constantFrom('sha256', 'sha512', 'sha384', ''),
      fc.constantFrom(':', '', '-'),
      fc.constantFrom(63, 64, 65, 127, 128, 129),
      fc.constantFrom('a', '0', 'f', 'g', 'A', '_'),
      fc.nat(63),
    )
    .map(([algorithm, separator, length, odd, at]) => {
      const hex = 'c'.repeat(length)
      return `${algorithm}${separator}${hex.slice(0, at)}${odd}${hex.slice(at + 1)}`
    })
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string()), (text) => {
      assert.equal(isDigest(text), reference.test(text))
    }),
    { numRuns: 500 },
  )
})
