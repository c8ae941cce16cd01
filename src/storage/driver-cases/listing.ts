// Cases of the driver's contract: lists, upkeep, and which keys there can be.

import assert from 'node:assert/strict'
import { type Key, parseKey } from '../driver.ts'
import { type Case, chunks, keysOf, one, text } from './content.ts'

export const listing: readonly Case[] = [
  [
    'list gives what lies below a folder, ascending by key, with sizes',
    async (driver) => {
      const keys = ['a/b.c', 'a/b', 'a-b/x', 'a/c/d', 'a/c-d', 'a/c.d', 'ab', 'a/D', 'a/1', 'b/a']
      for (const key of keys) {
        // A file and a folder cannot have one name: `a/b` and `a/b/…` do not both exist.
        await driver.write(parseKey(key), [Buffer.alloc(key.length)])
      }
      const expected = keys.filter((key) => key.startsWith('a/')).sort()
      assert.deepEqual(await keysOf(driver, 'a'), expected)
      assert.deepEqual(await keysOf(driver, 'a/c'), ['a/c/d'])
      assert.deepEqual(await keysOf(driver, 'nothing'), [])
      for await (const object of driver.list(parseKey('a'))) {
        assert.equal(object.size, object.key.length)
      }
    },
  ],
  [
    'a long list is complete, and may be left early or changed while it is read',
    async (driver) => {
      const keys = Array.from({ length: 400 }, (_, index) =>
        parseKey(`blobs/${index % 3}/${String(index).padStart(4, '0')}`),
      )
      for (const key of keys) await driver.write(key, [])
      assert.deepEqual(await keysOf(driver, 'blobs'), keys.toSorted())

      let seen = 0
      for await (const { key } of driver.list(parseKey('blobs'))) {
        await driver.delete([key])
        seen++
      }
      assert.equal(seen, 400)
      await driver.write(one, [])
      for await (const { key } of driver.list(parseKey('uploads'))) {
        assert.equal(key, one)
        break
      }
    },
  ],
  [
    'sweep and probe leave objects alone, and a probe leaves nothing',
    async (driver) => {
      await driver.write(one, chunks('kept'))
      await driver.probe()
      await driver.sweep(new Date(Date.now() + 3_600_000))
      assert.equal(await text(driver.read(one)), 'kept')
      assert.deepEqual(await keysOf(driver, 'uploads'), [one])
      const free = await driver.freeBytes?.()
      assert.ok(free === undefined || free >= 0)
    },
  ],
  [
    'hostile keys are refused everywhere',
    async (driver) => {
      for (const name of hostileKeys) {
        const key = name as Key
        const refused = { name: 'TypeError' }
        await assert.rejects(async () => driver.stat(key), refused, name)
        await assert.rejects(async () => driver.read(key), refused, name)
        await assert.rejects(async () => driver.write(key, chunks('x')), refused, name)
        await assert.rejects(async () => driver.write(() => key, chunks('x')), refused, name)
        await assert.rejects(async () => driver.move(key, one), refused, name)
        await assert.rejects(async () => driver.delete([key]), refused, name)
        await assert.rejects(async () => driver.concatenate([key], one), refused, name)
        await assert.rejects(async () => keysOf(driver, name), refused, name)
      }
      await driver.write(one, chunks('x'))
      await assert.rejects(async () => driver.move(one, '../x' as Key), { name: 'TypeError' })
      assert.equal(await text(driver.read(one)), 'x')
    },
  ],
]

export const hostileKeys: readonly string[] = [
  '',
  '.',
  '..',
  '/',
  '/etc/passwd',
  '../x',
  'uploads/../../x',
  'uploads/..',
  'uploads/.',
  'uploads//x',
  'uploads/',
  '.tmp/x',
  'uploads/.hidden',
  'uploads\\x',
  'uploads/a b',
  'uploads/x\0y',
  'uploads/x\n',
  'uploads/é',
  `uploads/${'x'.repeat(201)}`,
  'a/'.repeat(600) + 'a',
]
