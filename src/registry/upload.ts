// The life of a blob upload between its opening and its commit: parts arrive, the state is asked for, it is cancelled.
// Spec: distribution-spec spec.md#pushing-a-blob-in-chunks, end-5, end-13, end-14.
import type { Readable } from 'node:stream'
import { digestOf } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import {
  deleteUploadParts,
  findUpload,
  insertUploadPart,
  listUploadParts,
  saveUpload,
  uploadSize,
  type UploadPart,
} from '../metadata/uploads.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { parseKey, type Key } from '../storage/driver.ts'
import { readSmall } from './small-content.ts'
import type { UploadTicket } from './upload-ticket.ts'

export interface UploadDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
}

/** The client's idea of where the upload stands is not ours; `size` is what is stored. */
export class UploadOffsetError extends Error {
  override readonly name = 'UploadOffsetError'
  readonly size: number

  constructor(size: number) {
    super(`The upload has ${size} bytes: go on from there, or begin again.`)
    this.size = size
  }
}

/**
 * Bytes stored so far.
 *
 * @throws {OciError} BLOB_UPLOAD_UNKNOWN when the upload has ended
 */
export async function uploadOffset(deps: UploadDeps, ticket: UploadTicket): Promise<number> {
  return deps.metadata.read(async (tx) => {
    const upload = await findUpload(tx, ticket.id)
    if (upload === undefined) return 0
    if (upload.state !== 'open') throw new OciError('BLOB_UPLOAD_UNKNOWN')
    return uploadSize(tx, ticket.id)
  })
}

/**
 * Stores one chunk at `offset`; returns the size of the whole upload. When the client goes away in the middle, what
 * arrived is kept, so that it can go on from there. Not durable before the commit.
 *
 * @throws {UploadOffsetError} when `offset` is not where the upload stands, or another writer was quicker
 * @throws {OciError} BLOB_UPLOAD_UNKNOWN, SIZE_INVALID when the body is not as long as `expectedSize`
 */
export async function receiveChunk(
  deps: UploadDeps,
  ticket: UploadTicket,
  chunk: {
    readonly source: Readable
    /** undefined: the client did not say. */
    readonly offset: number | undefined
    readonly expectedSize: number | undefined
  },
): Promise<number> {
  const offset = await uploadOffset(deps, ticket)
  if (chunk.offset !== undefined && chunk.offset !== offset) throw new UploadOffsetError(offset)

  const { part, complete } = await storeBytes(deps.blobs, ticket, {
    source: chunk.source,
    startOffset: offset,
    keepPartial: true,
  })
  if (part.size > 0) await recordPart(deps, ticket, part)
  const size = offset + part.size
  if (!complete) throw new OciError('BLOB_UPLOAD_INVALID', { message: 'The chunk ended early.' })
  if (chunk.expectedSize !== undefined && chunk.expectedSize !== part.size) {
    throw new UploadOffsetError(size)
  }
  return size
}

/** Streams bytes to where parts lie: into memory when they are few, else into storage. */
export async function storeBytes(
  blobs: BlobStore,
  ticket: UploadTicket,
  bytes: { readonly source: Readable; readonly startOffset: number; readonly keepPartial: boolean },
): Promise<{ readonly part: UploadPart; readonly complete: boolean }> {
  const { source, startOffset, keepPartial } = bytes
  const { algorithm } = ticket
  const small = await readSmall(source, keepPartial)
  if (small.kind === 'whole') {
    const { content, complete } = small
    const part = {
      startOffset,
      size: content.length,
      digest: digestOf(content, algorithm),
      storageKey: undefined,
      content,
    }
    return { part, complete }
  }
  const stored = await blobs.writePart(small.source, { algorithm, keepPartial })
  const part = {
    startOffset,
    size: stored.size,
    digest: stored.digest,
    storageKey: stored.size > 0 ? stored.key : undefined,
    content: undefined,
  }
  return { part, complete: stored.complete }
}

async function recordPart(deps: UploadDeps, ticket: UploadTicket, part: UploadPart): Promise<void> {
  const won = await deps.metadata.write(
    async (tx) =>
      (await saveUpload(tx, { ...ticket, state: 'open' })) &&
      (await insertUploadPart(tx, ticket.id, part)),
    { durable: false },
  )
  if (won) return
  await deps.blobs.delete(storageKeys([part]))
  throw new UploadOffsetError(await uploadOffset(deps, ticket))
}

/**
 * Ends the upload without a blob.
 *
 * @throws {OciError} BLOB_UPLOAD_UNKNOWN when it has ended already
 */
export async function cancelUpload(deps: UploadDeps, ticket: UploadTicket): Promise<void> {
  const keys = await deps.metadata.write(
    async (tx) => {
      const parts = await listUploadParts(tx, ticket.id)
      if (!(await saveUpload(tx, { ...ticket, state: 'cancelled' }))) {
        throw new OciError('BLOB_UPLOAD_UNKNOWN')
      }
      await deleteUploadParts(tx, ticket.id)
      return storageKeys(parts)
    },
    { durable: false },
  )
  await deps.blobs.delete(keys)
}

/** Where the parts lie that are in storage. */
export function storageKeys(parts: readonly UploadPart[]): Key[] {
  return parts.flatMap((part) => (part.storageKey === undefined ? [] : [parseKey(part.storageKey)]))
}
