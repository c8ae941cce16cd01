// Cases of the driver's contract: whole objects, ranges, and streams that nobody reads.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { ObjectNotFoundError, parseKey } from '../driver.ts'
import { type Case, chunks, deep, one, text, two } from './content.ts'

const copiedRanges = [
  [0, 1_099_999],
  [0, 0],
  [5, 262_148],
  [5, 262_149],
  [262_143, 262_144],
  [1_099_999, 1_099_999],
] as const

export const reading: readonly Case[] = [
  [
    'what is absent: stat gives undefined and read throws',
    async (driver) => {
      assert.equal(await driver.stat(one), undefined)
      await assert.rejects(driver.read(one), ObjectNotFoundError)
      assert.equal(await driver.stat(parseKey('uploads/one/below')), undefined)
    },
  ],
  [
    'a folder is not an object',
    async (driver) => {
      await driver.write(deep, chunks('x'))
      assert.equal(await driver.stat(parseKey('blobs/sha256')), undefined)
      await assert.rejects(driver.read(parseKey('blobs/sha256')), ObjectNotFoundError)
    },
  ],
  [
    'a range has both ends in it, and is cut at the end of the object',
    async (driver) => {
      await driver.write(one, chunks('01234', '56789'))
      const ranges = [
        [0, 0, '0'],
        [9, 9, '9'],
        [3, 6, '3456'],
        [0, 9, '0123456789'],
        [8, 500, '89'],
        [10, 12, ''],
        [500, 600, ''],
      ] as const
      for (const [start, end, expected] of ranges) {
        assert.equal(await text(driver.read(one, { start, end })), expected, `${start}-${end}`)
      }
    },
  ],
  [
    'a range in a large object is exact at every boundary',
    async (driver) => {
      const bytes = randomBytes(1_700_000)
      await driver.write(one, [bytes])
      for (const start of [0, 1, 524_287, 524_288, 524_289, 1_699_999]) {
        for (const end of [start, start + 1, start + 524_288, 1_699_999]) {
          const part = await buffer(await driver.read(one, { start, end }))
          assert.ok(bytes.subarray(start, end + 1).equals(part), `${start}-${end}`)
        }
      }
    },
  ],
  [
    'copy gives exactly the bytes of a range, however slowly they are taken',
    async (driver) => {
      const bytes = randomBytes(1_100_000)
      await driver.write(one, [bytes])
      for (const [start, end] of copiedRanges) {
        const taken: Uint8Array[] = []
        await driver.copy(one, { start, end }, async (chunk) => {
          await turn()
          taken.push(new Uint8Array(chunk))
        })
        assert.ok(bytes.subarray(start, end + 1).equals(Buffer.concat(taken)), `${start}-${end}`)
      }
    },
  ],
  [
    'copy stops where its taker fails, with the error of the taker',
    async (driver) => {
      await driver.write(one, [randomBytes(1_100_000)])
      const failure = new Error('the client went away')
      const copying = driver.copy(one, { start: 0, end: 1_099_999 }, async () => {
        await turn()
        throw failure
      })
      await assert.rejects(copying, (error) => error === failure)
      const absent = driver.copy(two, { start: 0, end: 1 }, async () => undefined)
      await assert.rejects(absent, ObjectNotFoundError)
    },
  ],
  [
    'streams that are never read or half read can be dropped',
    async (driver) => {
      await driver.write(one, [Buffer.alloc(2_000_000)])
      const unread = await driver.read(one)
      unread.destroy()
      const half = await driver.read(one)
      for await (const chunk of half) {
        assert.ok((chunk as Buffer).length > 0)
        break
      }
      assert.equal(half.destroyed, true)
    },
  ],
  [
    'what a reader got is its own: a later read does not change it',
    async (driver) => {
      await driver.write(one, [Buffer.alloc(1_200_000, 1)])
      await driver.write(two, [Buffer.alloc(1_200_000, 2)])
      const first = await buffer(await driver.read(one))
      first.fill(9)
      assert.equal((await buffer(await driver.read(one)))[0], 1)
      assert.equal((await buffer(await driver.read(two)))[0], 2)
    },
  ],
]
