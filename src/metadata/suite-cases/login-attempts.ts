// Cases of the contract: counters of sign-in attempts, and known clients.
import assert from 'node:assert/strict'
import {
  deleteLoginAttempts,
  findLoginAttempts,
  isKnownClient,
  noteKnownClient,
  removeEndedAttempts,
  removeUnseenClients,
  saveLoginAttempts,
} from '../login-attempts.ts'
import type { MetadataStore } from '../metadata-store.ts'
import { deletePrincipal } from '../principals.ts'
import { openAt } from '../test-support/store-address.ts'
import { aUser, type Case } from './case.ts'

const row = { count: 1, windowEndsAt: 5000, blockedUntil: undefined }

/** As the throttle does it: what it read decides what it writes. */
async function countOne(store: MetadataStore): Promise<void> {
  await store.write(
    async (tx) => {
      const found = (await findLoginAttempts(tx, ['key'])).get('key')
      await saveLoginAttempts(tx, 'key', { ...row, count: (found?.count ?? 0) + 1 })
    },
    { durable: false },
  )
}

export const loginAttempts: readonly Case[] = [
  [
    'counters are found by their keys as they were saved last, up to three at once',
    async (store) => {
      const blocked = { count: 12, windowEndsAt: 9000, blockedUntil: 7000 }
      await store.write(async (tx) => {
        await saveLoginAttempts(tx, 'one', row)
        await saveLoginAttempts(tx, 'two', row)
        await saveLoginAttempts(tx, 'two', blocked)
        await saveLoginAttempts(tx, 'three', blocked)
        await saveLoginAttempts(tx, 'three', row)
      })
      const found = await findLoginAttempts(store, ['two', 'three', 'unknown'])
      assert.deepEqual(Object.fromEntries(found), { two: blocked, three: row })
      assert.deepEqual(Object.fromEntries(await findLoginAttempts(store, ['one'])), { one: row })
      assert.equal((await findLoginAttempts(store, ['unknown', 'none'])).size, 0)
      assert.equal((await findLoginAttempts(store, [])).size, 0)
      await assert.rejects(findLoginAttempts(store, ['one', 'two', 'three', 'four']), RangeError)
    },
  ],
  [
    'writers on two connections that count the first attempts at once lose none',
    async (store, address) => {
      await using other = await openAt(address)
      await Promise.all(
        Array.from({ length: 30 }, async (_, number) => countOne(number % 2 === 0 ? store : other)),
      )
      assert.equal((await findLoginAttempts(store, ['key'])).get('key')?.count, 30)
    },
  ],
  [
    'counters that have ended are removed, a few at a time, and others stay',
    async (store) => {
      await store.write(async (tx) => {
        for (let number = 1; number <= 6; number += 1) {
          await saveLoginAttempts(tx, `key-${number}`, { ...row, windowEndsAt: number * 1000 })
        }
        await deleteLoginAttempts(tx, 'key-1')
        assert.equal(await removeEndedAttempts(tx, { now: 5000, limit: 3 }), 3)
        assert.equal(await removeEndedAttempts(tx, { now: 5000, limit: 3 }), 1)
        assert.equal(await removeEndedAttempts(tx, { now: 5000, limit: 3 }), 0)
      })
      assert.equal((await findLoginAttempts(store, ['key-6'])).size, 1)
    },
  ],
  [
    'a client is known for the accounts that signed in from there, and for no others',
    async (store) => {
      const network = '192.0.2.7'
      const id = await store.write(async (tx) => {
        const principalId = await aUser(tx, 'alice')
        await aUser(tx, 'bob')
        await noteKnownClient(tx, { principalId, network, at: 1000 })
        return principalId
      })
      assert.equal(await isKnownClient(store, { account: 'alice', network }), true)
      for (const account of ['bob', 'nobody', 'Alice', '', 'alice\0']) {
        assert.equal(await isKnownClient(store, { account, network }), false, account)
      }
      assert.equal(await isKnownClient(store, { account: 'alice', network: '192.0.2.8' }), false)
      await store.write(async (tx) => deletePrincipal(tx, id))
      assert.equal(await isKnownClient(store, { account: 'alice', network }), false)
    },
  ],
  [
    'a client that nobody signs in from any more is forgotten',
    async (store) => {
      await store.write(async (tx) => {
        const principalId = await aUser(tx, 'alice')
        await noteKnownClient(tx, { principalId, network: '192.0.2.7', at: 3000 })
        await noteKnownClient(tx, { principalId, network: '192.0.2.7', at: 2000 })
        await noteKnownClient(tx, { principalId, network: '192.0.2.8', at: 1000 })
        await noteKnownClient(tx, { principalId, network: '192.0.2.8', at: 1500 })
        assert.equal(await removeUnseenClients(tx, 1500), 0)
        assert.equal(await removeUnseenClients(tx, 3000), 1)
      })
      const account = 'alice'
      assert.equal(await isKnownClient(store, { account, network: '192.0.2.7' }), true)
      assert.equal(await isKnownClient(store, { account, network: '192.0.2.8' }), false)
    },
  ],
]
