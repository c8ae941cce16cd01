// The outside of an ID token: a JWS in compact form (RFC 7515 7.1) whose payload is an object of claims. Of the header
// only `alg` and `kid` are read; what would name a key in another way is refused and not ignored.
import { IdTokenError, quoted } from './id-token-error.ts'

export interface UnverifiedIdToken {
  readonly alg: IdTokenAlgorithm
  readonly kid: string | undefined
  readonly claims: Readonly<Record<string, unknown>>
}

/** None of them with a shared secret, and none without a signature. */
const idTokenAlgorithms = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'EdDSA'] as const),
] as const

export type IdTokenAlgorithm = (typeof idTokenAlgorithms)[number]

// Both are guarded by id-token-forged.test.ts.
const maxIdTokenCharacters = 16 * 1024
const maxKeyIdCharacters = 512

const tokenPattern = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/
const refusedHeaders = ['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'] as const
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @throws {IdTokenError} token */
export function readIdToken(token: string): UnverifiedIdToken {
  const [head, body] = partsOf(token)
  const header = parseObject(head)
  const claims = parseObject(body)
  if (header === undefined || claims === undefined) {
    throw refused('is damaged: it is not made of JSON objects')
  }
  for (const name of refusedHeaders) {
    if (Object.hasOwn(header, name)) throw refused(`has ${name} in its header, which is not taken`)
  }
  const { alg, typ, kid } = header
  if (!isAlgorithm(alg)) throw refused(`is signed with ${quoted(alg)}, which is not taken`)
  // Access and logout tokens (at+jwt, logout+jwt) have the same issuer and keys, and another meaning.
  if (typ !== undefined && !(typeof typ === 'string' && /^(application\/)?jwt$/i.test(typ))) {
    throw refused(`is of the type ${quoted(typ)} and not an ID token`)
  }
  if (kid === undefined) return { alg, kid, claims }
  if (typeof kid !== 'string' || kid === '' || kid.length > maxKeyIdCharacters) {
    throw refused('has a key id that is not one')
  }
  return { alg, kid, claims }
}

/** Cheap, and true for nothing that people choose as a password. */
export function hasFormOfIdToken(text: string): boolean {
  return text.startsWith('ey') && text.length <= maxIdTokenCharacters && tokenPattern.test(text)
}

function partsOf(token: string): readonly [string, string] {
  if (token.length > maxIdTokenCharacters) {
    throw refused(`is longer than ${maxIdTokenCharacters} characters`)
  }
  const [, head, body, signature] = tokenPattern.exec(token) ?? []
  if (head === undefined || body === undefined || signature === undefined) {
    throw refused('is damaged: it does not have three parts')
  }
  if (![head, body, signature].every(isCanonical)) throw refused('is damaged: it is not base64url')
  return [head, body]
}

/** Every text of bytes has one spelling, so that a token cannot come in many. */
function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}

function parseObject(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(Buffer.from(part, 'base64url')))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isAlgorithm(value: unknown): value is IdTokenAlgorithm {
  return (idTokenAlgorithms as readonly unknown[]).includes(value)
}

function refused(what: string): IdTokenError {
  return new IdTokenError('token', `The ID token ${what}.`)
}
