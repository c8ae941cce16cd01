// The keys of an issuer: a JWK Set (RFC 7517 5) of which only public signature keys of known kinds are kept. Which
// algorithms a key may verify is the key's affair, never the token's.
import { createPublicKey } from 'node:crypto'
import type { JsonWebKey, KeyObject } from 'node:crypto'
import { isObject } from './id-token-format.ts'
import type { IdTokenAlgorithm } from './id-token-format.ts'

export interface IssuerKey {
  readonly kid: string | undefined
  readonly key: KeyObject
  readonly algorithms: readonly IdTokenAlgorithm[]
}

const maxKeys = 100
const minRsaBits = 2048
const maxRsaBits = 8192

const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const

/** Undefined when it is not a key set; keys of no use to us are left out of one. */
export function readKeySet(document: unknown): readonly IssuerKey[] | undefined {
  if (!isObject(document) || !Array.isArray(document['keys'])) return undefined
  const keys: IssuerKey[] = []
  for (const jwk of document['keys'].slice(0, maxKeys) as unknown[]) {
    const key = isObject(jwk) ? readKey(jwk) : undefined
    if (key !== undefined) keys.push(key)
  }
  return keys
}

/** Keys that may have signed such a token: without a key id in the token, all of the kind. */
export function fittingKeys(
  keys: readonly IssuerKey[],
  alg: IdTokenAlgorithm,
  kid: string | undefined,
): readonly IssuerKey[] {
  return keys.filter(
    (key) => (kid === undefined || key.kid === kid) && key.algorithms.includes(alg),
  )
}

function readKey(jwk: Readonly<Record<string, unknown>>): IssuerKey | undefined {
  const { kid, use, key_ops: operations, alg } = jwk
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !isListWith(operations, 'verify')) return undefined
  // Whoever publishes the private half of a key has no key: anybody can sign with it.
  if (Object.hasOwn(jwk, 'd') || Object.hasOwn(jwk, 'k')) return undefined
  const key = importKey(jwk)
  if (key === undefined) return undefined
  const algorithms = algorithmsOf(key).filter((one) => alg === undefined || alg === one)
  if (algorithms.length === 0) return undefined
  return { kid: typeof kid === 'string' ? kid : undefined, key, algorithms }
}

function importKey({
  kty,
  crv,
  x,
  y,
  n,
  e,
}: Readonly<Record<string, unknown>>): KeyObject | undefined {
  try {
    const jwk = { kty, crv, x, y, n, e } as JsonWebKey
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    // Of a kind that Node does not know, or broken: the token that needs it is refused for want of a key.
    return undefined
  }
}

function algorithmsOf(key: KeyObject): readonly IdTokenAlgorithm[] {
  const { modulusLength = 0, publicExponent = 0n, namedCurve } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'rsa': {
      const isGood = modulusLength >= minRsaBits && modulusLength <= maxRsaBits
      return isGood && publicExponent >= 3n ? rsaAlgorithms : []
    }
    case 'ec':
      if (namedCurve === 'prime256v1') return ['ES256']
      return namedCurve === 'secp384r1' ? ['ES384'] : []
    case 'ed25519':
      return ['EdDSA']
    default:
      return []
  }
}

function isListWith(value: unknown, entry: string): boolean {
  return Array.isArray(value) && value.includes(entry)
}
