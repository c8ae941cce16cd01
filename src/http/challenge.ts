// The one challenge of a 401: Bearer, first and only (see docs/decisions/0013-one-challenge.md).
// Spec: distribution token authentication, spec/auth/token.md.
import type { Permission, Refusal } from '../auth/authorize.ts'
import { formatScopes, type ResourceScope } from '../oci/scope.ts'

export interface ChallengeParts {
  readonly realm: string
  readonly service: string
  readonly scopes: readonly ResourceScope[]
  /** Only when a token was presented: containerd gives up on a repeated challenge that has one. */
  readonly error?: 'invalid_token' | 'insufficient_scope'
}

export function challenge({ realm, service, scopes, error }: ChallengeParts): string {
  let header = `Bearer realm="${realm}",service="${service}"`
  if (scopes.length > 0) header += `,scope="${formatScopes(scopes)}"`
  if (error !== undefined) header += `,error="${error}"`
  return header
}

/** What a token must carry for this to be allowed. */
export function scopesFor({ action, resource }: Permission): readonly ResourceScope[] {
  if (resource.type === 'catalog') return [{ type: 'registry', name: 'catalog', actions: ['*'] }]
  if (resource.type !== 'repository') return []
  const actions = action === 'push' || action === 'create' ? ['pull', 'push'] : [action]
  return [{ type: 'repository', name: resource.name, actions }]
}

export function errorOf(
  refusal: Refusal,
  presentedToken: boolean,
): 'insufficient_scope' | undefined {
  return presentedToken && refusal.reason === 'insufficient-scope'
    ? 'insufficient_scope'
    : undefined
}
