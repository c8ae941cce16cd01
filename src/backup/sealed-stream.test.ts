// Whatever is done to an encrypted object, it is refused before a wrong byte is taken.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { DamagedObjectError } from './backup-error.ts'
import { seal, sealedSize, unseal } from './sealed-stream.ts'

const key = { key: randomBytes(32), name: 'blobs/ab/abcd' }
const chunk = 64 * 1024
const head = 40
/** Around every border that there is. */
const sizes = fc.constantFrom(0, 1, 17, chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 5)
const cuts = fc.array(fc.nat({ max: 3 * chunk }), { maxLength: 6 })

/** In pieces, as a stream brings them. */
function pieces(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const borders = [0, ...at.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b)]
  return borders.map((from, index) => bytes.subarray(from, borders[index + 1] ?? bytes.length))
}

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const one of source) chunks.push(one)
  return Buffer.concat(chunks)
}

async function sealed(bytes: Uint8Array, by = key): Promise<Buffer> {
  return all(seal(by, [bytes]))
}

async function opened(bytes: Uint8Array, by = key): Promise<Buffer> {
  return all(unseal(by, [bytes]))
}

suite('an encrypted object', () => {
  test('comes back as it was, however it is cut on its way', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, cuts, cuts, async (size, there, back) => {
        const bytes = randomBytes(size)
        const stored = await all(seal(key, pieces(bytes, there)))
        assert.equal(stored.length, sealedSize(size))
        assert.ok((await all(unseal(key, pieces(stored, back)))).equals(bytes))
      }),
      { numRuns: 60 },
    )
  })

  test('shows nothing of what is in it, and is another one each time', async () => {
    const bytes = Buffer.alloc(3 * chunk)
    const [one, other] = [await sealed(bytes), await sealed(bytes)]
    assert.ok(!one.subarray(8).equals(other.subarray(8)))
    assert.ok(
      !one.subarray(head, head + chunk).equals(one.subarray(head + chunk + 16).subarray(0, chunk)),
    )
  })

  test('with any bit turned over is refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(7),
        async (size, where, bit) => {
          const stored = await sealed(randomBytes(size))
          const place = Math.min(stored.length - 1, Math.floor(where * stored.length))
          stored[place] = (stored[place] ?? 0) ^ (1 << bit)
          await assert.rejects(opened(stored), DamagedObjectError)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('that is cut short anywhere is refused', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.double({ min: 0, max: 1, noNaN: true }), async (size, where) => {
        const stored = await sealed(randomBytes(size))
        const left = Math.min(stored.length - 1, Math.floor(where * stored.length))
        await assert.rejects(opened(stored.subarray(0, left)), DamagedObjectError)
      }),
      { numRuns: 150 },
    )
    const stored = await sealed(randomBytes(2 * chunk + 5))
    for (const left of [0, 8, head - 1, head, head + chunk + 16, head + 2 * (chunk + 16)]) {
      await assert.rejects(opened(stored.subarray(0, left)), DamagedObjectError, String(left))
    }
  })

  test('with chunks in another order, twice, or of another object is refused', async () => {
    const size = 4 * chunk + 100
    const stored = await sealed(randomBytes(size))
    const other = await sealed(randomBytes(size))
    const chunksOf = (bytes: Buffer) =>
      Array.from({ length: 5 }, (_, index) =>
        bytes.subarray(head + index * (chunk + 16), head + (index + 1) * (chunk + 16)),
      )
    const [own, foreign] = [chunksOf(stored), chunksOf(other)]
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(4), fc.boolean()), { minLength: 1, maxLength: 7 }),
        async (order) => {
          const isSame =
            order.length === 5 &&
            order.every(([at, isForeign], index) => at === index && !isForeign)
          fc.pre(!isSame)
          const mixed = order.map(([at, isForeign]) => (isForeign ? foreign : own)[at] as Buffer)
          await assert.rejects(
            opened(Buffer.concat([stored.subarray(0, head), ...mixed])),
            DamagedObjectError,
          )
        },
      ),
      { numRuns: 150 },
    )
    await assert.rejects(opened(Buffer.concat([stored, own[4] as Buffer])), DamagedObjectError)
    await assert.rejects(opened(Buffer.concat([stored, Buffer.alloc(1)])), DamagedObjectError)
    await assert.rejects(opened(Buffer.concat([stored, Buffer.alloc(16)])), DamagedObjectError)
  })

  test('opens under its own name and key only', async () => {
    const stored = await sealed(randomBytes(100))
    await assert.rejects(opened(stored, { ...key, name: 'blobs/ab/abce' }), DamagedObjectError)
    await assert.rejects(opened(stored, { ...key, key: randomBytes(32) }), DamagedObjectError)
  })

  test('yields nothing of a chunk before that chunk is known to be right', async () => {
    const bytes = randomBytes(3 * chunk)
    const stored = await sealed(bytes)
    stored[head + chunk + 16 + 5] = (stored[head + chunk + 16 + 5] ?? 0) ^ 1
    const seen: Uint8Array[] = []
    await assert.rejects(async () => {
      for await (const piece of unseal(key, [stored])) seen.push(piece)
    }, DamagedObjectError)
    assert.ok(Buffer.concat(seen).equals(bytes.subarray(0, chunk)))
  })
})
