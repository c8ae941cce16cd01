// One identity token against several trust rules: it is verified once for each (issuer, audience), whatever comes of it.
import type { FederationRuleRow } from '../metadata/federation.ts'
import { IdTokenError } from '../sign-on/id-token-error.ts'
import type { IdTokenClaims, IdTokenVerifier } from '../sign-on/id-token.ts'

/** The claims of the verified token, or why it is not taken. */
export type TokenCheck = (
  rule: Pick<FederationRuleRow, 'issuer' | 'audience' | 'jwksUrl'>,
) => Promise<IdTokenClaims | IdTokenError>

export function createTokenCheck(
  { idTokens }: { readonly idTokens: Pick<IdTokenVerifier, 'verify'> },
  token: string,
): TokenCheck {
  const checked = new Map<string, Promise<IdTokenClaims | IdTokenError>>()
  return async ({ issuer, audience, jwksUrl }) => {
    const key = JSON.stringify([issuer, audience, jwksUrl])
    const before = checked.get(key)
    if (before !== undefined) return before
    const outcome = idTokens.verify(token, { issuer, audience, jwksUrl }).catch(problemOf)
    checked.set(key, outcome)
    return outcome
  }
}

function problemOf(error: unknown): IdTokenError {
  if (error instanceof IdTokenError) return error
  throw error
}
