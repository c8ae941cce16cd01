// Into the recycle bin, within the transaction of a delete or of a collection.
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import { copyToBin, type BinReason } from '../metadata/deleted-manifests.ts'
import { queueForJournal, type JournalEntry } from '../metadata/journal-queue.ts'
import { deleteManifest } from '../metadata/manifests.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { insertTagChange } from '../metadata/tag-changes.ts'
import { deleteTagsOf } from '../metadata/tags.ts'

export interface BinMove {
  readonly repositoryId: number
  readonly digests: readonly Digest[]
  readonly reason: BinReason
  readonly at: number
  readonly by: number | undefined
}

/**
 * Moves manifests with their tags to the bin, told to the history and the journal; returns those that were there. No
 * index that stays may hold one of them: the database refuses that.
 */
export async function moveToBin(tx: Transaction, move: BinMove): Promise<readonly Digest[]> {
  const { repositoryId, at, by } = move
  const moved: Digest[] = []
  const news: JournalEntry[] = []
  for (const digest of move.digests) {
    const tags = await deleteTagsOf(tx, repositoryId, digest)
    for (const tag of tags) {
      await insertTagChange(tx, {
        repositoryId,
        tag,
        digest: undefined,
        changedBy: by,
        changedAt: at,
      })
      news.push({ kind: 'tag', repositoryId, tag, digest: null, at, by: by ?? null })
    }
    const entry = { repositoryId, digest, tags, reason: move.reason, deletedAt: at, deletedBy: by }
    if (await copyToBin(tx, entry)) moved.push(digest)
  }
  // Those that hold each other are all copied by now.
  for (const digest of moved) {
    await deleteManifest(tx, repositoryId, digest)
    news.push({ kind: 'manifest-deleted', repositoryId, digest, at })
  }
  await queueForJournal(tx, news)
  return moved
}

/** The history and the journal of a tag that is taken away by itself. */
export async function noteRemovedTag(
  tx: Transaction,
  removed: {
    readonly repositoryId: number
    readonly tag: Tag
    readonly by: number | undefined
  },
): Promise<void> {
  const { repositoryId, tag, by } = removed
  const at = Date.now()
  await insertTagChange(tx, { repositoryId, tag, digest: undefined, changedBy: by, changedAt: at })
  await queueForJournal(tx, [{ kind: 'tag', repositoryId, tag, digest: null, at, by: by ?? null }])
}
