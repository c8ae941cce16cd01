// Small files that appear whole or not at all, and survive a power cut: written beside their place,
// synced, then moved. Each holds a key together with its certificate, so no mixture can appear.

import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

export interface DurableFile {
  readonly path: string
  readonly text: string
  /** Permission bits, for example 0o600. */
  readonly mode: number
}

const temporaryPattern = /^\..+\.[0-9a-f]{12}\.tmp$/
const temporaryLifetimeMs = 60 * 60 * 1000
/** What link(2) answers on file systems without hard links. */
const noLinkCodes = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK'])

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}

/** The text, or undefined when there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Makes the folder and what is missing above it, so that the names of all of them survive a power cut. */
export async function makeDurableFolder(folder: string): Promise<void> {
  const path = resolve(folder)
  const first = (await mkdir(path, { recursive: true, mode: 0o700 })) ?? path
  // The name of the folder itself always: whoever made it may have been killed before the sync.
  let parent = dirname(path)
  await syncFolder(parent)
  while (parent.length > dirname(first).length) {
    parent = dirname(parent)
    await syncFolder(parent)
  }
}

/** Replaces the file, or makes it. */
export async function replaceFile(file: DurableFile): Promise<void> {
  const temporary = await writeTemporary(file)
  try {
    await rename(temporary, file.path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(file.path))
}

/** Makes the file unless it is there already. Of several processes at once exactly one succeeds. */
export async function createFile(file: DurableFile): Promise<void> {
  const temporary = await writeTemporary(file)
  try {
    await linkUnlessThere(temporary, file.path)
  } finally {
    await rm(temporary, { force: true })
  }
  await syncFolder(dirname(file.path))
}

async function linkUnlessThere(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path)
  } catch (error) {
    const code = errorCode(error) ?? ''
    if (code === 'EEXIST') return
    if (!noLinkCodes.has(code)) throw error
    // Without hard links there is no atomic "only if absent" for a whole file. What is left is a
    // gap of microseconds, and both files would be complete.
    if ((await readIfThere(path)) === undefined) await rename(temporary, path)
  }
}

/** Removes what a killed process left; it may hold a key. Young ones may belong to a live process. */
export async function removeOldTemporaries(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => temporaryPattern.test(name))
  for (const name of names.slice(0, 100)) {
    const path = join(folder, name)
    const modifiedMs = (await stat(path).catch(() => undefined))?.mtimeMs
    if (modifiedMs === undefined || Date.now() - modifiedMs < temporaryLifetimeMs) continue
    await rm(path, { force: true })
  }
}

async function writeTemporary(file: DurableFile): Promise<string> {
  const name = file.path.slice(dirname(file.path).length + 1)
  const path = join(dirname(file.path), `.${name}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await using handle = await open(path, 'wx', file.mode)
    // The umask may take from a public file what others need. Where modes cannot be set, go on.
    if ((file.mode & 0o077) !== 0) await handle.chmod(file.mode).catch(() => undefined)
    await handle.writeFile(file.text)
    await handle.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
  return path
}

async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, 'r')
    await handle.sync()
  } catch (error) {
    // Some file systems cannot sync a folder; then the rename is as durable as they make it.
    if (!['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR', 'EBADF'].includes(errorCode(error) ?? '')) {
      throw error
    }
  }
}
