import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { suite, test, type TestContext } from 'node:test'
import type { Identity, PrincipalIdentity } from '../../../auth/identity.ts'
import { hashSecret } from '../../../auth/secret-format.ts'
import { parseTokenScope } from '../../../auth/token-scope.ts'
import type { OutputOf } from '../../../contract/operations.ts'
import { findSecret, noteTokenUses } from '../../../metadata/token-secrets.ts'
import { createApi } from '../api.ts'
import {
  anApi,
  ask,
  auditEvents,
  clientOf,
  principalOf,
  type TestApi,
} from '../test-support/api.ts'

type NewToken = OutputOf<'tokens.create'>

/** Also remembers which tokens were forgotten. */
async function aTokenApi(t: TestContext): Promise<TestApi & { forgottenTokens: number[] }> {
  const app = await anApi(t)
  const forgottenTokens: number[] = []
  const api = createApi({
    metadata: app.metadata,
    passwords: { hash: async () => '', verify: async () => false },
    forgetPrincipal: (id) => void app.forgotten.push(id),
    forgetToken: (id) => void forgottenTokens.push(id),
    totpKey: randomBytes(32),
  })
  return { ...app, api, forgottenTokens }
}

/** Somebody who came with a token that is narrowed. */
async function narrowed(app: TestApi, name: string, scope: string): Promise<PrincipalIdentity> {
  const scopes = [parseTokenScope(scope)]
  const token = { id: 99, kind: 'personal', scopes, expiresAt: undefined } as const
  return { ...(await principalOf(app, name)), token }
}

async function create(app: TestApi, as: string | Identity, body: object): Promise<NewToken> {
  const answer = await ask(app, 'POST /api/v1/tokens', { as, body })
  assert.equal(answer.status, 201, answer.text)
  return answer.json() as NewToken
}

