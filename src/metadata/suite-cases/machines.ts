// Cases of the contract: robots and trust rules as they are listed, recovery codes, and whose a session is.
import assert from 'node:assert/strict'
import { insertGrant } from '../grants.ts'
import type { Transaction } from '../metadata-store.ts'
import { deletePrincipal, findPrincipalByName, insertPrincipal } from '../principals.ts'
import {
  countRecoveryCodes,
  deleteRecoveryCodes,
  replaceRecoveryCodes,
  useRecoveryCode,
} from '../recovery-codes.ts'
import { findMachine, listMachines } from '../robots.ts'
import { findSessionOwner } from '../session-owners.ts'
import { insertSession } from '../sessions.ts'
import { openAt } from '../test-support/store-address.ts'
import { aUser, type Case } from './case.ts'

async function aRobot(tx: Transaction, name: string, createdBy?: number): Promise<number> {
  const more = { displayName: `the robot ${name}`, createdBy }
  await insertPrincipal(tx, { name, provider: 'robot', kind: 'robot', ...more })
  return (await findPrincipalByName(tx, name))?.id ?? 0
}

async function aGrant(tx: Transaction, principalId: number, place: string): Promise<void> {
  await insertGrant(tx, {
    holder: { kind: 'principal', id: principalId },
    placeKind: 'repository',
    place,
    repositoryId: undefined,
    actions: 'pull',
    reason: '',
    grantedBy: undefined,
    expiresAt: undefined,
  })
}

export const machines: readonly Case[] = [
  [
    'a robot is found with its maker and the number of its grants, and only as a robot',
    async (store) => {
      const [alice, robot] = await store.write(async (tx) => {
        const maker = await aUser(tx, 'alice')
        const id = await aRobot(tx, 'ci', maker)
        for (const place of ['web/app', 'web/api']) await aGrant(tx, id, place)
        await aGrant(tx, maker, 'web/app')
        return [maker, id]
      })
      const found = await findMachine(store, 'robot', 'ci')
      assert.ok(found)
      const { createdAt, ...rest } = found
      assert.ok(createdAt <= Date.now())
      assert.deepEqual(rest, {
        id: robot,
        kind: 'robot',
        name: 'ci',
        description: 'the robot ci',
        disabled: false,
        createdBy: { id: alice, name: 'alice' },
        lastSeenAt: undefined,
        grants: 2,
      })
      assert.equal(await findMachine(store, 'federated', 'ci'), undefined)
      for (const other of ['alice', 'c_', '%', 'a\0', '\ud800']) {
        assert.equal(await findMachine(store, 'robot', other), undefined)
      }
      await store.write(async (tx) => deletePrincipal(tx, alice ?? 0))
      const orphan = await findMachine(store, 'robot', 'ci')
      assert.deepEqual(orphan?.createdBy, { id: alice, name: undefined })
    },
  ],
  [
    'robots are listed by id, a page at a time, of all makers or of one',
    async (store) => {
      const alice = await store.write(async (tx) => {
        const maker = await aUser(tx, 'alice')
        for (const name of ['z', 'y', 'x']) {
          await aRobot(tx, name, name === 'y' ? undefined : maker)
        }
        return maker
      })
      const list = async (page: { createdBy?: number; after: number; limit: number }) =>
        (await listMachines(store, 'robot', page)).map(({ name }) => name)
      assert.deepEqual(await list({ after: 0, limit: 2 }), ['z', 'y'])
      const second = (await findMachine(store, 'robot', 'y'))?.id ?? 0
      assert.deepEqual(await list({ after: second, limit: 2 }), ['x'])
      assert.deepEqual(await list({ createdBy: alice, after: 0, limit: 9 }), ['z', 'x'])
      assert.deepEqual(await listMachines(store, 'federated', { after: 0, limit: 9 }), [])
    },
  ],
  [
    'a recovery code works once, for its principal, whoever else tries at the same time',
    async (store, address) => {
      await using other = await openAt(address)
      await store.write(async (tx) => {
        await replaceRecoveryCodes(tx, 1, ['a', 'b'])
        await replaceRecoveryCodes(tx, 2, ['c'])
      })
      const use = async (from: typeof store, hash: string) =>
        from.write(async (tx) => useRecoveryCode(tx, 1, hash))
      const tries = await Promise.all([
        ...Array.from({ length: 4 }, async () => use(store, 'a')),
        ...Array.from({ length: 4 }, async () => use(other, 'a')),
      ])
      assert.equal(tries.filter(Boolean).length, 1)
      assert.equal(await use(store, 'c'), false)
      assert.equal(await countRecoveryCodes(store, 1), 1)
      // Two codes used at once are both used up.
      await store.write(async (tx) => replaceRecoveryCodes(tx, 1, ['d', 'e']))
      assert.deepEqual(await Promise.all([use(store, 'd'), use(other, 'e')]), [true, true])
      assert.equal(await use(store, 'b'), false)
      assert.equal(await countRecoveryCodes(store, 1), 0)
      await store.write(async (tx) => deleteRecoveryCodes(tx, 2))
      assert.equal(await countRecoveryCodes(store, 2), 0)
    },
  ],
  [
    'it is known whose a session is',
    async (store) => {
      const [alice, session] = await store.write(async (tx) => {
        const id = await aUser(tx, 'alice')
        const more = { expiresAt: Date.now() + 60_000, address: undefined, userAgent: undefined }
        const made = { kind: 'web', hash: 'h', principalId: id, detail: {}, ...more } as const
        return [id, await insertSession(tx, made)]
      })
      assert.deepEqual(await findSessionOwner(store, session ?? 0), {
        id: alice,
        name: 'alice',
        kind: 'user',
        createdBy: undefined,
      })
      assert.equal(await findSessionOwner(store, (session ?? 0) + 1), undefined)
    },
  ],
]
