// The embedded database. A commit writes the log (WAL) without waiting for the disk; durability is one fdatasync of
// the log, shared by all commits that came before it. That is what `synchronous=FULL` does, except that the event loop
// does not stand still meanwhile and many writes share one commit and one sync.
// See docs/decisions/0010-group-commit.md.
import type { DatabaseSync } from 'node:sqlite'
import { StorageFullError, StorageUnavailableError } from '../../oci/errors.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata-store.ts'
import { migrate } from '../migrations/migrate.ts'
import type { Query } from '../query.ts'
import { createGroupSync, type GroupSync } from './group-sync.ts'
import { connect, requireSafeVersion, sqliteMigrations } from './sqlite-connection.ts'
import { openLog, type WriteLog } from './sqlite-log.ts'
import { createReadCache, openLogIndex } from './sqlite-read-cache.ts'
import { statementsOf } from './sqlite-statements.ts'
import { createTurnState, createWriteTurn, type TurnState, type WriteTurn } from './write-turn.ts'

export interface SqliteOptions {
  readonly file: string
  /** Only one opener of an installation migrates: the supervisor, or a command without one. */
  readonly migrate?: boolean
  /** The threads of one process share it. */
  readonly turn?: TurnState
  /** Of this process (openLogIndex); without it, one is opened and never closed. */
  readonly logIndex?: number
  /** Replaces the sync of the log, so that a test can make it fail. */
  readonly syncLog?: (log: WriteLog) => Promise<void>
}

/** So many writes share one commit at most. */
const batchSize = 64
/** In pages of 4 KiB. A log that is longer is begun anew as soon as it has been copied. */
const longLog = 4096
/** So many connections are kept for the next reads. */
const idleSnapshots = 4

/**
 * Opens the database of an installation; several threads and processes may have it open.
 *
 * @throws {Error} when this build of SQLite is one that can damage a log with two connections
 */
export async function openSqlite(options: SqliteOptions): Promise<MetadataStore> {
  const writer = connect(options.file)
  requireSafeVersion(writer)
  if (options.migrate === true) await migrate(sqliteMigrations(writer))
  const openReader = (): DatabaseSync => {
    const db = connect(options.file)
    db.exec('PRAGMA query_only = ON')
    return db
  }
  const reader = openReader()
  const log = await openLog(options.file, writer)
  const sync = createGroupSync(async () => (options.syncLog ?? ((one) => one.sync()))(log))
  const turn = createWriteTurn(options.turn ?? createTurnState())
  const logIndex = options.logIndex ?? openLogIndex(options.file)
  return new SqliteStore({ writer, reader, openReader, log, sync, turn, logIndex })
}

interface Parts {
  readonly writer: DatabaseSync
  /** For single statements. */
  readonly reader: DatabaseSync
  readonly openReader: () => DatabaseSync
  readonly log: WriteLog
  readonly sync: GroupSync
  readonly turn: WriteTurn
  readonly logIndex: number
}

/** A connection for reads of several statements. */
interface Snapshot {
  readonly db: DatabaseSync
  readonly reads: Reader
}

/** A write that waits for its turn. `settle` tells how it went, after the commit. */
interface PendingWrite {
  readonly work: (tx: Transaction) => Promise<unknown>
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

class SqliteStore implements MetadataStore {
  readonly dialect = 'sqlite'
  readonly #parts: Parts
  readonly #writes: Transaction
  readonly #reads: Reader
  readonly #cachedReads: Reader
  #pending: PendingWrite[] = []
  #committing: Promise<void> | undefined
  readonly #snapshots: Snapshot[] = []
  #isClosed = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.#writes = statementsOf(parts.writer)
    this.#reads = statementsOf(parts.reader)
    this.#cachedReads = statementsOf(parts.reader, createReadCache(parts.logIndex))
  }

  async all<P, R>(query: Query<P, R>, parameters: P): Promise<readonly R[]> {
    return this.#reads.all(query, parameters)
  }

