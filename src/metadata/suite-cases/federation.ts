// Cases of the contract: trust rules, and the identity tokens that were taken.
import assert from 'node:assert/strict'
import {
  deleteEndedFederatedLogins,
  findFederatedLogin,
  findFederationRule,
  insertFederationRule,
  listFederationRules,
  listRulesOfIssuer,
  recordFederatedLogin,
  type FederationRuleRow,
} from '../federation.ts'
import type { Transaction } from '../metadata-store.ts'
import {
  changePrincipal,
  deletePrincipal,
  findPrincipalByName,
  insertPrincipal,
} from '../principals.ts'
import { aUser, type Case } from './case.ts'

const issuer = 'https://token.actions.githubusercontent.com'

/** Makes the principal and the rule; returns their id. */
async function aRule(
  tx: Transaction,
  name: string,
  more: Partial<FederationRuleRow> = {},
): Promise<number> {
  await insertPrincipal(tx, { name, provider: 'federation', kind: 'federated' })
  const principalId = (await findPrincipalByName(tx, name))?.id ?? 0
  await insertFederationRule(tx, {
    principalId,
    kind: 'github',
    issuer,
    audience: 'https://registry.example.com',
    claims: '{"repository":["acme/app"]}',
    jwksUrl: undefined,
    createdAt: 5,
    createdBy: undefined,
    ...more,
  })
  return principalId
}

export const federation: readonly Case[] = [
  [
    'a trust rule is found by name as it was made, and by nothing else',
    async (store) => {
      const principalId = await store.write(async (tx) => {
        await aUser(tx, 'alice')
        return aRule(tx, 'main', { jwksUrl: 'https://keys.example.com', createdBy: 7 })
      })
      assert.deepEqual(await findFederationRule(store, 'main'), {
        principalId,
        name: 'main',
        disabled: false,
        kind: 'github',
        issuer,
        audience: 'https://registry.example.com',
        claims: '{"repository":["acme/app"]}',
        jwksUrl: 'https://keys.example.com',
        createdAt: 5,
        createdBy: 7,
      })
      for (const other of ['Main', 'alice', 'm%', 'a\0b', '\ud800', '']) {
        assert.equal(await findFederationRule(store, other), undefined)
      }
    },
  ],
  [
    'rules of an issuer are listed oldest first, disabled ones too; all rules a page at a time',
    async (store) => {
      const ids = await store.write(async (tx) => {
        const made = [await aRule(tx, 'z'), await aRule(tx, 'y', { issuer: 'https://other' })]
        made.push(await aRule(tx, 'x'))
        const first = await findPrincipalByName(tx, 'z')
        assert.ok(first)
        await changePrincipal(tx, { ...first, disabled: true })
        return made
      })
      const rules = await listRulesOfIssuer(store, issuer)
      assert.deepEqual(
        rules.map(({ name, disabled }) => [name, disabled]),
        [
          ['z', true],
          ['x', false],
        ],
      )
      for (const other of [`${issuer}/`, issuer.toUpperCase(), 'https://oth_r', '\0', '\ud800']) {
        assert.deepEqual(await listRulesOfIssuer(store, other), [])
      }
      const page = async (after: number, limit: number) =>
        (await listFederationRules(store, { after, limit })).map(({ name }) => name)
      assert.deepEqual(await page(0, 2), ['z', 'y'])
      assert.deepEqual(await page(ids[1] ?? 0, 2), ['x'])
    },
  ],
  [
    'an identity token that was taken is known until its time is over',
    async (store) => {
      const principalId = await store.write(async (tx) => aRule(tx, 'main'))
      const login = { hash: 'h', principalId, claims: '{}', firstSeenAt: 100, goodUntil: 200 }
      await store.write(async (tx) => recordFederatedLogin(tx, login))
      assert.deepEqual({ ...(await findFederatedLogin(store, 'h', 199)) }, login)
      assert.equal(await findFederatedLogin(store, 'h', 200), undefined)
      assert.equal(await findFederatedLogin(store, 'g', 199), undefined)
      const later = { ...login, claims: '{"a":1}', firstSeenAt: 300, goodUntil: 400 }
      await store.write(async (tx) => recordFederatedLogin(tx, later))
      assert.deepEqual({ ...(await findFederatedLogin(store, 'h', 399)) }, later)
      assert.equal(await store.write(async (tx) => deleteEndedFederatedLogins(tx, 399)), 0)
      assert.equal(await store.write(async (tx) => deleteEndedFederatedLogins(tx, 400)), 1)
      assert.equal(await findFederatedLogin(store, 'h', 399), undefined)
    },
  ],
  [
    'a token that was taken is known no more when its rule is disabled or removed',
    async (store) => {
      const principalId = await store.write(async (tx) => {
        const id = await aRule(tx, 'main')
        const times = { firstSeenAt: 100, goodUntil: 200 }
        await recordFederatedLogin(tx, { hash: 'h', principalId: id, claims: '{}', ...times })
        return id
      })
      const setDisabled = async (disabled: boolean) =>
        store.write(async (tx) => {
          const row = await findPrincipalByName(tx, 'main')
          assert.ok(row)
          await changePrincipal(tx, { ...row, disabled })
        })
      await setDisabled(true)
      assert.equal(await findFederatedLogin(store, 'h', 150), undefined)
      await setDisabled(false)
      assert.equal((await findFederatedLogin(store, 'h', 150))?.principalId, principalId)
      await store.write(async (tx) => deletePrincipal(tx, principalId))
      assert.equal(await findFederatedLogin(store, 'h', 150), undefined)
      assert.deepEqual(await listRulesOfIssuer(store, issuer), [])
    },
  ],
]
