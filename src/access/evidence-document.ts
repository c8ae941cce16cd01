// What the evidence of an access review says: each grant as it was when the review began, what was decided on it, by
// whom and when, and who could do what before and after.
import type { Grant } from './grant-view.ts'
import { csvOf } from './evidence.ts'

export const evidenceFormat = 'carrel-access-review/1'

/** What the document is made of. Times are milliseconds since 1970. */
export interface ReviewFacts {
  readonly installation: string | undefined
  readonly review: {
    readonly id: number
    readonly name: string
    readonly where: string
    readonly owner: string | undefined
    readonly createdAt: number
    readonly createdBy: string | undefined
    readonly dueAt: number
    readonly closedAt: number
    /** `deadline`, or the name of who closed it. */
    readonly closedBy: string
  }
  readonly items: readonly ItemFacts[]
  /** Grants of the place when the review is closed, those that it was not about among them. */
  readonly after: readonly Grant[]
  /** Grants of wider places, which hold in this one too and were not reviewed. */
  readonly reachingIn: readonly Grant[]
  /** They may do everything without a grant. */
  readonly administrators: readonly string[]
}

export interface ItemFacts {
  /** As it was when the review began. */
  readonly snapshot: Grant
  /** As it was decided on; undefined when it was gone by then. */
  readonly found: Grant | undefined
  readonly decision: 'keep' | 'remove' | 'shrink'
  readonly decidedAt: number
  /** Undefined: nobody did until the review ended. */
  readonly decidedBy: string | undefined
  readonly note: string
}

type Terms = ReturnType<typeof termsOf>

export function evidenceJson(facts: ReviewFacts): string {
  const { installation, review, items, after, reachingIn, administrators } = facts
  const left = new Map(after.map((grant) => [grant.id, grant]))
  const reviewed = new Set(items.map(({ snapshot }) => snapshot.id))
  const document = {
    format: evidenceFormat,
    installation,
    review: {
      ...review,
      createdAt: iso(review.createdAt),
      dueAt: iso(review.dueAt),
      closedAt: iso(review.closedAt),
    },
    items: items.map((item) => itemOf(item, left.get(item.snapshot.id))),
    before: items.map(({ snapshot }) => termsOf(snapshot)),
    after: after.map((grant) => ({ ...termsOf(grant), reviewed: reviewed.has(grant.id) })),
    notReviewed: { administrators, widerGrants: reachingIn.map(termsOf) },
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

function itemOf(item: ItemFacts, left: Grant | undefined) {
  const { snapshot, found, decision, decidedAt, decidedBy, note } = item
  return {
    grant: {
      id: snapshot.id,
      ...termsOf(snapshot),
      reason: snapshot.reason,
      grantedAt: iso(snapshot.grantedAt),
      grantedBy: snapshot.grantedBy,
      expiresAt: isoOrNothing(snapshot.expiresAt),
      lastUsedAt: isoOrNothing(snapshot.lastUsedAt),
      actionsUsed: snapshot.actionsUsed,
      flags: snapshot.flags,
    },
    decision,
    decidedAt: iso(decidedAt),
    decidedBy,
    /** Nobody decided, and so it ended with the review. */
    undecided: decidedBy === undefined,
    byHolder: isHolder(snapshot, decidedBy),
    note,
    changedMeanwhile: changeOf(snapshot, found),
    left: left && termsOf(left),
  }
}

function termsOf({ who, where, actions }: Grant) {
  return { who, where, actions }
}

/** What others did between the beginning of the review and the decision. */
function changeOf(
  snapshot: Grant,
  found: Grant | undefined,
): 'removed' | (Terms & { readonly expiresAt: string | undefined }) | undefined {
  if (found === undefined) return 'removed'
  const isSame =
    found.actions.join(',') === snapshot.actions.join(',') && found.expiresAt === snapshot.expiresAt
  return isSame ? undefined : { ...termsOf(found), expiresAt: isoOrNothing(found.expiresAt) }
}

/** Whoever decides on what they hold themselves does no harm, but somebody may want to know. */
function isHolder({ who }: Grant, decidedBy: string | undefined): boolean {
  return decidedBy !== undefined && who === `user:${decidedBy}`
}

const headings = [
  'review',
  'review id',
  'grant',
  'who',
  'where',
  'actions before',
  'actions used',
  'last used at',
  'granted at',
  'granted by',
  'reason',
  'ends at',
  'decision',
  'decided by',
  'decided at',
  'note',
  'changed meanwhile',
  'actions after',
]

/** One row for each grant that was reviewed. */
export function evidenceCsv({ review, items, after }: ReviewFacts): string {
  const left = new Map(after.map((grant) => [grant.id, grant]))
  const rows = items.map(({ snapshot, found, decision, decidedAt, decidedBy, note }) => {
    const change = changeOf(snapshot, found)
    return [
      review.name,
      String(review.id),
      String(snapshot.id),
      snapshot.who,
      snapshot.where,
      snapshot.actions.join(' '),
      snapshot.actionsUsed.join(' '),
      isoOrNothing(snapshot.lastUsedAt) ?? 'never',
      iso(snapshot.grantedAt),
      snapshot.grantedBy ?? '',
      snapshot.reason,
      isoOrNothing(snapshot.expiresAt) ?? '',
      decision,
      decidedBy ?? 'nobody',
      iso(decidedAt),
      note,
      typeof change === 'object' ? change.actions.join(' ') : (change ?? ''),
      left.get(snapshot.id)?.actions.join(' ') ?? '',
    ]
  })
  return csvOf([headings, ...rows])
}

function iso(at: number): string {
  return new Date(at).toISOString()
}

function isoOrNothing(at: number | undefined): string | undefined {
  return at === undefined ? undefined : iso(at)
}
