// /v2/<name>/manifests/<tag or digest> (end-3, end-7, end-9). Speaks HTTP; the rules are in registry/.
import type { DecisionWatch } from '../../access/decision-watch.ts'
import type { UseLeases } from '../../collection/lease-of-use.ts'
import { decide } from '../../auth/authorize.ts'
import type { Allowance, Decision, Permission } from '../../auth/authorize.ts'
import { nameOfIdentity, principalId } from '../../auth/identity.ts'
import { createContentCheck } from '../../fsck/verified-copy.ts'
import { findManifest, findManifestByTag, type ManifestRow } from '../../metadata/manifests.ts'
import type { AuditEntry } from '../../metadata/audit.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { listTags } from '../../metadata/tags.ts'
import type { Digest } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import { parseTag, type Reference, type RepositoryName } from '../../oci/reference.ts'
import { removeManifest, removeTag } from '../../registry/delete.ts'
import { pushManifest, type Pusher } from '../../registry/push-manifest.ts'
import { readAll } from '../../streams/read-all.ts'
import { nameUnknown } from '../app.ts'
import type { PushedEvent } from '../events.ts'
import { HttpError } from '../http-error.ts'
import type { UrlRule } from '../registry2/manifest-urls.ts'
import type { Reply } from '../reply.ts'
import type { Call, Routes, TargetOf } from '../route.ts'
import { notModified } from './conditional.ts'
import { onRepository } from './repository-permission.ts'

const maxManifestBytes = 4 * 1024 * 1024
const maxTags = 100

export interface ManifestDeps {
  readonly metadata: MetadataStore
  readonly pushed: (event: PushedEvent) => void
  readonly watch?: DecisionWatch | undefined
  /** Hears of pulls, where they are to be told to the audit log. */
  readonly auditPull?: ((entry: AuditEntry) => void) | undefined
  /** From where layers may come that are not kept here; left out: from anywhere. */
  readonly urls?: UrlRule | undefined
  /** Whoever is told that a manifest is there counts on it for a while. */
  readonly leases?: UseLeases | undefined
}

type ManifestCall = Call<TargetOf<'manifest'>>

export function manifestRoutes(deps: ManifestDeps): Routes<'manifest'> {
  const reading = { ...deps, isRight: createContentCheck() }
  const read = {
    needs: onRepository('pull'),
    run: async (call: ManifestCall) => get(reading, call),
  }
  return {
    GET: read,
    HEAD: read,
    PUT: { needs: onRepository('push'), run: async (call) => put(deps, call) },
    DELETE: { needs: onRepository('delete'), run: async (call) => remove(deps, call) },
  }
}

interface Reading extends ManifestDeps {
  readonly isRight: ReturnType<typeof createContentCheck>
}

async function get(deps: Reading, call: ManifestCall): Promise<Reply> {
  const { metadata, auditPull } = deps
  const { request, target, repository } = call
  const { name, reference } = target
  if (repository === undefined) throw nameUnknown(name)
  const manifest =
    reference.kind === 'tag'
      ? await findManifestByTag(metadata, repository.id, reference.tag)
      : await look(deps, call, { repositoryId: repository.id, digest: reference.digest })
  if (manifest === undefined) throw await manifestUnknown(metadata, repository.id, name, reference)
  const headers = {
    'content-type': manifest.mediaType,
    'content-length': manifest.size,
    'docker-content-digest': manifest.digest,
    etag: `"${manifest.digest}"`,
    'cache-control': reference.kind === 'tag' ? 'no-cache' : 'private, max-age=31536000, immutable',
  }
  if (notModified(request, manifest.digest)) return { status: 304, headers }
  if (request.method === 'GET') {
    if (!deps.isRight(manifest.content, manifest.digest)) {
      throw new Error(
        `the bytes of the manifest ${manifest.digest} in the database are not its own`,
      )
    }
    auditPull?.({
      event: 'image.pulled',
      actor: { id: principalId(call.identity), name: nameOfIdentity(call.identity) },
      subject: reference.kind === 'tag' ? `${name}:${reference.tag}` : `${name}@${manifest.digest}`,
      address: request.peer.address,
      detail: { digest: manifest.digest },
    })
  }
  return { status: 200, headers, body: manifest.content }
}

/** As for blobs: what a client that asks with HEAD is told is there, stays for as long as a push takes. */
async function look(
  { metadata, leases }: ManifestDeps,
  { request }: ManifestCall,
  { repositoryId, digest }: { readonly repositoryId: number; readonly digest: Digest },
): Promise<ManifestRow | undefined> {
  const found = await findManifest(metadata, repositoryId, digest)
  if (found === undefined || leases === undefined || request.method !== 'HEAD') return found
  const isThere = await leases.manifest(repositoryId, digest, found.reviewAfter)
  return isThere ? found : findManifest(metadata, repositoryId, digest)
}

