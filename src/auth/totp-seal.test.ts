import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { openTotpSecret, sealTotpSecret } from './totp-seal.ts'
import { makeTotpSecret } from './totp.ts'

const key = randomBytes(32)

test('a sealed secret opens with its key for its principal', () => {
  const secret = makeTotpSecret()
  const sealed = sealTotpSecret(key, 7, secret)
  assert.deepEqual(openTotpSecret(key, 7, sealed), secret)
  // As the databases give it back.
  assert.deepEqual(openTotpSecret(key, 7, new Uint8Array(sealed)), secret)
})

test('a sealed secret opens for no other principal and with no other key', () => {
  const sealed = sealTotpSecret(key, 7, makeTotpSecret())
  assert.equal(openTotpSecret(key, 8, sealed), undefined)
  assert.equal(openTotpSecret(key, 77, sealed), undefined)
  assert.equal(openTotpSecret(randomBytes(32), 7, sealed), undefined)
})

test('a sealed secret that was changed anywhere, cut or lengthened opens nothing', () => {
  const sealed = sealTotpSecret(key, 7, makeTotpSecret())
  fc.assert(
    fc.property(fc.nat({ max: sealed.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const changed = Uint8Array.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ by
      assert.equal(openTotpSecret(key, 7, changed), undefined)
    }),
  )
  for (let length = 0; length < sealed.length; length += 1) {
    assert.equal(openTotpSecret(key, 7, sealed.subarray(0, length)), undefined)
  }
  assert.equal(openTotpSecret(key, 7, Buffer.concat([sealed, Buffer.of(0)])), undefined)
})

test('what is sealed shows nothing of the secret, and is never the same twice', () => {
  const secret = makeTotpSecret()
  const one = Buffer.from(sealTotpSecret(key, 7, secret))
  const two = Buffer.from(sealTotpSecret(key, 7, secret))
  assert.equal(one.includes(Buffer.from(secret)), false)
  assert.notDeepEqual(one.subarray(1, 13), two.subarray(1, 13))
  assert.notDeepEqual(one.subarray(29), two.subarray(29))
})

test('a key that is too short, empty or too long is refused', () => {
  for (const length of [0, 16, 31, 33]) {
    assert.throws(() => sealTotpSecret(Buffer.alloc(length), 7, makeTotpSecret()), RangeError)
    assert.throws(() => openTotpSecret(Buffer.alloc(length), 7, randomBytes(60)), RangeError)
  }
})
