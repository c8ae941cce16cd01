// Cases of the contract: upload sessions and their parts.
import assert from 'node:assert/strict'
import { mock } from 'node:test'
import type { MetadataStore } from '../metadata-store.ts'
import { openAt } from '../test-support/store-address.ts'
import {
  deleteUpload,
  deleteUploadParts,
  findUpload,
  insertUploadPart,
  listPartKeys,
  listStaleUploads,
  listUploadParts,
  saveUpload,
  uploadSize,
  type UploadPart,
  type UploadRow,
} from '../uploads.ts'
import { aRepository, digest, type Case } from './case.ts'

function part(startOffset: number, size: number, storageKey?: string): UploadPart {
  const content = storageKey === undefined ? Buffer.alloc(size, 'x') : undefined
  return { startOffset, size, digest: digest(`${startOffset}`), storageKey, content }
}

async function openUpload(
  store: MetadataStore,
  id: string,
  ...parts: readonly UploadPart[]
): Promise<number> {
  return store.write(async (tx) => {
    const repositoryId = await aRepository(tx, 'team/app')
    await saveUpload(tx, { id, repositoryId, principalId: 1, state: 'open' })
    for (const one of parts) assert.equal(await insertUploadPart(tx, id, one), true)
    return repositoryId
  })
}

function withoutContent(parts: readonly UploadPart[]): unknown[] {
  return parts.map(({ content, ...rest }) => ({ ...rest, content: content?.length }))
}

export const uploads: readonly Case[] = [
  [
    'an upload is as it was saved, and nothing at all before that',
    async (store) => {
      assert.equal(await findUpload(store, 'u'), undefined)
      assert.equal(await uploadSize(store, 'u'), 0)
      assert.deepEqual(await listUploadParts(store, 'u'), [])
      await openUpload(store, 'u')
      assert.deepEqual(await findUpload(store, 'u'), { id: 'u', state: 'open', digest: undefined })
    },
  ],
  [
    'an upload of nobody in particular can be saved',
    async (store) => {
      await store.write(async (tx) => {
        const repositoryId = await aRepository(tx, 'team/app')
        const upload = { id: 'u', repositoryId, principalId: undefined, state: 'open' } as const
        assert.equal(await saveUpload(tx, upload), true)
      })
      assert.equal((await findUpload(store, 'u'))?.state, 'open')
    },
  ],
  [
    'parts come back in order of offset with all that they have',
    async (store) => {
      const parts = [part(700, 5, 'uploads/c'), part(0, 300), part(300, 400, 'uploads/b')]
      await openUpload(store, 'u', ...parts)
      assert.deepEqual(
        withoutContent(await listUploadParts(store, 'u')),
        withoutContent(parts.toSorted((a, b) => a.startOffset - b.startOffset)),
      )
      assert.equal(await uploadSize(store, 'u'), 705)
      await store.write(async (tx) => deleteUploadParts(tx, 'u'))
      assert.deepEqual(await listUploadParts(store, 'u'), [])
      assert.equal((await findUpload(store, 'u'))?.state, 'open')
    },
  ],
  [
    'one writer alone wins an offset, and the part of the others is not stored',
    async (store, address) => {
      await using other = await openAt(address)
      await openUpload(store, 'u')
      const won = await Promise.all(
        Array.from({ length: 12 }, async (_, number) =>
          (number % 2 === 0 ? store : other).write(async (tx) =>
            insertUploadPart(tx, 'u', part(0, number + 1)),
          ),
        ),
      )
      const winners = won.flatMap((isWinner, number) => (isWinner ? [number + 1] : []))
      assert.equal(winners.length, 1)
      assert.equal(await uploadSize(store, 'u'), winners[0])
    },
  ],
  [
    'sizes beyond 2³² add up',
    async (store) => {
      const big = 6_000_000_000
      await openUpload(store, 'u', part(0, big, 'uploads/a'), part(big, big, 'uploads/b'))
      assert.equal(await uploadSize(store, 'u'), 2 * big)
      assert.equal((await listUploadParts(store, 'u'))[1]?.startOffset, big)
    },
  ],
  [
    'an upload that has ended stays as it ended',
    async (store) => {
      const repositoryId = await openUpload(store, 'u', part(0, 1))
      const save = async (state: UploadRow['state'], id = 'u') =>
        store.write(async (tx) =>
          saveUpload(tx, { id, repositoryId, principalId: 1, state, digest: digest('blob') }),
        )
      assert.equal(await save('committed'), true)
      assert.equal(await save('open'), false)
      assert.equal(await save('cancelled'), false)
      assert.deepEqual(await findUpload(store, 'u'), {
        id: 'u',
        state: 'committed',
        digest: digest('blob'),
      })
      assert.equal(await save('cancelled', 'v'), true)
      assert.equal(await save('committed', 'v'), false)
      assert.equal((await findUpload(store, 'v'))?.state, 'cancelled')
    },
  ],
  [
    'an upload takes its parts along when it is deleted, and no others',
    async (store) => {
      await openUpload(store, 'u', part(0, 1, 'uploads/u'))
      await openUpload(store, 'v', part(0, 1, 'uploads/v'))
      await store.write(async (tx) => deleteUpload(tx, 'u'))
      assert.equal(await findUpload(store, 'u'), undefined)
      assert.deepEqual(await listUploadParts(store, 'u'), [])
      assert.deepEqual(await listPartKeys(store, { after: '', limit: 10 }), ['uploads/v'])
    },
  ],
  [
    'keys of parts are listed in order, page by page, without the parts that have none',
    async (store) => {
      const keys = ['uploads/c', 'uploads/a', 'uploads/b', 'uploads/B']
      await openUpload(store, 'u', part(100, 3), ...keys.map((key, at) => part(at, 1, key)))
      assert.deepEqual(await listPartKeys(store, { after: '', limit: 3 }), [
        'uploads/B',
        'uploads/a',
        'uploads/b',
      ])
      assert.deepEqual(await listPartKeys(store, { after: 'uploads/b', limit: 3 }), ['uploads/c'])
    },
  ],
  [
    'stale uploads are those of a state that nothing happened to since a moment, oldest first',
    async (store) => {
      mock.timers.enable({ apis: ['Date'], now: 1000 })
      try {
        for (const [id, at] of [
          ['old', 1000],
          ['older', 500],
          ['new', 2000],
        ] as const) {
          mock.timers.setTime(at)
          await openUpload(store, id)
        }
        const repositoryId = await openUpload(store, 'done')
        const save = async (id: string, state: UploadRow['state']) =>
          store.write(async (tx) => saveUpload(tx, { id, repositoryId, principalId: 1, state }))
        await save('done', 'cancelled')
        const stale = async (state: UploadRow['state'], before: number, limit = 10) =>
          (await listStaleUploads(store, { state, before, limit })).map((one) => one.id)
        assert.deepEqual(await stale('open', 1500), ['older', 'old'])
        assert.deepEqual(await stale('open', 1500, 1), ['older'])
        assert.deepEqual(await stale('open', 500), [])
        assert.deepEqual(await stale('cancelled', 9999), ['done'])
        assert.deepEqual(await stale('committed', 9999), [])
        mock.timers.setTime(1800)
        await save('older', 'open')
        assert.deepEqual(await stale('open', 1500), ['old'])
      } finally {
        mock.timers.reset()
      }
    },
  ],
]
