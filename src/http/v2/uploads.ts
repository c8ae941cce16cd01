// /v2/<name>/blobs/uploads/… (end-4 to end-6, end-11, end-13, end-14). The place of a session in a URL is
// `<ticket>.<offset>`: a stale offset is seen even when the client sends no Content-Range.
import type { DecisionWatch } from '../../access/decision-watch.ts'
import { decide } from '../../auth/authorize.ts'
import { principalId } from '../../auth/identity.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { findRepository, type RepositoryRow } from '../../metadata/repositories.ts'
import { parseContentRange } from '../../oci/byte-range.ts'
import { isDigest, parseDigest, type DigestAlgorithm } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import { isRepositoryName, type RepositoryName } from '../../oci/reference.ts'
import { commitUpload } from '../../registry/commit-upload.ts'
import { mountBlob } from '../../registry/mount-blob.ts'
import { ensureRepository } from '../../registry/repository.ts'
import {
  cancelUpload,
  receiveChunk,
  UploadOffsetError,
  uploadOffset,
} from '../../registry/upload.ts'
import type { UploadTicket, UploadTickets } from '../../registry/upload-ticket.ts'
import type { BlobStore } from '../../storage/blob-store.ts'
import type { UploadEvent } from '../events.ts'
import { HttpError } from '../http-error.ts'
import type { Reply } from '../reply.ts'
import type { HttpRequest } from '../request.ts'
import type { Call, Routes, TargetOf } from '../route.ts'
import { onRepository } from './repository-permission.ts'

export interface UploadRouteDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly tickets: UploadTickets
  readonly uploaded: (event: UploadEvent) => void
  readonly watch?: DecisionWatch | undefined
}

type SessionCall = Call<TargetOf<'upload'>>

export function uploadStartRoutes(deps: UploadRouteDeps): Routes<'uploads'> {
  return { POST: { needs: onRepository('push'), run: async (call) => start(deps, call) } }
}

export function uploadRoutes(deps: UploadRouteDeps): Routes<'upload'> {
  const needs = onRepository('push')
  return {
    GET: { needs, run: async (call) => status(deps, call) },
    PATCH: { needs, run: async (call) => patch(deps, call) },
    PUT: { needs, run: async (call) => finish(deps, call) },
    DELETE: { needs, run: async (call) => cancel(deps, call) },
  }
}

async function start(deps: UploadRouteDeps, call: Call<TargetOf<'uploads'>>): Promise<Reply> {
  const { request, target, identity } = call
  const { query } = request
  const algorithm = algorithmOf(query)
  const digest = query.get('digest')
  // A request that is wrong makes no repository.
  if (digest !== null) parseDigest(digest)
  const repository =
    call.repository ?? (await ensureRepository(deps.metadata, target.name, principalId(identity)))
  if (await mounted(deps, call, repository)) {
    return created(target.name, query.get('mount') ?? '')
  }
  const owner = { repositoryId: repository.id, principalId: principalId(identity) }
  const ticket = deps.tickets.open(owner, algorithm)
  if (digest === null) return accepted(target.name, ticket, 0)
  return commit(deps, { request, name: target.name, ticket, offset: 0, digest })
}

/** Anything that stands in the way of a mount makes it an ordinary upload, so that it tells nothing. */
async function mounted(
  deps: UploadRouteDeps,
  { request, identity }: Call<TargetOf<'uploads'>>,
  to: RepositoryRow,
): Promise<boolean> {
  const digest = request.query.get('mount')
  const from = request.query.get('from')
  if (digest === null || from === null || !isDigest(digest) || !isRepositoryName(from)) return false
  const source = await findRepository(deps.metadata, from)
  if (source === undefined) return false
  const needs = { action: 'pull', resource: { type: 'repository', name: from } } as const
  const decision = decide(identity, needs, { repository: source })
  if (!decision.allowed) return false
  const mounted = await mountBlob(deps.metadata, { digest, from: source.id, to: to.id })
  const { address } = request.peer
  if (mounted) deps.watch?.allowed({ identity, wanted: needs, address }, decision)
  return mounted
}

async function status(deps: UploadRouteDeps, call: SessionCall): Promise<Reply> {
  const { ticket } = sessionOf(deps, call)
  const size = await uploadOffset(deps, ticket)
  return { status: 204, headers: progress(call.target.name, ticket, size) }
}

async function patch(deps: UploadRouteDeps, call: SessionCall): Promise<Reply> {
  const { request, target } = call
  const { ticket, offset } = sessionOf(deps, call)
  const chunk = chunkOf(request, offset)
  const size = await receiveChunk(deps, ticket, { source: request.body, ...chunk }).catch(
    asRangeError(target.name, ticket),
  )
  deps.uploaded({ kind: 'upload', repository: target.name, bytes: size })
  return accepted(target.name, ticket, size)
}

