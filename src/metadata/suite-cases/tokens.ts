// Cases of the contract: tokens and their secrets.
import assert from 'node:assert/strict'
import type { MetadataStore, Transaction } from '../metadata-store.ts'
import { deletePrincipal } from '../principals.ts'
import { openAt } from '../test-support/store-address.ts'
import { addSecret, findSecret, noteTokenUses } from '../token-secrets.ts'
import {
  deleteToken,
  findToken,
  insertToken,
  listExpiring,
  listTokens,
  markExpiryTold,
  removeExpiredTokens,
  revokeToken,
  setTokenExpiry,
  type NewToken,
} from '../tokens.ts'
import { aUser, type Case } from './case.ts'

async function aToken(
  tx: Transaction,
  principalId: number,
  hash: string,
  more: Partial<NewToken> = {},
): Promise<number> {
  return insertToken(tx, {
    kind: 'personal',
    principalId,
    name: `token ${hash}`,
    scopes: undefined,
    createdBy: principalId,
    expiresAt: undefined,
    hash,
    ...more,
  })
}

/** A user and a token of it with the secret 'first'. */
async function aTokenOfAlice(store: MetadataStore, more: Partial<NewToken> = {}): Promise<number> {
  return store.write(async (tx) => aToken(tx, await aUser(tx, 'alice'), 'first', more))
}

const far = 9_000_000_000_000
const everything = { after: 0, limit: 100 }

async function slots(store: MetadataStore, id: number) {
  const found = (await listTokens(store, everything)).find((token) => token.id === id)
  return found?.secrets ?? []
}

