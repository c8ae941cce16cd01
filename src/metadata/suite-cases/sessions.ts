// Cases of the contract: sessions, and devices that wait for a person to agree.
import assert from 'node:assert/strict'
import {
  answerDevice,
  consumeDeviceSession,
  findDeviceByCode,
  findDeviceByHash,
  insertDeviceSession,
  longestWaitMs,
} from '../device-sessions.ts'
import type { MetadataStore, Transaction } from '../metadata-store.ts'
import { deletePrincipal } from '../principals.ts'
import {
  endSession,
  endSessionsOf,
  findSession,
  insertSession,
  listSessions,
  removeExpiredSessions,
  touchSession,
  type NewSession,
} from '../sessions.ts'
import { openAt } from '../test-support/store-address.ts'
import { aUser, type Case } from './case.ts'

const later = () => Date.now() + 60_000
const ago = () => Date.now() - 1
const everything = { after: 0, limit: 100 }

async function aSession(
  tx: Transaction,
  principalId: number,
  hash: string,
  more: Partial<NewSession> = {},
): Promise<number> {
  return insertSession(tx, {
    kind: 'web',
    principalId,
    expiresAt: later(),
    address: '192.0.2.7',
    userAgent: 'Browser/1',
    detail: {},
    hash,
    ...more,
  })
}

const web = (hash: string) => ({ kind: 'web', hash }) as const

async function aDevice(store: MetadataStore, userCode: string, hash = `hash of ${userCode}`) {
  return store.write(async (tx) =>
    insertDeviceSession(tx, {
      hash,
      userCode,
      expiresAt: later(),
      address: '192.0.2.9',
      userAgent: 'cli',
      asked: { client: 'builder', userCode: 'FAKE-FAKE' },
    }),
  )
}

