// Two servers on one embedded database would each believe to be the only one. The lock is an exclusive lock of SQLite
// on a file of its own: the system takes it back when the process ends, however it ends.
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** @throws {Error} when another server has the folder */
export function lockData(dataDir: string): Disposable {
  const db = new DatabaseSync(join(dataDir, 'server.lock'))
  try {
    db.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
  } catch (cause) {
    db.close()
    throw new Error(
      `Another Carrel server is running on ${dataDir}. Stop it first, or give this one another folder with --data.`,
      { cause },
    )
  }
  return { [Symbol.dispose]: () => db.close() }
}
