// Cases of the driver's contract: whole or not there.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { type Key, parseKey } from '../driver.ts'
import { type Case, chunks, keysOf, one, requireEmpty, text, two } from './content.ts'

export const writing: readonly Case[] = [
  [
    'what was written is read back, and stat says its size and time',
    async (driver) => {
      const before = Date.now()
      const written = await driver.write(one, chunks('hello, ', 'world'))
      assert.deepEqual({ key: written.key, size: written.size }, { key: one, size: 12 })
      assert.equal(await text(driver.read(one)), 'hello, world')
      const found = await driver.stat(one)
      assert.equal(found?.size, 12)
      assert.equal(found?.key, one)
      assert.ok(found.modifiedAt.getTime() >= before - 2000)
      assert.ok(found.modifiedAt.getTime() <= Date.now() + 2000)
    },
  ],
  [
    'an object may be empty',
    async (driver) => {
      assert.equal((await driver.write(one, [])).size, 0)
      assert.equal((await driver.stat(one))?.size, 0)
      assert.equal(await text(driver.read(one)), '')
    },
  ],
  [
    'chunks of any size arrive in order, many MiB of them',
    async (driver) => {
      const bytes = randomBytes(3 * 1024 * 1024 + 17)
      const sizes = [1, 0, 65_536, 7, 600_000, 1_500_000, 3, bytes.length]
      const pieces: Uint8Array[] = []
      let at = 0
      for (const size of sizes) {
        pieces.push(bytes.subarray(at, at + size))
        at += size
      }
      const tiny = Array.from(bytes.subarray(0, 3000), (byte) => Uint8Array.of(byte))
      await driver.write(one, pieces)
      await driver.write(two, tiny)
      assert.ok(bytes.equals(await buffer(await driver.read(one))))
      assert.ok(bytes.subarray(0, 3000).equals(await buffer(await driver.read(two))))
    },
  ],
  [
    'nothing is visible before the write is whole',
    async (driver) => {
      async function* watched(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(700_000)
        assert.equal(await driver.stat(one), undefined)
        assert.deepEqual(await keysOf(driver, 'uploads'), [])
        yield Buffer.alloc(700_000)
      }
      await driver.write(one, watched())
      assert.equal((await driver.stat(one))?.size, 1_400_000)
    },
  ],
  [
    'every chunk is given back once, when its bytes are in the object',
    async (driver) => {
      const pieces = [1, 70_000, 600_000, 3, 900_000].map((size) => randomBytes(size))
      const copies = pieces.map((piece) => Buffer.from(piece))
      await driver.write(one, pieces, { written: (chunk) => void chunk.fill(0) })
      assert.ok(Buffer.concat(copies).equals(await buffer(await driver.read(one))))
      assert.ok(pieces.every((piece) => piece.every((byte) => byte === 0)))
    },
  ],
  [
    'a source that fails leaves nothing, and its own error is the one that is thrown',
    async (driver) => {
      const failure = new Error('the client went away')
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(700_000)
        throw failure
      }
      await assert.rejects(driver.write(one, broken()), (error) => error === failure)
      await requireEmpty(driver)
    },
  ],
  [
    'a write that fails leaves the object that was there before',
    async (driver) => {
      await driver.write(one, chunks('old'))
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('new')
        throw new Error('the client went away')
      }
      await assert.rejects(driver.write(one, broken()))
      assert.equal(await text(driver.read(one)), 'old')
    },
  ],
  [
    'a signal ends a write that waits for bytes, and leaves nothing',
    async (driver) => {
      const controller = new AbortController()
      const reason = new Error('enough')
      async function* endless(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(700_000)
        setImmediate(() => controller.abort(reason))
        await new Promise(() => undefined)
      }
      const write = driver.write(one, endless(), { signal: controller.signal })
      await assert.rejects(write, (error) => error === reason)
      await assert.rejects(driver.write(one, chunks('late'), { signal: controller.signal }))
      await requireEmpty(driver)
    },
  ],
  [
    'a destination may be decided by the content, after the last byte',
    async (driver) => {
      let seen = 0
      async function* counted(): AsyncGenerator<Uint8Array> {
        for (const chunk of chunks('ab', 'cd')) {
          seen += chunk.length
          yield chunk
        }
      }
      const written = await driver.write(() => parseKey(`uploads/${seen}`), counted())
      assert.equal(written.key, 'uploads/4')
      assert.equal(await text(driver.read(written.key)), 'abcd')
    },
  ],
  [
    'a destination that refuses leaves nothing',
    async (driver) => {
      const refusal = new Error('wrong digest')
      const refuse = (): Key => {
        throw refusal
      }
      await assert.rejects(driver.write(refuse, chunks('x')), (error) => error === refusal)
      await requireEmpty(driver)
    },
  ],
  [
    'of several writers of one key the object is one of theirs, whole',
    async (driver) => {
      const sources = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(300_000))
      await Promise.all(sources.map((source) => driver.write(one, chunks(source))))
      assert.ok(sources.includes(await text(driver.read(one))))
      assert.deepEqual(await keysOf(driver, 'uploads'), [one])
    },
  ],
  [
    'a write replaces the object',
    async (driver) => {
      await driver.write(one, chunks('first'))
      await driver.write(one, chunks('second, longer'))
      assert.equal(await text(driver.read(one)), 'second, longer')
    },
  ],
]
