// Bytes under keys at one provider. A driver knows nothing of digests, repositories or HTTP; what it
// promises is checked by driver-suite.ts, which every driver runs.

import type { Readable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'

declare const keyBrand: unique symbol

/** A relative path that is safe as a file name: built by layout.ts, never from what a user sent. */
export type Key = string & { readonly [keyBrand]: 'Key' }

export interface ObjectStat {
  readonly key: Key
  /** In bytes. */
  readonly size: number
  readonly modifiedAt: Date
}

/** Chunks of any size. An error that it throws leaves the driver unchanged. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined
  /** Called for each chunk when its bytes are written and its memory is no longer needed. */
  readonly written?: (chunk: Uint8Array) => void
}

export type ChunkSink = (chunk: Uint8Array) => Promise<void>

/**
 * Where an object goes. A function is called once, after the last byte and before anything becomes
 * visible, so that a name may depend on the content; when it throws, nothing is left behind.
 */
export type Destination = Key | (() => Key)

export interface StorageDriver extends AsyncDisposable {
  readonly kind: 'filesystem' | 'memory'

  /** `undefined` when there is no such object. */
  stat(key: Key): Promise<ObjectStat | undefined>

  /**
   * The whole object, or the part of `range` that lies inside it. Holds nothing open until it is
   * read, and fails rather than end early when the object is shorter than it was at the call.
   *
   * @throws {ObjectNotFoundError} at the call, or on the stream when it was deleted meanwhile
   */
  read(key: Key, range?: ByteRange): Promise<Readable>

  /**
   * Gives the bytes of `range`, which lies inside the object, to `write`, chunk by chunk in order. A chunk is good
   * until what `write` returned has resolved. For what is sent on at once: it makes no garbage.
   *
   * @throws {ObjectNotFoundError} before the first chunk; what `write` threw, unchanged
   */
  copy(key: Key, range: ByteRange, write: ChunkSink): Promise<void>

  /**
   * Whole and durable when it resolves, replacing what was there. When it rejects there is no
   * object of this content; after a crash there is all of it or none.
   *
   * @throws {StorageFullError} @throws {StorageUnavailableError} a failed sync included; final
   * @throws what `source`, the destination or the signal threw, unchanged
   */
  write(to: Destination, source: ByteSource, options?: WriteOptions): Promise<ObjectStat>

  /**
   * Writes one object of the parts in order, as `write` does; the parts remain. `onChunk` sees every
   * byte before the destination is asked for, so that the content can be checked in the same pass.
   *
   * @throws {ObjectNotFoundError} when a part is absent
   */
  concatenate(
    parts: readonly Key[],
    to: Destination,
    onChunk?: (chunk: Uint8Array) => void,
  ): Promise<ObjectStat>

  /**
   * Atomic and durable, replacing what was there. Power lost before it resolves may leave both names
   * or either, never neither. A failed sync leaves neither: the bytes cannot be trusted any more.
   *
   * @throws {ObjectNotFoundError}
   */
  move(from: Key, to: Key): Promise<void>

  /** Absent keys are fine. Tries all before it rejects. A power loss may bring an object back. */
  delete(keys: readonly Key[]): Promise<void>

  /** Every object whose key begins with `folder` and a slash, ascending by key, streamed. */
  list(folder: Key): AsyncIterable<ObjectStat>

  /** Removes what writes that a crash cut short before `before` left unseen; returns how many. */
  sweep(before: Date): Promise<number>

  /**
   * Writes, syncs, reads back and deletes a tiny object.
   *
   * @throws {StorageFullError} @throws {StorageUnavailableError}
   */
  probe(): Promise<void>

  /** What can still be written; absent when the provider does not say. */
  freeBytes?(): Promise<number>
}

export class ObjectNotFoundError extends Error {
  override readonly name = 'ObjectNotFoundError'
  readonly key: Key

  constructor(key: Key, options?: ErrorOptions) {
    super(`The storage has no object ${key}.`, options)
    this.key = key
  }
}

/**
 * For keys that come back from the metadata, and the last guard of every driver: no segment begins
 * with a dot, so no key leaves the root or reaches a driver's own files.
 *
 * @throws {TypeError}
 */
export function parseKey(text: string): Key {
  if (isKey(text)) return text
  throw new TypeError(`${JSON.stringify(text.slice(0, 200))} is not a storage key.`)
}

export function isKey(text: string): text is Key {
  return text.length <= maxKeyLength && keyPattern.test(text)
}

const keyPattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,199})*$/
const maxKeyLength = 1000
