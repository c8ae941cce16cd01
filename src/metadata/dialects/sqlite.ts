// The embedded database. A commit writes the log (WAL) without waiting for the disk; durability is one fdatasync of
// the log, shared by all commits that came before it. That is what `synchronous=FULL` does, except that the event loop
// does not stand still meanwhile and many writes share one commit and one sync.
// See docs/decisions/0010-group-commit.md.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { StorageFullError, StorageUnavailableError } from '../../oci/errors.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata-store.ts'
import { migrate } from '../migrations/migrate.ts'
import type { Query } from '../query.ts'
import { createGroupSync, type GroupSync } from './group-sync.ts'
import { connect, requireSafeVersion, sqliteMigrations } from './sqlite-connection.ts'
import { lengthenLog, openLog, type WriteLog } from './sqlite-log.ts'
import { createReadCache } from './sqlite-read-cache.ts'
import { statementsOf } from './sqlite-statements.ts'
import { createTurnState, createWriteTurn, type TurnState, type WriteTurn } from './write-turn.ts'

export interface SqliteOptions {
  readonly file: string
  /** Only one opener of an installation migrates: the supervisor, or a command without one. */
  readonly migrate?: boolean
  /** The schema goes up to this step only. */
  readonly migrateTo?: string | undefined
  /** For a server: its log is made as long as it will be, so that commits do not lengthen it. */
  readonly longLog?: boolean
  /** The threads of one process share it. */
  readonly turn?: TurnState
  /** Of this process (openLogIndex): then rows that were read are kept until anybody commits. */
  readonly logIndex?: number
  /** Replaces the sync of the log, so that a test can make it fail. */
  readonly syncLog?: (log: WriteLog) => Promise<void>
}

/** So many writes share one commit at most. */
const batchSize = 64
/** In pages of 4 KiB. A log that is longer is begun anew as soon as it has been copied. */
const longLog = 4096
/** Room for what is written between two looks at the log under heavy load. */
const lengthenedBytes = 24 * 1024 * 1024
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
  if (options.migrate === true) await migrate(sqliteMigrations(writer), options.migrateTo)
  const openReader = (): DatabaseSync => {
    const db = connect(options.file)
    db.exec('PRAGMA query_only = ON')
    return db
  }
  const reader = openReader()
  const log = await openLog(options.file, writer)
  if (options.longLog === true) await lengthenLog(options.file, writer, lengthenedBytes)
  const sync = createGroupSync(async () => (options.syncLog ?? ((one) => one.sync()))(log))
  const turn = createWriteTurn(options.turn ?? createTurnState())
  const { logIndex } = options
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
  readonly logIndex: number | undefined
}

/** A connection for reads of several statements. */
interface Snapshot {
  readonly db: DatabaseSync
  readonly reads: Reader
}

/** Statements that every write runs, prepared once. */
type Control = Readonly<Record<'begin' | 'commit' | 'savepoint' | 'release', StatementSync>>

function controlOf(db: DatabaseSync): Control {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    savepoint: db.prepare('SAVEPOINT one'),
    release: db.prepare('RELEASE one'),
  }
}

/** A write that waits for the next commit. */
interface PendingWrite {
  readonly work: (tx: Transaction) => Promise<unknown>
  readonly durable: boolean
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** A write after the commit: how it went. */
interface Outcome {
  readonly write: PendingWrite
  readonly tell: () => void
  readonly isCommitted: boolean
}

class SqliteStore implements MetadataStore {
  readonly dialect = 'sqlite'
  readonly #parts: Parts
  readonly #writes: Transaction
  readonly #reads: Reader
  readonly #cachedReads: Reader
  readonly #control: Control
  #pending: PendingWrite[] = []
  #committing: Promise<void> | undefined
  readonly #snapshots: Snapshot[] = []
  #isClosed = false
  #checkpointFailure: Error | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#writes = statementsOf(parts.writer)
    this.#control = controlOf(parts.writer)
    this.#reads = statementsOf(parts.reader)
    const { logIndex } = parts
    const cache = logIndex === undefined ? undefined : createReadCache(logIndex)
    this.#cachedReads = statementsOf(parts.reader, cache)
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
    this.#parts.sync.requireHealthy()
    return new Promise<unknown>((resolve, reject) => {
      this.#pending.push({ work, durable, resolve, reject })
      this.#committing ??= this.#commitPending()
    }) as Promise<T>
  }

  /** What comes while the disk is busy shares the next commit, and its sync. */
  async #commitPending(): Promise<void> {
    const { turn } = this.#parts
    // Requests that arrived together come here one after another.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#pending.length > 0) {
      await turn.take()
      const batch = this.#pending.splice(0, batchSize)
      const outcomes = await this.#commit(batch).finally(() => turn.release())
      await this.#settle(outcomes)
    }
    this.#committing = undefined
  }

  async #settle(outcomes: readonly Outcome[]): Promise<void> {
    const awaiting = outcomes.filter(({ write, isCommitted }) => write.durable && isCommitted)
    for (const outcome of outcomes) if (!awaiting.includes(outcome)) outcome.tell()
    if (awaiting.length === 0) return
    try {
      await this.#parts.sync.sync()
      for (const { tell } of awaiting) tell()
    } catch (error) {
      for (const { write } of awaiting) write.reject(error)
    }
  }

  /** One transaction for all; each write of it is all or nothing by itself. */
  async #commit(batch: readonly PendingWrite[]): Promise<readonly Outcome[]> {
    const { writer } = this.#parts
    const outcomes: Outcome[] = []
    try {
      this.#parts.sync.requireHealthy()
      this.#control.begin.run()
      for (const write of batch) outcomes.push(await this.#runOne(write, batch.length > 1))
      this.#control.commit.run()
      return outcomes
    } catch (error) {
      if (writer.isTransaction) writer.exec('ROLLBACK')
      const failure = translate(error)
      return batch.map((write) => failed(write, failure))
    }
  }

  async #runOne(write: PendingWrite, nested: boolean): Promise<Outcome> {
    const { writer } = this.#parts
    if (nested) this.#control.savepoint.run()
    try {
      const result = await write.work(this.#writes)
      if (nested) this.#control.release.run()
      return { write, tell: () => write.resolve(result), isCommitted: true }
    } catch (error) {
      // A full disk or a broken file may have ended the whole transaction already.
      if (!nested || !writer.isTransaction) throw error
      writer.exec('ROLLBACK TO one; RELEASE one')
      return failed(write, translate(error))
    }
  }

  /** A failed sync is final: what the kernel dropped must not be copied as if it were good. */
  async maintain(): Promise<void> {
    if (this.#checkpointFailure !== undefined) throw this.#checkpointFailure
    try {
      await this.#checkpoint()
    } catch (error) {
      const failure = translate(error) as Error
      if (isFailedSync(error)) this.#checkpointFailure = failure
      throw failure
    }
  }

  async #checkpoint(): Promise<void> {
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

function failed(write: PendingWrite, error: unknown): Outcome {
  return { write, tell: () => write.reject(error), isCommitted: false }
}

/** SQLITE_IOERR_FSYNC and SQLITE_IOERR_DIR_FSYNC. */
function isFailedSync(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode
  return code === 1034 || code === 1290
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
