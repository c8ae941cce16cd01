// Access reviews: somebody looks at every grant of a place by a deadline. What a snapshot says is not known here.
import type { Kysely } from 'kysely'
import { blocks, runBlocks } from './many-rows.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import type { Schema } from './schema.ts'

export type ReviewDecision = 'keep' | 'remove' | 'shrink'

/** A principal; without a name when it is gone. */
export interface NamedId {
  readonly id: number
  readonly name: string | undefined
}

export interface ReviewRow {
  readonly id: number
  readonly name: string
  /** Undefined when no user was to decide but administrators. */
  readonly owner: NamedId | undefined
  readonly place: string
  readonly createdAt: number
  readonly createdBy: NamedId | undefined
  readonly dueAt: number
  readonly closedAt: number | undefined
  readonly items: number
  readonly undecided: number
}

export interface ReviewItemRow {
  readonly reviewId: number
  readonly grantId: number
  /** JSON of the grant as it was, and of what was decided on. */
  readonly snapshot: string
  readonly decision: ReviewDecision | undefined
  readonly decidedAt: number | undefined
  readonly decidedBy: number | undefined
  readonly note: string
}

const insert = query<{
  name: string
  ownerId: number
  place: string
  createdAt: number
  createdBy: number
  dueAt: number
}>()((db, p) =>
  db
    .insertInto('access_reviews')
    .values({
      name: p.name,
      owner_id: p.ownerId,
      place: p.place,
      created_at: p.createdAt,
      created_by: p.createdBy,
      due_at: p.dueAt,
    })
    .returning('id'),
)

export interface NewReview {
  readonly name: string
  readonly ownerId: number | undefined
  readonly place: string
  readonly createdBy: number | undefined
  readonly dueAt: number
}

/** Returns its id. */
export async function insertReview(tx: Transaction, review: NewReview): Promise<number> {
  const made = await tx.one(insert, {
    ...review,
    ownerId: review.ownerId as number,
    createdBy: review.createdBy as number,
    createdAt: Date.now(),
  })
  if (made === undefined) throw new Error('the database did not tell the id of a new review')
  return made.id
}

interface ItemColumns {
  readonly reviewId: number
  readonly grantId: number
  readonly snapshot: string
}

const insertItems = blocks((db, rows) =>
  db.insertInto('access_review_items').values(
    (rows as unknown as readonly ItemColumns[]).map(({ reviewId, grantId, snapshot }) => ({
      review_id: reviewId,
      grant_id: grantId,
      snapshot,
      note: '',
    })),
  ),
)

export async function insertReviewItems(
  tx: Transaction,
  reviewId: number,
  items: readonly { readonly grantId: number; readonly snapshot: string }[],
): Promise<void> {
  await runBlocks(
    tx,
    insertItems,
    items.map(({ grantId, snapshot }) => ({ reviewId, grantId, snapshot })),
  )
}

interface RawReview {
  readonly id: number
  readonly name: string
  readonly ownerId: number | null
  readonly ownerName: string | null
  readonly place: string
  readonly createdAt: number
  readonly creatorId: number | null
  readonly creatorName: string | null
  readonly dueAt: number
  readonly closedAt: number | null
  readonly items: number | null
  readonly undecided: number | null
}

/** Without the evidence, which can be long. */
function reviewRows(db: Kysely<Schema>) {
  return db
    .selectFrom('access_reviews as r')
    .leftJoin('principals as owner', 'owner.id', 'r.owner_id')
    .leftJoin('principals as creator', 'creator.id', 'r.created_by')
    .select((of) => [
      'r.id',
      'r.name',
      'r.owner_id as ownerId',
      'owner.name as ownerName',
      'r.place',
      'r.created_at as createdAt',
      'r.created_by as creatorId',
      'creator.name as creatorName',
      'r.due_at as dueAt',
      'r.closed_at as closedAt',
      of
        .selectFrom('access_review_items as i')
        .select((item) => item.fn.countAll<number>().as('count'))
        .whereRef('i.review_id', '=', 'r.id')
        .as('items'),
      of
        .selectFrom('access_review_items as i')
        .select((item) => item.fn.countAll<number>().as('count'))
        .whereRef('i.review_id', '=', 'r.id')
        .where('i.decision', 'is', null)
        .as('undecided'),
    ])
}

const byId = query<{ id: number }>()((db, p) => reviewRows(db).where('r.id', '=', p.id))

export async function findReview(reader: Reader, id: number): Promise<ReviewRow | undefined> {
  const raw = await reader.one(byId, { id })
  return raw === undefined ? undefined : reviewOf(raw)
}

interface PageParameters {
  readonly ownerId: number
  readonly after: number
  readonly limit: number
}

function pageOf(state: 'all' | 'open' | 'closed', owned: boolean) {
  return query<PageParameters>()((db, p) => {
    let rows = reviewRows(db).where('r.id', '>', p.after)
    if (state === 'open') rows = rows.where('r.closed_at', 'is', null)
    if (state === 'closed') rows = rows.where('r.closed_at', 'is not', null)
    if (owned) rows = rows.where('r.owner_id', '=', p.ownerId)
    return rows.orderBy('r.id').limit(p.limit)
  })
}

const pages = {
  all: { any: pageOf('all', false), owned: pageOf('all', true) },
  open: { any: pageOf('open', false), owned: pageOf('open', true) },
  closed: { any: pageOf('closed', false), owned: pageOf('closed', true) },
}

export interface ReviewFilter {
  readonly state?: 'open' | 'closed' | undefined
  readonly ownerId?: number | undefined
}

