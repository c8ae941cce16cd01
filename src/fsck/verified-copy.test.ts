import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createBlobStore } from '../storage/blob-store.ts'
import { parseKey } from '../storage/driver.ts'
import { createMemoryDriver } from '../storage/drivers/memory/memory-driver.ts'
import { digestOf } from '../oci/digest.ts'
import {
  copyVerified,
  createContentCheck,
  createRecentlyRight,
  WrongBytesError,
} from './verified-copy.ts'

const key = parseKey('blobs/x')

/** What a client gets of an object, chunk by chunk, and how the copy ended. */
async function copied(stored: Uint8Array, promised: Uint8Array, algorithm?: 'sha512') {
  const driver = createMemoryDriver()
  await driver.write(key, [stored])
  const got: Uint8Array[] = []
  const blob = { key, size: promised.length, digest: digestOf(promised, algorithm) }
  const error = await copyVerified(createBlobStore(driver), blob, async (chunk) => {
    got.push(Uint8Array.from(chunk))
  }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return { got: Buffer.concat(got), error }
}

test('the right bytes arrive whole, of any size and both algorithms', async () => {
  for (const size of [1, 4096, 70_000, 1_000_000]) {
    const bytes = randomBytes(size)
    for (const algorithm of [undefined, 'sha512'] as const) {
      const { got, error } = await copied(bytes, bytes, algorithm)
      assert.equal(error, undefined)
      assert.ok(bytes.equals(got))
    }
  }
})

test('with any bit changed the last chunk is never given away', async () => {
  const bytes = randomBytes(300_000)
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 7 }), async (at, bit) => {
      const wrong = Buffer.from(bytes)
      wrong[at] = (wrong[at] ?? 0) ^ (1 << bit)
      const { got, error } = await copied(wrong, bytes)
      assert.ok(error instanceof WrongBytesError)
      assert.ok(got.length < bytes.length)
    }),
    { numRuns: 40 },
  )
})

test('content of a row is hashed once for each piece of memory', () => {
  const isRight = createContentCheck()
  const content = Buffer.from('content')
  const digest = digestOf(content)
  assert.equal(isRight(content, digest), true)
  assert.equal(isRight(content, digestOf(Buffer.from('other'))), false)
  assert.equal(isRight(Buffer.from('contenT'), digest), false)
  assert.equal(isRight(Buffer.from('content'), digest), true)
})

test('an object that was right is believed for a while, as long as nobody wrote to it', () => {
  let now = 0
  const recent = createRecentlyRight({ forMs: 100, most: 2 }, () => now)
  const object = (name: string, at = 5) => ({ key: parseKey(name), modifiedAt: new Date(at) })
  assert.equal(recent.has(object('a')), false)
  recent.add(object('a'))
  assert.equal(recent.has(object('a')), true)
  assert.equal(recent.has(object('a', 6)), false)
  now = 100
  assert.equal(recent.has(object('a')), false)
  for (const name of ['a', 'b', 'c']) recent.add(object(name))
  assert.deepEqual(
    ['a', 'b', 'c'].map((name) => recent.has(object(name))),
    [false, true, true],
  )
})
