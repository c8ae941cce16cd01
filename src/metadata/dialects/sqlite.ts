// The embedded database. A commit writes the log (WAL) without waiting for the disk; durability is one fdatasync of
// the log, shared by all commits that came before it. That is what `synchronous=FULL` does, except that the event loop
// does not stand still meanwhile and many commits share one sync. See docs/decisions/0010-group-commit.md.
import { open as openFile, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { StorageFullError, StorageUnavailableError } from '../../oci/errors.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata-store.ts'
import { migrate, sqliteWords, type MigrationTarget } from '../migrations/migrate.ts'
import type { CompiledSql, Query } from '../query.ts'
import { createGroupSync, type GroupSync } from './group-sync.ts'

export interface SqliteOptions {
  readonly file: string
  /** Only one opener of an installation migrates: the supervisor, or a command without one. */
  readonly migrate?: boolean
  /** Replaces the sync of the log, so that a test can make it fail. */
  readonly syncLog?: (log: FileHandle) => Promise<void>
}

const busyTimeoutMs = 5000
const logPagesBeforeTruncate = 16_384

/**
 * Opens the database of an installation; several threads and processes may have it open.
 *
 * @throws {Error} when this build of SQLite is one that can damage a log with two connections
 */
export async function openSqlite(options: SqliteOptions): Promise<MetadataStore> {
  const writer = connect(options.file)
  requireSafeVersion(writer)
  if (options.migrate === true) await migrate(sqliteMigrations(writer))
  const reader = connect(options.file)
  reader.exec('PRAGMA query_only = ON')
  const log = await openLog(options.file, writer)
  const sync = createGroupSync(() => options.syncLog?.(log) ?? log.datasync())
  return new SqliteStore(writer, reader, log, sync)
}

function connect(file: string): DatabaseSync {
  const db = new DatabaseSync(file)
  db.exec(`
    PRAGMA busy_timeout = ${busyTimeoutMs};
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA foreign_keys = ON;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -16384;
    PRAGMA temp_store = MEMORY;
  `)
  return db
}

/** SQLite before 3.51.3 can damage a log that two connections use (https://sqlite.org/wal.html#walresetbug). */
function requireSafeVersion(db: DatabaseSync): void {
  const row = db.prepare('select sqlite_version() as version').get()
  const version = String(row?.['version'])
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const rank = (major * 1000 + minor) * 1000 + patch
  if (rank >= 3_051_003 || version === '3.50.7' || version === '3.44.6') return
  throw new Error(
    `This Node.js brings SQLite ${version}, which can damage a database that several threads use. ` +
      'Start Carrel with Node.js 24.21 or newer.',
  )
}

/** Makes sure that the log exists and that its name survives a power loss, and opens it to sync it. */
async function openLog(file: string, writer: DatabaseSync): Promise<FileHandle> {
  writer.exec('BEGIN IMMEDIATE; COMMIT')
  const log = await openFile(`${file}-wal`, 'r+').catch(async () => openFile(`${file}-wal`, 'a+'))
  await log.datasync()
  const folder = await openFile(dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
  return log
}

class SqliteStore implements MetadataStore {
  readonly dialect = 'sqlite'
  readonly #writer: DatabaseSync
  readonly #reader: DatabaseSync
  readonly #log: FileHandle
  readonly #sync: GroupSync
  readonly #writes: Transaction
  readonly #reads: Transaction
  #lastWrite: Promise<unknown> = Promise.resolve()
  #openReads = 0

  constructor(writer: DatabaseSync, reader: DatabaseSync, log: FileHandle, sync: GroupSync) {
    this.#writer = writer
    this.#reader = reader
    this.#log = log
    this.#sync = sync
    this.#writes = statementsOf(writer)
    this.#reads = statementsOf(reader)
  }

  async all<P, R>(query: Query<P, R>, parameters: P): Promise<readonly R[]> {
    return this.#reads.all(query, parameters)
  }

  async one<P, R>(query: Query<P, R>, parameters: P): Promise<R | undefined> {
    return this.#reads.one(query, parameters)
  }

  /** Reads that overlap share a snapshot; none of them outlives the turn of the event loop. */
  async read<T>(work: (tx: Reader) => Promise<T>): Promise<T> {
    if (this.#openReads === 0) this.#reader.exec('BEGIN')
    this.#openReads += 1
    try {
      return await work(this.#reads)
    } finally {
      this.#openReads -= 1
      if (this.#openReads === 0) this.#reader.exec('COMMIT')
    }
  }

  async write<T>(
    work: (tx: Transaction) => Promise<T>,
    { durable = true }: { durable?: boolean } = {},
  ): Promise<T> {
    this.#sync.requireHealthy()
    const turn = this.#lastWrite.then(async () => this.#commit(work))
    this.#lastWrite = turn.catch(() => undefined)
    const result = await turn
    if (durable) await this.#sync.sync()
    return result
  }

  async #commit<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    try {
      this.#writer.exec('BEGIN IMMEDIATE')
      const result = await work(this.#writes)
      this.#writer.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#writer.isTransaction) this.#writer.exec('ROLLBACK')
      throw translate(error)
    }
  }

  maintain(): Promise<void> {
    const row = this.#writer.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()
    if (Number(row?.['log']) > logPagesBeforeTruncate) {
      this.#writer.exec('PRAGMA wal_checkpoint(RESTART)')
    }
    return Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lastWrite
    await this.#sync.settled()
    await this.#log.close()
    this.#reader.close()
    this.#writer.close()
  }
}

/** Statements are prepared once per connection. */
function statementsOf(db: DatabaseSync): Transaction {
  const prepared = new Map<CompiledSql, StatementSync>()
  const statement = (compiled: CompiledSql): StatementSync => {
    let found = prepared.get(compiled)
    if (found === undefined) {
      found = db.prepare(compiled.sql)
      prepared.set(compiled, found)
    }
    return found
  }
  return {
    async all<P, R>(query: Query<P, R>, parameters: P) {
      const compiled = query.compiled.sqlite
      return statement(compiled).all(...(compiled.bind(parameters as never) as never[])) as R[]
    },
    async one<P, R>(query: Query<P, R>, parameters: P) {
      const compiled = query.compiled.sqlite
      return statement(compiled).get(...(compiled.bind(parameters as never) as never[])) as
        | R
        | undefined
    },
    async run<P, R>(query: Query<P, R>, parameters: P) {
      const compiled = query.compiled.sqlite
      const outcome = statement(compiled).run(...(compiled.bind(parameters as never) as never[]))
      return Number(outcome.changes)
    },
  }
}

function translate(error: unknown): unknown {
  const code = (error as { errcode?: number }).errcode
  if (code === undefined) return error
  const primary = code & 0xff
  if (primary === 13) return new StorageFullError('The disk of the database is full.', { cause: error })
  if (primary === 10 || primary === 5) {
    return new StorageUnavailableError('The database did not answer.', { cause: error })
  }
  return error
}

function sqliteMigrations(db: DatabaseSync): MigrationTarget {
  return {
    words: sqliteWords,
    async applied() {
      db.exec('create table if not exists migrations (name text primary key, applied_at integer)')
      return db
        .prepare('select name from migrations')
        .all()
        .map((row) => String(row['name']))
    },
    async apply(name, statements) {
      db.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE')
      try {
        for (const statement of statements) db.exec(statement)
        db.prepare('insert into migrations values (?, ?)').run(name, Date.now())
        db.exec('COMMIT; PRAGMA synchronous = NORMAL')
      } catch (error) {
        db.exec('ROLLBACK')
        throw error
      }
    },
  }
}
