// Cases of the contract: the recycle bin, the trash, and what is asked about both.
import assert from 'node:assert/strict'
import { listBin, listDueInBin } from '../bin-lists.ts'
import {
  binsHolding,
  countTrash,
  dropFromTrash,
  findInTrash,
  keyOfBlob,
  listDueTrash,
  listTrash,
  markGoing,
  putBackBlob,
  trashBlob,
} from '../blob-trash.ts'
import { findBlob, insertBlob, unlinkBlob } from '../blobs.ts'
import { countWaiting, isBlobUsed, sumOfUnneededBlobs } from '../collection-totals.ts'
import {
  findBlobNeed,
  findStandingOfManifest,
  listDueBlobs,
  listDueManifests,
  listUnusedLinks,
} from '../collection.ts'
import {
  contentsOfDeleted,
  copyToBin,
  findDeletedManifest,
  purgeDeletedManifest,
  putBackManifest,
} from '../deleted-manifests.ts'
import { deleteManifest, findManifest, indexHolding, listReferrers } from '../manifests.ts'
import type { MetadataStore, Transaction } from '../metadata-store.ts'
import { collectedBinMs, deletedBinMs, trashMs } from '../reviews.ts'
import { aBlob, aManifest, aRepository, aTag, digest, type Case } from './case.ts'

async function bin(
  tx: Transaction,
  repositoryId: number,
  word: string,
  more: {
    readonly at?: number
    readonly reason?: 'deleted' | 'collected'
    readonly tags?: readonly string[]
  } = {},
): Promise<void> {
  const { at = 1000, reason = 'deleted', tags = [] } = more
  const entry = { repositoryId, digest: digest(word), tags, reason, deletedAt: at }
  assert.equal(await copyToBin(tx, { ...entry, deletedBy: undefined }), true)
  assert.equal(await deleteManifest(tx, repositoryId, digest(word)), true)
}

async function idIn(store: MetadataStore, repositoryId: number, word: string): Promise<number> {
  return (await findDeletedManifest(store, repositoryId, digest(word)))?.id ?? 0
}

