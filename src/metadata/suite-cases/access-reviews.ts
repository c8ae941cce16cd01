// Cases of the contract: access reviews and their items, and when principals were last seen.
import assert from 'node:assert/strict'
import {
  closeReviewRow,
  decideReviewItem,
  findReview,
  findReviewEvidence,
  findReviewItem,
  insertReview,
  insertReviewItems,
  listDueReviews,
  listReviewItems,
  listReviews,
  type ReviewFilter,
} from '../access-reviews.ts'
import { noteSeen } from '../last-seen.ts'
import type { MetadataStore } from '../metadata-store.ts'
import { deletePrincipal, findPrincipalById } from '../principals.ts'
import { aUser, type Case } from './case.ts'

const later = Date.UTC(2100, 0, 1)

async function aReview(
  store: MetadataStore,
  more: Partial<Parameters<typeof insertReview>[1]> = {},
): Promise<number> {
  const review = { name: 'spring', ownerId: undefined, place: 'web/', createdBy: undefined }
  return store.write(async (tx) => insertReview(tx, { ...review, dueAt: later, ...more }))
}

const firstPage = { after: 0, limit: 100 }

export const accessReviews: readonly Case[] = [
  [
    'a review is found as it was made, with names while there are any',
    async (store) => {
      const [ann, bob] = await store.write(async (tx) => [
        await aUser(tx, 'ann'),
        await aUser(tx, 'bob'),
      ])
      const id = await aReview(store, { ownerId: ann, createdBy: bob })
      const found = await findReview(store, id)
      assert.ok(found)
      const { createdAt, ...rest } = found
      assert.ok(Math.abs(Date.now() - createdAt) < 60_000)
      assert.deepEqual(rest, {
        id,
        name: 'spring',
        owner: { id: ann, name: 'ann' },
        place: 'web/',
        createdBy: { id: bob, name: 'bob' },
        dueAt: later,
        closedAt: undefined,
        items: 0,
        undecided: 0,
      })
      await store.write(async (tx) => deletePrincipal(tx, ann))
      assert.deepEqual((await findReview(store, id))?.owner, { id: ann, name: undefined })
      assert.equal(await findReview(store, id + 1), undefined)
    },
  ],
  [
    'items of a review are counted, listed by grant in pages, and decided one by one',
    async (store) => {
      const id = await aReview(store)
      const other = await aReview(store)
      const grants = Array.from({ length: 70 }, (_, index) => {
        return { grantId: 1000 - index, snapshot: `{"n":${index}}` }
      })
      await store.write(async (tx) => {
        await insertReviewItems(tx, id, grants)
        await insertReviewItems(tx, other, grants.slice(0, 1))
      })
      assert.deepEqual(
        (({ items, undecided }) => ({ items, undecided }))((await findReview(store, id))!),
        { items: 70, undecided: 70 },
      )
      const page = await listReviewItems(store, { reviewId: id, after: 940, limit: 3 })
      assert.deepEqual(
        page.map(({ grantId }) => grantId),
        [941, 942, 943],
      )
      assert.deepEqual(page[0], {
        reviewId: id,
        grantId: 941,
        snapshot: '{"n":59}',
        decision: undefined,
        decidedAt: undefined,
        decidedBy: undefined,
        note: '',
      })
      const decided = {
        reviewId: id,
        grantId: 941,
        snapshot: '{"n":60}',
        decision: 'shrink',
        decidedAt: later,
        decidedBy: undefined,
        note: 'ü — too much',
      } as const
      await store.write(async (tx) => {
        assert.equal(await decideReviewItem(tx, decided), true)
        assert.equal(await decideReviewItem(tx, { ...decided, grantId: 1 }), false)
      })
      assert.deepEqual(await findReviewItem(store, { reviewId: id, grantId: 941 }), decided)
      assert.equal((await findReview(store, id))?.undecided, 69)
      assert.equal((await findReview(store, other))?.undecided, 1)
      const open = await listReviewItems(store, { reviewId: id, undecided: true, ...firstPage })
      assert.equal(open.length, 69)
      assert.equal(await findReviewItem(store, { reviewId: other, grantId: 941 }), undefined)
    },
  ],
  [
    'a review is closed once, and is no longer among the open and due ones then',
    async (store) => {
      const [ann] = await store.write(async (tx) => [await aUser(tx, 'ann')])
      const soon = await aReview(store, { dueAt: 5 })
      const owned = await aReview(store, { dueAt: 7, ownerId: ann })
      const far = await aReview(store)
      const ids = async (filter: ReviewFilter, page: typeof firstPage) =>
        (await listReviews(store, filter, page)).map(({ id }) => id)
      assert.deepEqual(await ids({}, firstPage), [soon, owned, far])
      assert.deepEqual(await ids({ ownerId: ann }, firstPage), [owned])
      assert.deepEqual(await ids({}, { after: soon, limit: 1 }), [owned])
      const due = async (now: number, after = 0) =>
        (await listDueReviews(store, { now, after, limit: 9 })).map(({ id }) => id)
      assert.deepEqual(await due(4), [])
      assert.deepEqual(await due(7), [soon, owned])
      assert.deepEqual(await due(7, soon), [owned])
      assert.equal(await findReviewEvidence(store, soon), undefined)
      await store.write(async (tx) => {
        assert.equal(await closeReviewRow(tx, { id: soon, closedAt: 9, evidence: 'first' }), true)
        assert.equal(await closeReviewRow(tx, { id: soon, closedAt: 10, evidence: 'x' }), false)
        assert.equal(await closeReviewRow(tx, { id: far + 1, closedAt: 10, evidence: 'x' }), false)
      })
      assert.equal((await findReview(store, soon))?.closedAt, 9)
      assert.equal(await findReviewEvidence(store, soon), 'first')
      assert.deepEqual(await due(7), [owned])
      assert.deepEqual(await ids({ state: 'open' }, firstPage), [owned, far])
      assert.deepEqual(await ids({ state: 'closed' }, firstPage), [soon])
      assert.deepEqual(await ids({ state: 'closed', ownerId: ann }, firstPage), [])
    },
  ],
  [
    'when a principal was last seen only moves forward',
    async (store) => {
      const ann = await store.write(async (tx) => aUser(tx, 'ann'))
      const seen = async () => (await findPrincipalById(store, ann))?.lastSeenAt
      assert.equal(await seen(), undefined)
      const note = async (at: number) =>
        store.write(async (tx) => noteSeen(tx, [{ principalId: ann, at }]), { durable: false })
      await note(2000)
      assert.equal(await seen(), 2000)
      await note(1000)
      assert.equal(await seen(), 2000)
      await note(later)
      assert.equal(await seen(), later)
      await store.write(async (tx) => noteSeen(tx, [{ principalId: ann + 1, at: 1 }]))
    },
  ],
]
