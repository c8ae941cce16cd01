// Content under its digest, over one driver: the rules of content addressing, written once for all
// drivers. Nothing gets a blob's key whose bytes were not hashed on their way into the storage.

import { type Hash, createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'
import {
  type Digest,
  type DigestAlgorithm,
  algorithmOf,
  digestFromHash,
  digestOf,
} from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { freeChunk } from '../streams/free-chunk.ts'
import { chunksOf } from './chunks.ts'
import {
  type ChunkSink,
  type Key,
  ObjectNotFoundError,
  type ObjectStat,
  type StorageDriver,
} from './driver.ts'
import {
  adoptedFolder,
  blobsFolder,
  digestOfBlobKey,
  digestOfQuarantineKey,
  isAdoptedKey,
  journalFolder,
  newBlobKey,
  newJournalKey,
  newQuarantineKey,
  newUploadKey,
  quarantineFolder,
  sequenceOfJournalKey,
  uploadsFolder,
} from './layout.ts'

export interface Part {
  readonly key: Key
  readonly size: number
  /** Of this part's bytes. */
  readonly digest: Digest
  /** False when the source failed and `keepPartial` kept what had arrived. */
  readonly complete: boolean
}

export interface StoredBlob {
  readonly key: Key
  readonly size: number
}

export interface ListedBlob extends ObjectStat {
  readonly digest: Digest
}

export interface ListedSegment extends ObjectStat {
  readonly sequence: number
}

/**
 * Where bytes are taken from a stream, the stream is neither destroyed nor drained when something
 * fails: a request can still be answered, and its rest is the caller's to deal with.
 *
 * Every method may throw what the driver throws: StorageFullError, StorageUnavailableError.
 */
export interface BlobStore {
  /**
   * Makes a part of an upload from the stream; durable when it resolves. When the source fails or
   * the signal aborts, `keepPartial` resolves with the durable bytes so far (no object when there
   * are none); without it, it rejects with that failure and leaves nothing.
   */
  writePart(source: Readable, options: WritePartOptions): Promise<Part>

  /**
   * Makes the parts one blob; durable when it resolves, and the parts are gone. A single part with a
   * digest of the wanted algorithm is only renamed, other parts are read again and hashed. When the
   * storage fails the parts stay.
   *
   * @throws {OciError} DIGEST_INVALID with { expected, actual }; the parts are deleted
   * @throws {OciError} BLOB_UPLOAD_INVALID when a part is absent or not of its size; likewise
   */
  commit(parts: readonly CommittedPart[], expected: Digest): Promise<StoredBlob>

  /**
   * A blob from one stream: what writePart and commit would do, for one sync less.
   *
   * @throws {OciError} DIGEST_INVALID with { expected, actual }
   * @throws what the source failed with, or the signal's reason; nothing is left
   */
  put(source: Readable, expected: Digest, signal?: AbortSignal): Promise<StoredBlob>

  /** @throws {OciError} DIGEST_INVALID with { expected, actual } */
  writeBytes(bytes: Uint8Array, expected: Digest): Promise<StoredBlob>

  /** @throws {ObjectNotFoundError}; see StorageDriver.read */
  open(key: Key, range?: ByteRange): Promise<Readable>

  /** @throws {ObjectNotFoundError}; see StorageDriver.copy */
  copy(key: Key, range: ByteRange, write: ChunkSink): Promise<void>

  stat(key: Key): Promise<ObjectStat | undefined>

  /** Absent keys are fine. Tries all before it rejects. */
  delete(keys: readonly Key[]): Promise<void>

  /**
   * Ascending by key, those of an adopted volume last. What lies there and has no blob's name is
   * left out.
   */
  listBlobs(): AsyncIterable<ListedBlob>

  /** Writes a segment of the journal; durable when it resolves. */
  writeSegment(sequence: number, bytes: Uint8Array): Promise<ObjectStat>

  /** The journal, in order of its numbers. */
  listJournal(): AsyncIterable<ListedSegment>

  /** Every part that was not committed. */
  listUploads(): AsyncIterable<ObjectStat>

  /**
   * Moves an object whose bytes are not those of the digest to the quarantine; returns where it lies then. Those of an
   * adopted volume stay where they are.
   *
   * @throws {ObjectNotFoundError}
   */
  setAside(key: Key, digest: Digest): Promise<Key>

  /** Puts bytes into the quarantine that are not those of the digest. */
  setBytesAside(bytes: Uint8Array, digest: Digest): Promise<Key>

  /** Everything in the quarantine; `digest` is what each was taken for. */
  listAside(): AsyncIterable<ListedBlob>

  /** Removes what writes that a crash cut short before `before` left unseen; returns how many. */
  sweep(before: Date): Promise<number>

  /** Writes, syncs, reads back and deletes a tiny object. */
  probe(): Promise<void>

  /** `undefined` when the provider does not say. */
  freeBytes(): Promise<number | undefined>
}

export interface WritePartOptions {
  readonly algorithm: DigestAlgorithm
  readonly keepPartial?: boolean
  readonly signal?: AbortSignal
}

export interface CommittedPart {
  readonly key: Key
  readonly size: number
  readonly digest?: Digest
}

export function createBlobStore(driver: StorageDriver): BlobStore {
  return {
    writePart: (source, options) => writePart(driver, source, options),
    commit: (parts, expected) => commit(driver, parts, expected),
    put: (source, expected, signal) => put(driver, source, { expected, signal }),
    writeBytes: (bytes, expected) => writeBytes(driver, bytes, expected),
    open: (key, range) => driver.read(key, range),
    copy: (key, range, write) => driver.copy(key, range, write),
    stat: (key) => driver.stat(key),
    delete: (keys) => driver.delete(keys),
    listBlobs: () => listBlobs(driver),
    writeSegment: (sequence, bytes) => driver.write(newJournalKey(sequence), [bytes]),
    listJournal: () => listJournal(driver),
    listUploads: () => driver.list(uploadsFolder),
    setAside: (key, digest) => setAside(driver, key, digest),
    setBytesAside: async (bytes, digest) =>
      (await driver.write(newQuarantineKey(digest), [bytes])).key,
    listAside: () => listAside(driver),
    sweep: (before) => driver.sweep(before),
    probe: () => driver.probe(),
    freeBytes: async () => driver.freeBytes?.(),
  }
}

async function writePart(
  driver: StorageDriver,
  source: Readable,
  { algorithm, keepPartial = false, signal }: WritePartOptions,
): Promise<Part> {
  const hash = createHash(algorithm)
  let size = 0
  let failure: { readonly reason: unknown } | undefined

  async function* received(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of chunksOf(source, signal)) {
        hash.update(chunk)
        size += chunk.length
        yield chunk
      }
    } catch (reason) {
      failure = { reason }
      if (!keepPartial || size === 0) throw reason
    }
  }

  const key = newUploadKey()
  try {
    await driver.write(key, received(), { written: freeChunk })
  } catch (error) {
    const isEmptyPart = keepPartial && failure !== undefined && failure.reason === error
    if (!isEmptyPart) throw error
  }
  return { key, size, digest: digestOfHash(algorithm, hash), complete: failure === undefined }
}

