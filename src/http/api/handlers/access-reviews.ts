// /api/v1/access-reviews. Whoever owns a place, or administers the installation, has its grants reviewed; the owner of
// a review decides. None of it is for a token that is narrowed.
import { closeReview, findEvidence } from '../../../access/campaign-close.ts'
import {
  listItems,
  listReviews,
  showReview,
  type Review,
  type ReviewItem,
} from '../../../access/campaign-view.ts'
import { decideItem, openReview, reviewerActions } from '../../../access/campaign.ts'
import { installationSign } from '../../../access/evidence.ts'
import { requirePlace } from '../../../access/grants.ts'
import { decide, isAdministrator, type Permission } from '../../../auth/authorize.ts'
import { principalId, type Identity } from '../../../auth/identity.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import { findReview } from '../../../metadata/access-reviews.ts'
import type { Reader } from '../../../metadata/metadata-store.ts'
import { expecting } from '../etag.ts'
import { forgetHolder } from '../forget-holder.ts'
import { given } from '../given.ts'
import { installationAdmin, ownAccount, type ApiDeps, type Handlers } from '../handler.ts'
import { iso, ms, times } from '../moment.ts'
import { pageById } from '../page.ts'
import { grantOutput, onPlace } from './grants.ts'

export const accessReviewHandlers: Handlers<OperationOf<'access-reviews'>> = {
  'access-reviews.list': {
    needs: () => ({ anyOf: [ownAccount(), installationAdmin()] }),
    async run({ deps, identity, input }) {
      const state = input.open === true ? 'open' : undefined
      return pageById(input, {
        fetch: async (after, limit) => listReviews(deps, { state }, { after, limit }),
        keyOf: ({ id }) => id,
        item: (review) => (isVisible(identity, review) ? reviewOutput(review) : undefined),
      })
    },
  },
  'access-reviews.create': {
    needs: ({ where }) => onPlace(requirePlace(where), reviewerActions),
    run: async ({ deps, actor, input: { dueAt, ...review } }) =>
      reviewOutput(await openReview(deps, actor, { ...review, dueAt: ms(dueAt) })),
  },
  'access-reviews.show': {
    locate: async (reader, { id }, identity) => whoSees(reader, id, identity),
    run: async ({ deps, input }) => reviewOutput(await showReview(deps, input.id)),
  },
  'access-reviews.items': {
    locate: async (reader, { id }, identity) => whoSees(reader, id, identity),
    async run({ deps, input }) {
      const { id, undecided = false } = input
      return pageById(input, {
        fetch: async (after, limit) => listItems(deps, id, { undecided, after, limit }),
        keyOf: ({ grantId }) => grantId,
        item: itemOutput,
      })
    },
  },
  'access-reviews.decide': {
    async locate(reader, { id }, identity) {
      const seen = await whoSees(reader, id, identity)
      if (seen === undefined) return undefined
      const review = await findReview(reader, id)
      return isOwner(identity, review?.owner?.id) ? ownAccount() : installationAdmin()
    },
    async run({ deps, actor, input: { id, ...decision }, expect }) {
      const expected = expecting(expect, itemOutput)
      const done = await decideItem(deps, actor, { reviewId: id, ...decision, ...expected })
      await forgetHolder(deps, done.snapshot.who)
      return itemOutput(done)
    },
  },
  'access-reviews.close': {
    locate: async (reader, { id }, identity) => whoSees(reader, id, identity),
    async run({ deps, actor, input: { id } }) {
      const sign = installationSign(deps.metadata)
      const holders = await undecidedHolders(deps, id)
      const closed = await closeReview({ metadata: deps.metadata, sign }, actor, id)
      for (const who of holders) await forgetHolder(deps, who)
      return reviewOutput(closed)
    },
  },
  'access-reviews.evidence': {
    locate: async (reader, { id }, identity) => whoSees(reader, id, identity),
    async run({ deps, input: { id, format } }) {
      const { [format]: document } = await findEvidence(deps, id)
      const { content, signature, keyId, publicJwk } = document
      const publicKey = publicJwk === undefined ? '' : JSON.stringify(publicJwk)
      return { format, content, signature, keyId, publicKey }
    },
  },
}

/** Undefined for a review that is not there, or that the caller may not know of. */
async function whoSees(
  reader: Reader,
  id: number,
  identity: Identity,
): Promise<Permission | undefined> {
  const review = await findReview(reader, id)
  if (review === undefined) return undefined
  if (isAdministrator(identity)) return installationAdmin()
  if (isOwner(identity, review.owner?.id)) return ownAccount()
  return ownsPlace(identity, review.place)
    ? onPlace(requirePlace(review.place), reviewerActions)
    : undefined
}

function isVisible(identity: Identity, { where, ownerId }: Review): boolean {
  return isAdministrator(identity) || isOwner(identity, ownerId) || ownsPlace(identity, where)
}

function isOwner(identity: Identity, ownerId: number | undefined): boolean {
  return ownerId !== undefined && principalId(identity) === ownerId
}

function ownsPlace(identity: Identity, where: string): boolean {
  const wanted = onPlace(requirePlace(where), reviewerActions)
  return decide(identity, wanted, { repository: undefined }).allowed
}

const mostForgotten = 1000

/** Whoever may lose something by the closing; of very many, the others are remembered for some seconds. */
async function undecidedHolders({ metadata }: ApiDeps, id: number): Promise<ReadonlySet<string>> {
  const page = { undecided: true, after: 0, limit: mostForgotten }
  const items = await listItems({ metadata }, id, page)
  return new Set(items.map(({ snapshot }) => snapshot.who))
}

function reviewOutput(review: Review): OutputOf<'access-reviews.show'> {
  const { id, name, where, owner, createdAt, createdBy, dueAt, closedAt } = review
  return {
    id,
    name,
    where,
    ...given({ owner }),
    createdAt: iso(createdAt),
    ...given({ createdBy }),
    dueAt: iso(dueAt),
    ...times({ closedAt }),
    items: review.items,
    open: review.undecided,
  }
}

function itemOutput(item: ReviewItem): OutputOf<'access-reviews.decide'> {
  const { grantId, snapshot, current, decision, decidedAt, decidedBy, note } = item
  return {
    grantId,
    snapshot: grantOutput(snapshot),
    ...(current !== undefined && { current: grantOutput(current) }),
    ...given({ decision }),
    ...times({ decidedAt }),
    ...given({ decidedBy }),
    note,
  }
}