/** At most `limit` reviews after the id `after` (0 for the first page). */
export async function listReviews(
  reader: Reader,
  { state, ownerId }: ReviewFilter,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly ReviewRow[]> {
  const page = pages[state ?? 'all'][ownerId === undefined ? 'any' : 'owned']
  return (await reader.all(page, { ownerId: ownerId ?? 0, after, limit })).map(reviewOf)
}

const due = query<{ now: number; after: number; limit: number }>()((db, p) =>
  reviewRows(db)
    .where('r.closed_at', 'is', null)
    .where('r.due_at', '<=', p.now)
    .where('r.id', '>', p.after)
    .orderBy('r.id')
    .limit(p.limit),
)

/** Open reviews whose deadline has come; at most `limit` after the id `after`. */
export async function listDueReviews(
  reader: Reader,
  page: { readonly now: number; readonly after: number; readonly limit: number },
): Promise<readonly ReviewRow[]> {
  return (await reader.all(due, page)).map(reviewOf)
}

const close = query<{ id: number; closedAt: number; evidence: string }>()((db, p) =>
  db
    .updateTable('access_reviews')
    .set({ closed_at: p.closedAt, evidence: p.evidence })
    .where('id', '=', p.id)
    .where('closed_at', 'is', null),
)

/** Returns false when there is no such review, or it was closed before. */
export async function closeReviewRow(
  tx: Transaction,
  review: { readonly id: number; readonly closedAt: number; readonly evidence: string },
): Promise<boolean> {
  return (await tx.run(close, review)) === 1
}

const evidence = query<{ id: number }>()((db, p) =>
  db.selectFrom('access_reviews').select('evidence').where('id', '=', p.id),
)

/** Undefined for a review that is open, or is not there. */
export async function findReviewEvidence(reader: Reader, id: number): Promise<string | undefined> {
  return (await reader.one(evidence, { id }))?.evidence ?? undefined
}

const itemColumns = [
  'review_id as reviewId',
  'grant_id as grantId',
  'snapshot',
  'decision',
  'decided_at as decidedAt',
  'decided_by as decidedBy',
  'note',
] as const

interface RawItem {
  readonly reviewId: number
  readonly grantId: number
  readonly snapshot: string
  readonly decision: string | null
  readonly decidedAt: number | null
  readonly decidedBy: number | null
  readonly note: string
}

interface ItemPage {
  readonly reviewId: number
  readonly after: number
  readonly limit: number
}

function itemPage(undecided: boolean) {
  return query<ItemPage>()((db, p) => {
    const rows = db
      .selectFrom('access_review_items')
      .select(itemColumns)
      .where('review_id', '=', p.reviewId)
      .where('grant_id', '>', p.after)
    const wanted = undecided ? rows.where('decision', 'is', null) : rows
    return wanted.orderBy('grant_id').limit(p.limit)
  })
}

const items = { all: itemPage(false), undecided: itemPage(true) }

/** At most `limit` items after the one of the grant `after` (0 for the first page), by the grant's id. */
export async function listReviewItems(
  reader: Reader,
  { undecided = false, ...page }: ItemPage & { readonly undecided?: boolean },
): Promise<readonly ReviewItemRow[]> {
  return (await reader.all(undecided ? items.undecided : items.all, page)).map(itemOf)
}

const item = query<{ reviewId: number; grantId: number }>()((db, p) =>
  db
    .selectFrom('access_review_items')
    .select(itemColumns)
    .where('review_id', '=', p.reviewId)
    .where('grant_id', '=', p.grantId),
)

export async function findReviewItem(
  reader: Reader,
  key: { readonly reviewId: number; readonly grantId: number },
): Promise<ReviewItemRow | undefined> {
  const raw = await reader.one(item, key)
  return raw === undefined ? undefined : itemOf(raw)
}

const decide = query<{
  reviewId: number
  grantId: number
  snapshot: string
  decision: string
  decidedAt: number
  decidedBy: number
  note: string
}>()((db, p) =>
  db
    .updateTable('access_review_items')
    .set({
      snapshot: p.snapshot,
      decision: p.decision,
      decided_at: p.decidedAt,
      decided_by: p.decidedBy,
      note: p.note,
    })
    .where('review_id', '=', p.reviewId)
    .where('grant_id', '=', p.grantId),
)

export type DecidedItem = Omit<ReviewItemRow, 'decision' | 'decidedAt'> & {
  readonly decision: ReviewDecision
  readonly decidedAt: number
}

/** Returns whether there is such an item. */
export async function decideReviewItem(tx: Transaction, decided: DecidedItem): Promise<boolean> {
  const decidedBy = decided.decidedBy as number
  return (await tx.run(decide, { ...decided, decidedBy })) === 1
}

function reviewOf(raw: RawReview): ReviewRow {
  return {
    id: raw.id,
    name: raw.name,
    owner: namedOf(raw.ownerId, raw.ownerName),
    place: raw.place,
    createdAt: raw.createdAt,
    createdBy: namedOf(raw.creatorId, raw.creatorName),
    dueAt: raw.dueAt,
    closedAt: raw.closedAt ?? undefined,
    items: Number(raw.items),
    undecided: Number(raw.undecided),
  }
}

function namedOf(id: number | null, name: string | null): NamedId | undefined {
  return id === null ? undefined : { id, name: name ?? undefined }
}

function itemOf(raw: RawItem): ReviewItemRow {
  return {
    reviewId: raw.reviewId,
    grantId: raw.grantId,
    snapshot: raw.snapshot,
    decision: (raw.decision ?? undefined) as ReviewDecision | undefined,
    decidedAt: raw.decidedAt ?? undefined,
    decidedBy: raw.decidedBy ?? undefined,
    note: raw.note,
  }
}