export const tokens: readonly Case[] = [
  [
    'a secret is found with its token, as both were made',
    async (store) => {
      const before = Date.now()
      const scopes = '{"actions":["pull"]}'
      const id = await aTokenOfAlice(store, { kind: 'robot', scopes, expiresAt: far })
      const found = await findSecret(store, 'first')
      assert.ok(found)
      const { principalId } = found.token
      assert.deepEqual(found.token, {
        id,
        kind: 'robot',
        principalId,
        name: 'token first',
        scopes,
        expiresAt: far,
        revokedAt: undefined,
      })
      const { createdAt, ...secret } = found.secret
      assert.deepEqual(secret, {
        hash: 'first',
        slot: 1,
        lastUsedAt: undefined,
        replacedAt: undefined,
        endsAt: undefined,
        successorUsedAt: undefined,
      })
      assert.ok(createdAt >= before && createdAt <= Date.now())
      const token = await findToken(store, id)
      assert.deepEqual(token, {
        ...found.token,
        createdAt,
        createdBy: principalId,
        lastUsedAt: undefined,
        lastUsedFrom: undefined,
        expiryToldAt: undefined,
      })
      assert.equal(await findSecret(store, 'other'), undefined)
      assert.equal(await findToken(store, id + 1), undefined)
    },
  ],
  [
    'a token without scopes, end and maker has none of them',
    async (store) => {
      const id = await aTokenOfAlice(store, { createdBy: undefined })
      const token = await findToken(store, id)
      assert.deepEqual(
        [token?.scopes, token?.expiresAt, token?.createdBy],
        [undefined, undefined, undefined],
      )
    },
  ],
  [
    'one secret belongs to one token',
    async (store) => {
      const id = await aTokenOfAlice(store)
      const principalId = (await findToken(store, id))?.principalId ?? 0
      await assert.rejects(store.write(async (tx) => aToken(tx, principalId, 'first')))
      assert.equal((await listTokens(store, everything)).length, 1)
    },
  ],
  [
    'a second secret makes the first the old one, and a third removes the first',
    async (store) => {
      const before = Date.now()
      const tokenId = await aTokenOfAlice(store)
      const add = async (hash: string, deadline: number) =>
        store.write(async (tx) => addSecret(tx, { tokenId, hash, deadline }))
      assert.equal(await add('second', far), true)
      const first = await findSecret(store, 'first')
      assert.ok(first?.secret.replacedAt !== undefined && first.secret.replacedAt >= before)
      assert.equal(first.secret.endsAt, far)
      const second = await findSecret(store, 'second')
      assert.deepEqual([second?.secret.replacedAt, second?.secret.endsAt], [undefined, undefined])
      assert.equal(second?.token.id, tokenId)
      assert.deepEqual(
        (await slots(store, tokenId)).map(({ slot, replacedAt }) => [slot, replacedAt]),
        [
          [1, first.secret.replacedAt],
          [2, undefined],
        ],
      )
      assert.equal(await add('third', far + 1), true)
      assert.equal(await findSecret(store, 'first'), undefined)
      assert.equal((await findSecret(store, 'second'))?.secret.endsAt, far + 1)
      assert.equal((await findSecret(store, 'third'))?.secret.slot, 1)
      assert.equal((await slots(store, tokenId)).length, 2)
    },
  ],
  [
    'an old secret ends no later than its token would have, when the token goes on longer',
    async (store) => {
      const tokenId = await aTokenOfAlice(store, { expiresAt: 5000 })
      await store.write(async (tx) => {
        await addSecret(tx, { tokenId, hash: 'second', deadline: far })
        assert.equal(await setTokenExpiry(tx, tokenId, far), true)
      })
      assert.equal((await findSecret(store, 'first'))?.secret.endsAt, 5000)
      assert.equal((await findSecret(store, 'second'))?.token.expiresAt, far)
      await store.write(async (tx) => setTokenExpiry(tx, tokenId, undefined))
      assert.equal((await findToken(store, tokenId))?.expiresAt, undefined)
    },
  ],
  [
    'of secrets that are added to a token at once, two are left: the last and the one before it',
    async (store, address) => {
      await using other = await openAt(address)
      const tokenId = await aTokenOfAlice(store)
      await Promise.all(
        Array.from({ length: 8 }, async (_, number) =>
          (number % 2 === 0 ? store : other).write(async (tx) =>
            addSecret(tx, { tokenId, hash: `new-${number}`, deadline: far }),
          ),
        ),
      )
      const left = await slots(store, tokenId)
      assert.deepEqual(left.map(({ slot }) => slot).toSorted(), [1, 2])
      assert.deepEqual(
        left.map(({ replacedAt }) => replacedAt === undefined),
        [false, true],
      )
    },
  ],
  [
    'a token that is revoked or gone gets no other secret',
    async (store) => {
      const tokenId = await aTokenOfAlice(store)
      await store.write(async (tx) => {
        assert.equal(await revokeToken(tx, tokenId), true)
        assert.equal(await revokeToken(tx, tokenId), false)
        assert.equal(await addSecret(tx, { tokenId, hash: 'second', deadline: far }), false)
        assert.equal(await setTokenExpiry(tx, tokenId, far), false)
      })
      const found = await findSecret(store, 'first')
      assert.ok(found?.token.revokedAt !== undefined && found.token.revokedAt <= Date.now())
      assert.equal(found.secret.replacedAt, undefined)
      await store.write(async (tx) => {
        assert.equal(await deleteToken(tx, tokenId), true)
        assert.equal(await deleteToken(tx, tokenId), false)
        assert.equal(await addSecret(tx, { tokenId, hash: 'second', deadline: far }), false)
      })
      assert.equal(await findSecret(store, 'first'), undefined)
    },
  ],
  [
    'uses move the last use forward only, in whatever order they are noted',
    async (store) => {
      const tokenId = await aTokenOfAlice(store)
      const use = (hash: string, at: number, address: string) => ({ hash, tokenId, at, address })
      await store.write(async (tx) => {
        await addSecret(tx, { tokenId, hash: 'second', deadline: far })
        await noteTokenUses(tx, [use('first', 3000, 'c'), use('first', 1000, 'a')])
        await noteTokenUses(tx, [use('first', 2000, 'b'), use('unknown', 2500, 'd')])
      })
      assert.equal((await findSecret(store, 'first'))?.secret.lastUsedAt, 3000)
      assert.equal((await findSecret(store, 'first'))?.secret.successorUsedAt, undefined)
      assert.equal((await findSecret(store, 'second'))?.secret.lastUsedAt, undefined)
      await store.write(async (tx) => noteTokenUses(tx, [use('second', 4000, 'e')]))
      const token = await findToken(store, tokenId)
      assert.deepEqual([token?.lastUsedAt, token?.lastUsedFrom], [4000, 'e'])
      const first = await findSecret(store, 'first')
      assert.deepEqual([first?.secret.lastUsedAt, first?.secret.successorUsedAt], [3000, 4000])
      assert.equal((await findSecret(store, 'second'))?.secret.successorUsedAt, undefined)
      assert.deepEqual(
        (await slots(store, tokenId)).map((slot) => [slot.lastUsedAt, slot.successorUsedAt]),
        [
          [3000, 4000],
          [4000, undefined],
        ],
      )
    },
  ],
  [
    'nodes that note uses of the same tokens at once keep the latest of each',
    async (store, address) => {
      await using other = await openAt(address)
      const ids = await store.write(async (tx) => {
        const alice = await aUser(tx, 'alice')
        return [await aToken(tx, alice, 'a'), await aToken(tx, alice, 'b')]
      })
      await Promise.all(
        Array.from({ length: 20 }, async (_, number) => {
          const uses = ['a', 'b'].map((hash, index) => {
            return { hash, tokenId: ids[index] ?? 0, at: 1000 + number, address: `${number}` }
          })
          const ordered = number % 2 === 0 ? uses : uses.toReversed()
          await (number % 3 === 0 ? other : store).write(async (tx) => noteTokenUses(tx, ordered))
        }),
      )
      for (const hash of ['a', 'b']) {
        assert.equal((await findSecret(store, hash))?.secret.lastUsedAt, 1019)
      }
      assert.equal((await findToken(store, ids[0] ?? 0))?.lastUsedFrom, '19')
    },
  ],
  [
    'tokens are listed by principal and by kind, a page at a time, and never with a hash',
    async (store) => {
      const [alice, bob] = await store.write(async (tx) => {
        const people = [await aUser(tx, 'alice'), await aUser(tx, 'bob')] as const
        for (let number = 0; number < 4; number += 1) {
          await aToken(tx, people[0], `alice-${number}`, {
            kind: number < 2 ? 'personal' : 'login',
          })
        }
        const ofBob = await aToken(tx, people[1], 'bob')
        await addSecret(tx, { tokenId: ofBob, hash: 'bob-2', deadline: far })
        return people
      })
      const names = async (page: Partial<Parameters<typeof listTokens>[1]>) =>
        (await listTokens(store, { ...everything, ...page })).map(({ name }) => name.slice(6))
      assert.deepEqual(await names({}), ['alice-0', 'alice-1', 'alice-2', 'alice-3', 'bob'])
      assert.deepEqual(await names({ principalId: bob }), ['bob'])
      assert.deepEqual(await names({ kind: 'personal' }), ['alice-0', 'alice-1', 'bob'])
      assert.deepEqual(await names({ principalId: alice, kind: 'login' }), ['alice-2', 'alice-3'])
      assert.deepEqual(await names({ principalId: bob, kind: 'login' }), [])
      const page = await listTokens(store, { after: 0, limit: 2 })
      assert.equal(page.length, 2)
      const after = page.at(-1)?.id ?? 0
      const rest = await listTokens(store, { after, limit: 9 })
      assert.deepEqual(
        rest.map(({ secrets }) => secrets.length),
        [1, 1, 2],
      )
      assert.deepEqual(
        rest.map(({ principalId }) => principalId),
        [alice, alice, bob],
      )
      assert.equal(JSON.stringify(await listTokens(store, everything)).includes('hash'), false)
      const { secrets: _, ...token } = page[0] ?? { secrets: [] }
      assert.deepEqual(token, await findToken(store, page[0]?.id ?? 0))
    },
  ],
  [
    'tokens that end soon are told of once, by one teller, and again when their end has changed',
    async (store, address) => {
      await using other = await openAt(address)
      const ids = await store.write(async (tx) => {
        const alice = await aUser(tx, 'alice')
        const later = await aToken(tx, alice, 'later', { expiresAt: 2000 })
        const soon = await aToken(tx, alice, 'soon', { expiresAt: 1000 })
        const revoked = await aToken(tx, alice, 'revoked', { expiresAt: 1000 })
        await revokeToken(tx, revoked)
        await aToken(tx, alice, 'never')
        await aToken(tx, alice, 'far', { expiresAt: far })
        return { alice, later, soon }
      })
      const due = { before: 2000, limit: 10 }
      const listed = (await listExpiring(store, due)).map((token) => ({ ...token }))
      const shared = { kind: 'personal', principalId: ids.alice } as const
      assert.deepEqual(listed, [
        { ...shared, id: ids.soon, name: 'token soon', expiresAt: 1000 },
        { ...shared, id: ids.later, name: 'token later', expiresAt: 2000 },
      ])
      assert.equal((await listExpiring(store, { before: 1999, limit: 10 })).length, 1)
      assert.equal((await listExpiring(store, { before: 2000, limit: 1 })).length, 1)
      const told = await Promise.all(
        [store, other, store, other].map(async (from) =>
          from.write(async (tx) => markExpiryTold(tx, { id: ids.soon, expiresAt: 1000 })),
        ),
      )
      assert.equal(told.filter(Boolean).length, 1)
      assert.equal((await listExpiring(store, due)).length, 1)
      await store.write(async (tx) => setTokenExpiry(tx, ids.soon, 1500))
      assert.equal((await listExpiring(store, due)).length, 2)
      const stale = { id: ids.soon, expiresAt: 1000 }
      assert.equal(await store.write(async (tx) => markExpiryTold(tx, stale)), false)
    },
  ],
  [
    'tokens of a kind that have ended are removed a few at a time, with their secrets',
    async (store) => {
      await store.write(async (tx) => {
        const alice = await aUser(tx, 'alice')
        for (let number = 0; number < 3; number += 1) {
          await aToken(tx, alice, `login-${number}`, { kind: 'login', expiresAt: 1000 + number })
        }
        await aToken(tx, alice, 'personal', { expiresAt: 1000 })
        await aToken(tx, alice, 'endless', { kind: 'login' })
        const page = { kind: 'login', before: 1001, limit: 1 } as const
        assert.equal(await removeExpiredTokens(tx, page), 1)
        assert.equal(await removeExpiredTokens(tx, { ...page, limit: 5 }), 1)
        assert.equal(await removeExpiredTokens(tx, page), 0)
      })
      assert.equal(await findSecret(store, 'login-1'), undefined)
      for (const hash of ['login-2', 'personal', 'endless']) {
        assert.ok(await findSecret(store, hash), hash)
      }
    },
  ],
  [
    'the tokens of a principal go with it',
    async (store) => {
      const id = await aTokenOfAlice(store)
      const principalId = (await findToken(store, id))?.principalId ?? 0
      await store.write(async (tx) => deletePrincipal(tx, principalId))
      assert.equal(await findSecret(store, 'first'), undefined)
      assert.equal(await findToken(store, id), undefined)
    },
  ],
]
