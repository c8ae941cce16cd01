// A database file for one test, gone when the test is over.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createTurnState } from '../dialects/write-turn.ts'
import type { StoreAddress } from './store-address.ts'

export type SqliteAddress = Extract<StoreAddress, { dialect: 'sqlite' }>

/** With the turn that all stores in one process must share: one that waits by SQLite's own means stops the thread. */
export async function anSqliteFile(t: TestContext): Promise<SqliteAddress> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-metadata-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  return { dialect: 'sqlite', file: join(folder, 'carrel.db'), turn: createTurnState() }
}
