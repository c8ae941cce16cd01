// Cases of the driver's contract: move, concatenate and delete.

import assert from 'node:assert/strict'
import { type Key, ObjectNotFoundError, parseKey } from '../driver.ts'
import { type Case, chunks, deep, keysOf, one, text, two } from './content.ts'

export const arranging: readonly Case[] = [
  [
    'move gives the object another name, and the old one is free',
    async (driver) => {
      await driver.write(one, chunks('content'))
      await driver.move(one, deep)
      assert.equal(await driver.stat(one), undefined)
      assert.equal(await text(driver.read(deep)), 'content')
    },
  ],
  [
    'move replaces what is there',
    async (driver) => {
      await driver.write(one, chunks('new'))
      await driver.write(two, chunks('old'))
      await driver.move(one, two)
      assert.equal(await text(driver.read(two)), 'new')
      assert.deepEqual(await keysOf(driver, 'uploads'), [two])
    },
  ],
  [
    'moving what is absent throws and leaves the target alone',
    async (driver) => {
      await driver.write(two, chunks('kept'))
      await assert.rejects(driver.move(one, two), ObjectNotFoundError)
      await assert.rejects(driver.move(one, deep), ObjectNotFoundError)
      assert.equal(await text(driver.read(two)), 'kept')
    },
  ],
  [
    'concatenate joins parts in order, shows every byte, and the parts remain',
    async (driver) => {
      await driver.write(one, [Buffer.alloc(600_000, 'a')])
      await driver.write(two, chunks('b'))
      const shown: Uint8Array[] = []
      const joined = await driver.concatenate([one, two, two], deep, (chunk) => {
        shown.push(Uint8Array.from(chunk))
      })
      const expected = 'a'.repeat(600_000) + 'bb'
      assert.equal(joined.size, 600_002)
      assert.equal(await text(driver.read(deep)), expected)
      assert.equal(Buffer.concat(shown).toString(), expected)
      assert.deepEqual(await keysOf(driver, 'uploads'), [one, two])
    },
  ],
  [
    'concatenating nothing makes an empty object',
    async (driver) => {
      assert.equal((await driver.concatenate([], deep)).size, 0)
      assert.equal((await driver.stat(deep))?.size, 0)
    },
  ],
  [
    'concatenating what is absent, or to a destination that refuses, leaves nothing',
    async (driver) => {
      await driver.write(one, chunks('a'))
      await assert.rejects(driver.concatenate([one, two], deep), ObjectNotFoundError)
      const refuse = (): Key => {
        throw new Error('wrong digest')
      }
      await assert.rejects(driver.concatenate([one], refuse), /wrong digest/)
      assert.deepEqual(await keysOf(driver, 'blobs'), [])
      assert.equal(await text(driver.read(one)), 'a')
    },
  ],
  [
    'delete removes many, and absent keys are fine',
    async (driver) => {
      const keys = Array.from({ length: 50 }, (_, index) => parseKey(`uploads/${index}`))
      for (const key of keys) await driver.write(key, chunks('x'))
      await driver.delete([two, ...keys.slice(1), parseKey('no/such/folder')])
      assert.deepEqual(await keysOf(driver, 'uploads'), ['uploads/0'])
      await driver.delete([])
    },
  ],
]
