// A token as people see it: whose it is, what it may do, when it was used and when it ends. Never its secret, nor
// what is kept of that.
import { secretState } from '../auth/secret-slots.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { findPrincipalById } from '../metadata/principals.ts'
import type { SecretSlot, TokenKind } from '../metadata/token-secrets.ts'
import { formatTokenScope, readTokenScopes } from '../auth/token-scope.ts'
import type { ListedToken } from '../metadata/tokens.ts'

export interface Token {
  readonly id: number
  readonly kind: TokenKind
  readonly owner: TokenOwner
  readonly name: string
  /** As people write them; undefined is all that its owner may. */
  readonly scopes: readonly string[] | undefined
  readonly state: 'active' | 'expired' | 'revoked'
  readonly createdAt: number
  readonly createdBy: string | undefined
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
  readonly lastUsedAt: number | undefined
  readonly lastUsedFrom: string | undefined
  /** The one that was replaced first. */
  readonly secrets: readonly TokenSecret[]
}

export interface TokenOwner {
  readonly id: number
  readonly name: string
  readonly kind: 'user' | 'robot' | 'federated'
  /** Who made it: a robot's maker looks after its tokens. */
  readonly createdBy: number | undefined
}

export interface TokenSecret {
  readonly slot: number
  /** replaced: it works until its use stops, or until `endsAt`. */
  readonly state: 'current' | 'replaced' | 'ended'
  readonly createdAt: number
  readonly lastUsedAt: number | undefined
  readonly replacedAt: number | undefined
  readonly endsAt: number | undefined
}

/** A principal that a page of tokens speaks of is looked up once. */
export function createTokenViews(reader: Reader): (token: ListedToken) => Promise<Token> {
  const known = new Map<number, TokenOwner>()
  const find = async (id: number): Promise<TokenOwner | undefined> => {
    const before = known.get(id)
    if (before !== undefined) return before
    const row = await findPrincipalById(reader, id)
    if (row === undefined) return undefined
    const owner = { id, name: row.name, kind: row.kind, createdBy: row.createdBy }
    known.set(id, owner)
    return owner
  }
  return async (token) => {
    const owner = await find(token.principalId)
    // The database removes a principal's tokens with it.
    if (owner === undefined) throw new Error(`the token ${token.id} belongs to nobody`)
    const maker = token.createdBy === undefined ? undefined : await find(token.createdBy)
    return viewOf(token, owner, maker?.name)
  }
}

function viewOf(token: ListedToken, owner: TokenOwner, createdBy: string | undefined): Token {
  const now = Date.now()
  const { id, kind, name, createdAt, expiresAt, revokedAt, lastUsedAt, lastUsedFrom } = token
  return {
    id,
    kind,
    owner,
    name,
    scopes: readTokenScopes(token.scopes)?.map(formatTokenScope),
    state: stateOf(token, now),
    createdAt,
    createdBy,
    expiresAt,
    revokedAt,
    lastUsedAt,
    lastUsedFrom,
    secrets: token.secrets.map((secret) => secretOf(secret, now)),
  }
}

function stateOf({ revokedAt, expiresAt }: ListedToken, now: number): Token['state'] {
  if (revokedAt !== undefined) return 'revoked'
  return expiresAt !== undefined && expiresAt <= now ? 'expired' : 'active'
}

function secretOf(secret: SecretSlot, now: number): TokenSecret {
  const { slot, createdAt, lastUsedAt, replacedAt, endsAt } = secret
  const isCurrent = replacedAt === undefined ? 'current' : 'replaced'
  const state = secretState(secret, now) === 'ended' ? 'ended' : isCurrent
  return { slot, state, createdAt, lastUsedAt, replacedAt, endsAt }
}
