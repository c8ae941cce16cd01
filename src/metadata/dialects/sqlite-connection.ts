// Connections to the embedded database: how they are set up, and how its schema is brought up to date.
import { DatabaseSync } from 'node:sqlite'
import { sqliteWords, type MigrationTarget } from '../migrations/migrate.ts'

/** Only other processes make a writer wait this way (write-turn.ts). */
const busyTimeoutMs = 5000

export function connect(file: string): DatabaseSync {
  const db = new DatabaseSync(file)
  db.exec(`
    PRAGMA busy_timeout = ${busyTimeoutMs};
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA foreign_keys = ON;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -4096;
    PRAGMA temp_store = MEMORY;
  `)
  return db
}

/** @throws {Error} when this build of SQLite is one that can damage a log with two connections */
export function requireSafeVersion(db: DatabaseSync): void {
  const version = String(db.prepare('select sqlite_version() as version').get()?.['version'])
  if (isSafeVersion(version)) return
  throw new Error(
    `This Node.js brings SQLite ${version}, which can damage a database that several threads use. ` +
      'Start Carrel with Node.js 24.21 or newer.',
  )
}

/** SQLite before 3.51.3 can damage a log that two connections use (https://sqlite.org/wal.html#walresetbug). */
export function isSafeVersion(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const rank = (major * 1000 + minor) * 1000 + patch
  return rank >= 3_051_003 || version === '3.50.7' || version === '3.44.6'
}

export function sqliteMigrations(db: DatabaseSync): MigrationTarget {
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
        // A command beside a server that starts may have been quicker: both saw the step missing.
        const done = db.prepare('select 1 from migrations where name = ?').get(name) !== undefined
        for (const statement of done ? [] : statements) db.exec(statement)
        if (!done) db.prepare('insert into migrations values (?, ?)').run(name, Date.now())
        db.exec('COMMIT; PRAGMA synchronous = NORMAL')
      } catch (error) {
        db.exec('ROLLBACK')
        throw error
      }
    },
  }
}
