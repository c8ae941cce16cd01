// An installation that trusts an issuer on 127.0.0.1, and a job of it with a token.
import { createOutbound } from '../../outbound/outbound.ts'
import { createIdTokenVerifier } from '../../sign-on/id-token.ts'
import {
  forge,
  makeKey,
  startTestIssuer,
  type SigningKey,
  type TestIssuer,
} from '../../sign-on/test-support/id-token-issuer.ts'
import {
  createFederationRule,
  type FederationRule,
  type MakeFederationRuleDeps,
  type NewFederationRule,
} from '../federation-rules.ts'
import type { FederationDeps } from '../federation.ts'
import { openWorld, operator, type World } from './world.ts'

export const audience = 'https://registry.example.com'
export interface Trust extends World {
  readonly issuer: TestIssuer
  readonly key: SigningKey
  readonly deps: FederationDeps & MakeFederationRuleDeps
}

export async function openTrust(): Promise<Trust> {
  const world = await openWorld()
  const key = await makeKey('ES256', 'one')
  const issuer = await startTestIssuer(key)
  const outbound = createOutbound({ allow: ['127.0.0.1'], timeoutMs: 5000 })
  const idTokens = createIdTokenVerifier({ outbound, now: () => Date.now() })
  return {
    metadata: world.metadata,
    issuer,
    key,
    deps: { metadata: world.metadata, idTokens, audience: () => audience },
    async [Symbol.asyncDispose]() {
      await issuer[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    },
  }
}

export const job = {
  sub: 'repo:acme/app:ref:refs/heads/main',
  repository: 'acme/app',
  repository_id: '74',
  ref: 'refs/heads/main',
  sha: 'c0ffee',
  run_id: '812',
  actor: 'ann',
}

/** A token that is good for five minutes from now. */
export function tokenOf({ issuer, key }: Trust, more: object = {}): string {
  const now = Math.floor(Date.now() / 1000)
  const times = { iat: now - 5, nbf: now - 5, exp: now + 300, jti: `${now}` }
  return forge(key, { iss: issuer.issuer, aud: audience, ...job, ...times, ...more })
}

export async function addRule(
  { deps, issuer }: Trust,
  name: string,
  more: Partial<NewFederationRule> = {},
): Promise<FederationRule> {
  const claims = { repository: 'acme/app', ref: 'refs/heads/main' }
  const rule = { name, kind: 'github', issuer: issuer.issuer, claims, ...more } as const
  return createFederationRule(deps, operator, rule)
}
