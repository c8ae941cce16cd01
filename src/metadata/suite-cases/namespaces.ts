// Cases of the contract: namespaces, and what counts as being in one.
import assert from 'node:assert/strict'
import {
  defaultVisibilityFor,
  deleteNamespace,
  findNamespace,
  hasRepositories,
  insertNamespace,
  listNamespaceNames,
  listNamespaces,
  updateNamespace,
} from '../namespaces.ts'
import { aRepository, aUser, name, type Case } from './case.ts'

export const namespaces: readonly Case[] = [
  [
    'a namespace is found as it was made, its name is taken, and it can be changed and removed',
    async (store) => {
      const before = Date.now()
      await store.write(async (tx) => {
        const createdBy = await aUser(tx, 'boss')
        const web = { name: 'web', description: 'the web', createdBy }
        assert.equal(await insertNamespace(tx, { ...web, defaultVisibility: 'internal' }), true)
        assert.equal(await insertNamespace(tx, { name: 'web', createdBy: undefined }), false)
        assert.equal(await insertNamespace(tx, { name: 'plain', createdBy: undefined }), true)
      })
      const found = await findNamespace(store, 'web')
      assert.ok(found)
      const { id, createdAt, ...rest } = found
      assert.ok(createdAt >= before && createdAt <= Date.now())
      assert.deepEqual(rest, {
        name: 'web',
        description: 'the web',
        defaultVisibility: 'internal',
        repositories: 0,
      })
      assert.equal((await findNamespace(store, 'plain'))?.defaultVisibility, 'private')
      const news = { id, description: 'else', defaultVisibility: 'public' } as const
      await store.write(async (tx) => updateNamespace(tx, news))
      assert.deepEqual(await findNamespace(store, 'web'), { ...found, ...news })
      await store.write(async (tx) => deleteNamespace(tx, id))
      assert.equal(await findNamespace(store, 'web'), undefined)
    },
  ],
  [
    'the repositories of a namespace are those below exactly its name',
    async (store) => {
      const repositories = [
        'a_b/x',
        'a_b/y/z',
        'a_b',
        'axb/x',
        'a_b-c/x',
        'a_b0/x',
        'a__b/x',
        'other',
      ]
      await store.write(async (tx) => {
        for (const one of repositories) await aRepository(tx, one)
        for (const one of ['a_b', 'a__b', 'a', 'other']) {
          await insertNamespace(tx, { name: one, createdBy: undefined })
        }
      })
      const listed = await listNamespaces(store, { after: '', limit: 10 })
      assert.deepEqual(
        listed.map((one) => [one.name, one.repositories]),
        [
          ['a', 0],
          ['a__b', 1],
          ['a_b', 2],
          ['other', 0],
        ],
      )
      assert.equal(await hasRepositories(store, 'a_b'), true)
      assert.equal(await hasRepositories(store, 'a_b0'), true)
      assert.equal(await hasRepositories(store, 'a'), false)
      assert.equal(await hasRepositories(store, 'other'), false)
      assert.equal(await hasRepositories(store, '%'), false)
    },
  ],
  [
    'namespaces are found by exactly their names, and listed in byte order, a page at a time',
    async (store) => {
      await store.write(async (tx) => {
        for (const one of ['b', 'a_c', 'abc', 'a-c']) {
          await insertNamespace(tx, { name: one, createdBy: undefined })
        }
      })
      for (const one of ['a%', '%', '\\', 'a?c', '', 'A_C', 'a\0', '\udfff']) {
        assert.equal(await findNamespace(store, one), undefined)
      }
      const page = { after: 'a-c', limit: 2 }
      assert.deepEqual(await listNamespaceNames(store, page), ['a_c', 'abc'])
      assert.deepEqual(
        (await listNamespaces(store, page)).map((one) => one.name),
        ['a_c', 'abc'],
      )
    },
  ],
  [
    'a new repository is what its namespace says, and private where nothing is said',
    async (store) => {
      await store.write(async (tx) => {
        const web = { name: 'web', defaultVisibility: 'public', createdBy: undefined } as const
        await insertNamespace(tx, web)
      })
      assert.equal(await defaultVisibilityFor(store, name('web/app/part')), 'public')
      assert.equal(await defaultVisibilityFor(store, name('web')), 'private')
      assert.equal(await defaultVisibilityFor(store, name('web-x/app')), 'private')
    },
  ],
]
