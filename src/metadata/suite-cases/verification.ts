// Cases of the contract: a damaged blob counts as absent until its bytes come again, and the scrub's order.
import assert from 'node:assert/strict'
import { listAudit } from '../audit.ts'
import { findBlob, findLinkedBlob, insertBlob, linkBlob, linkedBlobSize } from '../blobs.ts'
import { keysInUseBetween } from '../inspection-kept.ts'
import type { MetadataStore } from '../metadata-store.ts'
import {
  countStoredBytes,
  listOldestVerified,
  markVerified,
  nextManifests,
  scrubNoteKey,
  verificationState,
  type ManifestPlace,
} from '../scrubbing.ts'
import { saveSetting } from '../settings.ts'
import { damagedAt, listDamaged, listQuarantined, markDamaged } from '../verification.ts'
import { aBlob, aManifest, aRepository, digest, type Case } from './case.ts'

/** A blob in the storage. */
async function stored(store: MetadataStore, word: string, size = 7): Promise<number> {
  return store.write(async (tx) => {
    const id = await aRepository(tx, `team/${word}`)
    const row = { digest: digest(word), size, storageKey: `blobs/${word}`, content: undefined }
    await insertBlob(tx, row)
    await linkBlob(tx, id, row.digest)
    return id
  })
}

const found = (word: string) => ({
  digest: digest(word),
  storageKey: `blobs/${word}`,
  asideKey: `quarantine/${word}`,
  size: 3,
  foundBy: 'scrub' as const,
})

async function eventsOf(store: MetadataStore): Promise<readonly string[]> {
  const rows = await listAudit(store, { limit: 100 })
  return rows.map(({ event }) => event).toSorted()
}

