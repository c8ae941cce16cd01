import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { createOutbound } from '../../../outbound/outbound.ts'
import { createIdTokenVerifier } from '../../../sign-on/id-token.ts'
import { forge, makeKey, startTestIssuer } from '../../../sign-on/test-support/id-token-issuer.ts'
import { createApi } from '../api.ts'
import { anApi, ask, clientOf } from '../test-support/api.ts'

const audience = 'https://registry.example.com'

async function aFederationApi(t: TestContext) {
  const app = await anApi(t)
  const key = await makeKey('ES256', 'one')
  const issuer = await startTestIssuer(key)
  t.after(async () => issuer[Symbol.asyncDispose]())
  const outbound = createOutbound({ allow: ['127.0.0.1'], timeoutMs: 5000 })
  const api = createApi({
    metadata: app.metadata,
    passwords: { hash: async () => '', verify: async () => false },
    forgetPrincipal: (id) => void app.forgotten.push(id),
    audience: () => audience,
    idTokens: createIdTokenVerifier({ outbound }),
  })
  const now = Math.floor(Date.now() / 1000)
  const token = (more: object = {}) =>
    forge(key, {
      iss: issuer.issuer,
      aud: audience,
      sub: 'repo:acme/app:ref:refs/heads/main',
      repository: 'acme/app',
      iat: now,
      exp: now + 300,
      ...more,
    })
  return { ...app, api, issuer: issuer.issuer, token }
}

suite('/api/v1/federation-rules', () => {
  test('a trust rule is made, tried, disabled and removed', async (t) => {
    const app = await aFederationApi(t)
    const { issuer, token } = app
    const admin = await clientOf(app, 'admin')
    const claims = { repository: 'acme/app' }
    const rule = await admin.call('federation-rules.create', {
      name: 'main',
      kind: 'github',
      issuer,
      claims,
      scopes: ['web/app:pull,push'],
    })
    assert.deepEqual(
      [rule.audience, rule.claims, rule.grants, rule.disabled, rule.createdBy],
      [audience, claims, 1, false, 'admin'],
    )
    assert.deepEqual(await admin.call('federation-rules.show', { name: 'main' }), rule)
    assert.deepEqual((await admin.call('federation-rules.list', {})).items, [rule])
    const { items } = await admin.call('grants.list', { who: 'federated:main' })
    assert.deepEqual(items[0]?.actions, ['pull', 'push'])
    const good = await admin.call('federation-rules.test', { token: `${token()}\n` })
    assert.deepEqual([good.accepted, good.rule], [true, 'main'])
    const bad = await admin.call('federation-rules.test', {
      token: token({ repository: 'evil/app' }),
      rule: 'main',
    })
    assert.equal(bad.accepted, false)
    assert.deepEqual(bad.rules[0]?.claims, [
      { name: 'repository', ok: false, expected: ['acme/app'], found: 'evil/app' },
    ])
    const name = 'main'
    assert.equal(
      (await admin.call('federation-rules.change', { name, disabled: true })).disabled,
      true,
    )
    await admin.call('federation-rules.remove', { name })
    assert.equal((await admin.call('federation-rules.list', {})).items.length, 0)
    assert.equal(app.forgotten.length, 2)
  })

  test('is for administrators', async (t) => {
    const app = await aFederationApi(t)
    const body = { name: 'x', kind: 'github', claims: { repository: 'acme/app' } }
    const lines: readonly (readonly [string, object?])[] = [
      ['GET /api/v1/federation-rules'],
      ['POST /api/v1/federation-rules', body],
      ['GET /api/v1/federation-rules/x'],
      ['PATCH /api/v1/federation-rules/x', { disabled: true }],
      ['DELETE /api/v1/federation-rules/x'],
      ['POST /api/v1/access/identity-token', { token: app.token() }],
    ]
    for (const [line, given] of lines) {
      assert.equal((await ask(app, line, { as: 'ann', body: given })).status, 403, line)
    }
  })

  test('says why a rule cannot be made', async (t) => {
    const app = await aFederationApi(t)
    const make = async (more: object) => {
      const claims = { repository: 'acme/app' }
      const body = { name: 'main', kind: 'github', issuer: app.issuer, claims, ...more }
      const answer = await ask(app, 'POST /api/v1/federation-rules', { body })
      assert.equal(answer.status, 422, JSON.stringify(more))
      return `${answer.problem().detail} ${answer.problem().why}`
    }
    assert.match(await make({ claims: { repository: '*' } }), /does not say who is meant/)
    assert.match(await make({ claims: {} }), /trusts everybody/)
    assert.match(await make({ issuer: `${app.issuer}/other` }), /could not be verified/)
    assert.match(await make({ kind: 'kubernetes', issuer: undefined }), /who signs/i)
    assert.match(await make({ issuer: 'http://169.254.169.254' }), /could not be verified/)
  })
})
