// What the rest of Carrel sees of the database: transactions over queries that are compiled once.
import type { Query } from './query.ts'

export interface Reader {
  all<P, R>(query: Query<P, R>, parameters: P): Promise<readonly R[]>
  one<P, R>(query: Query<P, R>, parameters: P): Promise<R | undefined>
}

/** Statements of one transaction. Await nothing but these inside the callback: the write lock is held meanwhile. */
export interface Transaction extends Reader {
  /** Runs a changing statement; returns how many rows it changed. */
  run<P, R>(query: Query<P, R>, parameters: P): Promise<number>
}

/** Used as a Reader it runs single statements, each its own snapshot. */
export interface MetadataStore extends Reader, AsyncDisposable {
  readonly dialect: 'sqlite' | 'postgres'
  /** All queries of `work` see one snapshot. */
  read<T>(work: (tx: Reader) => Promise<T>): Promise<T>
  /**
   * All or nothing, one after another: what it found in a row that it changes, no other write has changed meanwhile.
   * To keep that, PostgreSQL may run `work` several times.
   *
   * Durable when it resolves, unless `durable: false`, which is for what may be forgotten in a power loss because
   * nobody was promised it (an unfinished upload).
   *
   * @throws {StorageUnavailableError} when the database cannot make it durable; nothing is acknowledged then
   * @throws {StorageFullError} when the disk is full
   */
  write<T>(work: (tx: Transaction) => Promise<T>, options?: { durable?: boolean }): Promise<T>
  /** Moves what the log holds to the database file where the dialect needs that; cheap when there is nothing. */
  maintain(): Promise<void>
}
