// Access reviews as people and the API see them.
import {
  findReview,
  listReviewItems,
  listReviews as listReviewRows,
  type ReviewDecision,
  type ReviewFilter,
  type ReviewItemRow,
  type ReviewRow,
} from '../metadata/access-reviews.ts'
import { findGrantById, type GrantRow } from '../metadata/grant-rows.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import { grantOf, type Grant } from './grant-view.ts'
import { Refusal } from './refusal.ts'

export interface ReviewsDeps {
  readonly metadata: MetadataStore
}

export interface Review {
  readonly id: number
  readonly name: string
  readonly where: string
  /** Who decides; `#7` when that user is gone, and administrators alone are left. */
  readonly owner: string | undefined
  readonly ownerId: number | undefined
  readonly createdAt: number
  readonly createdBy: string | undefined
  readonly dueAt: number
  readonly closedAt: number | undefined
  readonly items: number
  readonly undecided: number
}

export interface ReviewItem {
  readonly grantId: number
  /** As it was when the review began. */
  readonly snapshot: Grant
  /** As it is now; undefined when it is gone. */
  readonly current: Grant | undefined
  readonly decision: ReviewDecision | undefined
  readonly decidedAt: number | undefined
  /** Undefined, where there is a decision: nobody did until the review ended. */
  readonly decidedBy: string | undefined
  readonly note: string
}

/** What the row of an item keeps as JSON. */
export interface KeptItem {
  readonly snapshot: Grant
  /** As it was decided on; null when it was gone by then. */
  readonly found?: Grant | null
  readonly decidedBy?: string
}

/** @throws {Refusal} not-found */
export async function showReview(
  { metadata }: { readonly metadata: Reader },
  id: number,
): Promise<Review> {
  return reviewOf(await requireReview(metadata, id))
}

/** At most `limit` after the id `after` (0 for the first page). */
export async function listReviews(
  { metadata }: { readonly metadata: Reader },
  filter: ReviewFilter,
  page: { readonly after: number; readonly limit: number },
): Promise<readonly Review[]> {
  return (await listReviewRows(metadata, filter, page)).map(reviewOf)
}

/** At most `limit` after the one of the grant `after` (0 for the first page). @throws {Refusal} not-found */
export async function listItems(
  { metadata }: { readonly metadata: Pick<MetadataStore, 'read'> },
  reviewId: number,
  page: { readonly undecided?: boolean; readonly after: number; readonly limit: number },
): Promise<readonly ReviewItem[]> {
  return metadata.read(async (tx) => {
    await requireReview(tx, reviewId)
    const items: ReviewItem[] = []
    for (const row of await listReviewItems(tx, { reviewId, ...page })) {
      items.push(itemOf(row, await findGrantById(tx, row.grantId)))
    }
    return items
  })
}

/** @throws {Refusal} not-found */
export async function requireReview(reader: Reader, id: number): Promise<ReviewRow> {
  const found = Number.isSafeInteger(id) ? await findReview(reader, id) : undefined
  if (found !== undefined) return found
  throw new Refusal('not-found', `there is no access review ${id}`, {
    fix: 'carrel access campaign ls',
  })
}

export function reviewOf(row: ReviewRow): Review {
  const { owner, createdBy, place, ...rest } = row
  return {
    ...rest,
    where: place,
    owner: owner && (owner.name ?? `#${owner.id}`),
    ownerId: owner?.id,
    createdBy: createdBy && (createdBy.name ?? `#${createdBy.id}`),
  }
}

export function itemOf(item: ReviewItemRow, row: GrantRow | undefined): ReviewItem {
  const { snapshot, decidedBy } = keptOf(item)
  return {
    grantId: item.grantId,
    snapshot,
    current: row && grantOf(row),
    decision: item.decision,
    decidedAt: item.decidedAt,
    decidedBy,
    note: item.note,
  }
}

export function keptOf({ snapshot }: Pick<ReviewItemRow, 'snapshot'>): KeptItem {
  return JSON.parse(snapshot) as KeptItem
}
