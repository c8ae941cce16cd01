import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { StorageUnavailableError } from '../../oci/errors.ts'
import { insertBlob } from '../blobs.ts'
import { metadataSuite } from '../metadata-suite.ts'
import { ensureSetting, findSetting } from '../settings.ts'
import { digest } from '../suite-cases/case.ts'
import { anSqliteFile } from '../test-support/sqlite.ts'
import { openAt } from '../test-support/store-address.ts'
import { openLogIndex } from './sqlite-read-cache.ts'
import { openSqlite } from './sqlite.ts'

metadataSuite('metadata on SQLite', async (t) => {
  const address = await anSqliteFile(t)
  // Open all the while: the log's index goes away with the last connection.
  const first = await openAt(address, { migrate: true })
  t.after(async () => first[Symbol.asyncDispose]())
  return { ...address, logIndex: openLogIndex(address.file) }
})

test('after a sync that failed nothing is acknowledged any more, and reads go on', async (t) => {
  const address = await anSqliteFile(t)
  let isBroken = false
  await using store = await openSqlite({
    ...address,
    migrate: true,
    syncLog: async (log) => {
      if (isBroken) throw new Error('EIO: i/o error, fdatasync')
      await log.sync()
    },
  })
  await store.write(async (tx) => ensureSetting(tx, 'before', 'value'))
  isBroken = true
  const waiting = Array.from({ length: 8 }, async (_, number) =>
    store.write(async (tx) => ensureSetting(tx, `key-${number}`, 'value')),
  )
  for (const outcome of await Promise.allSettled(waiting)) {
    assert.equal(outcome.status, 'rejected')
    assert.ok(outcome.reason instanceof StorageUnavailableError)
  }
  isBroken = false
  let hasRun = false
  for (const durable of [true, false]) {
    const write = store.write(
      async () => {
        hasRun = true
      },
      { durable },
    )
    await assert.rejects(write, StorageUnavailableError)
  }
  assert.equal(hasRun, false)
  assert.equal(await findSetting(store, 'before'), 'value')
  assert.equal(await store.read(async (tx) => findSetting(tx, 'before')), 'value')
})

test('a write resolves only after a sync that began when it was committed', async (t) => {
  const address = await anSqliteFile(t)
  let began = 0
  let ended = 0
  await using store = await openSqlite({
    ...address,
    migrate: true,
    syncLog: async (log) => {
      began += 1
      await new Promise((resolve) => setTimeout(resolve, 5))
      await log.sync()
      ended += 1
    },
  })
  await Promise.all(
    Array.from({ length: 30 }, async (_, number) => {
      await new Promise((resolve) => setTimeout(resolve, number % 7))
      let begunBefore = Infinity
      await store.write(async (tx) => {
        await ensureSetting(tx, `key-${number}`, 'value')
        begunBefore = began
      })
      assert.ok(ended > begunBefore, 'no sync began and ended since the write ran')
    }),
  )
  assert.ok(began < 30, 'syncs are shared')
  const syncs = began
  await store.write(async (tx) => ensureSetting(tx, 'last', 'value'), { durable: false })
  assert.equal(began, syncs)
})

test('closing waits for writes that were begun', async (t) => {
  const address = await anSqliteFile(t)
  await using other = await openAt(address, { migrate: true })
  const closing = await openAt(address)
  const writes = Array.from({ length: 200 }, async (_, number) =>
    closing.write(async (tx) => ensureSetting(tx, `key-${number}`, 'value')),
  )
  await closing[Symbol.asyncDispose]()
  await Promise.all(writes)
  assert.equal(await findSetting(other, 'key-199'), 'value')
})

test('openers that all bring the schema up to date at once get along', async (t) => {
  const address = await anSqliteFile(t)
  const stores = await Promise.all(
    Array.from({ length: 5 }, async () => openAt(address, { migrate: true })),
  )
  for (const store of stores) {
    await store.write(async (tx) => ensureSetting(tx, 'key', 'value'))
    await store[Symbol.asyncDispose]()
  }
})

test('a database of a newer version is refused and left alone', async (t) => {
  const address = await anSqliteFile(t)
  await (await openAt(address, { migrate: true }))[Symbol.asyncDispose]()
  const db = new DatabaseSync(address.file)
  db.prepare('insert into migrations values (?, ?)').run('9999-future', 1)
  db.close()
  await assert.rejects(openAt(address, { migrate: true }), /9999-future.*newer version/)
})

test('the log is begun anew after maintenance, so it does not grow for ever', async (t) => {
  const address = await anSqliteFile(t)
  await using store = await openAt(address, { migrate: true })
  const fill = async (round: number) => {
    for (let number = 0; number < 20; number += 1) {
      const content = Buffer.alloc(1024 * 1024, number + 1)
      const size = content.length
      const row = { digest: digest(`${round}-${number}`), size, storageKey: undefined, content }
      await store.write(async (tx) => insertBlob(tx, row), { durable: false })
    }
  }
  const logSize = async () => (await stat(`${address.file}-wal`)).size
  await fill(1)
  const once = await logSize()
  assert.ok(once > 16 * 1024 * 1024)
  for (let round = 2; round < 4; round += 1) {
    await store.maintain()
    await fill(round)
  }
  assert.ok((await logSize()) < once * 1.2, 'the log has grown')
  assert.ok((await stat(address.file)).size > once)
})
