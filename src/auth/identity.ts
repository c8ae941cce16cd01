// Who is asking. Kinds are told apart by a field, never by how a name looks.
import type { HeldGrant } from './held-grant.ts'
import type { TokenScope } from './token-scope.ts'

/** `local`, `htpasswd`, `robot`, `federation`, `oidc:NAME`, `ldap:NAME`. Together with a subject it is an identity. */
export type Provider =
  | 'local'
  | 'htpasswd'
  | 'robot'
  | 'federation'
  | `oidc:${string}`
  | `ldap:${string}`

export type PrincipalKind = 'user' | 'robot' | 'federated'

/** One thing that a token lets its bearer do, if the bearer still has the right to. */
export interface TokenAccess {
  /** 'registry' with the name 'catalog' is the list of repositories. */
  readonly type: 'repository' | 'registry'
  /**
   * The repository's immutable id when the token was made: a repository deleted and made again under the same
   * name is another one. Undefined: there was no repository of that name yet.
   */
  readonly repositoryId: number | undefined
  readonly name: string
  readonly actions: readonly string[]
}

/** `limits` is there for whoever presented a registry token: they narrow what the rights allow, and never widen it. */
export type Identity = AnonymousIdentity | OpenIdentity | OperatorIdentity | PrincipalIdentity

export interface AnonymousIdentity {
  readonly kind: 'anonymous'
  /** What was granted to anybody at all. */
  readonly grants?: readonly HeldGrant[]
  readonly limits?: readonly TokenAccess[]
}

/**
 * Anybody, in an installation (or from an address) that was opened on purpose: everything on repositories. With a name
 * and limits: the bearer of a token of somebody else's token service, whose word is all that counts.
 */
export interface OpenIdentity {
  readonly kind: 'open'
  readonly name?: string
  readonly limits?: readonly TokenAccess[]
}

/** Whoever runs commands beside the data, and so could change the database itself. Never comes over the network. */
export interface OperatorIdentity {
  readonly kind: 'operator'
  readonly limits?: readonly TokenAccess[]
}

/** What a person or robot holds instead of a password. */
export interface CarriedToken {
  readonly id: number
  readonly kind: 'personal' | 'robot' | 'login'
  /** Undefined: all that the principal may. */
  readonly scopes: readonly TokenScope[] | undefined
  readonly expiresAt: number | undefined
  /** Of the secret that was presented; undefined for a registry token that was made with one. */
  readonly secretHash?: string
}

export interface PrincipalIdentity {
  readonly kind: 'principal'
  /** Immutable and never given out twice. */
  readonly id: number
  readonly name: string
  readonly principalKind: PrincipalKind
  readonly provider: Provider
  readonly admin: boolean
  /** Its own, those of its teams, and those of everybody. */
  readonly grants: readonly HeldGrant[]
  readonly token?: CarriedToken
  /** The id of the browser's session that it came with. */
  readonly session?: number
  /** JSON of what a CI job's identity token says of it. */
  readonly provenance?: string
  readonly limits?: readonly TokenAccess[]
}

/** Undefined for whoever is nobody in particular. */
export function principalId(identity: Identity): number | undefined {
  return identity.kind === 'principal' ? identity.id : undefined
}

/** As the audit log and messages call it. */
export function nameOfIdentity(identity: Identity): string {
  return 'name' in identity && identity.name !== undefined ? identity.name : identity.kind
}
