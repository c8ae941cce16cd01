// Cases of the contract: bulk inserts of an adoption, and what an export reads.
import assert from 'node:assert/strict'
import {
  clearAdoption,
  hasRepositories,
  insertAdopted,
  keepBlobs,
  manifestDigestsBetween,
  type AdoptedRows,
} from '../adoption.ts'
import { findLinkedBlob } from '../blobs.ts'
import {
  countContents,
  pageOfKeptBlobs,
  pageOfKeptChanges,
  pageOfKeptManifests,
} from '../export-contents.ts'
import { findManifestByTag, indexHolding, listReferrers } from '../manifests.ts'
import type { MetadataStore } from '../metadata-store.ts'
import { query } from '../query.ts'
import { findRepository } from '../repositories.ts'
import { listTagChanges } from '../tag-changes.ts'
import { parseTag } from '../../oci/reference.ts'
import { aRepository, digest, name, type Case } from './case.ts'

const count = 150
const app = name('team/app')
const image = (index: number) => digest(`image ${index}`)
const words = Array.from({ length: count }, (_, index) => index)

function someRows(): AdoptedRows {
  const manifest = (index: number) => ({
    repository: app,
    digest: image(index),
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    content: Buffer.from(`image ${index}`),
    subject: index === 1 ? image(0) : undefined,
    artifactType: index === 1 ? 'application/example' : undefined,
    annotations: undefined,
    pushedAt: 1000 + index,
  })
  return {
    repositories: [
      { name: app, createdAt: 900 },
      { name: name('team/other'), createdAt: 901 },
    ],
    blobs: [
      {
        digest: digest('kept'),
        size: 4,
        storageKey: 'docker/registry/v2/blobs/sha256/ab/x/data',
        createdAt: 800,
        damagedAt: undefined,
        reviewAfter: 5000,
      },
      {
        digest: digest('lost'),
        size: 6,
        storageKey: undefined,
        createdAt: 800,
        damagedAt: 950,
        reviewAfter: undefined,
      },
    ],
    links: [
      { repository: app, digest: digest('kept'), linkedAt: 850 },
      { repository: app, digest: digest('lost'), linkedAt: 851 },
    ],
    manifests: words.map(manifest),
    uses: words.map((index) => ({ repository: app, manifest: image(index), blob: digest('kept') })),
    children: [{ repository: app, manifest: image(2), child: image(3) }],
    tags: words.map((index) => ({
      repository: app,
      tag: parseTag(`v${index}`),
      digest: image(index),
      updatedAt: 2000 + index,
    })),
    changes: [
      { repository: app, tag: parseTag('v0'), digest: image(5), changedAt: 1500 },
      { repository: app, tag: parseTag('v0'), digest: image(0), changedAt: 2000 },
      { repository: app, tag: parseTag('old'), digest: undefined, changedAt: 2500 },
    ],
  }
}

const reviewOf = query<{ digest: string }>()((db, p) =>
  db.selectFrom('blobs').select('review_after as at').where('digest', '=', p.digest),
)

const names = [app, name('team/other')]

async function adopt(store: MetadataStore): Promise<number> {
  await store.write(async (tx) => {
    await clearAdoption(tx)
    await insertAdopted(tx, someRows(), names)
  })
  return (await findRepository(store, app))?.id ?? 0
}

export const adoption: readonly Case[] = [
  [
    'what was taken over can be served, and a second time changes nothing',
    async (store) => {
      assert.equal(await hasRepositories(store), false)
      const id = await adopt(store)
      assert.equal(await adopt(store), id)
      assert.equal(await hasRepositories(store), true)
      assert.deepEqual(await countContents(store, id), { blobs: 2, manifests: count, tags: count })
      assert.equal((await findRepository(store, app))?.createdAt, 900)
      const found = await findManifestByTag(store, id, parseTag('v149'))
      assert.equal(found?.digest, image(149))
      assert.equal(await indexHolding(store, id, image(3)), image(2))
      const [referrer] = await listReferrers(store, id, image(0))
      assert.equal(referrer?.artifactType, 'application/example')
      const history = await listTagChanges(store, id, { tag: parseTag('v0'), limit: 10 })
      assert.deepEqual(
        history.map((change) => [change.digest, change.changedAt]),
        [
          [image(0), 2000],
          [image(5), 1500],
        ],
      )
      assert.equal((await findLinkedBlob(store, id, digest('kept')))?.size, 4)
      assert.equal(await findLinkedBlob(store, id, digest('lost')), undefined)
    },
  ],
  [
    'what is to be kept is no longer due for review',
    async (store) => {
      await adopt(store)
      assert.equal((await store.one(reviewOf, { digest: digest('kept') }))?.at, 5000)
      await store.write(async (tx) => keepBlobs(tx, [digest('kept'), digest('unknown')]))
      assert.equal((await store.one(reviewOf, { digest: digest('kept') }))?.at, null)
    },
  ],
  [
    'an export reads all of a repository in order, a page at a time',
    async (store) => {
      const id = await adopt(store)
      await store.write(async (tx) => aRepository(tx, 'another'))
      const digests: string[] = []
      for (let after = ''; ;) {
        const page = await pageOfKeptManifests(store, { repositoryId: id, after, limit: 64 })
        digests.push(...page.map((row) => row.digest))
        const last = page.at(-1)
        if (last === undefined) break
        after = last.digest
      }
      assert.deepEqual(digests, words.map(image).sort())
      const [first, second] = [digests[0], digests[9]] as [never, never]
      const between = await manifestDigestsBetween(store, first, second)
      assert.deepEqual([...between].sort(), digests.slice(0, 10))
      const blobs = await pageOfKeptBlobs(store, { repositoryId: id, after: '', limit: 10 })
      const byDigest = new Map(blobs.map((blob) => [blob.digest, blob]))
      assert.equal(byDigest.get(digest('kept'))?.linkedAt, 850)
      assert.equal(byDigest.get(digest('lost'))?.storageKey, undefined)
      const start = { tag: '', id: 0 }
      const changes = await pageOfKeptChanges(store, { repositoryId: id, after: start, limit: 2 })
      const rest = await pageOfKeptChanges(store, {
        repositoryId: id,
        after: { tag: changes[1]?.tag ?? '', id: changes[1]?.id ?? 0 },
        limit: 2,
      })
      assert.deepEqual(
        [...changes, ...rest].map(({ tag, digest: to }) => [tag, to]),
        [
          ['old', undefined],
          ['v0', image(5)],
          ['v0', image(0)],
        ],
      )
    },
  ],
]