async function commit(
  driver: StorageDriver,
  parts: readonly CommittedPart[],
  expected: Digest,
): Promise<StoredBlob> {
  const keys = parts.map((part) => part.key)
  // Of an empty part there may be no object.
  const filled = parts.filter((part) => part.size > 0)
  try {
    for (const part of filled) await requireWhole(driver, part)
    const [only] = filled
    const isHashed = only?.digest !== undefined && isSameAlgorithm(only.digest, expected)
    if (parts.length === 1 && isHashed) return await commitHashed(driver, only, expected)
    const blob = await commitUnhashed(driver, filled, expected)
    // The blob is there already; parts that stay are swept with the upload.
    await driver.delete(keys).catch(() => undefined)
    return blob
  } catch (error) {
    // The error is what counts; parts that stay are swept with the upload.
    const refusal = error instanceof ObjectNotFoundError ? uploadDamaged({ cause: error }) : error
    if (refusal instanceof OciError) await driver.delete(keys).catch(() => undefined)
    throw refusal
  }
}

/** A part that a power loss has torn must never become a blob. */
async function requireWhole(driver: StorageDriver, part: CommittedPart): Promise<void> {
  const found = await driver.stat(part.key)
  if (found?.size === part.size) return
  throw uploadDamaged({ detail: { expectedSize: part.size, actualSize: found?.size ?? 0 } })
}

