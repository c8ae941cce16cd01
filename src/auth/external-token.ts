// Registry tokens of somebody else's token service (auth.token of registry:2's configuration): docker_auth, GitLab, Portus.
// What stands in the token is all that its bearer may do. Spec: distribution spec/auth/jwt.md and its token access controller.
import { createHash, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import {
  calculateJwkThumbprint,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  importJWK,
  jwtVerify,
  type CryptoKey,
  type JWK,
  type ProtectedHeaderParameters,
} from 'jose'
import { OciError } from '../oci/errors.ts'
import type { Identity, TokenAccess } from './identity.ts'

export interface ExternalTokenOptions {
  readonly issuer: string
  readonly service: string
  /** PEM with certificates of the token service, or of who signed them. */
  readonly rootCertBundle?: string | undefined
  /** JSON, RFC 7517. */
  readonly jwks?: string | undefined
  /** Empty: all asymmetric ones that distribution takes. */
  readonly algorithms: readonly string[]
}

export interface ExternalTokens {
  /** Whether it says that it comes from there; nothing is checked. */
  claims(token: string): boolean
  /** @throws {OciError} UNAUTHORIZED with the detail `{ bearer: 'invalid_token' }` */
  verify(token: string): Promise<Identity>
}

const usualAlgorithms = [
  'EdDSA',
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
]
const leewaySeconds = 60
const longestToken = 64 * 1024
const mostRemembered = 10_000

type Key = CryptoKey | KeyObject | Uint8Array

interface TrustedKeys {
  /** By key id: what the document says, the RFC 7638 thumbprint, and the older libtrust id. */
  readonly byId: ReadonlyMap<string, Key>
  readonly roots: readonly X509Certificate[]
}

/** @throws {Error} when no key can be read, or an algorithm is no signature with a public key */
export async function createExternalTokens(options: ExternalTokenOptions): Promise<ExternalTokens> {
  const algorithms = options.algorithms.length > 0 ? options.algorithms : usualAlgorithms
  const odd = algorithms.find((algorithm) => !usualAlgorithms.includes(algorithm))
  if (odd !== undefined) throw new Error(`auth.token.signingalgorithms: ${odd} cannot be used here`)
  const keys = await trustedKeys(options)
  if (keys.byId.size === 0) throw new Error('auth.token: there is no key to check tokens with')
  const remembered = new Map<string, { readonly identity: Identity; readonly endsAt: number }>()

  async function verify(token: string): Promise<Identity> {
    if (token.length > longestToken) throw invalidToken('it is too long')
    const name = createHash('sha256').update(token).digest('base64')
    const known = remembered.get(name)
    if (known !== undefined && known.endsAt > Date.now()) return known.identity
    const { issuer, service: audience } = options
    try {
      const key = (header: ProtectedHeaderParameters) => keyFor(keys, header)
      const checks = {
        issuer,
        audience,
        algorithms: [...algorithms],
        clockTolerance: leewaySeconds,
      }
      const { payload } = await jwtVerify(token, key, { ...checks, requiredClaims: ['exp'] })
      const { sub, exp = 0 } = payload
      const identity: Identity = {
        kind: 'open',
        ...(sub !== undefined && sub !== '' && { name: sub }),
        limits: readAccess(payload['access']),
      }
      if (remembered.size >= mostRemembered) remembered.clear()
      remembered.set(name, { identity, endsAt: (exp + leewaySeconds) * 1000 })
      return identity
    } catch (error) {
      throw invalidToken(error instanceof Error ? error.message : String(error), error)
    }
  }

  return {
    claims(token) {
      try {
        return (
          decodeJwt(token).iss === options.issuer && decodeProtectedHeader(token).alg !== undefined
        )
      } catch {
        return false
      }
    },
    verify,
  }
}

async function trustedKeys({ rootCertBundle, jwks }: ExternalTokenOptions): Promise<TrustedKeys> {
  const byId = new Map<string, Key>()
  const roots = certificatesOf(rootCertBundle ?? '')
  for (const { publicKey } of roots) {
    byId.set(libtrustId(publicKey), publicKey)
    byId.set(await calculateJwkThumbprint(await exportJWK(publicKey)), publicKey)
  }
  for (const jwk of keysOf(jwks)) {
    const key = await importJWK(jwk, jwk.alg ?? defaultAlgorithm(jwk))
    byId.set(await calculateJwkThumbprint(jwk), key)
    if (jwk.kid !== undefined) byId.set(jwk.kid, key)
  }
  return { byId, roots }
}

function keysOf(jwks: string | undefined): readonly JWK[] {
  if (jwks === undefined) return []
  const { keys } = JSON.parse(jwks) as { readonly keys?: readonly JWK[] }
  return (keys ?? []).filter(({ kty }) => kty !== 'oct')
}

function defaultAlgorithm({ kty, crv }: JWK): string {
  if (kty === 'EC') return crv === 'P-384' ? 'ES384' : crv === 'P-521' ? 'ES512' : 'ES256'
  return kty === 'OKP' ? 'EdDSA' : 'RS256'
}

function certificatesOf(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

/** The id of a key in tokens of registry:2's time: 240 bits of a hash in groups of four letters. */
function libtrustId(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' })
  const bits = createHash('sha256').update(der).digest().subarray(0, 30)
  return (base32(bits).match(/.{4}/g) ?? []).join(':')
}

function base32(bytes: Uint8Array): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  let bits = ''
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0')
  return (bits.match(/.{5}/g) ?? []).map((five) => alphabet[Number.parseInt(five, 2)]).join('')
}

/** @throws {Error} when the header names no key that is trusted */
async function keyFor(
  { byId, roots }: TrustedKeys,
  header: ProtectedHeaderParameters,
): Promise<Key> {
  const { x5c, jwk, kid } = header
  if (Array.isArray(x5c) && x5c.length > 0) return keyOfChain(x5c, roots)
  const id = jwk === undefined ? kid : await calculateJwkThumbprint(jwk)
  const key = typeof id === 'string' ? byId.get(id) : undefined
  if (key === undefined) throw new Error('it is signed by a key that is not trusted here')
  return key
}

const longestChain = 8

/** Each signed by the next, and the last by a root or one itself; all of them valid today. */
function keyOfChain(x5c: readonly string[], roots: readonly X509Certificate[]): KeyObject {
  const chain = x5c
    .slice(0, longestChain)
    .map((der) => new X509Certificate(Buffer.from(der, 'base64')))
  const [leaf] = chain
  if (leaf === undefined) throw new Error('its certificate chain is empty')
  for (const [index, certificate] of chain.entries()) {
    requireValidNow(certificate)
    if (roots.some((root) => isIssuedBy(certificate, root) || isSame(certificate, root))) {
      return createPublicKey(leaf.publicKey.export({ type: 'spki', format: 'pem' }))
    }
    const next = chain[index + 1]
    if (next === undefined || !isIssuedBy(certificate, next)) break
  }
  throw new Error('its certificate is signed by nobody who is trusted here')
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function isSame(one: X509Certificate, other: X509Certificate): boolean {
  return one.fingerprint256 === other.fingerprint256
}

function requireValidNow({ validFromDate, validToDate }: X509Certificate): void {
  const now = Date.now()
  if (validFromDate.getTime() <= now && now <= validToDate.getTime()) return
  throw new Error('its certificate is not valid today')
}

/** What cannot be read allows nothing. */
function readAccess(access: unknown): readonly TokenAccess[] {
  if (!Array.isArray(access)) return []
  return access.flatMap((entry: unknown) => {
    const { type, name, actions } = (entry ?? {}) as Record<string, unknown>
    if ((type !== 'repository' && type !== 'registry') || typeof name !== 'string') return []
    if (!Array.isArray(actions)) return []
    const words = actions.filter((action) => typeof action === 'string')
    // "*" is everything, which on a repository is what these three words say.
    const all = type === 'repository' && words.includes('*') ? ['pull', 'push', 'delete'] : words
    return [{ type, name, repositoryId: undefined, actions: all }]
  })
}

function invalidToken(why: string, cause?: unknown): OciError {
  return new OciError('UNAUTHORIZED', {
    message: `The token is not accepted: ${why}. Log in again with: docker login`,
    detail: { bearer: 'invalid_token' },
    cause,
  })
}
