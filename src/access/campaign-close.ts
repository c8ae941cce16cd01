// The end of an access review: grants that nobody decided on are removed, and only when all of them are gone is the
// review closed with its signed evidence. Whatever fails on the way leaves it open, and it is tried again.
import { isExpired } from '../auth/held-grant.ts'
import { containsPlace, type Place } from '../auth/place.ts'
import {
  closeReviewRow,
  findReviewEvidence,
  listDueReviews,
  listReviewItems,
  type ReviewItemRow,
  type ReviewRow,
} from '../metadata/access-reviews.ts'
import { appendAudit } from '../metadata/audit.ts'
import { findGrantById } from '../metadata/grant-rows.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import { findSetting } from '../metadata/settings.ts'
import type { Actor } from './actor.ts'
import { keepDecision, removeInReview } from './campaign.ts'
import { keptOf, requireReview, reviewOf, type Review } from './campaign-view.ts'
import { evidenceCsv, evidenceJson, type ItemFacts, type ReviewFacts } from './evidence-document.ts'
import { signDocument, type Sign, type SignedDocument } from './evidence.ts'
import { grantOf, type Grant } from './grant-view.ts'
import { requirePlace } from './grants.ts'
import { Refusal } from './refusal.ts'
import { placesOverlap } from './review-places.ts'
import { eachAdministrator, eachGrant, placeOf } from './review-sources.ts'

export interface CloseDeps {
  readonly metadata: MetadataStore
  readonly sign: Sign
}

export interface Evidence {
  readonly json: SignedDocument
  readonly csv: SignedDocument
}

/** The installation itself, where it does something that nobody asked for. */
const itself: Actor = { id: undefined, name: 'carrel' }

const itemsAtOnce = 100
const reviewsAtOnce = 50
const mostTries = 5

/**
 * Ends it before its deadline: what is undecided is removed now.
 *
 * @throws {Refusal} not-found; invalid when it is closed already
 */
export async function closeReview(deps: CloseDeps, actor: Actor, id: number): Promise<Review> {
  const review = await requireReview(deps.metadata, id)
  if (review.closedAt !== undefined) {
    throw new Refusal('invalid', `the review ${id} is closed already`, {
      fix: `carrel access campaign evidence ${id}`,
    })
  }
  return endReview(deps, actor, review, 'undecided when the review was closed')
}

/** Regular work. What cannot be ended stays as it is and is told; the others are ended all the same. */
export async function closeDueReviews(
  deps: CloseDeps,
  now: number = Date.now(),
): Promise<{
  readonly closed: readonly Review[]
  readonly failed: readonly { readonly id: number; readonly error: unknown }[]
}> {
  const closed: Review[] = []
  const failed: { readonly id: number; readonly error: unknown }[] = []
  for (let after = 0; ;) {
    const page = await listDueReviews(deps.metadata, { now, after, limit: reviewsAtOnce })
    for (const review of page) {
      try {
        closed.push(await endReview(deps, itself, review, 'undecided at the deadline'))
      } catch (error) {
        // Not even one that cannot be ended keeps others from their end.
        failed.push({ id: review.id, error })
      }
      after = review.id
    }
    if (page.length < reviewsAtOnce) return { closed, failed }
  }
}

/** @throws {Refusal} not-found, also for a review that is open */
export async function findEvidence(
  { metadata }: { readonly metadata: Reader },
  id: number,
): Promise<Evidence> {
  await requireReview(metadata, id)
  const stored = await findReviewEvidence(metadata, id)
  if (stored !== undefined) return JSON.parse(stored) as Evidence
  throw new Refusal('not-found', `there is no evidence of the review ${id} yet`, {
    why: 'it is signed when the review is closed',
    fix: `carrel access campaign close ${id}`,
  })
}

async function endReview(
  deps: CloseDeps,
  actor: Actor,
  { id }: ReviewRow,
  why: string,
): Promise<Review> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    while ((await endUndecided(deps, actor, id, why)) === itemsAtOnce);
    const closed = await finish(deps, actor, id)
    if (closed !== undefined) return closed
  }
  throw new Error(`The review ${id} could not be closed: it was changed again and again meanwhile.`)
}

/** Returns how many there were to end. */
async function endUndecided(
  { metadata }: CloseDeps,
  actor: Actor,
  reviewId: number,
  why: string,
): Promise<number> {
  return metadata.write(async (tx) => {
    const { closedAt } = await requireReview(tx, reviewId)
    if (closedAt !== undefined) return 0
    const page = { reviewId, undecided: true, after: 0, limit: itemsAtOnce }
    const undecided = await listReviewItems(tx, page)
    for (const item of undecided) await endGrant(tx, actor, item, why)
    return undecided.length
  })
}

