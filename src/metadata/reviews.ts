// The review queue of collection: what may have become unreferenced, noted in the transaction that may have caused
// it. A later event always puts the review off, so that a review cannot race with the change.
import { sql } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { Transaction } from './metadata-store.ts'
import { query } from './query.ts'

const reviewDelayMs = 24 * 60 * 60 * 1000

export type ReviewEvent =
  | 'blob-uploaded'
  | 'blob-unlinked'
  | 'manifest-pushed'
  | 'manifest-deleted'
  | 'tag-moved'
  | 'tag-deleted'
  | 'repository-deleted'

const blob = query<{ digest: string; reviewAfter: number; event: string }>()((db, p) =>
  db
    .insertInto('blob_reviews')
    .values({ digest: p.digest, review_after: p.reviewAfter, event: p.event })
    .onConflict((conflict) =>
      conflict.column('digest').doUpdateSet({ review_after: p.reviewAfter, event: p.event }),
    ),
)

export async function reviewBlob(tx: Transaction, digest: Digest, event: ReviewEvent): Promise<void> {
  await tx.run(blob, { digest, reviewAfter: Date.now() + reviewDelayMs, event })
}

const manifest = query<{
  repositoryId: number
  digest: string
  reviewAfter: number
  event: string
}>()((db, p) =>
  db
    .insertInto('manifest_reviews')
    .values({
      repository_id: p.repositoryId,
      digest: p.digest,
      review_after: p.reviewAfter,
      event: p.event,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['repository_id', 'digest'])
        .doUpdateSet({ review_after: p.reviewAfter, event: p.event }),
    ),
)

export async function reviewManifest(
  tx: Transaction,
  repositoryId: number,
  digest: Digest,
  event: ReviewEvent,
): Promise<void> {
  await tx.run(manifest, { repositoryId, digest, reviewAfter: Date.now() + reviewDelayMs, event })
}

const blobsOfManifest = query<{
  repositoryId: number
  digest: string
  reviewAfter: number
  event: string
}>()((db, p) =>
  db
    .insertInto('blob_reviews')
    .columns(['digest', 'review_after', 'event'])
    .expression((select) =>
      select
        .selectFrom('manifest_blobs')
        .select([
          'blob',
          sql<number>`cast(${p.reviewAfter} as bigint)`.as('review_after'),
          sql<string>`cast(${p.event} as text)`.as('event'),
        ])
        .where('repository_id', '=', p.repositoryId)
        .where('manifest', '=', p.digest),
    )
    .onConflict((conflict) =>
      conflict.column('digest').doUpdateSet({ review_after: p.reviewAfter, event: p.event }),
    ),
)

const childrenOfManifest = query<{
  repositoryId: number
  digest: string
  reviewAfter: number
  event: string
}>()((db, p) =>
  db
    .insertInto('manifest_reviews')
    .columns(['repository_id', 'digest', 'review_after', 'event'])
    .expression((select) =>
      select
        .selectFrom('manifest_children')
        .select([
          'repository_id',
          'child',
          sql<number>`cast(${p.reviewAfter} as bigint)`.as('review_after'),
          sql<string>`cast(${p.event} as text)`.as('event'),
        ])
        .where('repository_id', '=', p.repositoryId)
        .where('manifest', '=', p.digest),
    )
    .onConflict((conflict) =>
      conflict
        .columns(['repository_id', 'digest'])
        .doUpdateSet({ review_after: p.reviewAfter, event: p.event }),
    ),
)

/** Call before the manifest is deleted: its rows say what to look at. */
export async function reviewContentsOfManifest(
  tx: Transaction,
  repositoryId: number,
  digest: Digest,
  event: ReviewEvent,
): Promise<void> {
  const parameters = { repositoryId, digest, reviewAfter: Date.now() + reviewDelayMs, event }
  await tx.run(blobsOfManifest, parameters)
  await tx.run(childrenOfManifest, parameters)
}

const blobsOfRepository = query<{ repositoryId: number; reviewAfter: number; event: string }>()(
  (db, p) =>
    db
      .insertInto('blob_reviews')
      .columns(['digest', 'review_after', 'event'])
      .expression((select) =>
        select
          .selectFrom('repository_blobs')
          .select([
            'digest',
            sql<number>`cast(${p.reviewAfter} as bigint)`.as('review_after'),
            sql<string>`cast(${p.event} as text)`.as('event'),
          ])
          .where('repository_id', '=', p.repositoryId),
      )
      .onConflict((conflict) =>
        conflict.column('digest').doUpdateSet({ review_after: p.reviewAfter, event: p.event }),
      ),
)

/** Call before the repository's links are deleted. */
export async function reviewBlobsOfRepository(
  tx: Transaction,
  repositoryId: number,
  event: ReviewEvent,
): Promise<void> {
  await tx.run(blobsOfRepository, { repositoryId, reviewAfter: Date.now() + reviewDelayMs, event })
}
