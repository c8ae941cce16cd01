import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attackThrough } from '../outbound/test-support/ssrf-suite.ts'
import { createIdTokenVerifier } from '../sign-on/id-token.ts'
import { createFederationRule } from './federation-rules.ts'
import { openWorld, operator } from './test-support/world.ts'

const rule = {
  name: 'gh',
  kind: 'custom',
  claims: { sub: 'repo:acme/app' },
  audience: 'https://registry.example.com',
} as const

test('making a trust rule asks no place that must not be reached, and tells no body', async () => {
  await using world = await openWorld()
  const make = (at: { issuer: string; jwksUrl?: string }) =>
    attackThrough(
      async (url, { outbound }) => {
        const idTokens = createIdTokenVerifier({ outbound, now: () => Date.now() })
        const deps = { metadata: world.metadata, idTokens, audience: () => rule.audience }
        const place = Object.fromEntries(
          Object.entries(at).map(([key, value]) => [key, value === '' ? url : value]),
        ) as { issuer: string; jwksUrl?: string }
        await createFederationRule(deps, operator, { ...rule, ...place })
      },
      { timeoutMs: 1000 },
    )
  for (const at of [{ issuer: '' }, { issuer: 'https://idp.test', jwksUrl: '' }]) {
    const attempts = await make(at)
    // Some are refused because of what they look like, before anybody is asked.
    assert.ok(attempts.filter(({ error }) => isOutbound(error)).length > 80)
  }
})

function isOutbound(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return error.name === 'OutboundError' || isOutbound(error.cause)
}
