// Who is asking. Kinds are told apart by a field, never by how a name looks.

export type Provider = 'local' | 'htpasswd'

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

/** `limits` is there for whoever presented a Bearer token: they narrow what the rights allow, and never widen it. */
export type Identity = AnonymousIdentity | OpenIdentity | PrincipalIdentity

export interface AnonymousIdentity {
  readonly kind: 'anonymous'
  readonly limits?: readonly TokenAccess[]
}

/** Anybody, in an installation (or from an address) that was opened on purpose: everything on repositories. */
export interface OpenIdentity {
  readonly kind: 'open'
  readonly limits?: readonly TokenAccess[]
}

export interface PrincipalIdentity {
  readonly kind: 'principal'
  /** Immutable and never given out twice. */
  readonly id: number
  readonly name: string
  readonly provider: Provider
  readonly admin: boolean
  readonly limits?: readonly TokenAccess[]
}
