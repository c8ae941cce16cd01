// Signing in with what Carrel itself gave out: registry tokens (JWT) as Bearer, and secrets of personal and robot
// tokens, as Bearer or as docker's password.
import type { TokenIssuer } from './bearer.ts'
import type { Basic } from './credentials.ts'
import type { HeldGrant } from './held-grant.ts'
import type { Identity, TokenAccess } from './identity.ts'
import type { PrincipalRecord, TokenRecord } from './principal.ts'
import type { PrincipalStates } from './principal-states.ts'
import { hashSecret } from './secret-format.ts'
import { identityOf, invalidToken, wrongCredentials, type SignIn } from './sign-in.ts'
import { isAlias } from './user-aliases.ts'
import type { VerifiedToken } from './verified-tokens.ts'

export function registryTokenSignIn(
  tokens: Pick<TokenIssuer, 'verify' | 'recall'>,
  states: PrincipalStates,
): SignIn<string> {
  /** Undefined where something has to be looked up, or is no longer good. */
  function bearerOf(
    { carriedTokenId, provenance, access: limits }: VerifiedToken,
    record: PrincipalRecord | undefined,
    token: TokenRecord | undefined,
  ): Identity | undefined {
    if (record === undefined || !states.isActive(record)) return undefined
    if (carriedTokenId === undefined) return identityOf(record, { provenance, limits })
    if (token === undefined || !isGood(token)) return undefined
    return identityOf(record, { token, provenance, limits })
  }

  return {
    recall(text) {
      const verified = tokens.recall(text)
      if (verified === undefined) return undefined
      const { principalId, carriedTokenId, access } = verified
      if (principalId === undefined) {
        const grants = states.anybody.peek(0)
        return grants && anonymousWith(grants, access)
      }
      const token = carriedTokenId === undefined ? undefined : states.tokens.peek(carriedTokenId)
      return bearerOf(verified, states.peek(principalId), token)
    },
    async signIn(text) {
      const verified = await tokens.verify(text)
      if (verified === undefined) throw invalidToken()
      const { principalId, carriedTokenId, access } = verified
      if (principalId === undefined) {
        return anonymousWith((await states.anybody.get(0)) ?? [], access)
      }
      const token =
        carriedTokenId === undefined ? undefined : await states.tokens.get(carriedTokenId)
      const identity = bearerOf(verified, await states.get(principalId), token)
      if (identity === undefined) throw invalidToken()
      return identity
    },
  }
}

function anonymousWith(grants: readonly HeldGrant[], limits: readonly TokenAccess[]): Identity {
  return { kind: 'anonymous', grants, limits }
}

function isGood({ revoked, expiresAt }: TokenRecord): boolean {
  return !revoked && (expiresAt === undefined || expiresAt > Date.now())
}

/** `user` is undefined for a secret that came as Bearer. */
export type PresentedSecret = Pick<Basic, 'password'> & { readonly user: string | undefined }

export function secretSignIn(states: PrincipalStates): SignIn<PresentedSecret> {
  /** Undefined where something has to be looked up, or is no longer good. */
  function bearerOf(
    { user, hash }: { readonly user: string | undefined; readonly hash: string },
    token: TokenRecord | undefined,
    record: PrincipalRecord | undefined,
  ): Identity | undefined {
    if (token === undefined || record === undefined) return undefined
    if (!isGood(token) || !states.isActive(record)) return undefined
    if (user !== undefined && user !== record.name && !isAlias(user)) return undefined
    return identityOf(record, { token: { ...token, secretHash: hash } })
  }

  return {
    recall({ user, password }) {
      const hash = hashSecret(password)
      const secret = states.secrets.peek(hash)
      const token = secret && states.tokens.peek(secret.tokenId)
      return token && bearerOf({ user, hash }, token, states.peek(token.principalId))
    },
    async signIn({ user, password }) {
      const hash = hashSecret(password)
      const secret = await states.secrets.get(hash)
      const token = secret && (await states.tokens.get(secret.tokenId))
      const record = token && (await states.get(token.principalId))
      const identity = bearerOf({ user, hash }, token, record)
      if (identity === undefined) throw user === undefined ? invalidToken() : wrongCredentials()
      return identity
    },
  }
}
