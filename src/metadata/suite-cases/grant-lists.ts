// Cases of the contract: what grants are found by, how they end, and what is noted of their use.
import assert from 'node:assert/strict'
import {
  hasExpiredGrants,
  listGrants,
  removeExpiredGrants,
  type GrantFilter,
} from '../grant-rows.ts'
import { noteGrantUses } from '../grant-uses.ts'
import { removeGrantsInNamespace } from '../grants.ts'
import type { Reader } from '../metadata-store.ts'
import { query } from '../query.ts'
import { aUser, type Case } from './case.ts'
import { aGrant, aTeam, fresh, ids, mustFind } from './grant-case.ts'

const all = { after: 0, limit: 1000 }

async function listed(
  reader: Reader,
  filter: GrantFilter,
  page: { readonly after: number; readonly limit: number } = all,
): Promise<number[]> {
  return (await listGrants(reader, filter, page)).map(({ id }) => id)
}

const setTimes = query<{ id: number; grantedAt: number; lastUsedAt: number }>()((db, p) =>
  db
    .updateTable('grants')
    .set({ granted_at: p.grantedAt, last_used_at: p.lastUsedAt })
    .where('id', '=', p.id),
)

const disable = query<{ id: number; disabledAt: number; expiresAt: number }>()((db, p) =>
  db
    .updateTable('principals')
    .set({ disabled_at: p.disabledAt, expires_at: p.expiresAt })
    .where('id', '=', p.id),
)

const none = undefined as unknown as number

