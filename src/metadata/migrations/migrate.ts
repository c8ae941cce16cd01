// Forward-only migrations. Each runs in one transaction together with the row that says that it ran, so a crash
// leaves a whole schema of one version or the other.
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
} from 'kysely'
import { init } from './0001-init.ts'
import { access } from './0002-access.ts'
import { keeping } from './0003-keeping.ts'
import type { ColumnWords, Migration } from './migration.ts'

export const migrations: readonly Migration[] = [init, access, keeping]

export const sqliteWords: ColumnWords = {
  text: sql`text`,
  bytes: sql`blob`,
  integer: sql`integer`,
  identity: sql`integer primary key autoincrement`,
  keyed: sql`without rowid`,
}

export const postgresWords: ColumnWords = {
  text: sql`text collate "C"`,
  bytes: sql`bytea`,
  integer: sql`bigint`,
  identity: sql`bigint generated always as identity primary key`,
  keyed: sql``,
}

/** What a dialect must do to be migrated; `apply` runs the statements and the record in one transaction. */
export interface MigrationTarget {
  readonly words: ColumnWords
  applied(): Promise<readonly string[]>
  apply(name: string, statements: readonly string[]): Promise<void>
}

/**
 * Brings the schema up to date; or up to the step `last`, for rows of an older version.
 *
 * @throws {Error} when the database was written by a newer Carrel
 */
export async function migrate(target: MigrationTarget, last?: string): Promise<void> {
  const applied = new Set(await target.applied())
  const known = new Set(migrations.map((migration) => migration.name))
  for (const name of applied) {
    if (!known.has(name)) {
      throw new Error(
        `The database has the schema step ${name}, which this version of Carrel does not know: it was ` +
          'written by a newer version. Start that version, or restore a backup made by this one.',
      )
    }
  }
  for (const migration of migrations) {
    if (!applied.has(migration.name)) {
      const statements = migration.statements(target.words).map((raw) => raw.compile(plain).sql)
      await target.apply(migration.name, statements)
    }
    if (migration.name === last) return
  }
}

/** How the schema of a database differs from the one that this Carrel brings. */
export function compareSchema(applied: readonly string[]): {
  readonly pending: readonly string[]
  readonly unknown: readonly string[]
} {
  const known = migrations.map((migration) => migration.name)
  return {
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  }
}

// Only turns raw SQL without parameters into text; both dialects' words are already in it.
const plain = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})
