import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attackThrough } from '../outbound/test-support/ssrf-suite.ts'
import { createOidcProvider } from './oidc.ts'

const redirectUri = 'https://carrel.example/login/oidc/corp/callback'

test('a provider of identities cannot be at a place that must not be reached', async () => {
  const attempts = await attackThrough(
    async (issuer, { outbound }) =>
      createOidcProvider(
        {
          kind: 'oidc',
          name: 'corp',
          title: 'Corp',
          issuer,
          clientId: 'carrel',
          scopes: ['openid'],
          nameClaim: 'preferred_username',
          groupsClaim: 'groups',
        },
        { outbound },
      ).begin({ redirectUri }),
    { timeoutMs: 1000 },
  )
  assert.ok(attempts.length > 80)
})