suite('/api/v1/tokens', () => {
  test('a token is made, shown without its secret, rotated and revoked', async (t) => {
    const app = await aTokenApi(t)
    const made = await create(app, 'ann', { name: 'laptop', scopes: ['ann/:pull'] })
    const { secret, ...token } = made
    assert.deepEqual(
      [token.kind, token.for, token.scopes, token.state, token.createdBy],
      ['personal', 'user:ann', ['ann/:reader'], 'active', 'ann'],
    )
    assert.notEqual(await findSecret(app.metadata, hashSecret(secret)), undefined)
    const shown = await ask(app, `GET /api/v1/tokens/${token.id}`, { as: 'ann' })
    assert.deepEqual(shown.json(), token)
    const path = `/api/v1/tokens/${token.id}/rotate`
    const rotated = await ask(app, `POST ${path}`, { as: 'ann', body: { graceSeconds: 60 } })
    assert.equal(rotated.status, 200)
    const again = rotated.json() as NewToken
    assert.notEqual(again.secret, secret)
    assert.deepEqual(
      again.secrets.map(({ state }) => state),
      ['replaced', 'current'],
    )
    const revoked = await ask(app, `DELETE /api/v1/tokens/${token.id}`, { as: 'ann' })
    assert.equal(revoked.status, 204)
    assert.deepEqual(app.forgottenTokens, [token.id, token.id])
    const list = await ask(app, 'GET /api/v1/tokens', { as: 'ann' })
    assert.ok(!list.text.includes('carrel_') && !list.text.includes(hashSecret(again.secret)))
    assert.equal((list.json() as { items: { state: string }[] }).items[0]?.state, 'revoked')
    assert.deepEqual(
      (await auditEvents(app)).filter((line) => line.startsWith('token.')),
      [
        'token.created user:ann by ann',
        'token.rotated user:ann by ann',
        'token.revoked user:ann by ann',
      ],
    )
  })

  test('others find nothing, administrators see and end everybody’s', async (t) => {
    const app = await aTokenApi(t)
    const { id } = await create(app, 'ann', { name: 'laptop' })
    const lines = [
      (of: number) => `GET /api/v1/tokens/${of}`,
      (of: number) => `POST /api/v1/tokens/${of}/rotate`,
    ]
    for (const line of lines) {
      const refused = await ask(app, line(id), { as: 'bob' })
      const missing = await ask(app, line(id + 1), { as: 'bob' })
      assert.equal(refused.status, 404)
      assert.deepEqual(refused.json(), missing.json(), 'the same as for what is not there')
    }
    assert.equal((await ask(app, `DELETE /api/v1/tokens/${id}`, { as: 'bob' })).status, 404)
    assert.equal((await ask(app, 'GET /api/v1/tokens?for=user:ann', { as: 'bob' })).status, 404)
    assert.equal((await ask(app, 'GET /api/v1/tokens?all=true', { as: 'bob' })).status, 403)
    const body = { name: 'x', for: 'user:ann' }
    assert.equal((await ask(app, 'POST /api/v1/tokens', { as: 'bob', body })).status, 404)
    assert.equal((await create(app, 'admin', body)).for, 'user:ann')
    const client = await clientOf(app, 'admin')
    assert.equal((await client.call('tokens.list', { for: 'user:ann' })).items.length, 2)
    assert.equal((await client.call('tokens.list', { all: true })).items.length, 2)
    assert.equal((await client.call('tokens.list', {})).items.length, 0)
    await client.call('tokens.revoke', { id })
    const operator = await clientOf(app, 'operator')
    assert.equal((await operator.call('tokens.list', {})).items.length, 2)
  })

  test('a token with scopes manages no tokens, not even itself', async (t) => {
    const app = await aTokenApi(t)
    const { id } = await create(app, 'ann', { name: 'laptop' })
    const as = await narrowed(app, 'ann', '*:owner')
    const body = { name: 'wider' }
    assert.equal((await ask(app, 'POST /api/v1/tokens', { as, body })).status, 403)
    assert.equal((await ask(app, 'GET /api/v1/tokens', { as })).status, 403)
    const rotation = await ask(app, `POST /api/v1/tokens/${id}/rotate`, { as })
    assert.ok([403, 404].includes(rotation.status))
    const admin = await narrowed(app, 'admin', '*:owner')
    const other = { name: 'x', for: 'user:bob' }
    const made = await ask(app, 'POST /api/v1/tokens', { as: admin, body: other })
    assert.ok([403, 404].includes(made.status))
    assert.equal(
      (await clientOf(app, 'admin').then((c) => c.call('tokens.list', { all: true }))).items.length,
      1,
    )
  })

  test('only an administrator makes one that never ends', async (t) => {
    const app = await aTokenApi(t)
    const body = { name: 'x', expiresAt: null }
    const refused = await ask(app, 'POST /api/v1/tokens', { as: 'ann', body })
    assert.deepEqual([refused.status, refused.problem().type], [422, '/problems/policy'])
    assert.equal((await create(app, 'admin', { ...body, for: 'user:ann' })).expiresAt, undefined)
    const made = await create(app, 'ann', { name: 'x' })
    assert.match(made.expiresAt ?? '', /^\d{4}-/)
  })

  test('what cannot be is said to be so', async (t) => {
    const app = await aTokenApi(t)
    const cases: readonly (readonly [object, number, RegExp])[] = [
      [{ name: 'x', scopes: ['web/app:fly'] }, 422, /fly/],
      [{ name: 'x', scopes: [] }, 400, /scopes/],
      [{ name: '' }, 400, /name/],
      [{ name: 'x', for: 'team:web' }, 400, /user:NAME/],
      [{ name: 'x', for: 'user:nobody' }, 404, /./],
      [{ name: 'x', expiresAt: '2020-01-01T00:00:00Z' }, 422, /ended/],
      [{ name: 'x', admin: true }, 400, /admin/],
      [{ name: 'x', kind: 'robot' }, 400, /kind/],
    ]
    for (const [body, status, words] of cases) {
      const answer = await ask(app, 'POST /api/v1/tokens', { as: 'admin', body })
      assert.equal(answer.status, status, JSON.stringify(body))
      assert.match(answer.text, words)
    }
  })

  test('what changed meanwhile is left alone; that it was used is no change', async (t) => {
    const app = await aTokenApi(t)
    const { id, secret } = await create(app, 'ann', { name: 'laptop' })
    const shown = await ask(app, `GET /api/v1/tokens/${id}`, { as: 'ann' })
    const headers = { 'if-match': shown.headers['etag'] ?? '' }
    const hash = hashSecret(secret)
    const use = { hash, tokenId: id, at: Date.now() + 1000, address: '192.0.2.7' }
    await app.metadata.write((tx) => noteTokenUses(tx, [use]))
    assert.equal(
      (await ask(app, `POST /api/v1/tokens/${id}/rotate`, { as: 'ann', headers })).status,
      200,
    )
    const late = await ask(app, `DELETE /api/v1/tokens/${id}`, { as: 'ann', headers })
    assert.equal(late.status, 412)
  })
})