  async one<P, R>(query: Query<P, R>, parameters: P): Promise<R | undefined> {
    return this.#cachedReads.one(query, parameters)
  }

  /** A connection of its own: single statements, and reads that begin later, must not see its older moment. */
  async read<T>(work: (tx: Reader) => Promise<T>): Promise<T> {
    const snapshot = this.#snapshots.pop() ?? this.#openSnapshot()
    snapshot.db.exec('BEGIN')
    try {
      return await work(snapshot.reads)
    } finally {
      snapshot.db.exec('COMMIT')
      if (this.#isClosed || this.#snapshots.length === idleSnapshots) snapshot.db.close()
      else this.#snapshots.push(snapshot)
    }
  }

  #openSnapshot(): Snapshot {
    const db = this.#parts.openReader()
    return { db, reads: statementsOf(db) }
  }

  async write<T>(
    work: (tx: Transaction) => Promise<T>,
    { durable = true }: { durable?: boolean } = {},
  ): Promise<T> {
    const { sync } = this.#parts
    sync.requireHealthy()
    const result = await new Promise<unknown>((resolve, reject) => {
      this.#pending.push({ work, resolve, reject })
      this.#committing ??= this.#commitPending()
    })
    if (durable) await sync.sync()
    return result as T
  }

  async #commitPending(): Promise<void> {
    const { turn } = this.#parts
    while (this.#pending.length > 0) {
      await turn.take()
      const batch = this.#pending.splice(0, batchSize)
      const settle = await this.#commit(batch).finally(() => turn.release())
      settle()
    }
    this.#committing = undefined
  }

  /** One transaction for all; each write of it is all or nothing by itself. Returns what tells the outcomes. */
  async #commit(batch: readonly PendingWrite[]): Promise<() => void> {
    const { writer } = this.#parts
    const outcomes: (() => void)[] = []
    try {
      writer.exec('BEGIN IMMEDIATE')
      for (const write of batch) outcomes.push(await this.#runOne(write, batch.length > 1))
      writer.exec('COMMIT')
      return () => {
        for (const tell of outcomes) tell()
      }
    } catch (error) {
      if (writer.isTransaction) writer.exec('ROLLBACK')
      const failure = translate(error)
      return () => {
        for (const { reject } of batch) reject(failure)
      }
    }
  }

  async #runOne({ work, resolve, reject }: PendingWrite, nested: boolean): Promise<() => void> {
    const { writer } = this.#parts
    if (nested) writer.exec('SAVEPOINT one')
    try {
      const result = await work(this.#writes)
      if (nested) writer.exec('RELEASE one')
      return () => resolve(result)
    } catch (error) {
      // A full disk or a broken file may have ended the whole transaction already.
      if (!nested || !writer.isTransaction) throw error
      writer.exec('ROLLBACK TO one; RELEASE one')
      return () => reject(translate(error))
    }
  }

  async maintain(): Promise<void> {
    const { writer, turn } = this.#parts
    const copied = writer.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()
    if (Number(copied?.['log']) < longLog) return
    // Almost all is copied already, so writers wait for little; without this a log under load never ends.
    await turn.take()
    try {
      writer.exec('PRAGMA wal_checkpoint(RESTART)')
    } finally {
      turn.release()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#committing
    const { sync, log, reader, writer } = this.#parts
    await sync.settled()
    await log.close()
    this.#isClosed = true
    for (const { db } of this.#snapshots) db.close()
    reader.close()
    writer.close()
  }
}

function translate(error: unknown): unknown {
  const code = (error as { errcode?: number }).errcode
  if (code === undefined) return error
  const primary = code & 0xff
  const sqliteBusy = 5
  const sqliteIoError = 10
  const sqliteFull = 13
  if (primary === sqliteFull) return new StorageFullError(undefined, { cause: error })
  if (primary === sqliteIoError || primary === sqliteBusy) {
    return new StorageUnavailableError(undefined, { cause: error })
  }
  return error
}
