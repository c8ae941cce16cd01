// The grown-up database: any number of nodes share it. Durability and group commit are PostgreSQL's own.
import { Pool, types, type PoolClient } from 'pg'
import { StorageFullError, StorageUnavailableError } from '../../oci/errors.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata-store.ts'
import { migrate, postgresWords, type MigrationTarget } from '../migrations/migrate.ts'
import type { CompiledSql, Query } from '../query.ts'

export interface PostgresOptions {
  readonly url: string
  readonly migrate?: boolean
  /** The schema goes up to this step only. */
  readonly migrateTo?: string | undefined
  readonly maxConnections?: number
}

const int8 = 20
/** With another write on the same rows: the loser of each round tries again, and there may be many. */
const attemptsAtConflicts = 40
/** A reference to what was taken away meanwhile: the next attempt sees that it is gone. */
const attemptsAtViolations = 3
const longestPauseMs = 40
/** Any two numbers that nothing else in this database locks. */
const migrationLock = 0x43617272

/**
 * Opens the database of an installation on a PostgreSQL server.
 *
 * @throws {Error} when the server runs with fsync=off: nothing could be promised there
 */
export async function openPostgres(options: PostgresOptions): Promise<MetadataStore> {
  const pool = new Pool({
    connectionString: options.url,
    max: options.maxConnections ?? 8,
    application_name: 'carrel',
    types: {
      getTypeParser: ((oid: number, format?: 'text'): unknown =>
        oid === int8 ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
    },
  })
  // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
  pool.on('error', ignore)
  try {
    await requireDurable(pool)
    if (options.migrate === true) await migrateLocked(pool, options.migrateTo)
  } catch (error) {
    await pool.end()
    throw error
  }
  return new PostgresStore(pool)
}

async function requireDurable(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ fsync: string }>('show fsync')
  if (rows[0]?.fsync === 'on') return
  throw new Error(
    'The PostgreSQL server runs with fsync=off, so a power loss could take acknowledged images with it. ' +
      'Set fsync = on in postgresql.conf and restart it.',
  )
}

class PostgresStore implements MetadataStore {
  readonly dialect = 'postgres'
  readonly #pool: Pool

  constructor(pool: Pool) {
    this.#pool = pool
  }

  async all<P, R>(query: Query<P, R>, parameters: P): Promise<readonly R[]> {
    const compiled = query.compiled.postgres
    const values = compiled.bind(parameters as never)
    const outcome = await this.#pool
      .query({ name: compiled.name, text: compiled.sql, values })
      .catch((error: unknown) => {
        throw translate(error)
      })
    return outcome.rows as R[]
  }

  async one<P, R>(query: Query<P, R>, parameters: P): Promise<R | undefined> {
    return (await this.all(query, parameters))[0]
  }

  async read<T>(work: (tx: Reader) => Promise<T>): Promise<T> {
    const begin = 'begin isolation level repeatable read read only'
    return this.#transaction(begin, 'commit', work).catch((error: unknown) => {
      throw translate(error)
    })
  }

  async write<T>(
    work: (tx: Transaction) => Promise<T>,
    { durable = true }: { durable?: boolean } = {},
  ): Promise<T> {
    // So that nothing is decided on a row that another write changes meanwhile: that one, or this one, begins again.
    const isolated = 'begin isolation level repeatable read'
    // Said each time: the server's own default may be off.
    const begin = `${isolated}; set local synchronous_commit = ${durable ? 'on' : 'off'}`
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#transaction(begin, 'commit', work)
      } catch (error) {
        if (attempt >= attemptsAt(error)) throw translate(error)
        const pauseMs = Math.min(5 * attempt, longestPauseMs)
        await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMs))
      }
    }
  }

  async #transaction<T>(
    begin: string,
    end: string,
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw translate(error)
    })
    let broken: unknown
    // The query under way tells of a connection that breaks; without a listener it would end the process.
    client.on('error', ignore)
    try {
      await client.query(begin)
      const result = await work(statementsOf(client))
      await client.query(end)
      return result
    } catch (error) {
      await client.query('rollback').catch((failure: unknown) => {
        broken = failure
      })
      throw error
    } finally {
      client.off('error', ignore)
      client.release(broken !== undefined)
    }
  }

  maintain(): Promise<void> {
    return Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end()
  }
}

function ignore(): void {}

/** Statements are prepared by name once per connection, by pg. */
function statementsOf(client: PoolClient): Transaction {
  const execute = async (compiled: CompiledSql, parameters: unknown) =>
    client.query({
      name: compiled.name,
      text: compiled.sql,
      values: compiled.bind(parameters as never),
    })
  return {
    async all<P, R>(query: Query<P, R>, parameters: P) {
      return (await execute(query.compiled.postgres, parameters)).rows as R[]
    },
    async one<P, R>(query: Query<P, R>, parameters: P) {
      return (await execute(query.compiled.postgres, parameters)).rows[0] as R | undefined
    },
    async run<P, R>(query: Query<P, R>, parameters: P) {
      return (await execute(query.compiled.postgres, parameters)).rowCount ?? 0
    },
  }
}

function attemptsAt(error: unknown): number {
  const code = (error as { code?: string }).code
  // Serialization failure, deadlock.
  if (code === '40001' || code === '40P01') return attemptsAtConflicts
  // Foreign key, unique key.
  return code === '23503' || code === '23505' ? attemptsAtViolations : 1
}

/** What pg says of a broken connection in words alone. */
const lostWords =
  /^(?:Connection terminated|Client has encountered a connection error|timeout exceeded)/

function translate(error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string }
  if (code === '53100')
    return new StorageFullError('The disk of the database is full.', { cause: error })
  const lost =
    code === undefined
      ? lostWords.test(message ?? '')
      : /^(?:08|57P|53|ECONN|ETIMEDOUT|EPIPE)/.test(code)
  return lost
    ? new StorageUnavailableError('The database did not answer.', { cause: error })
    : error
}

/** Only one node migrates at a time; the others wait and find nothing left to do. */
async function migrateLocked(pool: Pool, last: string | undefined): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    await migrate(postgresMigrations(client), last)
  } finally {
    await client.query('select pg_advisory_unlock($1)', [migrationLock])
    client.release()
  }
}

function postgresMigrations(client: PoolClient): MigrationTarget {
  return {
    words: postgresWords,
    async applied() {
      await client.query(
        'create table if not exists migrations (name text primary key, applied_at bigint)',
      )
      const { rows } = await client.query<{ name: string }>('select name from migrations')
      return rows.map((row) => row.name)
    },
    async apply(name, statements) {
      await client.query('begin')
      try {
        for (const statement of statements) await client.query(statement)
        await client.query('insert into migrations values ($1, $2)', [name, Date.now()])
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw error
      }
    },
  }
}
