// Two places as one storage: what lies in an adopted volume of registry:2 is read where it is, and everything is
// written to our own place. See docs/decisions/0026-adoption.md.

import type { Readable } from 'node:stream'
import {
  type ByteSource,
  type Destination,
  type Key,
  ObjectNotFoundError,
  type ObjectStat,
  type StorageDriver,
  type WriteOptions,
  parseKey,
} from './driver.ts'
import { adoptedFolder, isAdoptedKey } from './layout.ts'

/** A place that can be read and emptied. Its methods promise what those of StorageDriver do. */
export type ReadableTree = Pick<StorageDriver, 'stat' | 'read' | 'copy' | 'delete' | 'list'>

/** `adopted` has the keys below `adoptedFolder` and no others; it stays the caller's. */
export function routeAdopted(own: StorageDriver, adopted: ReadableTree): StorageDriver {
  const placeOf = (key: Key): ReadableTree => (isAdoptedKey(key) ? adopted : own)

  async function concatenate(
    parts: readonly Key[],
    to: Destination,
    onChunk?: (chunk: Uint8Array) => void,
  ): Promise<ObjectStat> {
    if (!parts.some(isAdoptedKey)) return own.concatenate(parts, ours(to), onChunk)
    return own.write(ours(to), chunksOf(parts, onChunk))
  }

  async function* chunksOf(
    parts: readonly Key[],
    onChunk?: (chunk: Uint8Array) => void,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for (const part of parts) {
      for await (const chunk of await placeOf(part).read(part)) {
        onChunk?.(chunk as Uint8Array)
        yield chunk as Uint8Array
      }
    }
  }

  /** Out of the volume it is a copy, as that may be another file system; the copy is durable before the source goes. */
  async function move(from: Key, to: Key): Promise<void> {
    if (!isAdoptedKey(from)) return own.move(from, ours(to) as Key)
    if ((await adopted.stat(from)) === undefined) throw new ObjectNotFoundError(from)
    await own.write(ours(to), contentOf(await adopted.read(from)))
    await adopted.delete([from])
  }

  async function remove(keys: readonly Key[]): Promise<void> {
    const foreign = keys.filter(isAdoptedKey)
    if (foreign.length === 0) return own.delete(keys)
    const removals = [own.delete(keys.filter((key) => !isAdoptedKey(key))), adopted.delete(foreign)]
    for (const removal of await Promise.allSettled(removals)) {
      if (removal.status === 'rejected') throw removal.reason as Error
    }
  }

  return {
    kind: own.kind,
    stat: async (key) => placeOf(key).stat(key),
    read: async (key, range) => placeOf(key).read(key, range),
    copy: async (key, range, write) => placeOf(key).copy(key, range, write),
    write: async (to: Destination, source: ByteSource, options?: WriteOptions) =>
      own.write(ours(to), source, options),
    concatenate,
    move,
    delete: remove,
    list: (folder) => (holdsAdopted(folder) ? adopted.list(folder) : own.list(folder)),
    sweep: async (before) => own.sweep(before),
    probe: async () => own.probe(),
    ...(own.freeBytes && { freeBytes: own.freeBytes.bind(own) }),
    [Symbol.asyncDispose]: async () => own[Symbol.asyncDispose](),
  }
}

function holdsAdopted(folder: Key): boolean {
  return folder === adoptedFolder || isAdoptedKey(folder)
}

/** The adopted volume is not ours to write to: registry:2 may be started on it again. */
function ours(to: Destination): Destination {
  if (typeof to === 'function') return () => ours(to()) as Key
  if (!isAdoptedKey(to)) return to
  throw new TypeError(`${parseKey(to)} belongs to an adopted volume, which is never written to.`)
}

async function* contentOf(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) yield chunk as Uint8Array
}
