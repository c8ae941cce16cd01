// Objects as files below one folder, whose paths are the keys. The order that makes a write durable:
//   create .tmp/<random>, write, fdatasync, close, rename to the key, fsync of the key's folder.
// The folder that a file is renamed away from is not synced: a power loss can then bring back the old
// name beside the new one, which is garbage, but never lose both. Nothing else is written in place.
// `power-loss.test.ts` guards each of these syncs.

import { randomBytes, randomUUID } from 'node:crypto'
import { type Stats, constants } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { ByteRange } from '../../../oci/byte-range.ts'
import { StorageUnavailableError } from '../../../oci/errors.ts'
import { abortable } from '../../chunks.ts'
import {
  type ByteSource,
  type ChunkSink,
  type Destination,
  type Key,
  ObjectNotFoundError,
  type ObjectStat,
  type StorageDriver,
  type WriteOptions,
  parseKey,
} from '../../driver.ts'
import { type FileOperations, failedWith, nodeFiles } from './file-operations.ts'
import { copySpan } from './file-copier.ts'
import { readAll, readChunk, readSpan } from './file-reader.ts'
import { type WriteAll, createWriteAll } from './file-writer.ts'
import { type Folder, type Folders, makeRoot, openFolders } from './folders.ts'
import { limitSyncs } from './limit-syncs.ts'
import { listFolder, statFile } from './list-folder.ts'

export interface FilesystemOptions {
  /** Made with its parents when absent. Everything below belongs to the driver. */
  readonly root: string
  readonly files?: FileOperations
  /** Syncs at once; below the size of libuv's pool, so that reads always find a free thread. */
  readonly maxSyncs?: number
}

/** @throws {StorageFullError} @throws {StorageUnavailableError} when the root cannot be used */
export async function openFilesystemDriver(options: FilesystemOptions): Promise<StorageDriver> {
  const root = resolve(options.root)
  const files = limitSyncs(options.files ?? nodeFiles, options.maxSyncs ?? 12)
  await makeRoot(files, root)
  const folders = openFolders(files, root)
  const temporary = await folders.get(join(root, '.tmp'))
  return new FilesystemDriver({ files, root, folders, temporary })
}

interface Opened {
  readonly files: FileOperations
  readonly root: string
  readonly folders: Folders
  readonly temporary: Folder
}

class FilesystemDriver implements StorageDriver {
  readonly kind = 'filesystem'
  readonly #files: FileOperations
  readonly #root: string
  readonly #folders: Folders
  readonly #temporary: Folder
  readonly #writeAll: WriteAll

  constructor({ files, root, folders, temporary }: Opened) {
    this.#files = files
    this.#root = root
    this.#folders = folders
    this.#temporary = temporary
    this.#writeAll = createWriteAll(files)
  }

