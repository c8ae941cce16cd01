// Pushing a manifest. Spec: distribution-spec spec.md#pushing-manifests, end-7a, end-7b.
import { algorithmOf, digestOf, type Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { parseManifest, type ManifestLayer, type ParsedManifest } from '../oci/manifest.ts'
import type { Reference, RepositoryName, Tag } from '../oci/reference.ts'
import { appendAudit, type AuditEntry } from '../metadata/audit.ts'
import { insertBlob, linkBlob, linkedBlobSize } from '../metadata/blobs.ts'
import { isRepositoryLive } from '../metadata/deleted-repositories.ts'
import { insertManifest, manifestSize } from '../metadata/manifests.ts'
import { queueForJournal, type JournalEntry } from '../metadata/journal-queue.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { reviewBlob, reviewManifest } from '../metadata/reviews.ts'
import { insertTagChange } from '../metadata/tag-changes.ts'
import { findTag, setTag } from '../metadata/tags.ts'
import { makeRepository } from './repository.ts'

export interface ManifestPush {
  /** A name: the repository comes into being with this push, or not at all. */
  readonly repositoryId: number | { readonly toMake: RepositoryName }
  readonly reference: Reference
  /** Tags to set besides (`?tag=`). */
  readonly tags: readonly Tag[]
  readonly contentType: string | undefined
  readonly bytes: Uint8Array
  /** Of the repository, for the audit log. */
  readonly name: string
  readonly pusher: Pusher
  /** Why existing tags must stay where they are; undefined when they may be moved. */
  readonly keepTags?: string | undefined
}

export interface Pusher {
  readonly id: number | undefined
  readonly name: string
  readonly address: string
  /** JSON of what is known of the CI job that pushes. */
  readonly provenance?: string | undefined
}

export interface PushedManifest {
  readonly digest: Digest
  readonly mediaType: string
  readonly subject: Digest | undefined
  /** Bytes of the manifest and of what it holds, each digest once. */
  readonly totalSize: number
  /** Whether a tag that was there points elsewhere now. */
  readonly movedTag: boolean
}

/** The empty JSON object as a blob: clients may name it without having pushed it. */
const emptyBlob = new TextEncoder().encode('{}')
const emptyDigest = digestOf(emptyBlob)

/**
 * Stores a manifest and moves the tags to it: all or nothing, durable when it resolves.
 *
 * @throws {OciError} MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN (one entry for each), SIZE_INVALID, DIGEST_INVALID,
 *   DENIED for a tag that may not be moved
 */
export async function pushManifest(
  metadata: MetadataStore,
  push: ManifestPush,
): Promise<PushedManifest> {
  const { reference, bytes, pusher } = push
  const algorithm = reference.kind === 'digest' ? algorithmOf(reference.digest) : 'sha256'
  const digest = digestOf(bytes, algorithm)
  if (reference.kind === 'digest' && reference.digest !== digest) {
    throw new OciError('DIGEST_INVALID', {
      message: `The manifest's digest is ${digest}, not the ${reference.digest} of the address.`,
      detail: { expected: reference.digest, actual: digest },
    })
  }
  const manifest = parseManifest(push.contentType, bytes)
  const tags = reference.kind === 'tag' ? [reference.tag, ...push.tags] : push.tags

  const movedTag = await metadata.write(async (tx) => {
    const repositoryId = await targetOf(tx, push)
    const { blobs, children } = await requireContents(tx, repositoryId, manifest)
    const isNew = await insertManifest(tx, {
      repositoryId,
      digest,
      mediaType: manifest.mediaType,
      size: bytes.length,
      content: bytes,
      subject: manifest.subject?.digest,
      artifactType: manifest.artifactType,
      annotations: hasKeys(manifest.annotations) ? JSON.stringify(manifest.annotations) : undefined,
      pushedBy: pusher.id,
      provenance: pusher.provenance,
      tagged: tags.length > 0,
      blobs,
      children,
    })
    // What is pushed as a part of an index to come must not be collected before that arrives.
    if (!isNew && tags.length === 0) await reviewManifest(tx, repositoryId, digest)
    const news: JournalEntry[] = isNew ? [{ kind: 'manifest', repositoryId, digest }] : []
    const moves: TagMove[] = []
    for (const tag of new Set(tags)) {
      const move = { repositoryId, tag, digest, updatedBy: pusher.id }
      const how = await moveTag(tx, move, push.keepTags)
      moves.push(how)
      if (how !== 'there') news.push(tagEntry(move))
    }
    await queueForJournal(tx, news)
    await appendAudit(tx, pushEntry(push, { digest, tags }))
    return moves.includes('moved')
  })
  return {
    digest,
    mediaType: manifest.mediaType,
    subject: manifest.subject?.digest,
    totalSize: totalSize(manifest, bytes.length),
    movedTag,
  }
}

/** @throws {OciError} NAME_UNKNOWN when somebody has deleted it since the request began */
async function targetOf(tx: Transaction, { repositoryId, pusher }: ManifestPush): Promise<number> {
  if (typeof repositoryId !== 'number') {
    return (await makeRepository(tx, repositoryId.toMake, pusher.id)).id
  }
  if (await isRepositoryLive(tx, repositoryId)) return repositoryId
  throw new OciError('NAME_UNKNOWN', { message: 'The repository was deleted meanwhile.' })
}

interface TagTarget {
  readonly repositoryId: number
  readonly tag: Tag
  readonly digest: Digest
  readonly updatedBy: number | undefined
}

/** `there`: it points to the digest already. */
type TagMove = 'there' | 'new' | 'moved'

/** Sets a tag, with its history; what it pointed to is due for review. @throws {OciError} DENIED */
export async function moveTag(
  tx: Transaction,
  move: TagTarget,
  keepTags: string | undefined,
): Promise<TagMove> {
  const before = await findTag(tx, move.repositoryId, move.tag)
  if (before?.digest === move.digest) return 'there'
  if (before !== undefined && keepTags !== undefined) {
    throw new OciError('DENIED', {
      message: `The tag ${move.tag} is there already, with another image. ${keepTags}`,
      detail: { tag: move.tag, digest: before.digest },
    })
  }
  await setTag(tx, move)
  await insertTagChange(tx, { ...move, changedBy: move.updatedBy })
  if (before === undefined) return 'new'
  await reviewManifest(tx, move.repositoryId, before.digest)
  return 'moved'
}

export function tagEntry({ repositoryId, tag, digest, updatedBy }: TagTarget): JournalEntry {
  return { kind: 'tag', repositoryId, tag, digest, at: Date.now(), by: updatedBy ?? null }
}

function pushEntry(
  { name, pusher, repositoryId }: ManifestPush,
  { digest, tags }: { readonly digest: Digest; readonly tags: readonly Tag[] },
): AuditEntry {
  const { provenance, address } = pusher
  return {
    event: 'image.pushed',
    actor: { id: pusher.id, name: pusher.name },
    subject: tags[0] === undefined ? `${name}@${digest}` : `${name}:${tags[0]}`,
    address,
    detail: {
      digest,
      ...(tags.length > 1 && { tags }),
      ...(typeof repositoryId !== 'number' && { madeRepository: true }),
      ...(provenance !== undefined && { job: provenance }),
    },
  }
}

interface Contents {
  readonly blobs: readonly Digest[]
  readonly children: readonly Digest[]
}

/** Everything that the manifest needs must be in this repository; a subject and foreign layers need not. */
async function requireContents(
  tx: Transaction,
  repositoryId: number,
  manifest: ParsedManifest,
): Promise<Contents> {
  const blobs = new Map<Digest, number>()
  const children = new Map<Digest, number>()
  const missing = new Set<Digest>()
  for (const layer of contentOf(manifest)) {
    const { digest, size } = layer
    const found = blobs.get(digest) ?? (await findBlobSize(tx, repositoryId, digest))
    if (found !== undefined) blobs.set(digest, found)
    else if (!layer.foreign) missing.add(digest)
    requireSize(digest, found ?? size, size)
  }
  for (const { digest, size } of manifest.manifests) {
    const child = children.get(digest) ?? (await manifestSize(tx, repositoryId, digest))
    // Old BuildKit caches list layers in an index.
    const blob = child === undefined ? await linkedBlobSize(tx, repositoryId, digest) : undefined
    if (child !== undefined) children.set(digest, child)
    else if (blob !== undefined) blobs.set(digest, blob)
    else missing.add(digest)
    requireSize(digest, child ?? blob ?? size, size)
  }
  if (missing.size > 0) throw missingContents([...missing], manifest.kind === 'index')
  return { blobs: [...blobs.keys()], children: [...children.keys()] }
}

/** Config and layers. A foreign layer that was pushed all the same is needed like any other. */
function contentOf({ config, layers }: ParsedManifest): readonly ManifestLayer[] {
  return config === undefined ? layers : [{ ...config, foreign: false }, ...layers]
}

async function findBlobSize(
  tx: Transaction,
  repositoryId: number,
  digest: Digest,
): Promise<number | undefined> {
  const found = await linkedBlobSize(tx, repositoryId, digest)
  if (found !== undefined || digest !== emptyDigest) return found
  await provideEmptyBlob(tx, repositoryId)
  return emptyBlob.length
}

function requireSize(digest: Digest, stored: number, declared: number): void {
  if (stored === declared) return
  throw new OciError('SIZE_INVALID', {
    message: `The manifest says that ${digest} has ${declared} bytes, but ${stored} are stored. Push the image again.`,
    detail: { digest, stored, declared },
  })
}

function missingContents(missing: readonly Digest[], isIndex: boolean): OciError {
  const what = isIndex ? 'the manifest' : 'the blob'
  const errors = missing.map((digest) => ({
    code: 'MANIFEST_BLOB_UNKNOWN' as const,
    message: `This repository does not have ${what} ${digest} that the manifest refers to. Push it first.`,
    detail: { digest },
  }))
  const [first, ...others] = errors
  return new OciError('MANIFEST_BLOB_UNKNOWN', {
    ...(first !== undefined && { message: first.message, detail: first.detail }),
    others,
  })
}

async function provideEmptyBlob(tx: Transaction, repositoryId: number): Promise<void> {
  const isNew = await insertBlob(tx, {
    digest: emptyDigest,
    size: emptyBlob.length,
    storageKey: undefined,
    content: emptyBlob,
  })
  await linkBlob(tx, repositoryId, emptyDigest)
  if (!isNew) await reviewBlob(tx, emptyDigest)
}

function totalSize(manifest: ParsedManifest, ownSize: number): number {
  const sizes = new Map<Digest, number>()
  if (manifest.config !== undefined) sizes.set(manifest.config.digest, manifest.config.size)
  for (const { digest, size } of manifest.layers) sizes.set(digest, size)
  let total = ownSize
  for (const size of sizes.values()) total += size
  return total
}

function hasKeys(record: Readonly<Record<string, string>>): boolean {
  for (const _ in record) return true
  return false
}