async function endGrant(
  tx: Transaction,
  actor: Actor,
  item: ReviewItemRow,
  why: string,
): Promise<void> {
  const row = await findGrantById(tx, item.grantId)
  if (row !== undefined) await removeInReview(tx, actor, row, { review: item.reviewId, why })
  await keepDecision(tx, item, {
    decision: 'remove',
    decidedBy: undefined,
    note: row === undefined ? 'gone before it was decided on' : why,
    found: row === undefined ? null : grantOf(row),
  })
}

/** Undefined when something was decided meanwhile: the evidence would not tell of it. */
async function finish(
  { metadata, sign }: CloseDeps,
  actor: Actor,
  id: number,
): Promise<Review | undefined> {
  const closedAt = Date.now()
  const closedBy = actor === itself ? 'deadline' : actor.name
  const found = await metadata.read(async (tx) => gather(tx, id, { closedAt, closedBy }))
  if (found === undefined) return undefined
  const evidence: Evidence = {
    json: await signDocument(evidenceJson(found.facts), sign),
    csv: await signDocument(evidenceCsv(found.facts), sign),
  }
  return metadata.write(async (tx) => {
    const review = await requireReview(tx, id)
    // Another node was faster, and has written the same.
    if (review.closedAt !== undefined) return reviewOf(review)
    if (markOf(await allItems(tx, id)) !== found.mark) return undefined
    await closeReviewRow(tx, { id, closedAt, evidence: JSON.stringify(evidence) })
    const { sha256, keyId } = evidence.json
    const detail = { review: id, name: review.name, closedBy, sha256, keyId }
    await appendAudit(tx, { event: 'review.closed', actor, subject: review.place, detail })
    return reviewOf(await requireReview(tx, id))
  })
}

interface Gathered {
  readonly facts: ReviewFacts
  readonly mark: string
}

async function gather(
  reader: Reader,
  id: number,
  end: { readonly closedAt: number; readonly closedBy: string },
): Promise<Gathered | undefined> {
  const row = await requireReview(reader, id)
  const rows = await allItems(reader, id)
  const items = rows.map(factsOf)
  if (!items.every((item) => item !== undefined)) return undefined
  const { name, where, owner, createdAt, createdBy, dueAt } = reviewOf(row)
  const grants = await grantsAround(reader, requirePlace(where), end.closedAt)
  const facts: ReviewFacts = {
    installation: await findSetting(reader, 'installation-id'),
    review: { id, name, where, owner, createdAt, createdBy, dueAt, ...end },
    items,
    ...grants,
    administrators: await administrators(reader),
  }
  return { facts, mark: markOf(rows) }
}

async function allItems(reader: Reader, reviewId: number): Promise<readonly ReviewItemRow[]> {
  const all: ReviewItemRow[] = []
  const limit = 500
  for (let after = 0; ;) {
    const page = await listReviewItems(reader, { reviewId, after, limit })
    all.push(...page)
    const last = page.at(-1)
    if (last === undefined || page.length < limit) return all
    after = last.grantId
  }
}

/** Undefined while it is undecided. */
function factsOf(row: ReviewItemRow): ItemFacts | undefined {
  const { decision, decidedAt, note } = row
  if (decision === undefined || decidedAt === undefined) return undefined
  const { snapshot, found, decidedBy } = keptOf(row)
  return { snapshot, found: found ?? undefined, decision, decidedAt, decidedBy, note }
}

/** What tells one set of decisions from another. */
function markOf(rows: readonly ReviewItemRow[]): string {
  return JSON.stringify(rows.map((row) => [row.grantId, row.decision, row.decidedAt, row.note]))
}

async function grantsAround(
  reader: Reader,
  place: Place,
  now: number,
): Promise<Pick<ReviewFacts, 'after' | 'reachingIn'>> {
  const after: Grant[] = []
  const reachingIn: Grant[] = []
  for await (const row of eachGrant(reader)) {
    if (isExpired(row, now)) continue
    if (containsPlace(place, placeOf(row))) after.push(grantOf(row))
    else if (placesOverlap(place, placeOf(row))) reachingIn.push(grantOf(row))
  }
  return { after, reachingIn }
}

async function administrators(reader: Reader): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name, disabled } of eachAdministrator(reader)) if (!disabled) names.push(name)
  return names
}
