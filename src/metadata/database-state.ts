// What a database says of itself when it is inspected (dialects/*-inspect.ts). For fsck and doctor.
export interface DatabaseState {
  /** Such as `SQLite 3.53.4`. */
  readonly engine: string
  /** No Carrel has been here before. */
  readonly empty: boolean
  /** Schema steps that this Carrel has and the database does not. */
  readonly pending: readonly string[]
  /** Schema steps that the database has and this Carrel does not know. */
  readonly unknown: readonly string[]
  /** What is damaged, in the words of the database; empty when it is whole or cannot tell. */
  readonly damage: readonly string[]
  /** Settings under which less is kept than Carrel promises, such as `fsync = off`. */
  readonly unsafe: readonly string[]
  /** How far the clock of its machine is ahead of ours; absent where it is the same one. */
  readonly clockAheadMs?: number
}

/** SQLITE_CORRUPT, SQLITE_NOTADB. */
const sqliteDamage: readonly number[] = [11, 26]
/** data_corrupted, index_corrupted. */
const postgresDamage: readonly string[] = ['XX001', 'XX002']

/** Whether a query failed because the database is damaged. */
export function isDatabaseDamage(error: unknown): boolean {
  const { errcode, code } = error as { readonly errcode?: number; readonly code?: string }
  if (errcode !== undefined) return sqliteDamage.includes(errcode & 0xff)
  return code !== undefined && postgresDamage.includes(code)
}
