import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf } from '../oci/digest.ts'
import { parseKey } from './driver.ts'
import { hostileKeys } from './driver-cases/listing.ts'
import {
  adoptedBlobKey,
  digestOfBlobKey,
  isAdoptedKey,
  newBlobKey,
  newUploadKey,
} from './layout.ts'

test('a blob key lies in the folder of its first two digits and names its digest', () => {
  const digest = digestOf(Buffer.from('x'))
  const key = newBlobKey(digest)
  assert.match(key, /^blobs\/sha256\/2d\/2d711642b726b044[0-9a-f]{48}\.[0-9a-f]{8}$/)
  assert.equal(digestOfBlobKey(key), digest)
})

test('the digest of every blob key is found again, and each key is a valid one of its own', () => {
  const content = fc.tuple(fc.uint8Array(), fc.constantFrom('sha256', 'sha512'))
  fc.assert(
    fc.property(content, ([bytes, algorithm]) => {
      const digest = digestOf(bytes, algorithm)
      const key = newBlobKey(digest)
      assert.equal(parseKey(key), key)
      assert.equal(digestOfBlobKey(key), digest)
      assert.notEqual(newBlobKey(digest), key)
    }),
  )
})

test('a blob of an adopted volume has the key that is its path there', () => {
  const digest = digestOf(Buffer.from('x'))
  const key = adoptedBlobKey(digest)
  assert.match(key, /^docker\/registry\/v2\/blobs\/sha256\/2d\/2d71[0-9a-f]{60}\/data$/)
  assert.equal(parseKey(key), key)
  assert.equal(digestOfBlobKey(key), digest)
  assert.ok(isAdoptedKey(key) && !isAdoptedKey(newBlobKey(digest)))
})

test('upload keys differ and are valid', () => {
  const keys = Array.from({ length: 100 }, newUploadKey)
  assert.equal(new Set(keys).size, 100)
  for (const key of keys) assert.equal(parseKey(key), key)
})

test('other keys are no blob keys', () => {
  const encoded = 'ab'.padEnd(64, '0')
  const others = [
    'uploads/x',
    `blobs/sha256/ab/${encoded}`,
    `blobs/sha256/ab/${encoded}.short`,
    `blobs/sha256/ab/${encoded}.0000000v`,
    `blobs/sha256/cd/${encoded}.00000000`,
    `blobs/sha512/ab/${encoded}.00000000`,
    `blobs/sha256/ab/${encoded}0.00000000`,
    `more/blobs/sha256/ab/${encoded}.00000000`,
    `docker/registry/v2/blobs/sha256/ab/${encoded}/link`,
    `docker/registry/v2/blobs/sha256/ab/${encoded}.00000000`,
    `docker/registry/v2/blobs/sha256/cd/${encoded}/data`,
    `docker/registry/v2/blobs/sha256/ab/${encoded}/data.tmp`,
    `registry/v2/blobs/sha256/ab/${encoded}/data`,
  ]
  for (const other of others) assert.equal(digestOfBlobKey(parseKey(other)), undefined, other)
  assert.notEqual(digestOfBlobKey(parseKey(`blobs/sha256/ab/${encoded}.00000000`)), undefined)
})

test('hostile text is no key', () => {
  for (const text of hostileKeys) assert.throws(() => parseKey(text), TypeError, text)
})

test('a key is a path below its folder, whatever text it was made from', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '.', '/', '\\', '-', '\0', ' ') })
  fc.assert(
    fc.property(text, (candidate) => {
      try {
        parseKey(candidate)
      } catch {
        return
      }
      const below = new URL(candidate, 'file:///root/').pathname
      assert.equal(below, `/root/${candidate}`)
    }),
  )
})

test('paths of a store of registry:2 are keys', () => {
  const key = `docker/registry/v2/blobs/sha256/ab/${'ab'.repeat(32)}/data`
  assert.equal(parseKey(key), key)
})
