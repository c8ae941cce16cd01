// A database that is made aside and published whole, for restore and rebuild.
import { open, stat } from 'node:fs/promises'

export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** Of a file its bytes, of a folder the names in it. */
export async function sync(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}

/** The database is closed by now, so that all of it is in the one file: it may be given its name. */
export async function makeWhole(databaseFile: string): Promise<void> {
  const log = `${databaseFile}-wal`
  if (await isThere(log)) throw new Error(`${log} was not written to ${databaseFile}.`)
  await sync(databaseFile)
}
