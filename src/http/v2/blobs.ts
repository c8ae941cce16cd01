// /v2/<name>/blobs/<digest> (end-2, end-10). A blob is reached through its repository only: a digest is no capability.
import type { UseLeases } from '../../collection/lease-of-use.ts'
import { createDamageReports, type DamageReports } from '../../fsck/damage-reports.ts'
import {
  copyVerified,
  createContentCheck,
  createRecentlyRight,
  WrongBytesError,
  type RecentlyRight,
} from '../../fsck/verified-copy.ts'
import { findLinkedBlob, type BlobRow } from '../../metadata/blobs.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { parseRange, type ByteRange } from '../../oci/byte-range.ts'
import { OciError } from '../../oci/errors.ts'
import { removeBlob } from '../../registry/delete.ts'
import type { BlobStore } from '../../storage/blob-store.ts'
import type { Key } from '../../storage/driver.ts'
import { nameUnknown } from '../app.ts'
import { HttpError } from '../http-error.ts'
import type { DamagedEvent } from '../events.ts'
import type { BodyWriter, Reply } from '../reply.ts'
import type { Call, Routes, TargetOf } from '../route.ts'
import { notModified, rangeHolds } from './conditional.ts'
import { onRepository } from './repository-permission.ts'

export interface BlobDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly damaged: (event: DamagedEvent) => void
  /** Whoever is told that a blob is there counts on it for a while. */
  readonly leases?: UseLeases | undefined
}

interface Reading extends BlobDeps {
  readonly isRight: ReturnType<typeof createContentCheck>
  readonly recent: RecentlyRight
  readonly reports: DamageReports
}

/** So long, and for so many objects, what was hashed is not hashed again (docs/decisions/0024-verification.md). */
const recently = { forMs: 5 * 60 * 1000, most: 10_000 }

type BlobCall = Call<TargetOf<'blob'>>

export function blobRoutes(deps: BlobDeps): Routes<'blob'> {
  const reading = {
    ...deps,
    isRight: createContentCheck(),
    recent: createRecentlyRight(recently),
    reports: createDamageReports(deps),
  }
  const read = { needs: onRepository('pull'), run: async (call: BlobCall) => get(reading, call) }
  return {
    GET: read,
    HEAD: read,
    DELETE: { needs: onRepository('delete'), run: async (call) => remove(deps, call) },
  }
}

async function get(deps: Reading, call: BlobCall): Promise<Reply> {
  const { request, target, repository } = call
  const { name, digest } = target
  if (repository === undefined) throw nameUnknown(name)
  const blob = await look(deps, call, repository.id)
  if (blob === undefined) throw blobUnknown(call)
  const headers = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=31536000, immutable, no-transform',
  }
  if (notModified(request, digest)) return { status: 304, headers }
  // A range is defined for GET alone (RFC 9110 section 14.2).
  const isAsked = request.method === 'GET' && rangeHolds(request, digest)
  const asked = isAsked ? request.headers.range : undefined
  const range = parseRange(asked, blob.size)
  if (range.kind === 'unsatisfiable') {
    throw new HttpError(416, `The blob has ${blob.size} bytes; the range is outside.`, {
      'content-range': `bytes */${blob.size}`,
    })
  }
  const { start, end } = range.kind === 'range' ? range : { start: 0, end: blob.size - 1 }
  return {
    status: range.kind === 'range' ? 206 : 200,
    headers: {
      ...headers,
      'content-length': end - start + 1,
      ...(range.kind === 'range' && { 'content-range': `bytes ${start}-${end}/${blob.size}` }),
    },
    ...(request.method === 'GET' &&
      blob.size > 0 && { body: await bytesOf(deps, call, blob, { start, end }) }),
  }
}

/** What a client that asks with HEAD is told is there, stays there for as long as a push takes. */
async function look(
  { metadata, leases }: Reading,
  { request, target }: BlobCall,
  repositoryId: number,
): Promise<BlobRow | undefined> {
  const { digest } = target
  const found = await findLinkedBlob(metadata, repositoryId, digest)
  if (found === undefined || leases === undefined || request.method !== 'HEAD') return found
  const isThere = await leases.blob(digest, found.reviewAfter)
  return isThere ? found : findLinkedBlob(metadata, repositoryId, digest)
}

/**
 * What is sent. A whole blob is hashed on its way: other bytes than were pushed never make a whole answer. What is found
 * before anything is sent is told as what it is from now on: absent.
 */
async function bytesOf(
  deps: Reading,
  call: BlobCall,
  blob: BlobRow,
  { start, end }: ByteRange,
): Promise<BodyWriter | Uint8Array> {
  const { blobs, recent, reports } = deps
  const { digest, size, content } = blob
  const whole = start === 0 && end === size - 1
  if (content !== undefined) {
    if (content.length === size && deps.isRight(content, digest)) {
      return whole ? content : content.subarray(start, end + 1)
    }
    throw await damaged(deps, call, blob)
  }
  const key = blob.storageKey as Key | undefined
  const stored = key === undefined ? undefined : await blobs.stat(key)
  if (key === undefined || stored?.size !== size) throw await damaged(deps, call, blob)
  if (!whole || recent.has(stored)) return async (write) => blobs.copy(key, { start, end }, write)
  return async (write) => {
    try {
      await copyVerified(blobs, { key, size, digest }, write)
      recent.add(stored)
    } catch (error) {
      // The answer is broken off at once; what the blob is now comes to light meanwhile.
      if (error instanceof WrongBytesError) void reports.report(call.target.name, digest)
      throw error
    }
  }
}

/** An error to throw: that the blob is absent, when that is certain. */
async function damaged({ reports }: Reading, call: BlobCall, { digest }: BlobRow): Promise<Error> {
  const outcome = await reports.report(call.target.name, digest)
  if (outcome === 'absent') return blobUnknown(call)
  return new Error(`the storage does not have the bytes of ${digest}`)
}

function blobUnknown({ target }: BlobCall): OciError {
  return new OciError('BLOB_UNKNOWN', {
    message: `${target.name} has no blob ${target.digest}.`,
    detail: { digest: target.digest },
  })
}

async function remove({ metadata }: BlobDeps, call: BlobCall): Promise<Reply> {
  if (call.repository === undefined) throw nameUnknown(call.target.name)
  const removed = await removeBlob(metadata, call.repository.id, call.target.digest)
  if (!removed) throw blobUnknown(call)
  return { status: 202, headers: { 'content-length': 0 } }
}