function uploadDamaged(about: { readonly detail?: unknown; readonly cause?: unknown }): OciError {
  return new OciError('BLOB_UPLOAD_INVALID', {
    message:
      'The registry no longer has all of what was uploaded: power was lost, or another request ' +
      'finished or cancelled the upload. Start the upload again.',
    ...about,
  })
}

async function commitHashed(
  driver: StorageDriver,
  part: CommittedPart & { readonly digest?: Digest },
  expected: Digest,
): Promise<StoredBlob> {
  requireDigest(expected, part.digest ?? expected)
  const key = newBlobKey(expected)
  await driver.move(part.key, key)
  return { key, size: part.size }
}

async function commitUnhashed(
  driver: StorageDriver,
  parts: readonly CommittedPart[],
  expected: Digest,
): Promise<StoredBlob> {
  const keys = parts.map((part) => part.key)
  const hash = createHash(algorithmOf(expected))
  const blob = await driver.concatenate(keys, checkedKey(hash, expected), (chunk) => {
    hash.update(chunk)
  })
  return { key: blob.key, size: blob.size }
}

async function put(
  driver: StorageDriver,
  source: Readable,
  { expected, signal }: { readonly expected: Digest; readonly signal: AbortSignal | undefined },
): Promise<StoredBlob> {
  const hash = createHash(algorithmOf(expected))

  async function* received(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunksOf(source, signal)) {
      hash.update(chunk)
      yield chunk
    }
  }

  const { key, size } = await driver.write(checkedKey(hash, expected), received(), {
    written: freeChunk,
  })
  return { key, size }
}

async function writeBytes(
  driver: StorageDriver,
  bytes: Uint8Array,
  expected: Digest,
): Promise<StoredBlob> {
  requireDigest(expected, digestOf(bytes, algorithmOf(expected)))
  const { key, size } = await driver.write(newBlobKey(expected), [bytes])
  return { key, size }
}

async function* listBlobs(driver: StorageDriver): AsyncGenerator<ListedBlob, void, undefined> {
  for (const folder of [blobsFolder, adoptedFolder]) {
    for await (const object of driver.list(folder)) {
      const digest = digestOfBlobKey(object.key)
      if (digest !== undefined) yield { ...object, digest }
    }
  }
}

async function* listJournal(driver: StorageDriver): AsyncGenerator<ListedSegment, void, undefined> {
  for await (const object of driver.list(journalFolder)) {
    const sequence = sequenceOfJournalKey(object.key)
    if (sequence !== undefined) yield { ...object, sequence }
  }
}

async function setAside(driver: StorageDriver, key: Key, digest: Digest): Promise<Key> {
  if (isAdoptedKey(key)) return key
  const aside = newQuarantineKey(digest)
  await driver.move(key, aside)
  return aside
}

async function* listAside(driver: StorageDriver): AsyncGenerator<ListedBlob, void, undefined> {
  for await (const object of driver.list(quarantineFolder)) {
    const digest = digestOfQuarantineKey(object.key)
    if (digest !== undefined) yield { ...object, digest }
  }
}

/** Names a blob only when the running hash arrived at its digest. */
function checkedKey(hash: Hash, expected: Digest): () => Key {
  return () => {
    requireDigest(expected, digestOfHash(algorithmOf(expected), hash))
    return newBlobKey(expected)
  }
}

function requireDigest(expected: Digest, actual: Digest): void {
  if (actual !== expected) throw new OciError('DIGEST_INVALID', { detail: { expected, actual } })
}

function digestOfHash(algorithm: DigestAlgorithm, hash: Hash): Digest {
  return digestFromHash(algorithm, hash.digest('hex'))
}

function isSameAlgorithm(one: Digest, other: Digest): boolean {
  return algorithmOf(one) === algorithmOf(other)
}
