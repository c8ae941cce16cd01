// Deleting. By tag only the tag goes; by digest the manifest and its tags; what something else needs stays. Manifests
// and repositories go to the recycle bin, from which registry/restore*.ts brings them back.
// Spec: distribution-spec spec.md#content-management, end-9, end-10.
import type { Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import type { Tag } from '../oci/reference.ts'
import { appendAudit, type AuditEntry } from '../metadata/audit.ts'
import { manifestUsingBlob, unlinkBlob } from '../metadata/blobs.ts'
import { hideRepository } from '../metadata/deleted-repositories.ts'
import { queueForJournal } from '../metadata/journal-queue.ts'
import { indexHolding } from '../metadata/manifests.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { reviewBlob, reviewManifest } from '../metadata/reviews.ts'
import { deleteTag, findTag } from '../metadata/tags.ts'
import { moveToBin, noteRemovedTag } from './recycle-bin.ts'

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
    await noteRemovedTag(tx, { repositoryId, tag, by: audit?.actor.id })
    await reviewManifest(tx, repositoryId, found.digest)
    if (audit !== undefined) await appendAudit(tx, audit)
    return true
  })
}

/**
 * Moves a manifest with the tags that point to it to the recycle bin; its referrers stay. Returns false when it is not
 * there.
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
    const moved = await moveToBin(tx, {
      repositoryId,
      digests: [digest],
      reason: 'deleted',
      at: Date.now(),
      by: audit?.actor.id,
    })
    if (moved.length === 0) return false
    if (audit !== undefined) await appendAudit(tx, audit)
    return true
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

/**
 * Moves a repository with everything in it to the recycle bin, at once whatever it holds. Its name is free then, and
 * its id is never given out again. @throws whatever `check` throws
 */
export async function removeRepository(
  metadata: MetadataStore,
  repositoryId: number,
  { check, audit }: RepositoryRemoval = {},
): Promise<void> {
  await metadata.write(async (tx) => {
    await check?.(tx)
    const now = Date.now()
    const hidden = await hideRepository(tx, { id: repositoryId, deletedBy: audit?.actor.id, now })
    if (!hidden) return
    if (audit !== undefined) await appendAudit(tx, audit)
    await queueForJournal(tx, [{ kind: 'repository-deleted', repositoryId, at: now }])
  })
}
