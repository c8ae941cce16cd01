import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { nodeFiles } from './file-operations.ts'
import { createWriteAll } from './file-writer.ts'

test('a slow disk holds the source back: at most two batches are in memory', async () => {
  const gate = Promise.withResolvers<void>()
  const writeAll = createWriteAll({ ...nodeFiles, writev: counting(() => gate.promise) })
  let taken = 0
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < 200; index++) {
      taken += 65_536
      yield Buffer.alloc(65_536)
    }
  }
  const writing = writeAll(1, source())
  for (let turns = 0; turns < 20; turns++) await turn()
  assert.equal(taken, 2 * 512 * 1024)
  gate.resolve()
  assert.equal(await writing, 200 * 65_536)
})

test('of tiny chunks a batch takes so many and no more', async () => {
  const sizes: number[] = []
  const writeAll = createWriteAll({
    ...nodeFiles,
    writev: counting(async (chunks) => void sizes.push(chunks.length)),
  })
  const tiny = Array.from({ length: 1000 }, () => Uint8Array.of(7))
  assert.equal(await writeAll(1, tiny), 1000)
  assert.deepEqual(sizes, [256, 256, 256, 232])
})

test('with many streams at once the batches of each are small', async () => {
  const sizes: number[] = []
  const writeAll = createWriteAll({
    ...nodeFiles,
    writev: counting(async (chunks) => void sizes.push(Buffer.concat(chunks).length)),
  })
  const everybody = Promise.withResolvers<void>()
  let begun = 0
  async function* source(): AsyncGenerator<Uint8Array> {
    if (++begun === 200) everybody.resolve()
    await everybody.promise
    for (let index = 0; index < 4; index++) yield Buffer.alloc(65_536)
  }
  await Promise.all(Array.from({ length: 200 }, () => writeAll(1, source())))
  assert.equal(Math.max(...sizes), 65_536)
})

test('a write that failed ends the source at its next chunk, and nothing is under way after', async () => {
  let running = 0
  const writeAll = createWriteAll({
    ...nodeFiles,
    async writev() {
      running++
      await turn()
      running--
      throw new Error('broken disk')
    },
  })
  let isEnded = false
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        await turn()
        yield Buffer.alloc(600_000)
      }
    } finally {
      isEnded = true
    }
  }
  await assert.rejects(writeAll(1, source()), /broken disk/)
  assert.equal(isEnded, true)
  assert.equal(running, 0)
})

test('a long write is over only after the early sync, whose failure is its own', async () => {
  const sync = Promise.withResolvers<void>()
  const writeAll = createWriteAll({
    ...nodeFiles,
    writev: counting(async () => undefined),
    fdatasync: () => sync.promise,
  })
  let isOver = false
  const writing = writeAll(1, [Buffer.alloc(40 * 1024 * 1024)]).finally(() => {
    isOver = true
  })
  writing.catch(() => undefined)
  for (let turns = 0; turns < 20; turns++) await turn()
  assert.equal(isOver, false)
  sync.reject(new Error('broken disk'))
  await assert.rejects(writing, /broken disk/)
})

test('a source that fails is told only after the write that was under way', async () => {
  const gate = Promise.withResolvers<void>()
  const writeAll = createWriteAll({ ...nodeFiles, writev: counting(() => gate.promise) })
  async function* source(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(600_000)
    throw new Error('the client went away')
  }
  let isOver = false
  const writing = writeAll(1, source()).finally(() => {
    isOver = true
  })
  writing.catch(() => undefined)
  for (let turns = 0; turns < 5; turns++) await turn()
  assert.equal(isOver, false)
  gate.resolve()
  await assert.rejects(writing, /went away/)
})

function counting(before: (chunks: readonly Uint8Array[]) => Promise<unknown>) {
  return async (_file: number, chunks: readonly Uint8Array[]): Promise<number> => {
    await before(chunks)
    return Buffer.concat(chunks).length
  }
}