async function finish(deps: UploadRouteDeps, call: SessionCall): Promise<Reply> {
  const { request, target } = call
  const { ticket, offset } = sessionOf(deps, call)
  const digest = request.query.get('digest') ?? ''
  return commit(deps, { request, name: target.name, ticket, offset, digest })
}

async function commit(
  deps: UploadRouteDeps,
  end: {
    readonly request: HttpRequest
    readonly name: RepositoryName
    readonly ticket: UploadTicket
    readonly offset: number | undefined
    readonly digest: string
  },
): Promise<Reply> {
  const { request, name, ticket } = end
  if (request.query.getAll('digest').length > 1) {
    throw new OciError('DIGEST_INVALID', { message: 'The digest must be given exactly once.' })
  }
  const expected = parseDigest(end.digest)
  const chunk = chunkOf(request, end.offset)
  await commitUpload(deps, ticket, { expected, source: request.body, ...chunk }).catch(
    asRangeError(name, ticket),
  )
  return created(name, expected)
}

async function cancel(deps: UploadRouteDeps, call: SessionCall): Promise<Reply> {
  await cancelUpload(deps, sessionOf(deps, call).ticket)
  return { status: 204, headers: {} }
}

/** @throws {OciError} BLOB_UPLOAD_UNKNOWN: not a session of this repository and principal */
function sessionOf(
  deps: UploadRouteDeps,
  { target, identity, repository }: SessionCall,
): { readonly ticket: UploadTicket; readonly offset: number | undefined } {
  const dot = target.session.indexOf('.')
  const id = dot < 0 ? target.session : target.session.slice(0, dot)
  const place = dot < 0 ? undefined : target.session.slice(dot + 1)
  if (repository === undefined || (place !== undefined && !/^\d{1,15}$/.test(place))) {
    throw new OciError('BLOB_UPLOAD_UNKNOWN')
  }
  const owner = { repositoryId: repository.id, principalId: principalId(identity) }
  const ticket = deps.tickets.read(id, owner)
  if (ticket === undefined) throw new OciError('BLOB_UPLOAD_UNKNOWN')
  return { ticket, offset: place === undefined ? undefined : Number(place) }
}

/** Where the chunk belongs and how long it must be, from the URL, Content-Range and Content-Length. */
function chunkOf(request: HttpRequest, urlOffset: number | undefined) {
  const range = parseContentRange(request.headers['content-range'])
  if (range === 'invalid') {
    throw new HttpError(400, 'Content-Range of a chunk is written <first byte>-<last byte>.')
  }
  const length = request.headers['content-length']
  const announced = length === undefined ? undefined : Number(length)
  if (range === undefined) return { offset: urlOffset, expectedSize: announced }
  const expectedSize = range.end - range.start + 1
  if (announced !== undefined && announced !== expectedSize) {
    throw new OciError('SIZE_INVALID', {
      message: `Content-Range speaks of ${expectedSize} bytes, Content-Length of ${announced}.`,
    })
  }
  // A stale URL is as wrong as a stale range.
  const stale = urlOffset !== undefined && urlOffset !== range.start
  return { offset: stale ? -1 : range.start, expectedSize }
}

function asRangeError(name: RepositoryName, ticket: UploadTicket) {
  return (error: unknown): never => {
    if (!(error instanceof UploadOffsetError)) throw error
    throw new HttpError(416, error.message, progress(name, ticket, error.size))
  }
}

function algorithmOf(query: URLSearchParams): DigestAlgorithm {
  const given = query.get('digest-algorithm') ?? 'sha256'
  if (given === 'sha256' || given === 'sha512') return given
  throw new OciError('DIGEST_INVALID', {
    message: `This registry knows the digest algorithms sha256 and sha512, not "${given.slice(0, 40)}".`,
  })
}

function accepted(name: RepositoryName, ticket: UploadTicket, size: number): Reply {
  return { status: 202, headers: { ...progress(name, ticket, size), 'content-length': 0 } }
}

function progress(name: RepositoryName, { id }: UploadTicket, size: number) {
  return {
    location: `/v2/${name}/blobs/uploads/${id}.${size}`,
    range: `0-${Math.max(size - 1, 0)}`,
    'docker-upload-uuid': id,
  }
}

function created(name: RepositoryName, digest: string): Reply {
  return {
    status: 201,
    headers: {
      location: `/v2/${name}/blobs/${digest}`,
      'docker-content-digest': digest,
      'content-length': 0,
    },
  }
}
