// The review queue of collection: when to look whether a row is still referenced, noted in the transaction after which
// it may not be. It is a column of the row itself, so a queue entry can neither be forgotten nor outlive its row. A
// later event puts the review off, so that a review never races with the change.
import type { Digest } from '../oci/digest.ts'
import type { Transaction } from './metadata-store.ts'
import { query } from './query.ts'

const dayMs = 24 * 60 * 60 * 1000

/** Times of reviews and purges are written as the event and this; a collector with another delay shifts its limit. */
export const reviewDelayMs = dayMs
export const deletedBinMs = 14 * dayMs
export const collectedBinMs = dayMs
export const trashMs = dayMs

/** When what happens now is to be looked at; milliseconds since 1970. */
export function reviewTime(): number {
  return Date.now() + reviewDelayMs
}

/** Rows up to this time are due, when events are to be left alone for `delayMs` and were written with `writtenMs`. */
export function limitOf(now: number, delayMs: number, writtenMs: number): number {
  return now - (delayMs - writtenMs)
}

/** The time to write so that it is due in `inMs`, for a collector with this delay. */
export function reviewDueIn(now: number, inMs: number, delayMs: number): number {
  return Number.isFinite(delayMs) ? now + inMs + reviewDelayMs - delayMs : now + reviewDelayMs
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

const setBlob = query<{ digest: string; seen: number; reviewAfter: number }>()((db, p) =>
  db
    .updateTable('blobs')
    .set({ review_after: p.reviewAfter })
    .where('digest', '=', p.digest)
    .where('review_after', '=', p.seen),
)

/** Undefined: it is needed. Returns false when something has happened to the row since it was seen. */
export async function setBlobReview(
  tx: Transaction,
  { digest, seen, reviewAfter }: ReviewChange,
): Promise<boolean> {
  return (await tx.run(setBlob, { digest, seen, reviewAfter: reviewAfter as number })) === 1
}

const setManifest = query<{
  repositoryId: number
  digest: string
  seen: number
  reviewAfter: number
}>()((db, p) =>
  db
    .updateTable('manifests')
    .set({ review_after: p.reviewAfter })
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest)
    .where('review_after', '=', p.seen),
)

/** As setBlobReview. */
export async function setManifestReview(
  tx: Transaction,
  repositoryId: number,
  { digest, seen, reviewAfter }: ReviewChange,
): Promise<boolean> {
  const values = { repositoryId, digest, seen, reviewAfter: reviewAfter as number }
  return (await tx.run(setManifest, values)) === 1
}

export interface ReviewChange {
  readonly digest: Digest
  /** What the row said. */
  readonly seen: number
  readonly reviewAfter: number | undefined
}
