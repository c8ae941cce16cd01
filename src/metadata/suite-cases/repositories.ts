// Cases of the contract: repositories and settings.
import assert from 'node:assert/strict'
import {
  countRepositories,
  deleteRepository,
  findRepository,
  insertRepository,
  listRepositories,
  updateRepository,
} from '../repositories.ts'
import { findUpload, saveUpload } from '../uploads.ts'
import { ensureSetting, findSetting, insertSigningKey, listSigningKeys } from '../settings.ts'
import { aManifest, aRepository, aTag, name, type Case } from './case.ts'

const everything = { all: true, internal: true, ownNamespace: undefined }

export const repositories: readonly Case[] = [
  [
    'a repository is found under its name as it was made',
    async (store) => {
      const before = Date.now()
      const isNew = await store.write(async (tx) =>
        insertRepository(tx, {
          name: name('team/app'),
          visibility: 'internal',
          description: 'Größe 1 "…"',
          createdBy: undefined,
        }),
      )
      assert.equal(isNew, true)
      const found = await findRepository(store, name('team/app'))
      assert.ok(found)
      const { id, createdAt, ...rest } = found
      assert.deepEqual(rest, {
        name: 'team/app',
        visibility: 'internal',
        description: 'Größe 1 "…"',
      })
      assert.ok(Number.isSafeInteger(id) && id > 0)
      assert.ok(createdAt >= before && createdAt <= Date.now())
      assert.equal(await findRepository(store, name('team/other')), undefined)
      assert.equal(await findRepository(store, name('team')), undefined)
    },
  ],
  [
    'making a repository whose name is taken changes nothing and says so',
    async (store) => {
      await store.write(async (tx) => aRepository(tx, 'team/app', 'public'))
      const first = await findRepository(store, name('team/app'))
      const isNew = await store.write(async (tx) =>
        insertRepository(tx, {
          name: name('team/app'),
          visibility: 'private',
          description: 'another',
          createdBy: 7,
        }),
      )
      assert.equal(isNew, false)
      assert.deepEqual(await findRepository(store, name('team/app')), first)
    },
  ],
  [
    'visibility and description can be changed, of one repository alone',
    async (store) => {
      await store.write(async (tx) => {
        const id = await aRepository(tx, 'team/app')
        await aRepository(tx, 'team/other')
        await updateRepository(tx, { id, visibility: 'public', description: 'new' })
      })
      const app = await findRepository(store, name('team/app'))
      assert.deepEqual([app?.visibility, app?.description], ['public', 'new'])
      const other = await findRepository(store, name('team/other'))
      assert.deepEqual([other?.visibility, other?.description], ['private', ''])
    },
  ],
  [
    'a repository made again under its name is another one: ids are never given out twice',
    async (store) => {
      const ids: number[] = []
      for (let round = 0; round < 4; round += 1) {
        ids.push(
          await store.write(async (tx) => {
            const id = await aRepository(tx, 'team/app')
            if (round < 3) await deleteRepository(tx, id)
            return id
          }),
        )
      }
      assert.equal(new Set(ids).size, 4)
      assert.deepEqual(
        ids,
        ids.toSorted((a, b) => a - b),
      )
    },
  ],
  [
    'a deleted repository is gone from the catalog, and its uploads with it',
    async (store) => {
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        await saveUpload(tx, { id: 'one', repositoryId: made, principalId: 3, state: 'open' })
        return made
      })
      await store.write(async (tx) => deleteRepository(tx, id))
      assert.equal(await findRepository(store, name('team/app')), undefined)
      assert.deepEqual(await listRepositories(store, everything, { after: '', limit: 10 }), [])
      assert.equal(await findUpload(store, 'one'), undefined)
    },
  ],
  [
    'repositories and tags of the whole installation are counted',
    async (store) => {
      assert.deepEqual(await countRepositories(store), { repositories: 0, tags: 0 })
      await store.write(async (tx) => {
        await aRepository(tx, 'team/empty')
        const id = await aRepository(tx, 'team/app')
        const target = await aManifest(tx, id, 'image')
        for (const tag of ['a', 'b', 'c']) await aTag(tx, id, tag, target)
      })
      assert.deepEqual(await countRepositories(store), { repositories: 2, tags: 3 })
    },
  ],
  [
    'a setting keeps its first value, and everybody gets that one',
    async (store) => {
      const got = await Promise.all(
        Array.from({ length: 10 }, async (_, number) =>
          store.write(async (tx) => ensureSetting(tx, 'installation-id', `value ${number}`)),
        ),
      )
      const [first] = got
      assert.deepEqual(new Set(got), new Set([first]))
      assert.equal(await findSetting(store, 'installation-id'), first)
      assert.equal(await findSetting(store, 'other'), undefined)
    },
  ],
  [
    'signing keys are listed from the newest to the oldest',
    async (store) => {
      const keys = ['a', 'c', 'b'].map((kid) => ({
        kid,
        privateJwk: `{"d":"${kid}"}`,
        publicJwk: `{"x":"${kid}"}`,
      }))
      for (const key of keys) {
        await store.write(async (tx) => insertSigningKey(tx, key))
        // Their age is told in milliseconds.
        await new Promise((resolve) => setTimeout(resolve, 3))
      }
      const listed = (await listSigningKeys(store)).map(({ kid, privateJwk, publicJwk }) => ({
        kid,
        privateJwk,
        publicJwk,
      }))
      assert.deepEqual(listed, keys.toReversed())
    },
  ],
]
