// Tags as their operators see them.
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import { isTag, type Tag } from '../oci/reference.ts'
import { removeTag as removeTagOf } from '../registry/delete.ts'
import { restoreManifest, type RestoredManifest } from '../registry/restore-manifest.ts'
import { restoreTag as restoreTagOf } from '../registry/restore-tag.ts'
import type { Actor } from '../access/actor.ts'
import { Refusal } from '../access/refusal.ts'
import { requireRepository } from './repositories.ts'

/** The manifest stays. @throws {Refusal} not-found */
export async function removeTag(
  { metadata }: { readonly metadata: MetadataStore },
  actor: Actor,
  { repository, tag }: { readonly repository: string; readonly tag: string },
): Promise<void> {
  const { id } = await requireRepository(metadata, repository)
  const entry = { event: 'tag.deleted', actor, subject: `${repository}:${tag}` } as const
  if (isTag(tag) && (await removeTagOf(metadata, id, tag, entry))) return
  throw new Refusal('not-found', `there is no tag ${tag} in ${repository}`)
}

export interface TagRestore {
  readonly repository: string
  readonly tag: string
  /** Left out: what it was before its last change. */
  readonly digest?: string | undefined
  /** Why this caller may not move a tag, or bring an image back; undefined when they may. */
  readonly keepTags: string | undefined
  readonly keepDeleted: string | undefined
}

export interface TagRestored {
  readonly digest: Digest
  readonly before: Digest | undefined
  readonly changed: boolean
  readonly imageRestored: boolean
}

/** @throws {Refusal} not-found, invalid; {OciError} DENIED, MANIFEST_BLOB_UNKNOWN */
export async function restoreTag(
  { metadata }: { readonly metadata: MetadataStore },
  actor: Actor,
  asked: TagRestore,
): Promise<TagRestored> {
  const { repository, keepTags, keepDeleted } = asked
  const { id } = await requireRepository(metadata, repository)
  const tag = requireTag(asked.tag)
  const digest = asked.digest === undefined ? undefined : requireDigest(asked.digest)
  const subject = `${repository}:${tag}`
  const audit = { event: 'tag.restored', actor, subject } as const
  const more = { digest, keepTags, keepDeleted, audit }
  const outcome = await restoreTagOf(metadata, { repositoryId: id, tag, ...more })
  switch (outcome.kind) {
    case 'restored': {
      const { before, fromBin } = outcome
      return { digest: outcome.digest, before, changed: true, imageRestored: fromBin }
    }
    case 'there':
      return {
        digest: outcome.digest,
        before: outcome.digest,
        changed: false,
        imageRestored: false,
      }
    case 'no-history':
      throw new Refusal('not-found', `${subject} never pointed to anything else`, {
        fix: `carrel tag history ${repository}`,
      })
    case 'gone':
      throw goneImage(repository, outcome.digest)
  }
}

/** With those of its tags whose names are free. @throws {Refusal} not-found, invalid; {OciError} MANIFEST_BLOB_UNKNOWN */
export async function restoreImage(
  { metadata }: { readonly metadata: MetadataStore },
  actor: Actor,
  asked: { readonly repository: string; readonly digest: string },
): Promise<RestoredManifest> {
  const { repository } = asked
  const { id } = await requireRepository(metadata, repository)
  const digest = requireDigest(asked.digest)
  const audit = { event: 'manifest.restored', actor, subject: `${repository}@${digest}` } as const
  const restored = await restoreManifest(metadata, { repositoryId: id, digest }, audit)
  if (restored === undefined) throw goneImage(repository, digest)
  return restored
}

function goneImage(repository: string, digest: Digest): Refusal {
  return new Refusal('not-found', `${repository} has no deleted image ${digest}`, {
    why: 'it was never there, it was not deleted, or its time in the recycle bin is over',
    fix: `carrel tag history ${repository}`,
  })
}

function requireTag(text: string): Tag {
  if (isTag(text)) return text
  throw new Refusal('invalid', `${JSON.stringify(text.slice(0, 100))} cannot be a tag`)
}

function requireDigest(text: string): Digest {
  if (isDigest(text)) return text
  throw new Refusal('invalid', `${JSON.stringify(text.slice(0, 100))} is no digest`, {
    why: 'a digest is sha256: and 64 characters, in full',
  })
}
