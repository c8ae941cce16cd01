// Cases of the contract: principals and setup links.
import assert from 'node:assert/strict'
import type { MetadataStore } from '../metadata-store.ts'
import {
  countAdministrators,
  deletePrincipal,
  findPrincipalById,
  findPrincipalByName,
  insertPrincipal,
  listPrincipals,
  lockAdministrators,
  restoreAdministrator,
  setPasswordHash,
} from '../principals.ts'
import { query } from '../query.ts'
import { deleteSetupLinks, insertSetupLink, useSetupLink } from '../settings.ts'
import { openAt } from '../test-support/store-address.ts'
import { aUser, type Case } from './case.ts'

const disable = query<{ id: number; at: number }>()((db, p) =>
  db.updateTable('principals').set({ disabled_at: p.at }).where('id', '=', p.id),
)

async function aLink(store: MetadataStore, keyHash: string, expiresAt: number): Promise<number> {
  return store.write(async (tx) => {
    const principalId = await aUser(tx, 'admin', true)
    await insertSetupLink(tx, { keyHash, principalId, expiresAt })
    return principalId
  })
}

const later = () => Date.now() + 60_000

export const people: readonly Case[] = [
  [
    'a principal is found by name and by id as it was made',
    async (store) => {
      const isNew = await store.write(async (tx) =>
        insertPrincipal(tx, {
          name: 'alice',
          provider: 'local',
          admin: true,
          passwordHash: '$argon2id$…',
        }),
      )
      assert.equal(isNew, true)
      const found = await findPrincipalByName(store, 'alice')
      assert.ok(found)
      const { id, createdAt, ...rest } = found
      assert.deepEqual(rest, {
        name: 'alice',
        kind: 'user',
        provider: 'local',
        subject: 'alice',
        displayName: undefined,
        admin: true,
        disabled: false,
        passwordHash: '$argon2id$…',
        createdBy: undefined,
        expiresAt: undefined,
        lastSeenAt: undefined,
        secondFactor: false,
      })
      assert.ok(id > 0 && createdAt <= Date.now())
      assert.deepEqual(await findPrincipalById(store, id), found)
      assert.equal(await findPrincipalByName(store, 'Alice'), undefined)
      assert.equal(await findPrincipalById(store, id + 1), undefined)
    },
  ],
  [
    'a name belongs to one principal, whatever provider asks for it',
    async (store) => {
      await store.write(async (tx) => {
        const alice = { name: 'alice', provider: 'local', admin: true, passwordHash: 'x' } as const
        assert.equal(await insertPrincipal(tx, alice), true)
        const other = { ...alice, provider: 'htpasswd', admin: false } as const
        assert.equal(await insertPrincipal(tx, other), false)
        assert.equal(await insertPrincipal(tx, alice), false)
      })
      assert.equal((await findPrincipalByName(store, 'alice'))?.provider, 'local')
      assert.equal((await listPrincipals(store, { after: '', limit: 9 })).length, 1)
    },
  ],
  [
    'ids of principals are never given out twice',
    async (store) => {
      const ids: number[] = []
      for (let round = 0; round < 3; round += 1) {
        ids.push(await store.write(async (tx) => aUser(tx, 'alice')))
        await store.write(async (tx) => deletePrincipal(tx, ids[round] ?? 0))
      }
      assert.equal(new Set(ids).size, 3)
      assert.equal(await findPrincipalByName(store, 'alice'), undefined)
    },
  ],
  [
    'a password is changed for one principal alone',
    async (store) => {
      await store.write(async (tx) => {
        const id = await aUser(tx, 'alice')
        await aUser(tx, 'bob')
        await setPasswordHash(tx, id, 'new')
      })
      assert.equal((await findPrincipalByName(store, 'alice'))?.passwordHash, 'new')
      assert.equal((await findPrincipalByName(store, 'bob'))?.passwordHash, 'hash')
    },
  ],
  [
    'whatever a principal was, restoring it makes an enabled local administrator of it',
    async (store) => {
      await store.write(async (tx) => {
        const one = { name: 'admin', provider: 'htpasswd', admin: false, passwordHash: undefined }
        await insertPrincipal(tx, { ...one, provider: 'htpasswd' })
        const found = await findPrincipalByName(tx, 'admin')
        assert.ok(found)
        await tx.run(disable, { id: found.id, at: 5 })
        assert.equal((await findPrincipalByName(tx, 'admin'))?.disabled, true)
        await restoreAdministrator(tx, found)
      })
      const admin = await findPrincipalByName(store, 'admin')
      assert.deepEqual([admin?.provider, admin?.admin, admin?.disabled], ['local', true, false])
    },
  ],
  [
    'administrators are counted: enabled ones that can sign in, one left out',
    async (store) => {
      await store.write(async (tx) => {
        const first = await aUser(tx, 'first', true)
        const second = await aUser(tx, 'second', true)
        await aUser(tx, 'nobody', false)
        const unset = { name: 'unset', provider: 'local', admin: true, passwordHash: undefined }
        await insertPrincipal(tx, { ...unset, provider: 'local' })
        await insertPrincipal(tx, { ...unset, name: 'file', provider: 'htpasswd' })
        assert.equal(await countAdministrators(tx, 0), 3)
        assert.equal(await countAdministrators(tx, first), 2)
        await tx.run(disable, { id: second, at: 5 })
        assert.equal(await countAdministrators(tx, first), 1)
      })
    },
  ],
  [
    'two who each remove an administrator at once cannot remove the last one',
    async (store, address) => {
      await using other = await openAt(address)
      const [first, second] = await store.write(async (tx) => [
        await aUser(tx, 'first', true),
        await aUser(tx, 'second', true),
      ])
      const remove = async (from: MetadataStore, id: number) =>
        from.write(async (tx) => {
          await lockAdministrators(tx)
          if ((await countAdministrators(tx, id)) === 0) return false
          await deletePrincipal(tx, id)
          return true
        })
      const removed = await Promise.all([remove(store, first ?? 0), remove(other, second ?? 0)])
      assert.deepEqual(removed.toSorted(), [false, true])
      assert.equal(await countAdministrators(store, 0), 1)
    },
  ],
  [
    'a setup link works once, for its principal',
    async (store) => {
      const id = await aLink(store, 'key', later())
      const uses = await Promise.all(
        Array.from({ length: 6 }, async () => store.write(async (tx) => useSetupLink(tx, 'key'))),
      )
      assert.deepEqual(
        uses.filter((owner) => owner !== undefined),
        [id],
      )
    },
  ],
  [
    'a setup link that is unknown, expired or withdrawn does not work',
    async (store) => {
      const id = await aLink(store, 'expired', Date.now() - 1)
      await store.write(async (tx) => {
        await insertSetupLink(tx, { keyHash: 'withdrawn', principalId: id, expiresAt: later() })
        await deleteSetupLinks(tx, id)
        await insertSetupLink(tx, { keyHash: 'good', principalId: id, expiresAt: later() })
      })
      await store.write(async (tx) => {
        assert.equal(await useSetupLink(tx, 'expired'), undefined)
        assert.equal(await useSetupLink(tx, 'unknown'), undefined)
        assert.equal(await useSetupLink(tx, 'withdrawn'), undefined)
        assert.equal(await useSetupLink(tx, 'good'), id)
      })
    },
  ],
]