  async stat(key: Key): Promise<ObjectStat | undefined> {
    const stats = await statFile(this.#files, this.#path(key))
    return stats && objectStat(key, stats)
  }

  async read(key: Key, range?: ByteRange): Promise<Readable> {
    const found = await this.stat(key)
    if (found === undefined) throw new ObjectNotFoundError(key)
    const start = Math.min(range?.start ?? 0, found.size)
    const end = Math.min((range?.end ?? found.size) + 1, found.size)
    const open = (): Promise<number> => this.#open(key)
    return readSpan(this.#files, { open, start, end: Math.max(start, end) })
  }

  async copy(key: Key, range: ByteRange, write: ChunkSink): Promise<void> {
    const file = await this.#open(key)
    try {
      await copySpan(this.#files, file, range, write)
    } finally {
      // What was read is good whatever the close says.
      await this.#files.close(file).catch(() => undefined)
    }
  }

  async write(
    to: Destination,
    source: ByteSource,
    { signal, written }: WriteOptions = {},
  ): Promise<ObjectStat> {
    const temporary = this.#temporaryPath()
    try {
      const bytes = abortableBy(signal, source)
      const { key, size } = await this.#writeFile(temporary, to, bytes, written)
      await this.#publish(temporary, key)
      return { key, size, modifiedAt: new Date() }
    } catch (error) {
      await this.#discard(temporary)
      throw error
    }
  }

  async concatenate(
    parts: readonly Key[],
    to: Destination,
    onChunk?: (chunk: Uint8Array) => void,
  ): Promise<ObjectStat> {
    return this.write(to, this.#chunksOf(parts, onChunk))
  }

  async move(from: Key, to: Key): Promise<void> {
    try {
      await this.#publish(this.#path(from), to)
    } catch (error) {
      const isGone = failedWith(error, 'ENOENT') && (await this.stat(from)) === undefined
      throw isGone ? new ObjectNotFoundError(from, { cause: error }) : error
    }
  }

  async delete(keys: readonly Key[]): Promise<void> {
    const paths = keys.map((key) => this.#path(key))
    const failures: unknown[] = []
    for (let at = 0; at < paths.length; at += deletesAtOnce) {
      const removals = paths.slice(at, at + deletesAtOnce).map((path) => this.#remove(path))
      for (const removal of await Promise.allSettled(removals)) {
        if (removal.status === 'rejected') failures.push(removal.reason)
      }
    }
    if (failures.length > 0) throw failures[0] as Error
  }

  async *list(folder: Key): AsyncGenerator<ObjectStat, void, undefined> {
    for await (const { path, stats } of listFolder(this.#files, this.#root, parseKey(folder))) {
      yield objectStat(path as Key, stats)
    }
  }

  async sweep(before: Date): Promise<number> {
    let swept = 0
    for (const { name } of await this.#files.readdir(this.#temporary.path)) {
      const path = join(this.#temporary.path, name)
      const stats = await statFile(this.#files, path)
      if (stats === undefined || stats.mtime >= before) continue
      await this.#remove(path)
      swept++
    }
    return swept
  }

  async probe(): Promise<void> {
    const path = this.#temporaryPath()
    const expected = randomBytes(16)
    try {
      await this.#writeFile(path, probeKey, [expected])
      await this.#temporary.sync()
      const actual = await this.#readBack(path, expected.length)
      if (!expected.equals(actual)) throw readBackOtherBytes()
      await this.#files.unlink(path)
    } catch (error) {
      await this.#discard(path)
      throw error
    }
  }

  freeBytes(): Promise<number> {
    return this.#files.freeBytes(this.#root)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folders[Symbol.asyncDispose]()
  }

  #path(key: Key): string {
    return join(this.#root, parseKey(key))
  }

  #temporaryPath(): string {
    return join(this.#temporary.path, randomUUID())
  }

  /** All of the source, durable but for the name, which is a temporary one. */
  async #writeFile(
    path: string,
    to: Destination,
    source: ByteSource,
    written?: (chunk: Uint8Array) => void,
  ): Promise<{ key: Key; size: number }> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
    const file = await this.#files.open(path, flags)
    let named: { key: Key; size: number }
    try {
      const size = await this.#writeAll(file, source, written)
      named = { key: parseKey(typeof to === 'function' ? to() : to), size }
      await this.#files.fdatasync(file)
    } catch (error) {
      // The first failure is the one to tell.
      await this.#files.close(file).catch(() => undefined)
      throw error
    }
    await this.#files.close(file)
    return named
  }

  /** Gives a durable file its name, for good. When the sync fails, the file has neither name. */
  async #publish(from: string, to: Key): Promise<void> {
    const path = this.#path(to)
    const folder = await this.#folders.get(dirname(path))
    await this.#files.rename(from, path)
    try {
      await folder.sync()
    } catch (error) {
      await this.#discard(path)
      throw error
    }
  }

  async #readBack(path: string, length: number): Promise<Uint8Array> {
    const file = await this.#files.open(path, constants.O_RDONLY)
    try {
      return await readChunk(this.#files, file, { position: 0, length })
    } finally {
      await this.#files.close(file)
    }
  }

  async *#chunksOf(
    parts: readonly Key[],
    onChunk?: (chunk: Uint8Array) => void,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for (const part of parts) {
      const file = await this.#open(part)
      try {
        for await (const chunk of readAll(this.#files, file)) {
          onChunk?.(chunk)
          yield chunk
        }
      } finally {
        await this.#files.close(file)
      }
    }
  }

  async #open(key: Key): Promise<number> {
    try {
      return await this.#files.open(this.#path(key), constants.O_RDONLY)
    } catch (error) {
      throw failedWith(error, 'ENOENT') ? new ObjectNotFoundError(key, { cause: error }) : error
    }
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#files.unlink(path)
    } catch (error) {
      if (!failedWith(error, 'ENOENT', 'ENOTDIR')) throw error
    }
  }

  /** For what an earlier failure left: that one is told, and what stays is swept later. */
  async #discard(path: string): Promise<void> {
    await this.#remove(path).catch(() => undefined)
  }
}

const deletesAtOnce = 16
const probeKey = parseKey('probe')

function objectStat(key: Key, stats: Stats): ObjectStat {
  return { key, size: stats.size, modifiedAt: stats.mtime }
}

function abortableBy(signal: AbortSignal | undefined, source: ByteSource): ByteSource {
  return signal === undefined ? source : abortable(source, signal)
}

function readBackOtherBytes(): StorageUnavailableError {
  const cause = new Error('The storage gave back other bytes than were written.')
  return new StorageUnavailableError(undefined, { cause })
}
