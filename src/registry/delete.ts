// Deleting. By tag only the tag goes; by digest the manifest and its tags; what something else needs stays.
// Spec: distribution-spec spec.md#content-management, end-9, end-10.
import type { Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import type { Tag } from '../oci/reference.ts'
import { appendAudit, type AuditEntry } from '../metadata/audit.ts'
import { manifestUsingBlob, unlinkAllBlobs, unlinkBlob } from '../metadata/blobs.ts'
import { deleteAllManifests, deleteManifest, indexHolding } from '../metadata/manifests.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { deleteRepository } from '../metadata/repositories.ts'
import {
  reviewBlob,
  reviewBlobsOfRepository,
  reviewContentsOfManifest,
  reviewManifest,
} from '../metadata/reviews.ts'
import { deleteAllTags, deleteTag, deleteTagsOf, findTag } from '../metadata/tags.ts'

/** Returns false when there is no such tag. */
export async function removeTag(
  metadata: MetadataStore,
  repositoryId: number,
  tag: Tag,
  audit?: AuditEntry,
): Promise<boolean> {
  return metadata.write(async (tx) => {
    const found = await findTag(tx, repositoryId, tag)
    if (found === undefined) return false
    await deleteTag(tx, repositoryId, tag)
    await reviewManifest(tx, repositoryId, found.digest)
    if (audit !== undefined) await appendAudit(tx, audit)
    return true
  })
}

/**
 * Removes a manifest and the tags that point to it; its referrers stay. Returns false when it is not there.
 *
 * @throws {OciError} UNSUPPORTED while an index holds it
 */
export async function removeManifest(
  metadata: MetadataStore,
  repositoryId: number,
  digest: Digest,
  audit?: AuditEntry,
): Promise<boolean> {
  return metadata.write(async (tx) => {
    const index = await indexHolding(tx, repositoryId, digest)
    if (index !== undefined) {
      throw new OciError('UNSUPPORTED', {
        message: `This manifest is part of the index ${index}, which would be broken without it. Delete the index first.`,
        detail: { index },
      })
    }
    await deleteTagsOf(tx, repositoryId, digest)
    await reviewContentsOfManifest(tx, repositoryId, digest)
    const removed = await deleteManifest(tx, repositoryId, digest)
    if (removed && audit !== undefined) await appendAudit(tx, audit)
    return removed
  })
}

/**
 * Takes a blob out of a repository. Returns false when it is not there.
 *
 * @throws {OciError} UNSUPPORTED while a manifest of the repository needs it
 */
export async function removeBlob(
  metadata: MetadataStore,
  repositoryId: number,
  digest: Digest,
): Promise<boolean> {
  return metadata.write(async (tx) => {
    const manifest = await manifestUsingBlob(tx, repositoryId, digest)
    if (manifest !== undefined) {
      throw new OciError('UNSUPPORTED', {
        message: `The manifest ${manifest} needs this blob and could not be pulled without it. Delete the manifest first.`,
        detail: { manifest },
      })
    }
    const removed = await unlinkBlob(tx, repositoryId, digest)
    if (removed) await reviewBlob(tx, digest)
    return removed
  })
}

export interface RepositoryRemoval {
  /** Looks at the repository in the transaction that removes it, and throws when it is to stay. */
  readonly check?: ((tx: Transaction) => Promise<void>) | undefined
  readonly audit?: AuditEntry | undefined
}

/** Removes a repository with everything in it. Its id is never given out again. @throws whatever `check` throws */
export async function removeRepository(
  metadata: MetadataStore,
  repositoryId: number,
  { check, audit }: RepositoryRemoval = {},
): Promise<void> {
  await metadata.write(async (tx) => {
    await check?.(tx)
    if (audit !== undefined) await appendAudit(tx, audit)
    await reviewBlobsOfRepository(tx, repositoryId)
    await deleteAllTags(tx, repositoryId)
    await deleteAllManifests(tx, repositoryId)
    await unlinkAllBlobs(tx, repositoryId)
    await deleteRepository(tx, repositoryId)
  })
}
