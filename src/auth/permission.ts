// The question that authorisation answers, and the ways in which it says no.
import type { RepositoryName } from '../oci/reference.ts'
import type { GrantedAction } from './action.ts'
import type { Place } from './place.ts'

/** `create` makes the repository that is pushed to; whoever may push to a name may. */
export type Action = GrantedAction | 'create'

export type Resource =
  | { readonly type: 'repository'; readonly name: RepositoryName }
  /** The list of repositories. It holds only what the caller may pull; that is not decided here. */
  | { readonly type: 'catalog' }
  /** Settings, users and all that concerns the whole installation. */
  | { readonly type: 'installation' }
  /** The grants of a place; `giving` are the actions that a change hands on: nobody gives what they do not have. */
  | {
      readonly type: 'place'
      readonly place: Place
      readonly giving: readonly GrantedAction[]
      /** For how long they are given: nobody gives for longer than they have. Infinity is without end. */
      readonly until?: number | undefined
    }
  /** A team: `pull` sees it, `admin` changes its members. */
  | { readonly type: 'team'; readonly name: string }
  /** Another principal's tokens, sessions and grants, or one's own. */
  | { readonly type: 'principal'; readonly name: string }
  /** The caller's own account, with a credential that is not narrowed. */
  | { readonly type: 'self' }
  /** Whoever is signed in, with whatever credential; the answer holds only what the caller may see. */
  | { readonly type: 'signed-in' }
  /** Making robots: whoever administers some place has a use for one. */
  | { readonly type: 'robots' }
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
 * such thing.
 */
export type RefusalReason = 'unauthenticated' | 'insufficient-scope' | 'forbidden' | 'hidden'
