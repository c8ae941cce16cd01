// The recycle bin: deleted manifests with all that it takes to bring them back. What they hold, blobs and children, is
// not collected while they are here. See docs/decisions/0022-collection.md.
import type { Digest } from '../oci/digest.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import { collectedBinMs, deletedBinMs } from './reviews.ts'

/** deleted: somebody did it; collected: nothing had needed it for long. */
export type BinReason = 'deleted' | 'collected'

export interface DeletedManifest {
  readonly id: number
  readonly repositoryId: number
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly content: Uint8Array
  readonly subject: Digest | undefined
  /** The tags that pointed to it. */
  readonly tags: readonly string[]
  readonly deletedAt: number
  readonly reason: BinReason
}

/** What goes into the bin and back unchanged. */
const carried = [
  'repository_id',
  'digest',
  'media_type',
  'size',
  'content',
  'subject',
  'artifact_type',
  'annotations',
  'provenance',
  'pushed_at',
  'pushed_by',
] as const

interface BinParameters {
  readonly repositoryId: number
  readonly digest: string
  readonly tags: string
  readonly deletedAt: number
  readonly deletedBy: number
  readonly reason: string
  readonly purgeAfter: number
}

// It may be there from an earlier life; then what it held stays held.
const copy = query<BinParameters>()((db, p) =>
  db
    .insertInto('deleted_manifests')
    .columns([...carried, 'tags', 'deleted_at', 'deleted_by', 'reason', 'purge_after'])
    .expression((from) =>
      from
        .selectFrom('manifests')
        .select((of) => [
          ...carried,
          of.cast<string>(of.val(p.tags), 'text').as('tags'),
          of.cast<number>(of.val(p.deletedAt), 'bigint').as('deleted_at'),
          of.cast<number>(of.val(p.deletedBy), 'bigint').as('deleted_by'),
          of.cast<string>(of.val(p.reason), 'text').as('reason'),
          of.cast<number>(of.val(p.purgeAfter), 'bigint').as('purge_after'),
        ])
        .where('repository_id', '=', p.repositoryId)
        .where('digest', '=', p.digest),
    )
    .onConflict((conflict) =>
      conflict.columns(['repository_id', 'digest']).doUpdateSet({
        tags: p.tags,
        deleted_at: p.deletedAt,
        deleted_by: p.deletedBy,
        reason: p.reason,
        purge_after: p.purgeAfter,
      }),
    ),
)

const copyContents = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .insertInto('deleted_manifest_contents')
    .columns(['deleted_id', 'repository_id', 'digest'])
    .expression((from) =>
      from
        .selectFrom('deleted_manifests')
        .innerJoin('manifest_blobs', (join) =>
          join
            .onRef('manifest_blobs.repository_id', '=', 'deleted_manifests.repository_id')
            .onRef('manifest_blobs.manifest', '=', 'deleted_manifests.digest'),
        )
        .select([
          'deleted_manifests.id',
          'deleted_manifests.repository_id',
          'manifest_blobs.blob as digest',
        ])
        .where('deleted_manifests.repository_id', '=', p.repositoryId)
        .where('deleted_manifests.digest', '=', p.digest)
        .union(
          from
            .selectFrom('deleted_manifests')
            .innerJoin('manifest_children', (join) =>
              join
                .onRef('manifest_children.repository_id', '=', 'deleted_manifests.repository_id')
                .onRef('manifest_children.manifest', '=', 'deleted_manifests.digest'),
            )
            .select([
              'deleted_manifests.id',
              'deleted_manifests.repository_id',
              'manifest_children.child as digest',
            ])
            .where('deleted_manifests.repository_id', '=', p.repositoryId)
            .where('deleted_manifests.digest', '=', p.digest),
        ),
    )
    .onConflict((conflict) => conflict.columns(['deleted_id', 'digest']).doNothing()),
)

const dropChildren = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .deleteFrom('manifest_children')
    .where('repository_id', '=', p.repositoryId)
    .where('manifest', '=', p.digest),
)

export interface BinEntry {
  readonly repositoryId: number
  readonly digest: Digest
  readonly tags: readonly string[]
  readonly reason: BinReason
  readonly deletedAt: number
  readonly deletedBy: number | undefined
}

/**
 * Copies a manifest of the repository with what it holds, and takes it from its children; returns false when it is not
 * there. The caller has removed its tags, and deletes it next (deleteManifest): those that hold each other are copied
 * first.
 */
export async function copyToBin(tx: Transaction, entry: BinEntry): Promise<boolean> {
  const { repositoryId, digest, reason, deletedAt } = entry
  const copied = await tx.run(copy, {
    repositoryId,
    digest,
    tags: JSON.stringify(entry.tags),
    deletedAt,
    deletedBy: entry.deletedBy as number,
    reason,
    purgeAfter: deletedAt + (reason === 'deleted' ? deletedBinMs : collectedBinMs),
  })
  if (copied === 0) return false
  await tx.run(copyContents, { repositoryId, digest })
  await tx.run(dropChildren, { repositoryId, digest })
  return true
}

const byDigest = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('deleted_manifests')
    .select([
      'id',
      'repository_id as repositoryId',
      'digest',
      'media_type as mediaType',
      'size',
      'content',
      'subject',
      'tags',
      'deleted_at as deletedAt',
      'reason',
    ])
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

