// Cases of the contract: what is put down for review, and that a later event puts the review off.
import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { insertBlob, linkBlob } from '../blobs.ts'
import { insertManifest } from '../manifests.ts'
import type { MetadataStore } from '../metadata-store.ts'
import { query } from '../query.ts'
import {
  reviewBlob,
  reviewBlobsOfRepository,
  reviewContentsOfManifest,
  reviewManifest,
} from '../reviews.ts'
import type { Digest } from '../../oci/digest.ts'
import { aBlob, aManifest, aRepository, digest, type Case } from './case.ts'

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
    'what a manifest needs is put down for review: its blobs and children, in its repository',
    async (store) =>
      withClock(async (at) => {
        const [here, there] = await store.write(async (tx) => {
          const ids = [await aRepository(tx, 'team/here'), await aRepository(tx, 'team/there')]
          for (const id of ids) {
            for (const word of ['layer', 'config', 'other']) await aBlob(tx, word, id)
            await aManifest(tx, id, 'child')
            await aManifest(tx, id, 'stranger')
          }
          await aManifest(tx, ids[0] ?? 0, 'index', {
            blobs: [digest('layer'), digest('config')],
            children: [digest('child')],
          })
          return ids as [number, number]
        })
        at(2)
        await store.write(async (tx) => reviewContentsOfManifest(tx, here, digest('index')))
        assert.equal(await blobReview(store, 'layer'), 26)
        assert.equal(await blobReview(store, 'config'), 26)
        assert.equal(await blobReview(store, 'other'), 24)
        assert.equal(await manifestReview(store, here, 'child'), 26)
        assert.equal(await manifestReview(store, here, 'stranger'), 24)
        assert.equal(await manifestReview(store, there, 'child'), 24)
        assert.equal(await manifestReview(store, here, 'index'), 24)
      }),
  ],
  [
    'all blobs that a repository sees are put down for review, and no others',
    async (store) =>
      withClock(async (at) => {
        const id = await store.write(async (tx) => {
          const made = await aRepository(tx, 'team/app')
          const other = await aRepository(tx, 'team/other')
          await aBlob(tx, 'mine', made)
          await aBlob(tx, 'shared', made, other)
          await aBlob(tx, 'theirs', other)
          return made
        })
        at(1)
        await store.write(async (tx) => reviewBlobsOfRepository(tx, id))
        assert.equal(await blobReview(store, 'mine'), 25)
        assert.equal(await blobReview(store, 'shared'), 25)
        assert.equal(await blobReview(store, 'theirs'), 24)
      }),
  ],
]
