// The review queue of collection: when to look whether a row is still referenced, noted in the transaction after which
// it may not be. It is a column of the row itself, so a queue entry can neither be forgotten nor outlive its row. A
// later event puts the review off, so that a review never races with the change.
import type { Digest } from '../oci/digest.ts'
import type { Transaction } from './metadata-store.ts'
import { query } from './query.ts'

const reviewDelayMs = 24 * 60 * 60 * 1000

/** When what happens now is to be looked at; milliseconds since 1970. */
export function reviewTime(): number {
  return Date.now() + reviewDelayMs
}

const blob = query<{ digest: string; reviewAfter: number }>()((db, p) =>
  db.updateTable('blobs').set({ review_after: p.reviewAfter }).where('digest', '=', p.digest),
)

export async function reviewBlob(tx: Transaction, digest: Digest): Promise<void> {
  await tx.run(blob, { digest, reviewAfter: reviewTime() })
}

const manifest = query<{ repositoryId: number; digest: string; reviewAfter: number }>()((db, p) =>
  db
    .updateTable('manifests')
    .set({ review_after: p.reviewAfter })
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

export async function reviewManifest(
  tx: Transaction,
  repositoryId: number,
  digest: Digest,
): Promise<void> {
  await tx.run(manifest, { repositoryId, digest, reviewAfter: reviewTime() })
}

const blobsOfManifest = query<{ repositoryId: number; digest: string; reviewAfter: number }>()(
  (db, p) =>
    db
      .updateTable('blobs')
      .set({ review_after: p.reviewAfter })
      .where('digest', 'in', (select) =>
        select
          .selectFrom('manifest_blobs')
          .select('blob')
          .where('repository_id', '=', p.repositoryId)
          .where('manifest', '=', p.digest),
      ),
)

const childrenOfManifest = query<{ repositoryId: number; digest: string; reviewAfter: number }>()(
  (db, p) =>
    db
      .updateTable('manifests')
      .set({ review_after: p.reviewAfter })
      .where('repository_id', '=', p.repositoryId)
      .where('digest', 'in', (select) =>
        select
          .selectFrom('manifest_children')
          .select('child')
          .where('repository_id', '=', p.repositoryId)
          .where('manifest', '=', p.digest),
      ),
)

/** Call before the manifest is deleted: its rows say what to look at. */
export async function reviewContentsOfManifest(
  tx: Transaction,
  repositoryId: number,
  digest: Digest,
): Promise<void> {
  const parameters = { repositoryId, digest, reviewAfter: reviewTime() }
  await tx.run(blobsOfManifest, parameters)
  await tx.run(childrenOfManifest, parameters)
}

const blobsOfRepository = query<{ repositoryId: number; reviewAfter: number }>()((db, p) =>
  db
    .updateTable('blobs')
    .set({ review_after: p.reviewAfter })
    .where('digest', 'in', (select) =>
      select
        .selectFrom('repository_blobs')
        .select('digest')
        .where('repository_id', '=', p.repositoryId),
    ),
)

/** Call before the repository's links are deleted. */
export async function reviewBlobsOfRepository(
  tx: Transaction,
  repositoryId: number,
): Promise<void> {
  await tx.run(blobsOfRepository, { repositoryId, reviewAfter: reviewTime() })
}
