// The files beside the database that an installation cannot do without: the key of second factors, the certificate
// authority, the anchored heads of the audit log, the settings. Read before the database, so that no head is newer than
// the rows of the snapshot.
import { createReadStream } from 'node:fs'
import { chmod, mkdir, open, readdir, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { getChecked, putHashed, type Archive } from './archive.ts'
import { fileKey } from './layout.ts'
import type { Snapshot, SnapshotFile } from './snapshot.ts'

const folders = ['keys', 'tls'] as const
export const settingsFile = 'carrel.yaml'
const files = ['audit-heads.jsonl', settingsFile] as const
const mostFiles = 1000
const plainName = /^[A-Za-z0-9_-][\w.-]*$/

export async function storeFiles(
  archive: Archive,
  id: string,
  dataDir: string,
): Promise<readonly SnapshotFile[]> {
  const stored: SnapshotFile[] = []
  for (const path of (await pathsIn(dataDir)).slice(0, mostFiles)) {
    const info = await stat(join(dataDir, path)).catch(ifAbsent)
    if (info?.isFile() !== true) continue
    const number = stored.length
    const source = createReadStream(join(dataDir, path)) as AsyncIterable<Uint8Array>
    const written = await putHashed(archive, fileKey(id, number), source)
    stored.push({ path, number, mode: info.mode & 0o777, ...written })
  }
  return stored
}

async function pathsIn(dataDir: string): Promise<readonly string[]> {
  const paths: string[] = [...files]
  for (const folder of folders) {
    // What begins with a dot is being written.
    const names = (await readdir(join(dataDir, folder)).catch(ifAbsent)) ?? []
    for (const name of names.toSorted()) if (plainName.test(name)) paths.push(`${folder}/${name}`)
  }
  return paths
}

/** `nameOf` says what a file is called here; undefined: it is left out. */
export async function restoreFiles(
  archive: Archive,
  { id, files: stored }: Snapshot,
  dataDir: string,
  nameOf: (path: string) => string | undefined,
): Promise<number> {
  let count = 0
  for (const file of stored) {
    const path = nameOf(file.path)
    if (path === undefined) continue
    const place = join(dataDir, path)
    await mkdir(dirname(place), { recursive: true, mode: 0o700 })
    await writeDurably(place, getChecked(archive, fileKey(id, file.number), file))
    await chmod(place, file.mode)
    await syncFolder(dirname(place))
    count += 1
  }
  await syncFolder(dataDir)
  return count
}

async function writeDurably(place: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = `${place}.restored`
  {
    await using handle = await open(temporary, 'wx', 0o600)
    for await (const chunk of bytes) await handle.writeFile(chunk)
    await handle.sync()
  }
  await rename(temporary, place)
}

async function syncFolder(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync().catch((error: unknown) => {
    // Some file systems cannot sync a folder; then the new name is as durable as they make it.
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (!['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR', 'EBADF'].includes(code)) throw error
  })
}

function ifAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  return undefined
}