export const verification: readonly Case[] = [
  [
    'a damaged blob is absent, keeps its links, and is noted and told of once',
    async (store) => {
      const id = await stored(store, 'x')
      assert.equal(await store.write(async (tx) => markDamaged(tx, found('x'))), true)
      assert.equal(await findLinkedBlob(store, id, digest('x')), undefined)
      assert.equal(await linkedBlobSize(store, id, digest('x')), undefined)
      const row = await findBlob(store, digest('x'))
      assert.deepEqual(
        [row?.isDamaged, row?.storageKey, row?.content],
        [true, undefined, undefined],
      )
      assert.ok(((await damagedAt(store, digest('x'))) ?? 0) > Date.now() - 60_000)
      assert.deepEqual(
        (await listDamaged(store, { after: '', limit: 9 })).map((blob) => [blob.digest, blob.size]),
        [[digest('x'), 7]],
      )
      const again = await store.write(async (tx) => markDamaged(tx, found('x')))
      assert.equal(again, false)
      const notes = await listQuarantined(store, digest('x'))
      assert.deepEqual(
        notes.map((note) => [note.storageKey, note.size, note.foundBy, note.healedAt]),
        [['quarantine/x', 3, 'scrub', undefined]],
      )
      assert.deepEqual(await eventsOf(store), ['blob.damaged'])
    },
  ],
  [
    'the same bytes heal a damaged blob in the transaction that brings them, wherever they lie then',
    async (store) => {
      const id = await stored(store, 'x')
      await store.write(async (tx) => markDamaged(tx, found('x')))
      const content = Buffer.from('x')
      const taken = await store.write(async (tx) =>
        insertBlob(tx, { digest: digest('x'), size: 1, storageKey: undefined, content }),
      )
      assert.equal(taken, true)
      const row = await findLinkedBlob(store, id, digest('x'))
      assert.deepEqual([row?.size, row?.storageKey], [1, undefined])
      assert.ok(content.equals(row?.content ?? Buffer.of()))
      assert.equal(await damagedAt(store, digest('x')), undefined)
      const [note] = await listQuarantined(store, digest('x'))
      assert.ok(note?.healedAt !== undefined)
      assert.deepEqual(await eventsOf(store), ['blob.damaged', 'blob.healed'])
      const { damaged, quarantined } = await verificationState(store)
      assert.deepEqual([damaged, quarantined], [0, 0])
    },
  ],
  [
    'bytes that lie elsewhere by now are not marked, and what was set aside is noted all the same',
    async (store) => {
      const id = await stored(store, 'x')
      const marked = await store.write(async (tx) =>
        markDamaged(tx, { ...found('x'), storageKey: 'blobs/before' }),
      )
      assert.equal(marked, false)
      assert.equal((await findLinkedBlob(store, id, digest('x')))?.storageKey, 'blobs/x')
      assert.equal((await listQuarantined(store, digest('x'))).length, 1)
      assert.deepEqual(await eventsOf(store), [])
    },
  ],
  [
    'bytes in a row are marked too; of bytes that are gone it is noted where they were',
    async (store) => {
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        await aBlob(tx, 'small', made)
        return made
      })
      await stored(store, 'gone')
      const [small, gone] = await store.write(async (tx) => [
        await markDamaged(tx, { ...found('small'), storageKey: undefined }),
        await markDamaged(tx, { ...found('gone'), asideKey: undefined }),
      ])
      assert.deepEqual([small, gone], [true, true])
      assert.equal(await findLinkedBlob(store, id, digest('small')), undefined)
      const [note] = await listQuarantined(store, digest('gone'))
      assert.equal(note?.storageKey, 'blobs/gone')
    },
  ],
  [
    'the blobs that were not looked at for longest come first, and only those in the storage',
    async (store) => {
      await store.write(async (tx) => aBlob(tx, 'small'))
      for (const word of ['a', 'b', 'c']) await stored(store, word)
      const seen = (word: string, at: number) => ({
        digest: digest(word),
        storageKey: `blobs/${word}`,
        at,
      })
      await store.write(async (tx) =>
        markVerified(tx, [
          seen('a', 30),
          seen('b', 10),
          seen('c', 20),
          { ...seen('c', 5), storageKey: 'blobs/other' },
        ]),
      )
      const page = async (before: number, limit = 9) =>
        (await listOldestVerified(store, { before, limit })).map((row) => row.storageKey)
      assert.deepEqual(await page(30), ['blobs/b', 'blobs/c', 'blobs/a'])
      assert.deepEqual(await page(20), ['blobs/b', 'blobs/c'])
      assert.deepEqual(await page(30, 1), ['blobs/b'])
      assert.equal(await countStoredBytes(store), 21)
      await store.write(async (tx) => markDamaged(tx, found('b')))
      assert.deepEqual(await page(30), ['blobs/c', 'blobs/a'])
      assert.equal((await verificationState(store)).oldestVerifiedAt, 20)
    },
  ],
  [
    'manifests are walked through repository by repository',
    async (store) => {
      const words = ['m1', 'm2', 'm3', 'm4', 'm5']
      await store.write(async (tx) => {
        const [one, two] = [await aRepository(tx, 'team/one'), await aRepository(tx, 'team/two')]
        await aRepository(tx, 'team/empty')
        for (const word of words) await aManifest(tx, one, word)
        await aManifest(tx, two, 'm1')
      })
      const seen: string[] = []
      let place: ManifestPlace | undefined = { repositoryId: 0, digest: '' }
      for (let page = 0; page < 20 && place !== undefined; page += 1) {
        const { manifests, next }: Awaited<ReturnType<typeof nextManifests>> = await nextManifests(
          store,
          place,
          2,
        )
        seen.push(...manifests.map((manifest) => manifest.digest))
        place = next
      }
      assert.equal(place, undefined)
      assert.deepEqual(seen.toSorted(), [...words, 'm1'].map(digest).toSorted())
    },
  ],
  [
    'what was not looked at in time is overdue, be it since it came or since it was seen last',
    async (store) => {
      const now = Date.now()
      const hour = 3_600_000
      const note = { everyMs: hour, unverifiedSince: now - 2 * hour, damagedManifests: ['x'] }
      await stored(store, 'a')
      assert.equal((await verificationState(store, now)).overdue, false)
      await store.write(async (tx) => saveSetting(tx, scrubNoteKey, JSON.stringify(note)))
      const isOverdue = async (at: number) => {
        const seen = { digest: digest('a'), storageKey: 'blobs/a', at }
        await store.write(async (tx) => markVerified(tx, [seen]))
        return (await verificationState(store, now)).overdue
      }
      assert.equal(await isOverdue(now - hour / 2), false)
      assert.equal(await isOverdue(now - 2 * hour), true)
      assert.equal(await isOverdue(0), true)
      const { unverified, oldestVerifiedAt, damagedManifests } = await verificationState(store, now)
      assert.deepEqual([unverified, oldestVerifiedAt, damagedManifests], [1, undefined, 1])
      const fresh = JSON.stringify({ ...note, unverifiedSince: now - hour / 2 })
      await store.write(async (tx) => saveSetting(tx, scrubNoteKey, fresh))
      assert.equal((await verificationState(store, now)).overdue, false)
    },
  ],
  [
    'keys of blobs and of the quarantine are in use, within the digests that are asked for',
    async (store) => {
      await stored(store, 'a')
      await stored(store, 'b')
      await store.write(async (tx) => markDamaged(tx, found('b')))
      const all = await keysInUseBetween(store, 'sha256:' as never, 'sha256:g' as never)
      assert.deepEqual([...all].toSorted(), ['blobs/a', 'quarantine/b'])
      assert.deepEqual(
        [...(await keysInUseBetween(store, digest('b'), digest('b')))],
        ['quarantine/b'],
      )
    },
  ],
]
