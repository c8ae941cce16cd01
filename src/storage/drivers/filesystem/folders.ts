// The folders that objects are written into. A new name in a folder survives a power loss only after
// a sync of the folder, and a new folder only after a sync of its parent. Open handles are kept for
// as long as the driver lives: layout.ts makes about 500 folders and no more.

import { constants } from 'node:fs'
import { dirname } from 'node:path'
import { type FileOperations, failedWith } from './file-operations.ts'

export interface Folder {
  readonly path: string
  /** Makes durable every change to the folder that came before the call; one sync serves many. */
  sync(): Promise<void>
}

export interface Folders extends AsyncDisposable {
  /** The folder, made when absent, itself durable in its parent up to the root. */
  get(path: string): Promise<Folder>
}

export function openFolders(files: FileOperations, root: string): Folders {
  const known = new Map<string, Promise<OpenFolder>>()

  /**
   * The parent is synced once even when the folder is there already: another process, or one that
   * was killed, may have made it and never come to the sync.
   */
  async function prepare(path: string): Promise<OpenFolder> {
    if (path !== root) {
      const parent = await get(dirname(path))
      await makeFolder(files, path)
      await syncOrRemove(parent, path)
    }
    return openFolder(files, path)
  }

  /** When the parent could not be synced the folder goes: making it again makes it count again. */
  async function syncOrRemove(parent: OpenFolder, path: string): Promise<void> {
    try {
      await parent.sync()
    } catch (error) {
      await files.rmdir(path).catch(() => undefined)
      throw error
    }
  }

  function get(path: string): Promise<OpenFolder> {
    const found = known.get(path)
    if (found !== undefined) return found
    const folder = prepare(path)
    known.set(path, folder)
    folder.catch(() => known.delete(path))
    return folder
  }

  return {
    get,
    async [Symbol.asyncDispose]() {
      const folders = [...known.values()]
      known.clear()
      // A folder's handle holds nothing that a failed close could lose.
      await Promise.allSettled(folders.map(async (folder) => (await folder).close()))
    },
  }
}

/** Makes the folder that is the root, and what is missing above it. */
export async function makeRoot(files: FileOperations, path: string): Promise<void> {
  if (await exists(files, path)) return
  await makeRoot(files, dirname(path))
  await makeFolder(files, path)
  const parent = await openFolder(files, dirname(path))
  try {
    await parent.sync()
  } finally {
    await parent.close()
  }
}

async function exists(files: FileOperations, path: string): Promise<boolean> {
  try {
    await files.stat(path)
    return true
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false
    throw error
  }
}

interface OpenFolder extends Folder {
  close(): Promise<void>
}

async function openFolder(files: FileOperations, path: string): Promise<OpenFolder> {
  const handle = await files.open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  function start(): Promise<void> {
    next = undefined
    running = syncFolder(files, handle).finally(() => {
      // One that follows takes over at once: a caller in between must join it.
      if (next === undefined) running = undefined
    })
    return running
  }

  return {
    path,
    sync() {
      if (running === undefined) return start()
      // The one that runs may have begun before the caller's change.
      next ??= running.then(start, start)
      return next
    },
    async close() {
      await Promise.allSettled([running, next])
      await files.close(handle)
    },
  }
}

async function syncFolder(files: FileOperations, handle: number): Promise<void> {
  try {
    await files.fsync(handle)
  } catch (error) {
    // Some network filesystems know no sync of a folder and say so; there is nothing more to do.
    if (!failedWith(error, 'EINVAL', 'ENOTSUP')) throw error
  }
}

async function makeFolder(files: FileOperations, path: string): Promise<void> {
  try {
    await files.mkdir(path)
  } catch (error) {
    if (!failedWith(error, 'EEXIST')) throw error
  }
}
