// Files of an adopted volume, read in place. Never writes, opens nothing before it is asked for, and follows no symbolic
// link: a file is one that registry:2 wrote, or it is not there.

import { type Stats, constants } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { ByteRange } from '../../../oci/byte-range.ts'
import {
  type ChunkSink,
  type Key,
  ObjectNotFoundError,
  type ObjectStat,
  parseKey,
} from '../../driver.ts'
import type { ReadableTree } from '../../routed-driver.ts'
import { type FileOperations, failedWith, nodeFiles, storageError } from './file-operations.ts'
import { copySpan } from './file-copier.ts'
import { readSpan } from './file-reader.ts'
import { listFolder } from './list-folder.ts'

export function openAdoptedFiles(options: {
  readonly root: string
  readonly files?: FileOperations
}): ReadableTree {
  const root = resolve(options.root)
  const { files = nodeFiles } = options
  const pathOf = (key: Key): string => join(root, parseKey(key))

  async function stat(key: Key): Promise<ObjectStat | undefined> {
    const stats = await statLink(pathOf(key))
    if (stats?.isFile() !== true) return undefined
    return { key, size: stats.size, modifiedAt: stats.mtime }
  }

  async function open(key: Key): Promise<number> {
    try {
      return await files.open(pathOf(key), constants.O_RDONLY | constants.O_NOFOLLOW)
    } catch (error) {
      const isAbsent = failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP')
      throw isAbsent ? new ObjectNotFoundError(key, { cause: error }) : error
    }
  }

  async function read(key: Key, range?: ByteRange): Promise<Readable> {
    const found = await stat(key)
    if (found === undefined) throw new ObjectNotFoundError(key)
    const start = Math.min(range?.start ?? 0, found.size)
    const end = Math.min((range?.end ?? found.size) + 1, found.size)
    return readSpan(files, { open: async () => open(key), start, end: Math.max(start, end) })
  }

  async function copy(key: Key, range: ByteRange, write: ChunkSink): Promise<void> {
    const file = await open(key)
    try {
      await copySpan(files, file, range, write)
    } finally {
      // What was read is good whatever the close says.
      await files.close(file).catch(() => undefined)
    }
  }

  async function remove(path: string): Promise<void> {
    try {
      await files.unlink(path)
    } catch (error) {
      if (!failedWith(error, 'ENOENT', 'ENOTDIR')) throw error
    }
  }

  return {
    stat,
    read,
    copy,
    async delete(keys) {
      const failures: unknown[] = []
      for (const path of keys.map(pathOf)) {
        await remove(path).catch((error: unknown) => failures.push(error))
      }
      if (failures.length > 0) throw failures[0] as Error
    },
    async *list(folder) {
      for await (const { path, stats } of listFolder(files, root, parseKey(folder))) {
        yield { key: path as Key, size: stats.size, modifiedAt: stats.mtime }
      }
    },
  }
}

/** Of the name itself, not of what it may point to; `undefined` when there is none. */
async function statLink(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    const failure = storageError(error as NodeJS.ErrnoException)
    if (failedWith(failure, 'ENOENT', 'ENOTDIR')) return undefined
    throw failure
  }
}