export async function findDeletedManifest(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<DeletedManifest | undefined> {
  const row = await reader.one(byDigest, { repositoryId, digest })
  if (row === undefined) return undefined
  return {
    ...row,
    digest: row.digest as Digest,
    subject: (row.subject ?? undefined) as Digest | undefined,
    tags: JSON.parse(row.tags) as readonly string[],
    reason: row.reason as BinReason,
  }
}

const contents = query<{ id: number }>()((db, p) =>
  db.selectFrom('deleted_manifest_contents').select('digest').where('deleted_id', '=', p.id),
)

/** Digests of all that it holds. */
export async function contentsOfDeleted(reader: Reader, id: number): Promise<readonly Digest[]> {
  return (await reader.all(contents, { id })).map(({ digest }) => digest as Digest)
}

const putBack = query<{ id: number; reviewAfter: number }>()((db, p) =>
  db
    .insertInto('manifests')
    .columns([...carried, 'review_after'])
    .expression((from) =>
      from
        .selectFrom('deleted_manifests')
        .select((of) => [
          ...carried,
          of.cast<number>(of.val(p.reviewAfter), 'bigint').as('review_after'),
        ])
        .where('id', '=', p.id),
    )
    .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doNothing()),
)

const useBlob = query<{ repositoryId: number; manifest: string; blob: string }>()((db, p) =>
  db
    .insertInto('manifest_blobs')
    .values({ repository_id: p.repositoryId, manifest: p.manifest, blob: p.blob })
    .onConflict((conflict) => conflict.columns(['repository_id', 'manifest', 'blob']).doNothing()),
)

const useChild = query<{ repositoryId: number; manifest: string; child: string }>()((db, p) =>
  db
    .insertInto('manifest_children')
    .values({ repository_id: p.repositoryId, manifest: p.manifest, child: p.child })
    .onConflict((conflict) => conflict.columns(['repository_id', 'manifest', 'child']).doNothing()),
)

/** As it was, with when and by whom it was pushed. The caller has put back what it holds. */
export async function putBackManifest(
  tx: Transaction,
  deleted: Pick<DeletedManifest, 'id' | 'repositoryId' | 'digest'>,
  holding: {
    readonly blobs: readonly Digest[]
    readonly children: readonly Digest[]
    readonly reviewAfter: number
  },
): Promise<void> {
  const { id, repositoryId, digest } = deleted
  await tx.run(putBack, { id, reviewAfter: holding.reviewAfter })
  for (const blob of holding.blobs) await tx.run(useBlob, { repositoryId, manifest: digest, blob })
  for (const child of holding.children) {
    await tx.run(useChild, { repositoryId, manifest: digest, child })
  }
  await tx.run(drop, { id })
}

const drop = query<{ id: number }>()((db, p) =>
  db.deleteFrom('deleted_manifests').where('id', '=', p.id),
)

const reviewBlobs = query<{ id: number; reviewAfter: number }>()((db, p) =>
  db
    .updateTable('blobs')
    .set({ review_after: p.reviewAfter })
    .where('review_after', 'is', null)
    .where('digest', 'in', (select) =>
      select
        .selectFrom('deleted_manifest_contents')
        .select('digest')
        .where('deleted_id', '=', p.id),
    ),
)

const reviewChildren = query<{ id: number; repositoryId: number; reviewAfter: number }>()((db, p) =>
  db
    .updateTable('manifests')
    .set({ review_after: p.reviewAfter })
    .where('repository_id', '=', p.repositoryId)
    .where('review_after', 'is', null)
    .where('digest', 'in', (select) =>
      select
        .selectFrom('deleted_manifest_contents')
        .select('digest')
        .where('deleted_id', '=', p.id),
    ),
)

const reviewReferrers = query<{ repositoryId: number; digest: string; reviewAfter: number }>()(
  (db, p) =>
    db
      .updateTable('manifests')
      .set({ review_after: p.reviewAfter })
      .where('repository_id', '=', p.repositoryId)
      .where('subject', '=', p.digest)
      .where('review_after', 'is', null),
)

const stillDue = query<{ id: number; limitAt: number }>()((db, p) =>
  db
    .selectFrom('deleted_manifests')
    .select('id')
    .where('id', '=', p.id)
    .where('purge_after', '<=', p.limitAt),
)

/**
 * For good, unless it was brought back or deleted again since it was found due. What it held and what referred to it is
 * looked at then; what waits for a look already keeps waiting.
 */
export async function purgeDeletedManifest(
  tx: Transaction,
  { id, repositoryId, digest }: Pick<DeletedManifest, 'id' | 'repositoryId' | 'digest'>,
  review: { readonly limitAt: number; readonly blobs: number; readonly manifests: number },
): Promise<boolean> {
  if ((await tx.one(stillDue, { id, limitAt: review.limitAt })) === undefined) return false
  await tx.run(reviewBlobs, { id, reviewAfter: review.blobs })
  await tx.run(reviewChildren, { id, repositoryId, reviewAfter: review.manifests })
  await tx.run(reviewReferrers, { repositoryId, digest, reviewAfter: review.manifests })
  return (await tx.run(drop, { id })) === 1
}

/** For the test that none of them reads a whole table. */
export const binQueries = {
  copy,
  copyContents,
  dropChildren,
  contents,
  putBack,
  reviewBlobs,
  reviewChildren,
  reviewReferrers,
} as const