export const grantLists: readonly Case[] = [
  [
    'grants are listed by holder and by place, whole or by what it begins with, whatever characters it has',
    async (store) => {
      const places = ['a_b/', 'a_b/app', 'a_b/x*', 'axb/', 'axb/app', 'a_b-c/', 'a_b0', '*', '/']
      const globs = ['a%b/', 'a\\b/', 'a*b/x']
      const { ann, web, made } = await store.write(async (tx) => {
        const ann = await aUser(tx, 'ann')
        const web = await aTeam(tx, 'web')
        const made = new Map<string, number>()
        for (const text of [...places, ...globs]) {
          made.set(text, await aGrant(tx, { kind: 'principal', id: ann }, text))
        }
        await aGrant(tx, { kind: 'team', id: web }, 'elsewhere/')
        return { ann, web, made }
      })
      const idsOf = (...texts: string[]) => texts.map((text) => made.get(text)!)
      assert.deepEqual(await listed(store, { place: 'a_b/' }), idsOf('a_b/'))
      assert.deepEqual(await listed(store, { place: 'a%b/' }), idsOf('a%b/'))
      assert.deepEqual(await listed(store, { place: '*' }), idsOf('*'))
      assert.deepEqual(await listed(store, { place: '%' }), [])
      assert.deepEqual(
        await listed(store, { placePrefix: 'a_b/' }),
        idsOf('a_b/', 'a_b/app', 'a_b/x*'),
      )
      assert.deepEqual(await listed(store, { placePrefix: 'a%' }), idsOf('a%b/'))
      assert.deepEqual(await listed(store, { placePrefix: 'a\\' }), idsOf('a\\b/'))
      const byAnn = { holder: { kind: 'principal', id: ann } } as const
      assert.deepEqual(await listed(store, byAnn), [...made.values()])
      assert.deepEqual(await listed(store, { ...byAnn, place: 'axb/app' }), idsOf('axb/app'))
      assert.equal((await listed(store, { holder: { kind: 'team', id: web } })).length, 1)
      assert.deepEqual(await listed(store, { holder: { kind: 'team', id: ann + 1000 } }), [])
      assert.deepEqual(await listed(store, { holder: { kind: 'anonymous' } }), [])
      assert.deepEqual(
        await listed(store, byAnn, { after: made.get('a_b/app')!, limit: 2 }),
        idsOf('a_b/x*', 'axb/'),
      )
      const removed = await store.write(async (tx) => removeGrantsInNamespace(tx, 'a_b'))
      assert.equal(removed, 3)
      assert.deepEqual(await listed(store, { placePrefix: 'a_b' }), idsOf('a_b-c/', 'a_b0'))
      assert.deepEqual(await listed(store, { placePrefix: 'axb/' }), idsOf('axb/', 'axb/app'))
    },
  ],
  [
    'grants are found by what is wrong with them',
    async (store) => {
      const day = 24 * 60 * 60 * 1000
      const now = Date.now()
      const made = await store.write(async (tx) => {
        const ann = await aUser(tx, 'ann')
        const gone = await aUser(tx, 'gone')
        const over = await aUser(tx, 'over')
        await tx.run(disable, { id: gone, disabledAt: now, expiresAt: none })
        await tx.run(disable, { id: over, disabledAt: none, expiresAt: now - 1 })
        const times = async (id: number, grantedAt: number, lastUsedAt: number) =>
          tx.run(setTimes, { id, grantedAt: now - grantedAt * day, lastUsedAt })
        const fresh = await aGrant(tx, { kind: 'principal', id: ann }, 'a/', {
          expiresAt: now + day,
        })
        const old = await aGrant(tx, { kind: 'principal', id: ann }, 'b/')
        await times(old, 100, none)
        const idle = await aGrant(tx, { kind: 'principal', id: gone }, 'c/')
        await times(idle, 200, now - 95 * day)
        const busy = await aGrant(tx, { kind: 'principal', id: over }, 'd/')
        await times(busy, 200, now - day)
        return { fresh, old, idle, busy }
      })
      assert.deepEqual(await listed(store, { unusedSince: now - 90 * day }), [made.old, made.idle])
      assert.deepEqual(await listed(store, { neverUsed: true }), [made.fresh, made.old])
      assert.deepEqual(await listed(store, { noExpiry: true }), [made.old, made.idle, made.busy])
      assert.deepEqual(await listed(store, { disabledHolder: true }), [made.idle, made.busy])
      assert.deepEqual(await listed(store, { noExpiry: true, neverUsed: true }), [made.old])
      assert.equal((await mustFind(store, made.busy)).subjectDisabled, true)
      assert.equal((await mustFind(store, made.old)).subjectDisabled, false)
    },
  ],
  [
    'grants that are over are removed a few at a time, and told',
    async (store) => {
      const made = await store.write(async (tx) => {
        const made: number[] = []
        for (const expiresAt of [10, 20, 30, undefined]) {
          const holder = { kind: 'principal', id: await aUser(tx, fresh('user')) } as const
          made.push(await aGrant(tx, holder, 'web/', { expiresAt }))
        }
        return made
      })
      const sweep = async (now: number, limit: number) =>
        ids(await store.write(async (tx) => removeExpiredGrants(tx, now, limit)))
      assert.equal(await hasExpiredGrants(store, 9), false)
      assert.equal(await hasExpiredGrants(store, 10), true)
      assert.deepEqual(await sweep(9, 10), [])
      assert.deepEqual(await sweep(20, 1), [made[0]])
      assert.deepEqual(await sweep(20, 10), [made[1]])
      assert.deepEqual(await sweep(20, 10), [])
      assert.deepEqual(await listed(store, {}), [made[2], made[3]])
    },
  ],
  [
    'use is noted forward only, and actions only come',
    async (store) => {
      const [one, two] = await store.write(async (tx) => {
        const ann = { kind: 'principal', id: await aUser(tx, 'ann') } as const
        return [await aGrant(tx, ann, 'a/'), await aGrant(tx, ann, 'b/')] as const
      })
      const note = async (...uses: readonly (readonly [number, number, ...string[]])[]) =>
        store.write(async (tx) =>
          noteGrantUses(
            tx,
            uses.map(([grantId, at, ...actions]) => ({ grantId, at, actions })),
          ),
        )
      const use = async (id: number) => {
        const { lastUsedAt, actionsUsed } = await mustFind(store, id)
        return [lastUsedAt, actionsUsed]
      }
      await note(
        [two, 50, 'push'],
        [one, 100, 'pull'],
        [one, 90, 'push', 'pull'],
        [two + 9, 1, 'pull'],
      )
      assert.deepEqual(await use(one), [100, 'pull,push'])
      assert.deepEqual(await use(two), [50, 'push'])
      await note([one, 40, 'delete'])
      assert.deepEqual(await use(one), [100, 'pull,push,delete'])
      await note([one, 100, 'pull'], [two, 60])
      assert.deepEqual(await use(one), [100, 'pull,push,delete'])
      assert.deepEqual(await use(two), [60, 'push'])
    },
  ],
  [
    'use of many grants at once, by several who note at the same time, is not lost',
    async (store) => {
      const made = await store.write(async (tx) => {
        const ann = { kind: 'principal', id: await aUser(tx, 'ann') } as const
        const made: number[] = []
        for (let count = 0; count < 75; count += 1) made.push(await aGrant(tx, ann, `n${count}/`))
        return made
      })
      const noteAs = async (action: string, at: number, grantIds: readonly number[]) =>
        store.write(
          async (tx) =>
            noteGrantUses(
              tx,
              grantIds.map((grantId) => ({ grantId, at, actions: [action] })),
            ),
          { durable: false },
        )
      await Promise.all([
        noteAs('pull', 1000, made),
        noteAs('push', 3000, made.toReversed()),
        noteAs('delete', 2000, made),
      ])
      for (const grant of await listGrants(store, {}, all)) {
        assert.equal(grant.lastUsedAt, 3000)
        assert.deepEqual(grant.actionsUsed.split(',').toSorted(), ['delete', 'pull', 'push'])
      }
    },
  ],
]
