// Access reviews: a user looks at every grant of a place by a deadline, and what is decided is done at once. Nothing is
// given back: what is gone meanwhile stays so, and a decision only ever gets stricter. What nobody has decided on ends
// with the review (campaign-close.ts).
import { actions, type GrantedAction } from '../auth/action.ts'
import { isExpired } from '../auth/held-grant.ts'
import { containsPlace, type Place } from '../auth/place.ts'
import {
  decideReviewItem,
  findReviewItem,
  insertReview,
  insertReviewItems,
  type ReviewDecision,
  type ReviewItemRow,
  type ReviewRow,
} from '../metadata/access-reviews.ts'
import { appendAudit } from '../metadata/audit.ts'
import { findGrantById, type GrantRow } from '../metadata/grant-rows.ts'
import { removeGrant } from '../metadata/grants.ts'
import type { Reader, Transaction } from '../metadata/metadata-store.ts'
import { findPrincipalByName } from '../metadata/principals.ts'
import type { Actor } from './actor.ts'
import {
  itemOf,
  keptOf,
  requireReview,
  reviewOf,
  type KeptItem,
  type Review,
  type ReviewItem,
  type ReviewsDeps,
} from './campaign-view.ts'
import { grantOf, type Grant } from './grant-view.ts'
import { requirePlace } from './grants.ts'
import { longestReason, requireOneLine } from './one-line.ts'
import { Refusal } from './refusal.ts'
import { eachGrant, placeOf } from './review-sources.ts'
import { shrinkInTransaction } from './shrink.ts'
import { formatSubject } from './subjects.ts'

export interface NewReview {
  readonly name: string
  /** Grants on this place and on all within it. */
  readonly where: string
  /** The name of a user. */
  readonly owner: string
  /** Milliseconds since 1970. */
  readonly dueAt: number
}

const longestName = 200
const mostItems = 10_000

/** What whoever opens or sees a review of a place must have there: those who own it could do the same by hand. */
export const reviewerActions: readonly GrantedAction[] = actions

/** @throws {Refusal} invalid, not-found for the owner */
export async function openReview(
  { metadata }: ReviewsDeps,
  actor: Actor,
  { name, where, owner, dueAt }: NewReview,
): Promise<Review> {
  requireOneLine(name, { what: 'name', longest: longestName })
  const place = requirePlace(where)
  if (!Number.isSafeInteger(dueAt) || dueAt <= Date.now()) {
    throw new Refusal('invalid', 'the review would be over already', {
      why: 'its deadline lies in the past',
      fix: '--due 14d',
    })
  }
  return metadata.write(async (tx) => {
    const ownerId = await requireOwner(tx, owner)
    const grants = await grantsOfPlace(tx, place)
    if (grants.length === 0) {
      throw new Refusal('invalid', `there is nothing to review on ${place.text}`, {
        why: 'nothing is granted on it or within it',
        fix: 'carrel grant ls',
      })
    }
    const review = { name, place: place.text, ownerId, createdBy: actor.id, dueAt }
    const id = await insertReview(tx, review)
    const items = grants.map((row) => {
      const kept: KeptItem = { snapshot: grantOf(row) }
      return { grantId: row.id, snapshot: JSON.stringify(kept) }
    })
    await insertReviewItems(tx, id, items)
    const detail = { review: id, name, owner, grants: items.length, due: iso(dueAt) }
    await appendAudit(tx, { event: 'review.opened', actor, subject: place.text, detail })
    return reviewOf(await requireReview(tx, id))
  })
}

/** Those that are over give nothing any more. @throws {Refusal} invalid when there are too many */
async function grantsOfPlace(reader: Reader, place: Place): Promise<readonly GrantRow[]> {
  const found: GrantRow[] = []
  const now = Date.now()
  for await (const row of eachGrant(reader)) {
    if (isExpired(row, now) || !containsPlace(place, placeOf(row))) continue
    found.push(row)
    if (found.length > mostItems) {
      throw new Refusal('invalid', `there are more than ${mostItems} grants on ${place.text}`, {
        why: 'nobody could decide on so many at once',
        fix: 'open a review for each namespace',
      })
    }
  }
  return found
}

async function requireOwner(reader: Reader, name: string): Promise<number> {
  const found = await findPrincipalByName(reader, name)
  if (found?.kind !== 'user') {
    throw new Refusal('not-found', `there is no user ${name}`, {
      why: 'a person decides in a review',
      fix: 'carrel user ls',
    })
  }
  if (!found.disabled) return found.id
  throw new Refusal('invalid', `${name} cannot decide anything`, {
    why: 'the user is disabled',
    fix: `carrel user enable ${name}`,
  })
}

