// /v2/<name>/blobs/<digest> (end-2, end-10). A blob is reached through its repository only: a digest is no capability.
import { findLinkedBlob, type BlobRow } from '../../metadata/blobs.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { parseRange } from '../../oci/byte-range.ts'
import { OciError } from '../../oci/errors.ts'
import { removeBlob } from '../../registry/delete.ts'
import type { BlobStore } from '../../storage/blob-store.ts'
import type { Key } from '../../storage/driver.ts'
import { nameUnknown } from '../app.ts'
import { HttpError } from '../http-error.ts'
import type { BodyWriter, Reply } from '../reply.ts'
import type { Call, Routes, TargetOf } from '../route.ts'
import { notModified, rangeHolds } from './conditional.ts'
import { onRepository } from './repository-permission.ts'

export interface BlobDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
}

type BlobCall = Call<TargetOf<'blob'>>

export function blobRoutes(deps: BlobDeps): Routes<'blob'> {
  const read = { needs: onRepository('pull'), run: async (call: BlobCall) => get(deps, call) }
  return {
    GET: read,
    HEAD: read,
    DELETE: { needs: onRepository('delete'), run: async (call) => remove(deps, call) },
  }
}

async function get(deps: BlobDeps, call: BlobCall): Promise<Reply> {
  const { request, target, repository } = call
  const { name, digest } = target
  if (repository === undefined) throw nameUnknown(name)
  const blob = await findLinkedBlob(deps.metadata, repository.id, digest)
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
      blob.size > 0 && { body: await bytesOf(deps, blob, start, end) }),
  }
}

/** What is sent; a blob whose bytes are gone is our failure, found before anything is sent. */
async function bytesOf({ blobs }: BlobDeps, blob: BlobRow, start: number, end: number) {
  if (blob.content !== undefined) {
    const whole = start === 0 && end === blob.size - 1
    return whole ? blob.content : blob.content.subarray(start, end + 1)
  }
  const key = blob.storageKey as Key
  const stored = await blobs.stat(key)
  if (stored?.size !== blob.size) {
    throw new Error(
      `the storage has ${stored?.size ?? 'no'} bytes of the ${blob.size} of ${blob.digest}`,
    )
  }
  const body: BodyWriter = async (write) => blobs.copy(key, { start, end }, write)
  return body
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
