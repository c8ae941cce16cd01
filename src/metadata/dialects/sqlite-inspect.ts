// Looks at an SQLite database without changing it, by a connection of its own.
import { DatabaseSync } from 'node:sqlite'
import { isDatabaseDamage, type DatabaseState } from '../database-state.ts'
import { compareSchema } from '../migrations/migrate.ts'

/** `thorough` compares each index with its table as well, which takes several times as long. */
export type Care = 'quick' | 'thorough'

/**
 * Reads the whole file. The thread stands still meanwhile.
 *
 * @throws {Error} when the file cannot be opened
 */
export function inspectSqlite(file: string, care: Care): DatabaseState {
  const engine = `SQLite ${process.versions['sqlite'] ?? ''}`
  const db = new DatabaseSync(file)
  try {
    db.exec('PRAGMA busy_timeout = 5000; PRAGMA query_only = ON')
    const damage = findDamage(db, care)
    // Then the schema may be damaged as well, and must not be asked.
    if (damage.length > 0) {
      return { engine, empty: false, pending: [], unknown: [], damage, unsafe: [] }
    }
    const applied = appliedTo(db)
    return { engine, empty: applied.length === 0, ...compareSchema(applied), damage, unsafe: [] }
  } finally {
    db.close()
  }
}

const checks = { quick: 'quick_check', thorough: 'integrity_check' } as const

function findDamage(db: DatabaseSync, care: Care): readonly string[] {
  try {
    const rows = db.prepare(`PRAGMA ${checks[care]}(20)`).all()
    const lines = rows.flatMap((row) => String(Object.values(row)[0]).split('\n'))
    return lines.filter((line) => line !== 'ok').slice(0, 20)
  } catch (error) {
    if (!isDatabaseDamage(error)) throw error
    return [(error as Error).message]
  }
}

function appliedTo(db: DatabaseSync): readonly string[] {
  const table = "select 1 from sqlite_master where type = 'table' and name = 'migrations'"
  if (db.prepare(table).get() === undefined) return []
  const rows = db.prepare('select name from migrations').all()
  return rows.map((row) => String(row['name']))
}