export const sessions: readonly Case[] = [
  [
    'a session is found by its hash as it was made, and only as what it is',
    async (store) => {
      const expiresAt = later()
      const detail = { provider: 'oidc:corp', list: [1, null], text: 'é"\u0001' }
      const [principalId, id] = await store.write(async (tx) => {
        const alice = await aUser(tx, 'alice')
        return [alice, await aSession(tx, alice, 'hash', { expiresAt, detail })]
      })
      const found = await findSession(store, web('hash'))
      assert.ok(found)
      const { createdAt, lastSeenAt, ...rest } = found
      assert.deepEqual(rest, {
        id,
        kind: 'web',
        principalId,
        expiresAt,
        address: '192.0.2.7',
        userAgent: 'Browser/1',
        detail,
      })
      assert.ok(createdAt <= Date.now() && lastSeenAt === createdAt)
      for (const kind of ['refresh', 'device'] as const) {
        assert.equal(await findSession(store, { kind, hash: 'hash' }), undefined)
      }
      assert.equal(await findSession(store, web('other')), undefined)
    },
  ],
  [
    'a session that has expired is not found, listed, or brought back by use',
    async (store) => {
      const [alice, id] = await store.write(async (tx) => {
        const made = await aUser(tx, 'alice')
        return [made, await aSession(tx, made, 'old', { expiresAt: ago() })]
      })
      assert.equal(await findSession(store, web('old')), undefined)
      assert.deepEqual(await listSessions(store, alice, everything), [])
      const seen = { id, at: Date.now() + 1, address: undefined, expiresAt: later() }
      assert.equal(await store.write(async (tx) => touchSession(tx, seen)), false)
      assert.equal(await findSession(store, web('old')), undefined)
    },
  ],
  [
    'use moves a session forward only, and a session that was ended does not come back by it',
    async (store) => {
      const [principalId, id] = await store.write(async (tx) => {
        const alice = await aUser(tx, 'alice')
        return [alice, await aSession(tx, alice, 'hash')]
      })
      const at = Date.now() + 1000
      const expiresAt = at + 5000
      const seen = { id, at, address: '192.0.2.8', expiresAt }
      await store.write(async (tx) => {
        assert.equal(await touchSession(tx, seen), true)
        assert.equal(await touchSession(tx, { ...seen, at: at - 1, expiresAt: 1 }), false)
      })
      const found = await findSession(store, web('hash'))
      assert.deepEqual(
        [found?.lastSeenAt, found?.address, found?.expiresAt],
        [at, '192.0.2.8', expiresAt],
      )
      await store.write(async (tx) => {
        assert.equal(await endSession(tx, { id, principalId }), true)
        assert.equal(await touchSession(tx, { ...seen, at: at + 1 }), false)
      })
      assert.equal(await findSession(store, web('hash')), undefined)
    },
  ],
  [
    "nobody ends another's session by its id",
    async (store) => {
      await store.write(async (tx) => {
        const [alice, bob] = [await aUser(tx, 'alice'), await aUser(tx, 'bob')]
        const id = await aSession(tx, alice, 'hash')
        assert.equal(await endSession(tx, { id, principalId: bob }), false)
        assert.equal(await endSession(tx, { id, principalId: alice }), true)
        assert.equal(await endSession(tx, { id, principalId: alice }), false)
      })
    },
  ],
  [
    'the sessions of a principal are listed a page at a time, and ended all but one',
    async (store) => {
      const [alice, own] = await store.write(async (tx) => {
        const people = [await aUser(tx, 'alice'), await aUser(tx, 'bob')] as const
        const first = await aSession(tx, people[0], 'a')
        await aSession(tx, people[0], 'b', { kind: 'refresh' })
        await aSession(tx, people[0], 'c')
        await aSession(tx, people[1], 'd')
        return [people[0], first]
      })
      const listed = await listSessions(store, alice, everything)
      assert.deepEqual(
        listed.map(({ kind }) => kind),
        ['web', 'refresh', 'web'],
      )
      assert.deepEqual(await listSessions(store, alice, { after: own, limit: 1 }), [listed[1]])
      await store.write(async (tx) => {
        assert.equal(await endSessionsOf(tx, alice, own), 2)
        assert.equal(await endSessionsOf(tx, alice, own), 0)
      })
      assert.ok(await findSession(store, web('a')))
      assert.ok(await findSession(store, web('d')))
      assert.equal(await store.write(async (tx) => endSessionsOf(tx, alice)), 1)
    },
  ],
  [
    'the sessions of a principal go with it',
    async (store) => {
      const alice = await store.write(async (tx) => {
        const made = await aUser(tx, 'alice')
        await aSession(tx, made, 'hash')
        return made
      })
      await store.write(async (tx) => deletePrincipal(tx, alice))
      assert.equal(await findSession(store, web('hash')), undefined)
    },
  ],
  [
    'sessions that have expired are removed a few at a time, others stay',
    async (store) => {
      await store.write(async (tx) => {
        const alice = await aUser(tx, 'alice')
        for (const hash of ['a', 'b', 'c']) await aSession(tx, alice, hash, { expiresAt: ago() })
        await aSession(tx, alice, 'd')
        assert.equal(await removeExpiredSessions(tx, 2), 2)
        assert.equal(await removeExpiredSessions(tx, 2), 1)
        assert.equal(await removeExpiredSessions(tx, 2), 0)
      })
      assert.ok(await findSession(store, web('d')))
    },
  ],
  [
    'a user agent of any length is kept in part',
    async (store) => {
      await store.write(async (tx) => {
        await aSession(tx, await aUser(tx, 'alice'), 'hash', { userAgent: 'x'.repeat(20_000) })
      })
      assert.equal((await findSession(store, web('hash')))?.userAgent, 'x'.repeat(300))
    },
  ],
  [
    'a device waits, a person agrees by its code, and the device takes that once',
    async (store) => {
      const alice = await store.write(async (tx) => aUser(tx, 'alice'))
      const id = await aDevice(store, 'WDJB-MJHT')
      await aDevice(store, 'BCDF-GHJK')
      const found = await findDeviceByCode(store, 'WDJB-MJHT')
      assert.ok(found)
      assert.deepEqual(await findDeviceByHash(store, 'hash of WDJB-MJHT'), found)
      const { createdAt: _, expiresAt: __, ...rest } = found
      assert.deepEqual(rest, {
        id,
        userCode: 'WDJB-MJHT',
        state: 'waiting',
        principalId: undefined,
        address: '192.0.2.9',
        userAgent: 'cli',
        asked: { client: 'builder', userCode: 'FAKE-FAKE' },
      })
      const take = async () =>
        store.write(async (tx) => consumeDeviceSession(tx, 'hash of WDJB-MJHT'))
      assert.equal(await take(), undefined)
      const agree = { userCode: 'WDJB-MJHT', principalId: alice, state: 'agreed' } as const
      assert.equal(await store.write(async (tx) => answerDevice(tx, agree)), true)
      assert.deepEqual(await take(), { ...found, state: 'agreed', principalId: alice })
      assert.equal(await take(), undefined)
      assert.equal(await findDeviceByCode(store, 'WDJB-MJHT'), undefined)
      assert.equal((await findDeviceByCode(store, 'BCDF-GHJK'))?.state, 'waiting')
    },
  ],
  [
    'a device is answered once: who refuses is final, and so is who agrees',
    async (store, address) => {
      await using other = await openAt(address)
      const people = await store.write(async (tx) => [
        await aUser(tx, 'alice'),
        await aUser(tx, 'bob'),
      ])
      await aDevice(store, 'WDJB-MJHT')
      const answers = await Promise.all(
        Array.from({ length: 12 }, async (_, number) => {
          const principalId = people[number % 2] ?? 0
          const state = number % 3 === 0 ? 'refused' : 'agreed'
          const answer = { userCode: 'WDJB-MJHT', principalId, state } as const
          const from = number % 2 === 0 ? store : other
          return (await from.write(async (tx) => answerDevice(tx, answer))) && answer
        }),
      )
      const won = answers.filter((one) => one !== false)
      assert.equal(won.length, 1)
      const found = await findDeviceByHash(store, 'hash of WDJB-MJHT')
      assert.deepEqual([found?.state, found?.principalId], [won[0]?.state, won[0]?.principalId])
    },
  ],
  [
    'of all who take the answer of a device at once, one gets it',
    async (store, address) => {
      await using other = await openAt(address)
      const principalId = await store.write(async (tx) => aUser(tx, 'alice'))
      await aDevice(store, 'WDJB-MJHT')
      const agree = { userCode: 'WDJB-MJHT', principalId, state: 'agreed' } as const
      await store.write(async (tx) => answerDevice(tx, agree))
      const taken = await Promise.all(
        Array.from({ length: 20 }, async (_, number) =>
          (number % 2 === 0 ? store : other).write(async (tx) =>
            consumeDeviceSession(tx, 'hash of WDJB-MJHT'),
          ),
        ),
      )
      assert.equal(taken.filter((one) => one !== undefined).length, 1)
    },
  ],
  [
    'a code belongs to one device that waits, and to no session of another kind',
    async (store) => {
      assert.ok(await aDevice(store, 'WDJB-MJHT', 'one'))
      assert.equal(await aDevice(store, 'WDJB-MJHT', 'two'), undefined)
      for (const code of [
        '',
        'WDJB',
        'wdjb-mjht',
        'WDJB-MJH_',
        'WDJB-MJH"',
        '%%%%%%%%%',
        'BCDF-GHJK',
      ]) {
        assert.equal(await findDeviceByCode(store, code), undefined, code)
      }
      await store.write(async (tx) => {
        const alice = await aUser(tx, 'alice')
        const detail = { userCode: 'BCDF-GHJK', state: 'agreed' }
        await aSession(tx, alice, 'web', { detail })
        assert.equal(await findDeviceByCode(tx, 'BCDF-GHJK'), undefined)
        assert.equal(await findDeviceByHash(tx, 'web'), undefined)
        assert.equal(await consumeDeviceSession(tx, 'web'), undefined)
      })
    },
  ],
  [
    'a device that waited too long is unknown, and none waits longer than a quarter of an hour',
    async (store) => {
      const device = { address: undefined, userAgent: undefined, asked: {} }
      const [alice] = await store.write(async (tx) => {
        const ended = { ...device, userCode: 'WDJB-MJHT', hash: 'ended', expiresAt: ago() }
        await insertDeviceSession(tx, ended)
        const long = { userCode: 'BCDF-GHJK', hash: 'long', expiresAt: Date.now() * 2 }
        await insertDeviceSession(tx, { ...device, ...long })
        return [await aUser(tx, 'alice')]
      })
      assert.equal(await findDeviceByCode(store, 'WDJB-MJHT'), undefined)
      assert.equal(await findDeviceByHash(store, 'ended'), undefined)
      const agree = { userCode: 'WDJB-MJHT', principalId: alice ?? 0, state: 'agreed' } as const
      assert.equal(await store.write(async (tx) => answerDevice(tx, agree)), false)
      const found = await findDeviceByCode(store, 'BCDF-GHJK')
      assert.ok(found && found.expiresAt <= Date.now() + longestWaitMs)
    },
  ],
]