export interface Decision {
  readonly reviewId: number
  readonly grantId: number
  readonly decision: ReviewDecision
  readonly note?: string | undefined
  readonly expect?: ((current: ReviewItem) => void) | undefined
}

/**
 * Does it at once. That the actor owns the review, or administers the installation, was decided before.
 *
 * @throws {Refusal} not-found; invalid when the review is over, when it would take a stricter decision back, or when
 * there is nothing to keep or shrink
 */
export async function decideItem(
  { metadata }: ReviewsDeps,
  actor: Actor,
  { reviewId, grantId, decision, note = '', expect }: Decision,
): Promise<ReviewItem> {
  requireOneLine(note, { what: 'note', longest: longestReason })
  return metadata.write(async (tx) => {
    const review = await requireReview(tx, reviewId)
    requireUnderWay(review)
    const item = await findReviewItem(tx, { reviewId, grantId })
    if (item === undefined) {
      throw new Refusal('not-found', `the review ${reviewId} is not about grant ${grantId}`)
    }
    const row = await findGrantById(tx, grantId)
    expect?.(itemOf(item, row))
    requireStricter(item, decision)
    if (row === undefined && decision !== 'remove') throw alreadyGone(grantId)
    if (row !== undefined) await act(tx, actor, { decision, row, review: reviewId })
    await keepDecision(tx, item, {
      decision,
      decidedBy: actor,
      note,
      found: row === undefined ? null : grantOf(row),
    })
    const { snapshot } = keptOf(item)
    const detail = { review: reviewId, grant: grantId, where: snapshot.where, decision, note }
    await appendAudit(tx, { event: 'review.decided', actor, subject: snapshot.who, detail })
    const after = await findReviewItem(tx, { reviewId, grantId })
    if (after === undefined) throw new Error(`the item ${grantId} of a review is gone`)
    return itemOf(after, await findGrantById(tx, grantId))
  })
}

function requireUnderWay({ id, closedAt, dueAt }: ReviewRow): void {
  if (closedAt === undefined && dueAt > Date.now()) return
  throw new Refusal('invalid', `the review ${id} is over`, {
    why: closedAt === undefined ? 'its deadline has passed' : 'it was closed',
    fix: `carrel access campaign show ${id}`,
  })
}

const strictness: Readonly<Record<ReviewDecision, number>> = { keep: 0, shrink: 1, remove: 2 }

function requireStricter({ decision: before, grantId }: ReviewItemRow, now: ReviewDecision): void {
  if (before === undefined || strictness[now] >= strictness[before]) return
  throw new Refusal('invalid', `about grant ${grantId} was decided already: ${before}`, {
    why: 'that was done at once, and a review gives nothing back',
    fix: 'carrel grant add WHO WHERE ACTIONS',
  })
}

function alreadyGone(grantId: number): Refusal {
  return new Refusal('invalid', `grant ${grantId} is gone`, {
    why: 'it was removed, or it ended, since the review began',
    fix: 'decide: remove',
  })
}

interface Act {
  readonly decision: ReviewDecision
  readonly row: GrantRow
  readonly review: number
}

async function act(tx: Transaction, actor: Actor, { decision, row, review }: Act): Promise<void> {
  if (decision === 'shrink') await shrinkInTransaction(tx, actor, row, review)
  if (decision === 'remove') await removeInReview(tx, actor, row, { review })
}

/** With the review's id in the audit log. */
export async function removeInReview(
  tx: Transaction,
  actor: Actor,
  row: GrantRow,
  more: { readonly review: number; readonly why?: string },
): Promise<void> {
  await removeGrant(tx, row.id)
  const { actions: gave, reason } = row
  const detail = { grant: row.id, where: row.place, actions: gave, reason, ...more }
  const subject = formatSubject(row.subject)
  await appendAudit(tx, { event: 'grant.removed', actor, subject, detail })
}

export async function keepDecision(
  tx: Transaction,
  item: ReviewItemRow,
  done: {
    readonly decision: ReviewDecision
    /** Undefined: nobody. */
    readonly decidedBy: Actor | undefined
    readonly note: string
    readonly found: Grant | null
  },
): Promise<void> {
  const { decision, decidedBy, note, found } = done
  const { snapshot } = keptOf(item)
  const kept: KeptItem = {
    snapshot,
    found,
    ...(decidedBy !== undefined && { decidedBy: decidedBy.name }),
  }
  await decideReviewItem(tx, {
    ...item,
    snapshot: JSON.stringify(kept),
    decision,
    decidedAt: Date.now(),
    decidedBy: decidedBy?.id,
    note,
  })
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
