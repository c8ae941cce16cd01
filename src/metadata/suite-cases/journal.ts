// Cases of the contract: the queue of the journal, what is known of the journal, and rows written with the ids they had.
import assert from 'node:assert/strict'
import {
  countJournalQueue,
  isQueuedForJournal,
  listJournalQueue,
  listQueuedIds,
  queueForJournal,
  removeFromJournalQueue,
} from '../journal-queue.ts'
import { pageOfRepositories } from '../journal-reading.ts'
import {
  findJournalState,
  isRebuildUnfinished,
  requestJournalBase,
  saveJournalState,
  setRebuildUnfinished,
} from '../journal-state.ts'
import { rebuildPrincipal, rebuildRepository, rebuildTagChange } from '../rebuilding.ts'
import { findPrincipalByName } from '../principals.ts'
import { findRepository } from '../repositories.ts'
import { listTagChanges } from '../tag-changes.ts'
import { name, newName, type Case } from './case.ts'

const repository = {
  visibility: 'private',
  description: 'x',
  createdAt: 7,
  createdBy: null,
  deletedAt: null,
  deletedBy: null,
  deletedName: null,
} as const

export const journal: readonly Case[] = [
  [
    'the queue of the journal keeps its order, and gives up what was written',
    async (store) => {
      const before = await countJournalQueue(store)
      await store.write(async (tx) => {
        for (let repositoryId = 1; repositoryId <= 80; repositoryId += 1) {
          await queueForJournal(tx, [{ kind: 'repository', repositoryId }])
        }
        await queueForJournal(tx, [])
      })
      const rows = await listJournalQueue(store, 200)
      const ids = rows.slice(before).map(({ id }) => id)
      assert.equal(ids.length, 80)
      assert.deepEqual(rows.at(-1)?.entries, [{ kind: 'repository', repositoryId: 80 }])
      assert.deepEqual((await listQueuedIds(store)).slice(before), ids)
      const [first = 0, ...others] = ids
      assert.equal((await listJournalQueue(store, 5, first))[0]?.id, others[0])
      await store.write(async (tx) => removeFromJournalQueue(tx, others))
      assert.equal(await isQueuedForJournal(store, first), true)
      assert.equal(await isQueuedForJournal(store, others[3] ?? 0), false)
      assert.equal(await countJournalQueue(store), before + 1)
      await store.write(async (tx) => removeFromJournalQueue(tx, [first]))
    },
  ],
  [
    'what is known of the journal is kept until somebody wants it begun anew',
    async (store) => {
      const base = { id: 'b', from: 3, parts: 2, bytes: 70 }
      const highest = { repository: 5, principal: 6 }
      const state = { lineage: 'l', from: 1, to: 9, base, segments: 7, bytes: 100, highest }
      await store.write(async (tx) => saveJournalState(tx, state))
      assert.deepEqual(await findJournalState(store), state)
      await store.write(async (tx) => requestJournalBase(tx))
      assert.equal(await findJournalState(store), undefined)
      await store.write(async (tx) => setRebuildUnfinished(tx, true))
      assert.equal(await isRebuildUnfinished(store), true)
      await store.write(async (tx) => setRebuildUnfinished(tx, false))
      assert.equal(await isRebuildUnfinished(store), false)
    },
  ],
  [
    'repositories come back with their ids; of two with one name the later has it',
    async (store) => {
      const [one, other] = [newName(), newName()]
      await store.write(async (tx) => {
        await rebuildRepository(tx, { ...repository, id: 1_000_001, name: one })
        await rebuildRepository(tx, { ...repository, id: 1_000_002, name: other })
        await rebuildRepository(tx, { ...repository, id: 1_000_002, name: one })
      })
      assert.equal((await findRepository(store, one))?.id, 1_000_002)
      const rows = await pageOfRepositories(store, { after: 1_000_000, limit: 2 })
      assert.equal(rows[0]?.name, '~1000001')
      assert.equal(rows[0]?.deletedName, one)
      assert.ok((rows[0]?.deletedAt ?? 0) > 0)
      await store.write(async (tx) => {
        await rebuildRepository(tx, { ...repository, id: 1_000_001, name: other })
      })
      assert.equal((await findRepository(store, other))?.id, 1_000_001)
    },
  ],
  [
    'history and people come back with their ids, once',
    async (store) => {
      const text = newName()
      await store.write(async (tx) => {
        await rebuildRepository(tx, { ...repository, id: 2_000_001, name: text })
        const change = { repositoryId: 2_000_001, tag: 'v1', digest: null, at: 5, by: 2_000_007 }
        await rebuildTagChange(tx, { ...change, id: 2_000_003 })
        await rebuildTagChange(tx, { ...change, id: 2_000_003 })
        const row = { id: 2_000_007, kind: 'user', provider: 'local', subject: text, name: text }
        const person = { ...row, displayName: null, admin: false, disabledAt: 9 }
        await rebuildPrincipal(tx, person)
        await rebuildPrincipal(tx, { ...person, admin: true })
      })
      const changes = await listTagChanges(store, 2_000_001, { limit: 9 })
      assert.deepEqual(
        changes.map(({ id, changedAt, changedBy }) => [id, changedAt, changedBy]),
        [[2_000_003, 5, text]],
      )
      const person = await findPrincipalByName(store, name(text))
      assert.deepEqual([person?.id, person?.admin, person?.disabled], [2_000_007, false, true])
    },
  ],
]
