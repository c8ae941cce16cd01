// Remembers the tokens whose signature was checked, until they expire: a client sends the same token with hundreds
// of requests, and each of them then costs one Map lookup.
import type { TokenAccess } from './identity.ts'

export interface VerifiedToken {
  /** Undefined for a token that was given to nobody in particular. */
  readonly principalId: number | undefined
  readonly access: readonly TokenAccess[]
  /** The `jti`. */
  readonly tokenId: string
  /** The personal or robot token that it was made for; it ends with that. */
  readonly carriedTokenId: number | undefined
  /** Of a CI job: JSON. */
  readonly provenance: string | undefined
  /** Milliseconds since 1970; past this the token is no longer taken, leeway included. */
  readonly goodUntilMs: number
}

export interface VerifiedTokens {
  recall(token: string): VerifiedToken | undefined
  remember(token: string, verified: VerifiedToken): void
}

const maxEntries = 10_000
// Tokens of 8 KiB are possible, and 10,000 of them would be too much.
const maxCharacters = 16 * 1024 * 1024

/** `now` in milliseconds since 1970. The oldest entries make room for new ones. */
export function createVerifiedTokens(now: () => number): VerifiedTokens {
  const entries = new Map<string, VerifiedToken>()
  let characters = 0

  function drop(token: string): void {
    if (entries.delete(token)) characters -= token.length
  }

  return {
    recall(token) {
      const verified = entries.get(token)
      if (verified === undefined || now() < verified.goodUntilMs) return verified
      drop(token)
      return undefined
    },
    remember(token, verified) {
      drop(token)
      for (const oldest of entries.keys()) {
        if (entries.size < maxEntries && characters + token.length <= maxCharacters) break
        drop(oldest)
      }
      entries.set(token, verified)
      characters += token.length
    },
  }
}
