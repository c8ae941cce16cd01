// Cases of the contract: what is put down for review, and that a later event puts the review off.
import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { insertBlob, linkBlob } from '../blobs.ts'
import { insertManifest } from '../manifests.ts'
import type { MetadataStore } from '../metadata-store.ts'
import { query } from '../query.ts'
import { reviewBlob, reviewManifest, setBlobReview, setManifestReview } from '../reviews.ts'
import type { Digest } from '../../oci/digest.ts'
import { aBlob, aRepository, digest, type Case } from './case.ts'

const blobDue = query<{ digest: string }>()((db, p) =>
  db.selectFrom('blobs').select('review_after as due').where('digest', '=', p.digest),
)
const manifestDue = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select('review_after as due')
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

/** Hours from now; undefined: no review is due. */
async function blobReview(store: MetadataStore, word: string): Promise<number | undefined> {
  return hoursUntil((await store.one(blobDue, { digest: digest(word) }))?.due)
}

async function manifestReview(
  store: MetadataStore,
  repositoryId: number,
  word: string,
): Promise<number | undefined> {
  return hoursUntil((await store.one(manifestDue, { repositoryId, digest: digest(word) }))?.due)
}

function hoursUntil(due: number | null | undefined): number | undefined {
  return due === null || due === undefined ? undefined : (due - start) / hour
}

const hour = 60 * 60 * 1000
const start = Date.UTC(2030, 0, 1)

/** The clock stands still and is moved by hours since the start. */
async function withClock(run: (at: (hours: number) => void) => Promise<void>): Promise<void> {
  mock.timers.enable({ apis: ['Date'], now: start })
  try {
    await run((hours) => mock.timers.setTime(start + hours * hour))
  } finally {
    mock.timers.reset()
  }
}

function manifest(repositoryId: number, word: string, tagged: boolean, blobs: readonly Digest[]) {
  return {
    repositoryId,
    digest: digest(word),
    mediaType: 'type',
    size: 1,
    content: Buffer.from(word),
    subject: undefined,
    artifactType: undefined,
    annotations: undefined,
    pushedBy: undefined,
    tagged,
    blobs,
    children: [],
  }
}

export const reviews: readonly Case[] = [
  [
    'a new blob is due a day later, and stays so when the same bytes come again',
    async (store) =>
      withClock(async (at) => {
        await store.write(async (tx) => aBlob(tx, 'x'))
        assert.equal(await blobReview(store, 'x'), 24)
        at(5)
        await store.write(async (tx) => {
          const row = { digest: digest('x'), size: 1, storageKey: 'k', content: undefined }
          assert.equal(await insertBlob(tx, row), false)
          await linkBlob(tx, await aRepository(tx, 'team/app'), digest('x'))
        })
        assert.equal(await blobReview(store, 'x'), 24)
      }),
  ],
  [
    'a later event puts the review of a blob off, and of that blob only',
    async (store) =>
      withClock(async (at) => {
        await store.write(async (tx) => {
          await aBlob(tx, 'x')
          await aBlob(tx, 'y')
        })
        at(7)
        await store.write(async (tx) => reviewBlob(tx, digest('x')))
        assert.equal(await blobReview(store, 'x'), 31)
        assert.equal(await blobReview(store, 'y'), 24)
        at(9)
        await store.write(async (tx) => reviewBlob(tx, digest('x')))
        assert.equal(await blobReview(store, 'x'), 33)
        await store.write(async (tx) => reviewBlob(tx, digest('unknown')))
      }),
  ],
  [
    'a manifest without a tag is due a day later, one with a tag not at all until something happens',
    async (store) =>
      withClock(async (at) => {
        const id = await store.write(async (tx) => {
          const made = await aRepository(tx, 'team/app')
          await insertManifest(tx, manifest(made, 'untagged', false, []))
          await insertManifest(tx, manifest(made, 'tagged', true, []))
          return made
        })
        assert.equal(await manifestReview(store, id, 'untagged'), 24)
        assert.equal(await manifestReview(store, id, 'tagged'), undefined)
        at(3)
        await store.write(async (tx) => {
          await reviewManifest(tx, id, digest('tagged'))
          await reviewManifest(tx, id + 1, digest('untagged'))
        })
        assert.equal(await manifestReview(store, id, 'tagged'), 27)
        assert.equal(await manifestReview(store, id, 'untagged'), 24)
      }),
  ],
  [
    'the outcome of a review is written unless something has happened meanwhile',
    async (store) =>
      withClock(async (at) => {
        const id = await store.write(async (tx) => {
          const made = await aRepository(tx, 'team/app')
          await aBlob(tx, 'x', made)
          await insertManifest(tx, manifest(made, 'image', false, []))
          return made
        })
        const seen = start + 24 * hour
        at(1)
        const more = { seen, reviewAfter: undefined }
        await store.write(async (tx) => {
          await reviewBlob(tx, digest('x'))
          await reviewManifest(tx, id, digest('image'))
          assert.equal(await setBlobReview(tx, { digest: digest('x'), ...more }), false)
          assert.equal(await setManifestReview(tx, id, { digest: digest('image'), ...more }), false)
        })
        assert.equal(await blobReview(store, 'x'), 25)
        assert.equal(await manifestReview(store, id, 'image'), 25)
        const later = { seen: seen + hour, reviewAfter: undefined }
        await store.write(async (tx) => {
          assert.equal(await setBlobReview(tx, { digest: digest('x'), ...later }), true)
          assert.equal(await setManifestReview(tx, id, { digest: digest('image'), ...later }), true)
        })
        assert.equal(await blobReview(store, 'x'), undefined)
        assert.equal(await manifestReview(store, id, 'image'), undefined)
      }),
  ],
]
