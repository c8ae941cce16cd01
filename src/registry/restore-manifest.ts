// Out of the recycle bin: a manifest comes back with everything that it holds, or not at all.
import type { Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { parseManifest } from '../oci/manifest.ts'
import { isTag, type Tag } from '../oci/reference.ts'
import { appendAudit, type AuditEntry } from '../metadata/audit.ts'
import { findInTrash, keyOfBlob, putBackBlob } from '../metadata/blob-trash.ts'
import { linkBlob } from '../metadata/blobs.ts'
import {
  contentsOfDeleted,
  findDeletedManifest,
  putBackManifest,
  type DeletedManifest,
} from '../metadata/deleted-manifests.ts'
import { queueForJournal, type JournalEntry } from '../metadata/journal-queue.ts'
import { manifestSize } from '../metadata/manifests.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { reviewTime } from '../metadata/reviews.ts'
import { insertTagChange } from '../metadata/tag-changes.ts'
import { findTag, setTag } from '../metadata/tags.ts'

export interface RestoredManifest {
  /** That point to it again. */
  readonly tags: readonly Tag[]
  /** That pointed to it, and point elsewhere by now. */
  readonly tagsElsewhere: readonly Tag[]
}

/**
 * Brings a manifest back, and those of its tags whose names are free; undefined when it is not in the bin of the
 * repository. Durable when it resolves.
 *
 * @throws {OciError} MANIFEST_BLOB_UNKNOWN when something that it holds is gone all the same
 */
export async function restoreManifest(
  metadata: MetadataStore,
  asked: { readonly repositoryId: number; readonly digest: Digest },
  audit: AuditEntry,
): Promise<RestoredManifest | undefined> {
  return metadata.write(async (tx) => {
    const deleted = await findDeletedManifest(tx, asked.repositoryId, asked.digest)
    if (deleted === undefined) return undefined
    const by = audit.actor.id
    const tags: Tag[] = []
    const tagsElsewhere: Tag[] = []
    for (const tag of deleted.tags.filter(isTag)) {
      const isFree = (await findTag(tx, asked.repositoryId, tag)) === undefined
      const list = isFree ? tags : tagsElsewhere
      list.push(tag)
    }
    await putBackFromBin(tx, deleted, { isTagged: tags.length > 0 })
    const news: JournalEntry[] = []
    const at = Date.now()
    for (const tag of tags) {
      await setTag(tx, { ...asked, tag, updatedBy: by })
      await insertTagChange(tx, { ...asked, tag, changedBy: by, changedAt: at })
      news.push({ kind: 'tag', ...asked, tag, at, by: by ?? null })
    }
    await queueForJournal(tx, news)
    await appendAudit(tx, { ...audit, detail: { ...audit.detail, tags } })
    return { tags, tagsElsewhere }
  })
}

/**
 * The manifest is there as it was before it was deleted, and told to the journal. What only the bin holds of its
 * children comes back with it. Returns how many came back.
 *
 * @throws {OciError} MANIFEST_BLOB_UNKNOWN
 */
export async function putBackFromBin(
  tx: Transaction,
  deleted: DeletedManifest,
  { isTagged }: { readonly isTagged: boolean },
): Promise<number> {
  const { repositoryId, digest } = deleted
  const named = childrenNamedBy(deleted)
  const blobs: Digest[] = []
  const children: Digest[] = []
  let count = 1
  for (const held of await contentsOfDeleted(tx, deleted.id)) {
    const mayBeChild = named?.has(held) !== false
    const brought = mayBeChild ? await bringChild(tx, repositoryId, held) : undefined
    count += brought ?? 0
    if (brought !== undefined) children.push(held)
    else if (await hasBlob(tx, repositoryId, held)) blobs.push(held)
    else throw incomplete(digest, held)
  }
  const reviewAfter = (isTagged ? undefined : reviewTime()) as number
  await putBackManifest(tx, deleted, { blobs, children, reviewAfter })
  await queueForJournal(tx, [{ kind: 'manifest', repositoryId, digest }])
  return count
}

/** Undefined: it is of an old kind that nobody can read here, so that any digest may be a child. */
function childrenNamedBy({ mediaType, content }: DeletedManifest): Set<Digest> | undefined {
  try {
    return new Set(parseManifest(mediaType, content).manifests.map((child) => child.digest))
  } catch {
    return undefined
  }
}

/** How many came back for it to be there; undefined: it is nowhere. Its index is the reason why nothing looks at it. */
async function bringChild(
  tx: Transaction,
  repositoryId: number,
  digest: Digest,
): Promise<number | undefined> {
  if ((await manifestSize(tx, repositoryId, digest)) !== undefined) return 0
  const deleted = await findDeletedManifest(tx, repositoryId, digest)
  return deleted && putBackFromBin(tx, deleted, { isTagged: true })
}

/** The bin keeps the blob; the repository may have lost sight of it. */
async function hasBlob(tx: Transaction, repositoryId: number, digest: Digest): Promise<boolean> {
  if ((await keyOfBlob(tx, digest)) === undefined) {
    const trashed = await findInTrash(tx, digest)
    if (trashed === undefined) return false
    const times = { now: Date.now(), reviewAfter: reviewTime() }
    if (!(await putBackBlob(tx, trashed.id, times))) return false
  }
  await linkBlob(tx, repositoryId, digest)
  return true
}

function incomplete(digest: Digest, held: Digest): OciError {
  return new OciError('MANIFEST_BLOB_UNKNOWN', {
    message: `${digest} cannot be restored: ${held}, which it needs, is no longer there. Push the image again.`,
    detail: { digest: held },
  })
}
