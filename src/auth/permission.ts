// The question that authorisation answers, and the ways in which it says no.
import type { RepositoryName } from '../oci/reference.ts'

export type Action = 'pull' | 'push' | 'delete' | 'admin' | 'create'

export type Resource =
  | { readonly type: 'repository'; readonly name: RepositoryName }
  /** The list of repositories. It holds only what the caller may pull; that is not decided here. */
  | { readonly type: 'catalog' }
  /** Settings, users and all that concerns the whole installation. */
  | { readonly type: 'installation' }
  /** The caller's own account. */
  | { readonly type: 'self' }
  /** `GET /v2/`: for whoever presented credentials or a token, were it a token that grants nothing. */
  | { readonly type: 'base' }
  /** What anybody may do: ask for a token, read the health. */
  | { readonly type: 'nothing' }

export interface Permission {
  readonly action: Action
  readonly resource: Resource
}

/**
 * unauthenticated: 401 with a challenge. insufficient-scope: 401 with a challenge that has
 * error="insufficient_scope"; another token would do. forbidden: 403. hidden: answer exactly as if there were no
 * such repository.
 */
export type RefusalReason = 'unauthenticated' | 'insufficient-scope' | 'forbidden' | 'hidden'
