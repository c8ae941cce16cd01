// Objects in memory, with the same promises as on a disk but for surviving the process. For tests.

import { Readable } from 'node:stream'
import type { ByteRange } from '../../../oci/byte-range.ts'
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

export function createMemoryDriver(): StorageDriver {
  return new MemoryDriver()
}

interface StoredObject {
  readonly bytes: Uint8Array
  readonly modifiedAt: Date
}

class MemoryDriver implements StorageDriver {
  readonly kind = 'memory'
  readonly #objects = new Map<Key, StoredObject>()

  async stat(key: Key): Promise<ObjectStat | undefined> {
    const found = this.#objects.get(parseKey(key))
    return found && objectStat(key, found)
  }

  async read(key: Key, range?: ByteRange): Promise<Readable> {
    const { bytes } = this.#require(key)
    const end = (range?.end ?? bytes.length) + 1
    const content = bytes.slice(range?.start ?? 0, end)
    return Readable.from(content.length === 0 ? [] : [Buffer.from(content.buffer)])
  }

  async copy(key: Key, { start, end }: ByteRange, write: ChunkSink): Promise<void> {
    const { bytes } = this.#require(key)
    if (end >= start) await write(bytes.slice(start, end + 1))
  }

  async write(
    to: Destination,
    source: ByteSource,
    { signal, written }: WriteOptions = {},
  ): Promise<ObjectStat> {
    const chunks: Uint8Array[] = []
    const bytes = signal === undefined ? source : abortable(source, signal)
    for await (const chunk of bytes) {
      chunks.push(new Uint8Array(chunk))
      written?.(chunk)
    }
    const key = parseKey(typeof to === 'function' ? to() : to)
    const stored = { bytes: joined(chunks), modifiedAt: new Date() }
    this.#objects.set(key, stored)
    return objectStat(key, stored)
  }

  async concatenate(
    parts: readonly Key[],
    to: Destination,
    onChunk?: (chunk: Uint8Array) => void,
  ): Promise<ObjectStat> {
    const chunks = parts.map((part) => this.#require(part).bytes)
    for (const chunk of chunks) onChunk?.(chunk)
    return this.write(to, chunks)
  }

  async move(from: Key, to: Key): Promise<void> {
    const moved = this.#require(from)
    this.#objects.set(parseKey(to), moved)
    if (from !== to) this.#objects.delete(from)
  }

  async delete(keys: readonly Key[]): Promise<void> {
    for (const key of keys.map(parseKey)) this.#objects.delete(key)
  }

  async *list(folder: Key): AsyncGenerator<ObjectStat, void, undefined> {
    const prefix = `${parseKey(folder)}/`
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort()
    for (const key of keys) {
      const found = this.#objects.get(key)
      if (found !== undefined) yield objectStat(key, found)
    }
  }

  async sweep(): Promise<number> {
    return 0
  }

  async probe(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.#objects.clear()
  }

  #require(key: Key): StoredObject {
    const found = this.#objects.get(parseKey(key))
    if (found === undefined) throw new ObjectNotFoundError(key)
    return found
  }
}

/** An array of its own: parts of Node's shared pool of buffers must not be handed out. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks))
}

function objectStat(key: Key, { bytes, modifiedAt }: StoredObject): ObjectStat {
  return { key, size: bytes.length, modifiedAt }
}
