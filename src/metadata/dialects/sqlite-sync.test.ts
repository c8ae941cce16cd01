// What `durable` means on SQLite, seen from outside: by the time a write is acknowledged, a sync has ended that began
// when the log had the write already. Two stores on one file, as two threads of a server have it.
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { StorageUnavailableError } from '../../oci/errors.ts'
import type { MetadataStore } from '../metadata-store.ts'
import { ensureSetting, findSetting } from '../settings.ts'
import { anSqliteFile } from '../test-support/sqlite.ts'
import { openAt } from '../test-support/store-address.ts'
import { openSqlite } from './sqlite.ts'

interface Witness {
  /** For `syncLog`: syncs after a while, and remembers what the log had when the sync began. */
  sync(ms: number, work: () => Promise<void>): Promise<void>
  /** Whether a sync that began with the key in the log has ended. */
  isSynced(key: string): boolean
}

/** A connection of its own sees what the log has. */
function createWitness(file: string): Witness & Disposable {
  const db = new DatabaseSync(file, { readOnly: true })
  const visible = db.prepare('select key from settings')
  const synced = new Set<string>()
  return {
    async sync(ms, work) {
      const began = visible.all().map((row) => String(row['key']))
      await sleep(ms)
      await work()
      for (const key of began) synced.add(key)
    },
    isSynced: (key) => synced.has(key),
    [Symbol.dispose]: () => db.close(),
  }
}

const write = fc.record({
  store: fc.nat({ max: 1 }),
  waitMs: fc.nat({ max: 6 }),
  maintains: fc.constantFrom(false, false, false, true),
})

test('every acknowledged write was in the log before a sync of its own store that has ended', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(write, { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat({ max: 4 }), { minLength: 2, maxLength: 2 }),
      async (writes, syncMs) => {
        const address = await anSqliteFile(t)
        await (await openAt(address, { migrate: true }))[Symbol.asyncDispose]()
        await using stack = new AsyncDisposableStack()
        const witnesses = syncMs.map(() => stack.use(createWitness(address.file)))
        const stores: MetadataStore[] = []
        for (const [index, ms] of syncMs.entries()) {
          const syncLog = async (log: { sync(): Promise<void> }) =>
            witnesses[index]?.sync(ms, async () => log.sync())
          stores.push(stack.use(await openSqlite({ ...address, syncLog })))
        }
        const early: string[] = []
        await Promise.all(
          writes.map(async ({ store, waitMs, maintains }, number) => {
            await sleep(waitMs)
            if (maintains) await stores[store]?.maintain()
            const key = `key-${number}`
            await stores[store]?.write(async (tx) => ensureSetting(tx, key, 'value'))
            if (witnesses[store]?.isSynced(key) !== true) early.push(key)
          }),
        )
        assert.deepEqual(early, [])
      },
    ),
    { numRuns: 20 },
  )
})

test('a sync that fails in one store does not make another one lie', async (t) => {
  const address = await anSqliteFile(t)
  await using whole = await openAt(address, { migrate: true })
  const broken = await openSqlite({
    ...address,
    syncLog: async () => {
      throw new Error('EIO: i/o error, fdatasync')
    },
  })
  await assert.rejects(
    broken.write(async (tx) => ensureSetting(tx, 'unsynced', 'value')),
    StorageUnavailableError,
  )
  // It is in the log all the same: what comes after it in the log makes it durable too.
  await whole.write(async (tx) => ensureSetting(tx, 'synced', 'value'))
  assert.equal(await findSetting(broken, 'synced'), 'value')
  await broken[Symbol.asyncDispose]()
})
