// Cases of the contract: what the whole installation amounts to.
import assert from 'node:assert/strict'
import { countHoldings, countReviews, schemaDifference } from '../holdings.ts'
import { saveUpload } from '../uploads.ts'
import { insertBlob } from '../blobs.ts'
import { digestOf } from '../../oci/digest.ts'
import { aBlob, aManifest, aRepository, type Case } from './case.ts'

export const holdings: readonly Case[] = [
  [
    'what there is is counted once, wherever its digest lies',
    async (store) => {
      const nothing = await countHoldings(store)
      assert.ok(Object.values(nothing).every((count) => count === 0))
      await store.write(async (tx) => {
        const first = await aRepository(tx, 'team/one')
        const second = await aRepository(tx, 'team/two')
        for (let index = 0; index < 300; index += 1) await aBlob(tx, `word ${index}`, first, second)
        const content = Buffer.from('long digest')
        await insertBlob(tx, {
          digest: digestOf(content, 'sha512'),
          size: content.length,
          storageKey: undefined,
          content,
        })
        await aManifest(tx, first, 'image')
        await saveUpload(tx, {
          id: 'session',
          repositoryId: first,
          principalId: undefined,
          state: 'open',
        })
      })
      const counted = await countHoldings(store)
      assert.equal(counted.repositories, 2)
      assert.equal(counted.blobs, 301)
      assert.equal(counted.manifests, 1)
      assert.equal(counted.uploads, 1)
      assert.ok(counted.bytes > 300)
      const { blobs, due } = await countReviews(store)
      assert.ok(blobs > 0)
      assert.equal(due, 0)
      assert.ok((await countReviews(store, Date.now() + 48 * 3_600_000)).due >= blobs)
    },
  ],
  [
    'a schema that is up to date differs in nothing',
    async (store) => {
      assert.deepEqual(await schemaDifference(store), { pending: [], unknown: [] })
    },
  ],
]