export const recycleBin: readonly Case[] = [
  [
    'a manifest goes to the bin with what it holds, and comes back as it was',
    async (store) => {
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        await aBlob(tx, 'layer', made)
        await aManifest(tx, made, 'child')
        await aManifest(tx, made, 'index', {
          blobs: [digest('layer')],
          children: [digest('child')],
          subject: digest('subject'),
          artifactType: 'a/b',
          annotations: '{"a":"b"}',
          provenance: '{"job":1}',
        })
        const none = { repositoryId: made, digest: digest('none'), tags: [], deletedAt: 1 }
        const more = { reason: 'deleted', deletedBy: undefined } as const
        assert.equal(await copyToBin(tx, { ...none, ...more }), false)
        await bin(tx, made, 'index', { tags: ['v1', 'v2'], at: 5000 })
        return made
      })
      const found = await findDeletedManifest(store, id, digest('index'))
      assert.ok(found !== undefined)
      const { id: binId, ...deleted } = found
      assert.deepEqual(
        { ...deleted, content: Buffer.from(deleted.content).toString() },
        {
          repositoryId: id,
          digest: digest('index'),
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          size: 5,
          content: 'index',
          subject: digest('subject'),
          tags: ['v1', 'v2'],
          deletedAt: 5000,
          reason: 'deleted',
        },
      )
      const held = [digest('layer'), digest('child')].toSorted()
      assert.deepEqual((await contentsOfDeleted(store, binId)).toSorted(), held)
      assert.deepEqual(await binsHolding(store, digest('layer')), [id])
      assert.equal(await isBlobUsed(store, digest('layer')), true)
      await store.write(async (tx) => {
        const holding = { blobs: [digest('layer')], children: [digest('child')], reviewAfter: 7 }
        await putBackManifest(tx, { id: binId, repositoryId: id, digest: digest('index') }, holding)
      })
      assert.equal((await findManifest(store, id, digest('index')))?.reviewAfter, 7)
      assert.equal(await indexHolding(store, id, digest('child')), digest('index'))
      const [referrer] = await listReferrers(store, id, digest('subject'))
      assert.equal(referrer?.annotations, '{"a":"b"}')
      assert.equal(await findDeletedManifest(store, id, digest('index')), undefined)
      assert.deepEqual(await binsHolding(store, digest('layer')), [])
    },
  ],
  [
    'one that is in the bin already counts from its last delete, and holds all that it ever held',
    async (store) => {
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        for (const [round, word] of ['one', 'two'].entries()) {
          await aBlob(tx, word, made)
          await aManifest(tx, made, 'image', { blobs: [digest(word)] })
          const reason = round === 0 ? 'collected' : 'deleted'
          await bin(tx, made, 'image', { at: 1000 * round, reason, tags: [word] })
        }
        return made
      })
      const deleted = await findDeletedManifest(store, id, digest('image'))
      assert.deepEqual([deleted?.tags, deleted?.deletedAt], [['two'], 1000])
      assert.equal(deleted?.reason, 'deleted')
      const held = await contentsOfDeleted(store, deleted.id)
      assert.deepEqual(held.toSorted(), [digest('one'), digest('two')].toSorted())
    },
  ],
  [
    'what is due in the bin comes by its time, what another one holds after that one, and purges once',
    async (store) => {
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        await aBlob(tx, 'layer', made)
        await aManifest(tx, made, 'child', { blobs: [digest('layer')] })
        await aManifest(tx, made, 'index', { children: [digest('child')] })
        await aManifest(tx, made, 'signature', { subject: digest('index'), tagged: true })
        await aManifest(tx, made, 'other')
        await bin(tx, made, 'index', { at: 2000 })
        await bin(tx, made, 'child', { at: 1000 })
        await bin(tx, made, 'other', { at: 1500, reason: 'collected' })
        return made
      })
      const limitAt = 2000 + deletedBinMs
      const due = async (reason: 'deleted' | 'collected', until = limitAt) =>
        (await listDueInBin(store, { reason, limitAt: until, limit: 9 })).map((one) => one.digest)
      assert.deepEqual(await due('deleted'), [digest('index')])
      assert.deepEqual(await due('deleted', limitAt - 1), [])
      assert.deepEqual(await due('collected', 1500 + collectedBinMs), [digest('other')])
      assert.deepEqual(
        (await listBin(store, { limit: 9 })).map((row) => row.digest),
        ['other', 'child', 'index'].map(digest),
      )
      const purge = async (word: string, until = limitAt) =>
        store.write(async (tx) =>
          purgeDeletedManifest(
            tx,
            { id: await idIn(store, id, word), repositoryId: id, digest: digest(word) },
            { limitAt: until, blobs: 11, manifests: 12 },
          ),
        )
      assert.equal(await purge('index', 1999 + deletedBinMs), false)
      assert.equal(await purge('index'), true)
      assert.equal(await purge('index'), false)
      // Its referrer is looked at now.
      assert.equal((await findManifest(store, id, digest('signature')))?.reviewAfter, 12)
      assert.deepEqual(await due('deleted'), [digest('child')])
      assert.equal((await findBlobNeed(store, digest('layer')))?.binOf, id)
      assert.equal(await purge('child'), true)
      const need = await findBlobNeed(store, digest('layer'))
      assert.deepEqual([need?.binOf, need?.linkedIn], [undefined, id])
      // It waits for a look of its own already, and keeps waiting.
      assert.ok((need?.reviewAfter ?? 0) > 11)
    },
  ],
  [
    'it is known what a manifest stands for: tags, holders in the bin, a subject in the bin',
    async (store) => {
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        const other = await aRepository(tx, 'team/other')
        for (const repository of [made, other]) {
          await aManifest(tx, repository, 'child')
          await aManifest(tx, repository, 'index', { children: [digest('child')] })
          await aManifest(tx, repository, 'signature', { subject: digest('index'), tagged: true })
        }
        await aTag(tx, made, 'v1', digest('child'))
        await bin(tx, made, 'index', { at: 1000, reason: 'collected' })
        return made
      })
      const standing = async (word: string, runAt = 2000) =>
        findStandingOfManifest(store, { repositoryId: id, digest: digest(word), runAt })
      const child = await standing('child')
      assert.deepEqual([child?.tag, child?.binHolder], ['v1', digest('index')])
      assert.ok((child?.reviewAfter ?? 0) > Date.now())
      assert.equal((await standing('signature'))?.subjectInBin, digest('index'))
      assert.equal((await standing('signature'))?.reviewAfter, undefined)
      // What a run has put there itself does not count in it.
      assert.equal((await standing('child', 1000))?.binHolder, undefined)
      assert.equal((await standing('signature', 1000))?.subjectInBin, undefined)
      assert.equal(await standing('index'), undefined)
      const elsewhere = { repositoryId: id + 1, digest: digest('child'), runAt: 2000 }
      assert.equal((await findStandingOfManifest(store, elsewhere))?.binHolder, undefined)
    },
  ],
  [
    'what is due for a review comes by its time, and links that nothing uses are found',
    async (store) => {
      await store.write(async (tx) => {
        const id = await aRepository(tx, 'team/app')
        const other = await aRepository(tx, 'team/other')
        await aBlob(tx, 'layer', id, other)
        await aManifest(tx, id, 'image', { blobs: [digest('layer')] })
        const soon = { limitAt: Date.now(), limit: 9 }
        const later = { limitAt: Date.now() + 2 * trashMs, limit: 9 }
        assert.deepEqual(await listDueBlobs(tx, soon), [])
        assert.deepEqual(await listDueManifests(tx, soon), [])
        assert.deepEqual(
          (await listDueBlobs(tx, later)).map((one) => [one.digest, one.size]),
          [[digest('layer'), 5]],
        )
        assert.deepEqual(
          (await listDueManifests(tx, later)).map((one) => [one.repositoryId, one.digest]),
          [[id, digest('image')]],
        )
        const unused = async () =>
          (await listUnusedLinks(tx, digest('layer'), 9)).map((one) => one.repositoryId)
        assert.deepEqual(await unused(), [other])
        await bin(tx, id, 'image')
        assert.deepEqual(await unused(), [other])
        assert.equal(await isBlobUsed(tx, digest('layer')), true)
        assert.deepEqual(await sumOfUnneededBlobs(tx), { count: 1, bytes: 5 })
        const counts = await countWaiting(tx)
        assert.deepEqual(counts.deletedManifests, { count: 1, next: 1000 + deletedBinMs })
        assert.equal(counts.blobReviews.count, 1)
      })
    },
  ],
  [
    'a blob in the trash can be put back until it is going, and not over one that is there',
    async (store) => {
      await store.write(async (tx) => {
        const id = await aRepository(tx, 'team/app')
        for (const word of ['stored', 'going']) {
          const blob = {
            digest: digest(word),
            size: 9,
            storageKey: `k/${word}`,
            content: undefined,
          }
          await insertBlob(tx, blob)
        }
        await aBlob(tx, 'small', id)
        await unlinkBlob(tx, id, digest('small'))
        for (const word of ['stored', 'going', 'small']) {
          await trashBlob(tx, { digest: digest(word), links: [id], now: 1000 })
          assert.equal(await findBlob(tx, digest(word)), undefined)
        }
      })
      const idOf = async (word: string) => (await findInTrash(store, digest(word)))?.id ?? 0
      const [stored, going, small] = [
        await idOf('stored'),
        await idOf('going'),
        await idOf('small'),
      ]
      assert.deepEqual(await countTrash(store), { count: 3, bytes: 23, nextPurge: 1000 + trashMs })
      assert.deepEqual(await listDueTrash(store, { limitAt: 999 + trashMs, limit: 9 }), [])
      const times = { now: 2000, reviewAfter: 3000 }
      await store.write(async (tx) => {
        assert.equal(await markGoing(tx, going), true)
        assert.equal(await putBackBlob(tx, going, times), false)
        assert.equal(await putBackBlob(tx, small, times), true)
        assert.equal(await putBackBlob(tx, small, times), false)
        // Somebody has brought the same bytes meanwhile.
        const again = { digest: digest('stored'), size: 9, storageKey: 'k/new', content: undefined }
        await insertBlob(tx, again)
        assert.equal(await putBackBlob(tx, stored, times), false)
      })
      assert.equal((await findBlob(store, digest('small')))?.content?.length, 5)
      assert.equal((await findBlobNeed(store, digest('small')))?.reviewAfter, 3000)
      assert.equal(await keyOfBlob(store, digest('stored')), 'k/new')
      assert.equal(await keyOfBlob(store, digest('small')), null)
      assert.equal(await keyOfBlob(store, digest('going')), undefined)
      const left = await listTrash(store, { after: 0, limit: 9 })
      assert.deepEqual(
        left.map((one) => [one.digest, one.storageKey, one.links.length]),
        [[digest('stored'), 'k/stored', 1]],
      )
      const due = await listDueTrash(store, { limitAt: 0, limit: 9 })
      assert.deepEqual(
        due.map((one) => [one.digest, one.isGoing]),
        [[digest('going'), true]],
      )
      await store.write(async (tx) => dropFromTrash(tx, going))
      assert.equal((await countTrash(store)).count, 1)
    },
  ],
]
