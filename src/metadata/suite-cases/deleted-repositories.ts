// Cases of the contract: deleted repositories, their end, and the history of tags.
import assert from 'node:assert/strict'
import { linkBlob } from '../blobs.ts'
import { copyToBin, findDeletedManifest } from '../deleted-manifests.ts'
import {
  findDeletedRepository,
  hideRepository,
  isRepositoryLive,
  listDeletedRepositories,
  showRepositoryAgain,
} from '../deleted-repositories.ts'
import { deleteManifest } from '../manifests.ts'
import { hasRepositories } from '../namespaces.ts'
import { beginPurge, listDueRepositories, purgeSomeOfRepository } from '../purge-repository.ts'
import {
  countRepositories,
  deleteRepository,
  findRepository,
  listRepositories,
  listRepositoryNames,
  listRepositoriesInRange,
} from '../repositories.ts'
import { findRepositoryStatistics, listRepositoryStatistics } from '../statistics.ts'
import { insertTagChange, listTagChanges } from '../tag-changes.ts'
import { parseTag } from '../../oci/reference.ts'
import { aBlob, aManifest, aRepository, aTag, aUser, digest, name, type Case } from './case.ts'

const everything = { all: true, internal: true, ownNamespace: undefined }
const fromStart = { after: '', limit: 99 }

export const deletedRepositories: readonly Case[] = [
  [
    'a deleted repository is in no list and no count, and its name is free',
    async (store) => {
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app', 'public')
        await aManifest(tx, made, 'image')
        await aTag(tx, made, 'v1', digest('image'))
        const deletedBy = await aUser(tx, 'ann')
        assert.equal(await hideRepository(tx, { id: made, deletedBy, now: 5000 }), true)
        assert.equal(await hideRepository(tx, { id: made, deletedBy, now: 6000 }), false)
        return made
      })
      assert.equal(await findRepository(store, name('team/app')), undefined)
      assert.deepEqual(await listRepositories(store, everything, fromStart), [])
      assert.deepEqual(await listRepositoryNames(store, everything, fromStart), [])
      const range = { from: '', to: '~~~~', ...fromStart }
      assert.deepEqual(await listRepositoriesInRange(store, range), [])
      assert.deepEqual(await listRepositoryStatistics(store, fromStart), [])
      assert.equal(await findRepositoryStatistics(store, name('team/app')), undefined)
      assert.deepEqual(await countRepositories(store), { repositories: 0, tags: 0 })
      assert.equal(await hasRepositories(store, 'team'), false)
      assert.equal(await isRepositoryLive(store, id), false)
      const next = await store.write(async (tx) => aRepository(tx, 'team/app'))
      assert.notEqual(next, id)
      assert.equal((await findDeletedRepository(store, name('team/app')))?.id, id)
      const [deleted, ...others] = await listDeletedRepositories(store, { after: 0, limit: 9 })
      assert.deepEqual(others, [])
      assert.deepEqual(deleted, {
        id,
        name: 'team/app',
        visibility: 'public',
        description: '',
        deletedAt: 5000,
        deletedBy: 'ann',
        tags: 1,
        manifests: 1,
        bytes: 0,
      })
      await store.write(async (tx) => {
        await hideRepository(tx, { id: next, deletedBy: undefined, now: 4000 })
        const hidden = await findDeletedRepository(tx, name('team/app'))
        assert.equal(hidden?.id, id)
        await showRepositoryAgain(tx, hidden, { name: name('team/app'), now: 7000 })
      })
      assert.equal((await findRepository(store, name('team/app')))?.id, id)
      assert.deepEqual(await countRepositories(store), { repositories: 1, tags: 1 })
    },
  ],
  [
    'a repository is purged some rows at a time, in an order that the database takes',
    async (store) => {
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        const other = await aRepository(tx, 'team/other')
        for (const repository of [made, other]) {
          for (const word of ['a', 'b', 'c']) {
            await aBlob(tx, `layer ${word}`, repository)
            await aManifest(tx, repository, word, { blobs: [digest(`layer ${word}`)] })
            await aManifest(tx, repository, `index ${word}`, { children: [digest(word)] })
            await aTag(tx, repository, word, digest(`index ${word}`))
            const change = { repositoryId: repository, tag: parseTag(word), changedBy: undefined }
            await insertTagChange(tx, { ...change, digest: digest(word) })
          }
          await aManifest(tx, repository, 'gone', { blobs: [digest('layer a')] })
          const gone = { repositoryId: repository, digest: digest('gone'), tags: [], deletedAt: 1 }
          await copyToBin(tx, { ...gone, reason: 'deleted', deletedBy: undefined })
          await deleteManifest(tx, repository, digest('gone'))
        }
        await hideRepository(tx, { id: made, deletedBy: undefined, now: 5000 })
        return made
      })
      assert.deepEqual(await listDueRepositories(store, { limitAt: 4999, limit: 9 }), [])
      const due = await listDueRepositories(store, { limitAt: 5000, limit: 9 })
      assert.deepEqual(due, [{ id, name: 'team/app', isGoing: false }])
      await store.write(async (tx) => {
        assert.equal(await beginPurge(tx, id, 4999), false)
        assert.equal(await beginPurge(tx, id, 5000), true)
      })
      assert.equal(await findDeletedRepository(store, name('team/app')), undefined)
      assert.deepEqual(await listDeletedRepositories(store, { after: 0, limit: 9 }), [])
      let steps = 0
      const some = async () =>
        store.write(async (tx) => purgeSomeOfRepository(tx, id, { limit: 2, reviewAfter: 1 }))
      while (await some()) steps += 1
      assert.equal(steps, 12)
      await store.write(async (tx) => deleteRepository(tx, id))
      // The other one has all that it had.
      const other = await findRepository(store, name('team/other'))
      const statistics = await findRepositoryStatistics(store, name('team/other'))
      assert.deepEqual([statistics?.tags, statistics?.manifests], [3, 6])
      assert.equal((await listTagChanges(store, other?.id ?? 0, { limit: 9 })).length, 3)
      assert.ok(await findDeletedManifest(store, other?.id ?? 0, digest('gone')))
      await store.write(async (tx) => linkBlob(tx, other?.id ?? 0, digest('layer a')))
    },
  ],
  [
    'the history of a tag says from what to what, and by whom',
    async (store) => {
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        const ann = await aUser(tx, 'ann')
        const moves = [
          ['v1', 'one', undefined],
          ['v2', 'one', ann],
          ['v1', 'two', ann],
          ['v1', undefined, ann],
        ] as const
        for (const [tag, word, changedBy] of moves) {
          const to = word === undefined ? undefined : digest(word)
          await insertTagChange(tx, {
            repositoryId: made,
            tag: parseTag(tag),
            digest: to,
            changedBy,
          })
        }
        return made
      })
      const told = async (tag?: string) =>
        (
          await listTagChanges(store, id, {
            limit: 9,
            tag: tag === undefined ? undefined : parseTag(tag),
          })
        ).map((change) => [change.tag, change.before, change.digest, change.changedBy])
      const [one, two] = [digest('one'), digest('two')]
      const v1 = [
        ['v1', two, undefined, 'ann'],
        ['v1', one, two, 'ann'],
      ]
      const first = ['v1', undefined, one, undefined]
      assert.deepEqual(await told(), [...v1, ['v2', undefined, one, 'ann'], first])
      assert.deepEqual(await told('v1'), [...v1, first])
      const page = await listTagChanges(store, id, { limit: 1 })
      const next = await listTagChanges(store, id, { limit: 1, before: page[0]?.id ?? 0 })
      assert.equal(next[0]?.digest, two)
    },
  ],
]
