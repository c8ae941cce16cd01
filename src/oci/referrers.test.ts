import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf, encodedOf } from './digest.ts'
import { isTag } from './reference.ts'
import { referrersTag } from './referrers.ts'

test('the tag of a sha256 subject is its digest with a hyphen', () => {
  const subject = digestOf(new TextEncoder().encode('{}'))
  assert.equal(
    referrersTag(subject),
    'sha256-44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  )
})

test('the tag of a sha512 subject has the first 64 digits only', () => {
  const subject = digestOf(new TextEncoder().encode('{}'), 'sha512')
  assert.equal(referrersTag(subject), `sha512-${encodedOf(subject).slice(0, 64)}`)
})

test('the tag of any subject is a valid tag', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom('sha256', 'sha512'), (bytes, algorithm) => {
      assert.equal(isTag(referrersTag(digestOf(bytes, algorithm))), true)
    }),
  )
})