/** Says what there is, so that a typing error is seen at once. */
async function manifestUnknown(
  metadata: MetadataStore,
  repositoryId: number,
  name: RepositoryName,
  reference: Reference,
): Promise<OciError> {
  if (reference.kind === 'digest') {
    return new OciError('MANIFEST_UNKNOWN', {
      message: `${name} has no manifest ${reference.digest}.`,
      detail: { name, digest: reference.digest },
    })
  }
  const shown = 5
  const tags = (await listTags(metadata, repositoryId, { after: '', limit: shown + 1 })).map(
    (tag) => tag.name,
  )
  const list = tags.slice(0, shown).join(', ') + (tags.length > shown ? ', …' : '')
  const there = tags.length === 0 ? 'It has no tags at all.' : `It has: ${list}.`
  return new OciError('MANIFEST_UNKNOWN', {
    message: `There is no tag ${reference.tag} in ${name}. ${there}`,
    detail: { name, tag: reference.tag },
  })
}

async function put(deps: ManifestDeps, call: ManifestCall): Promise<Reply> {
  const { request, target } = call
  const { name, reference } = target
  const started = Date.now()
  const tags = tagsOf(request.query, reference)
  if (Number(request.headers['content-length'] ?? 0) > maxManifestBytes) throw tooLarge()
  const bytes = await readAll(request.body, maxManifestBytes)
  if (bytes === undefined) throw tooLarge()
  deps.urls?.require(bytes)

  const moving = decideOnMoving(call)
  const pushed = await pushManifest(deps.metadata, {
    repositoryId: call.repository?.id ?? { toMake: name },
    reference,
    tags,
    contentType: request.headers['content-type'],
    bytes,
    name,
    pusher: pusherOf(call),
    keepTags: moving.allowed ? undefined : `${moving.message} Or push under a new tag.`,
  })
  if (pushed.movedTag && moving.allowed) noteMove(deps, call, moving)
  deps.pushed({
    kind: 'pushed',
    repository: name,
    reference: reference.kind === 'tag' ? reference.tag : (tags[0] ?? pushed.digest),
    bytes: pushed.totalSize,
    address: request.peer.address,
    seconds: (Date.now() - started) / 1000,
  })
  return {
    status: 201,
    headers: {
      location: `/v2/${name}/manifests/${pushed.digest}`,
      'docker-content-digest': pushed.digest,
      'content-length': 0,
      ...(pushed.subject !== undefined && { 'oci-subject': pushed.subject }),
      ...(tags.length > 0 && { 'oci-tag': tags.join(', ') }),
    },
  }
}

function pusherOf({ request, identity }: ManifestCall): Pusher {
  const provenance = identity.kind === 'principal' ? identity.provenance : undefined
  return {
    id: principalId(identity),
    name: nameOfIdentity(identity),
    address: request.peer.address,
    ...(provenance !== undefined && { provenance }),
  }
}

/** Whether this caller may move existing tags; every way to set a tag comes by here. */
function decideOnMoving({ target: { name }, identity, repository }: ManifestCall): Decision {
  return decide(identity, movingIn(name), { repository })
}

function movingIn(name: RepositoryName): Permission {
  return { action: 'overwrite', resource: { type: 'repository', name } }
}

/** The right to move counts as used when a tag was moved, not with every push. */
function noteMove({ watch }: ManifestDeps, call: ManifestCall, moving: Allowance): void {
  const { identity, request, target } = call
  watch?.allowed({ identity, wanted: movingIn(target.name), address: request.peer.address }, moving)
}

/** `?tag=a&tag=b` besides a digest (end-7b). */
function tagsOf(query: URLSearchParams, reference: Reference) {
  const given = query.getAll('tag')
  if (given.length === 0) return []
  if (reference.kind === 'tag') {
    throw new HttpError(400, 'Tags can be given in the query only when the address has a digest.')
  }
  if (given.length > maxTags) {
    throw new HttpError(
      400,
      `${given.length} tags in one request are too many: send at most ${maxTags}.`,
    )
  }
  return given.map(parseTag)
}

function tooLarge(): HttpError {
  return new HttpError(
    413,
    `A manifest may have at most ${maxManifestBytes} bytes. Put large content into a layer.`,
  )
}

async function remove({ metadata }: ManifestDeps, call: ManifestCall): Promise<Reply> {
  const { name, reference } = call.target
  if (call.repository === undefined) throw nameUnknown(name)
  const { id } = call.repository
  const by = {
    actor: { id: principalId(call.identity), name: nameOfIdentity(call.identity) },
    address: call.request.peer.address,
  }
  const removed =
    reference.kind === 'tag'
      ? await removeTag(metadata, id, reference.tag, {
          ...by,
          event: 'tag.deleted',
          subject: `${name}:${reference.tag}`,
        })
      : await removeManifest(metadata, id, reference.digest, {
          ...by,
          event: 'image.deleted',
          subject: `${name}@${reference.digest}`,
        })
  if (!removed) throw await manifestUnknown(metadata, id, name, reference)
  return { status: 202, headers: { 'content-length': 0 } }
}
