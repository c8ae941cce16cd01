// ID tokens of CI jobs and workloads (OpenID Connect Core 1.0, 3.1.3.7), of any issuer that publishes its keys. What
// can be seen in the token is looked at before anything is fetched; nothing is believed before its signature is good.
import { compactVerify } from 'jose'
import type { Outbound } from '../outbound/outbound.ts'
import { IdTokenError, quoted } from './id-token-error.ts'
import { hasFormOfIdToken, readIdToken } from './id-token-format.ts'
import type { UnverifiedIdToken } from './id-token-format.ts'
import { createIssuerKeys } from './id-token-issuer.ts'
import type { KeySource } from './id-token-issuer.ts'
import { fittingKeys } from './id-token-keys.ts'
import type { IssuerKey } from './id-token-keys.ts'

export interface IdTokenClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: string | readonly string[]
  /** Seconds since 1970, as `iat`. */
  readonly exp: number
  readonly iat: number
  readonly [claim: string]: unknown
}

export interface ExpectedIdToken extends KeySource {
  /** To the letter, as the token has it. */
  readonly issuer: string
  readonly audience: string
}

export interface IdTokenVerifier {
  /** @throws {IdTokenError} token, when it is not good; issuer, when its keys cannot be had */
  verify(token: string, expected: ExpectedIdToken): Promise<IdTokenClaims>
  /** Asks the issuer for its keys, whatever is remembered. @throws {IdTokenError} issuer, with what is wrong */
  validateIssuer(issuer: string, jwksUrl?: string): Promise<void>
}

export interface IdTokenVerifierOptions {
  readonly outbound: Pick<Outbound, 'getJson'>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const leewaySeconds = 60
const maxSubjectCharacters = 1024
const maxIssuerCharacters = 1024
/** The last second of the year 9999. */
const maxTime = 253_402_300_799
/** Of one key id, or without one of all keys: more are not tried. */
const maxTriedKeys = 4

export function createIdTokenVerifier(options: IdTokenVerifierOptions): IdTokenVerifier {
  const { outbound, now = Date.now } = options
  const issuerKeys = createIssuerKeys({ outbound, now })

  async function verify(token: string, expected: ExpectedIdToken): Promise<IdTokenClaims> {
    const unverified = readIdToken(token)
    const claims = checkClaims(unverified.claims, expected, now() / 1000)
    const keys = await issuerKeys.current(expected)
    if (await isSignedBy(keys, token, unverified)) return claims
    // A key that is new, or new under an old name: the issuer may say so, but not at every forged token.
    const newer = await issuerKeys.renewed(expected)
    if (newer !== keys && (await isSignedBy(newer, token, unverified))) return claims
    throw signatureError(newer, unverified)
  }

  async function validateIssuer(issuer: string, jwksUrl?: string): Promise<void> {
    await issuerKeys.fetch({ issuer, jwksUrl })
  }

  return { verify, validateIssuer }
}

/** Whether it is worth asking `peekIssuer`; says nothing about who made it. */
export function looksLikeIdToken(text: string): boolean {
  return hasFormOfIdToken(text)
}

/** Who the token says it is from, to find out which rules may apply. Nobody has verified it. */
export function peekIssuer(token: string): string | undefined {
  if (!hasFormOfIdToken(token)) return undefined
  try {
    const { iss } = readIdToken(token).claims
    return typeof iss === 'string' && iss.length <= maxIssuerCharacters ? iss : undefined
  } catch {
    // What cannot be read has no issuer; `verify` says why.
    return undefined
  }
}

async function isSignedBy(
  keys: readonly IssuerKey[],
  token: string,
  { alg, kid }: UnverifiedIdToken,
): Promise<boolean> {
  for (const { key } of fittingKeys(keys, alg, kid).slice(0, maxTriedKeys)) {
    try {
      await compactVerify(token, key, { algorithms: [alg] })
      return true
    } catch {
      // Every way in which a signature can be wrong is the same: this key did not make it.
    }
  }
  return false
}

function signatureError(keys: readonly IssuerKey[], { alg, kid }: UnverifiedIdToken): IdTokenError {
  if (fittingKeys(keys, alg, kid).length > 0) return refused('is not signed by its issuer')
  const named = kid === undefined ? '' : ` with the id ${quoted(kid)}`
  return refused(`is signed with ${alg}, for which its issuer has no key${named}`)
}

function checkClaims(
  claims: Readonly<Record<string, unknown>>,
  { issuer, audience }: ExpectedIdToken,
  nowSeconds: number,
): IdTokenClaims {
  const { iss, sub, aud, exp, iat, nbf } = claims
  if (iss !== issuer) throw refused(`is from ${quoted(iss)} and not from ${quoted(issuer)}`)
  if (!isAudience(aud)) throw refused('does not say whom it is for (aud)')
  // Never includes() on a text: https://r.example.com is a part of https://r.example.com.evil.test.
  const audiences: readonly string[] = typeof aud === 'string' ? [aud] : aud
  if (audience === '' || !audiences.includes(audience)) {
    const wanted = `ask for a token with the audience ${quoted(audience)}`
    throw new IdTokenError('token', `The ID token is for ${quoted(aud)}: ${wanted}.`)
  }
  if (typeof sub !== 'string' || sub === '' || sub.length > maxSubjectCharacters) {
    throw refused('does not say whom it stands for (sub)')
  }
  if (!isTime(exp) || !isTime(iat) || !(nbf === undefined || isTime(nbf)) || exp < iat) {
    throw refused('does not say from when to when it is good (iat, nbf, exp)')
  }
  if (exp + leewaySeconds <= nowSeconds) throw refused(`was good until ${timeText(exp)}`)
  const start = Math.max(iat, nbf ?? iat)
  if (start - leewaySeconds > nowSeconds) {
    throw refused(`is good only from ${timeText(start)}; check the clocks`)
  }
  return { ...claims, iss: issuer, sub, aud, exp, iat }
}

function isAudience(aud: unknown): aud is string | readonly string[] {
  return (
    typeof aud === 'string' || (Array.isArray(aud) && aud.every((one) => typeof one === 'string'))
  )
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= maxTime
}

function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}

function refused(what: string): IdTokenError {
  return new IdTokenError('token', `The ID token ${what}.`)
}
