// Signing in with what Carrel itself gave out: registry tokens (JWT) as Bearer, and secrets of personal and robot
// tokens, as Bearer or as docker's password.
import type { TokenIssuer } from './bearer.ts'
import type { Basic } from './credentials.ts'
import type { HeldGrant } from './held-grant.ts'
import type { Identity, TokenAccess } from './identity.ts'
import type { TokenRecord } from './principal.ts'
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
  function known(verified: VerifiedToken): Identity | undefined {
    const { principalId, carriedTokenId, provenance, access: limits } = verified
    if (principalId === undefined) {
      const grants = states.anybody.peek(0)
      return grants && anonymousWith(grants, limits)
    }
    const record = states.peek(principalId)
    if (record === undefined || !states.isActive(record)) return undefined
    if (carriedTokenId === undefined) return identityOf(record, { provenance, limits })
    const token = states.tokens.peek(carriedTokenId)
    if (token === undefined || !isGood(token)) return undefined
    return identityOf(record, { token, provenance, limits })
  }

  return {
    recall(token) {
      const verified = tokens.recall(token)
      return verified && known(verified)
    },
    async signIn(token) {
      const verified = await tokens.verify(token)
      if (verified === undefined) throw invalidToken()
      if (verified.principalId === undefined) {
        return anonymousWith((await states.anybody.get(0)) ?? [], verified.access)
      }
      await states.get(verified.principalId)
      if (verified.carriedTokenId !== undefined) await states.tokens.get(verified.carriedTokenId)
      const identity = known(verified)
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
  function known(user: string | undefined, hash: string): Identity | undefined {
    const secret = states.secrets.peek(hash)
    const token = secret && states.tokens.peek(secret.tokenId)
    const record = token && states.peek(token.principalId)
    if (secret === undefined || record === undefined || token === undefined) return undefined
    if (!isGood(token) || !states.isActive(record)) return undefined
    if (user !== undefined && user !== record.name && !isAlias(user)) return undefined
    return identityOf(record, { token: { ...token, secretHash: hash } })
  }

  return {
    recall: ({ user, password }) => known(user, hashSecret(password)),
    async signIn({ user, password }) {
      const hash = hashSecret(password)
      const secret = await states.secrets.get(hash)
      const token = secret && (await states.tokens.get(secret.tokenId))
      if (token !== undefined) await states.get(token.principalId)
      const identity = known(user, hash)
      if (identity === undefined) throw user === undefined ? invalidToken() : wrongCredentials()
      return identity
    },
  }
}
