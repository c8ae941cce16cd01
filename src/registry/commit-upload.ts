// Ends an upload with a blob. Spec: distribution-spec spec.md#pushing-blobs, end-4b, end-6.
// Order: bytes durable in storage, then one transaction that makes the blob visible, then the answer.
import { Readable } from 'node:stream'
import { algorithmOf, digestOf, type Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { findBlob, insertBlob, linkBlob, type BlobRow } from '../metadata/blobs.ts'
import { reviewBlob } from '../metadata/reviews.ts'
import {
  deleteUploadParts,
  findUpload,
  listUploadParts,
  saveUpload,
  type UploadPart,
} from '../metadata/uploads.ts'
import { markDamaged, type Damage } from '../metadata/verification.ts'
import type { Key } from '../storage/driver.ts'
import { readSmall, smallContentLimit } from './small-content.ts'
import {
  cancelUpload,
  storageKeys,
  storeBytes,
  UploadOffsetError,
  type UploadDeps,
} from './upload.ts'
import type { UploadTicket } from './upload-ticket.ts'

export interface UploadEnd {
  readonly expected: Digest
  /** The last chunk, or the whole blob, or nothing. */
  readonly source: Readable
  readonly offset: number | undefined
  readonly expectedSize: number | undefined
}

/**
 * Makes the upload a blob of its repository; a repeated commit of the same digest succeeds again.
 *
 * @throws {OciError} DIGEST_INVALID (the upload is gone then), BLOB_UPLOAD_UNKNOWN, SIZE_INVALID
 * @throws {UploadOffsetError} when `offset` is not where the upload stands
 */
export async function commitUpload(
  deps: UploadDeps,
  ticket: UploadTicket,
  end: UploadEnd,
): Promise<void> {
  const { state, parts } = await stateOf(deps, ticket, end.expected)
  if (state === 'committed') return waitUntilDurable(deps)
  const offset = sizeOf(parts)
  if (end.offset !== undefined && end.offset !== offset) throw new UploadOffsetError(offset)

  const blob =
    parts.length === 0
      ? await receiveWhole(deps, end)
      : await receiveLast(deps, ticket, end, parts).catch(async (error: unknown) => {
          if (await wasCommittedMeanwhile(deps, ticket, end, error)) return undefined
          throw error
        })
  if (blob === undefined) return waitUntilDurable(deps)
  await publish(deps, ticket, { blob, hadRow: parts.length > 0 })
  // Content of parts that were read, not moved, is no longer needed.
  await deps.blobs.delete(storageKeys(parts))
}

/** What another request has committed can be seen before it is durable: an empty write waits for a sync of its own. */
async function waitUntilDurable({ metadata }: UploadDeps): Promise<void> {
  await metadata.write(async () => undefined)
}

/** The body is the blob. */
async function receiveWhole({ blobs }: UploadDeps, end: UploadEnd): Promise<BlobRow> {
  const { expected } = end
  const small = await readSmall(end.source, false)
  if (small.kind === 'more') {
    const { key, size } = await blobs.put(small.source, expected)
    await requireSize(size, end, async () => blobs.delete([key]))
    return { digest: expected, size, storageKey: key, content: undefined }
  }
  const { content } = small
  await requireSize(content.length, end)
  requireDigest(content, expected)
  return { digest: expected, size: content.length, storageKey: undefined, content }
}

/** The body, if there is one, is the last chunk of what came before. */
async function receiveLast(
  deps: UploadDeps,
  ticket: UploadTicket,
  end: UploadEnd,
  parts: readonly UploadPart[],
): Promise<BlobRow> {
  const { part } = await storeBytes(deps.blobs, ticket, {
    source: end.source,
    startOffset: sizeOf(parts),
    keepPartial: false,
  })
  const last = part.size > 0 ? [part] : []
  await requireSize(part.size, end, async () => deps.blobs.delete(storageKeys(last)))
  try {
    return await assemble(deps, [...parts, ...last], end.expected)
  } catch (error) {
    await deps.blobs.delete(storageKeys(last))
    const wrong = error instanceof OciError && error.code === 'DIGEST_INVALID'
    if (wrong) await cancelUpload(deps, ticket)
    throw error
  }
}

const looksAtTwin = 20
const pauseMs = 50

/**
 * A client or proxy that got no answer in time repeats the closing request while we are still at it. Of the two only
 * one finds the parts; the other waits until that one has told the database.
 */
async function wasCommittedMeanwhile(
  deps: UploadDeps,
  ticket: UploadTicket,
  { expected }: UploadEnd,
  error: unknown,
): Promise<boolean> {
  if (!(error instanceof OciError) || error.code !== 'BLOB_UPLOAD_INVALID') return false
  for (let look = 0; look < looksAtTwin; look += 1) {
    const upload = await findUpload(deps.metadata, ticket.id)
    if (upload?.state !== 'open') return upload?.state === 'committed' && upload.digest === expected
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return false
}

async function requireSize(
  actual: number,
  { expectedSize }: UploadEnd,
  undo?: () => Promise<void>,
): Promise<void> {
  if (expectedSize === undefined || expectedSize === actual) return
  await undo?.()
  throw new OciError('SIZE_INVALID', {
    message: `The body has ${actual} bytes, but ${expectedSize} were announced.`,
  })
}

function requireDigest(content: Uint8Array, expected: Digest): void {
  const actual = digestOf(content, algorithmOf(expected))
  if (actual !== expected) throw new OciError('DIGEST_INVALID', { detail: { expected, actual } })
}

function sizeOf(parts: readonly UploadPart[]): number {
  const last = parts.at(-1)
  return last === undefined ? 0 : last.startOffset + last.size
}

async function stateOf(deps: UploadDeps, ticket: UploadTicket, expected: Digest) {
  return deps.metadata.read(async (tx) => {
    const upload = await findUpload(tx, ticket.id)
    if (upload === undefined) return { state: 'open', parts: [] as readonly UploadPart[] }
    if (upload.state === 'committed' && upload.digest === expected) {
      return { state: 'committed', parts: [] as readonly UploadPart[] }
    }
    if (upload.state !== 'open') throw new OciError('BLOB_UPLOAD_UNKNOWN')
    return { state: 'open', parts: await listUploadParts(tx, ticket.id) }
  })
}

/** Brings the parts together as one blob, durable and of the right digest. */
async function assemble(
  deps: UploadDeps,
  parts: readonly UploadPart[],
  expected: Digest,
): Promise<BlobRow> {
  const size = sizeOf(parts)
  if (size <= smallContentLimit) {
    const content = await smallContent(deps, parts)
    requireDigest(content, expected)
    return { digest: expected, size, storageKey: undefined, content }
  }
  const stored: { key: Key; size: number; digest: Digest }[] = []
  for (const part of parts) {
    const { storageKey, digest } = part
    if (storageKey !== undefined) {
      stored.push({ key: storageKey as Key, size: part.size, digest })
      continue
    }
    const source = Readable.from([part.content ?? new Uint8Array()], { objectMode: false })
    stored.push(await deps.blobs.writePart(source, { algorithm: algorithmOf(digest) }))
  }
  const { key } = await deps.blobs.commit(stored, expected)
  return { digest: expected, size, storageKey: key, content: undefined }
}

async function smallContent(deps: UploadDeps, parts: readonly UploadPart[]): Promise<Uint8Array> {
  const [only] = parts
  if (parts.length === 1 && only?.content !== undefined) return only.content
  const pieces: Uint8Array[] = []
  for (const part of parts) {
    if (part.content !== undefined) {
      pieces.push(part.content)
      continue
    }
    for await (const chunk of await deps.blobs.open(part.storageKey as Key)) {
      pieces.push(chunk as Uint8Array)
    }
  }
  return Buffer.concat(pieces)
}

interface Publication {
  readonly blob: BlobRow
  readonly hadRow: boolean
}

/** What is wrong with the copy that the installation has already. */
interface Kept {
  readonly damage: Damage | undefined
}

async function publish(
  deps: UploadDeps,
  ticket: UploadTicket,
  publication: Publication,
): Promise<void> {
  const { blob } = publication
  const taken =
    (await tryPublish(deps, ticket, publication)) ??
    (await tryPublish(deps, ticket, publication, await lookAtKept(deps, blob.digest)))
  if (taken !== true && blob.storageKey !== undefined)
    await deps.blobs.delete([blob.storageKey as Key])
}

/**
 * Whether the installation has taken these bytes; false when it had them. Undefined: it says so of a copy in the storage
 * that nobody has looked at (`kept`), and nothing was changed.
 */
async function tryPublish(
  { metadata }: UploadDeps,
  ticket: UploadTicket,
  { blob, hadRow }: Publication,
  kept?: Kept,
): Promise<boolean | undefined> {
  return metadata.write(async (tx) => {
    if (kept?.damage !== undefined) await markDamaged(tx, kept.damage)
    const taken = await insertBlob(tx, blob)
    if (!taken && kept === undefined) {
      if ((await findBlob(tx, blob.digest))?.storageKey !== undefined) return undefined
    }
    await linkBlob(tx, ticket.repositoryId, blob.digest)
    if (!taken) await reviewBlob(tx, blob.digest)
    // Whoever repeats the closing request gets the same answer for a while.
    if (hadRow) {
      await saveUpload(tx, { ...ticket, state: 'committed', digest: blob.digest })
      await deleteUploadParts(tx, ticket.id)
    }
    return taken
  })
}

/** Bytes that were lost or cut short come back with the next push of the same content. */
async function lookAtKept({ metadata, blobs }: UploadDeps, digest: Digest): Promise<Kept> {
  const kept = await findBlob(metadata, digest)
  const storageKey = kept?.storageKey
  if (kept === undefined || storageKey === undefined) return { damage: undefined }
  const found = await blobs.stat(storageKey as Key)
  if (found?.size === kept.size) return { damage: undefined }
  const asideKey = found && (await blobs.setAside(found.key, digest))
  const size = found?.size ?? 0
  return { damage: { digest, storageKey, asideKey, size, foundBy: 'push' } }
}
