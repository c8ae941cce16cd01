// Registry tokens: JWTs that this installation signs for itself (EdDSA with Ed25519). The claims are those of
// distribution's token specification (docs/content/spec/auth/jwt.md), and one of ours binds each entry of `access`
// to the repository's immutable id. Of a token's header nothing is trusted but `kid`, as an index into our own keys.
import { createPrivateKey, createPublicKey, randomUUID } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import type { JWK, JWTPayload } from 'jose'
import type { Identity, TokenAccess } from './identity.ts'
import { createVerifiedTokens } from './verified-tokens.ts'
import type { VerifiedToken } from './verified-tokens.ts'

export interface SigningKey {
  readonly kid: string
  readonly privateJwk: JWK
  readonly publicJwk: JWK
}

export interface IssuedToken {
  readonly token: string
  readonly expiresInSeconds: number
}

export interface TokenIssuer {
  /** The token carries `access` and no more; what the identity may do is looked at again with each request. */
  issue(identity: Identity, access: readonly TokenAccess[]): Promise<IssuedToken>
  /** Undefined for all that is not a token of ours that is good now. Never throws. */
  verify(token: string): Promise<VerifiedToken | undefined>
  /** What `verify` found before, while it is still good. */
  recall(token: string): VerifiedToken | undefined
  /** From now on these keys count and no others. @throws {Error} as createTokenIssuer does */
  replaceKeys(keys: readonly SigningKey[]): void
}

export interface TokenIssuerOptions {
  /** The first signs; tokens of all are taken, so that a new key can come while old tokens are about. */
  readonly keys: readonly SigningKey[]
  /** Issuer and audience. Clients know it as `service`. */
  readonly installationId: string
  readonly lifetimeMs?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const algorithm = 'EdDSA'
const type = 'JWT'
// Guarded by the forged tokens of bearer-forged.test.ts.
const maxTokenCharacters = 16 * 1024
const leewaySeconds = 60
/** Identity tokens of CI jobs live for minutes; a slow push must not end with them. */
const federatedLifetimeMs = 60 * 60_000
/** Clocks of other servers may be behind ours. */
const backdatedSeconds = 60

export async function generateSigningKey(): Promise<SigningKey> {
  const pair = await generateKeyPair(algorithm, { crv: 'Ed25519', extractable: true })
  const publicJwk = await exportJWK(pair.publicKey)
  return {
    kid: await calculateJwkThumbprint(publicJwk),
    privateJwk: await exportJWK(pair.privateKey),
    publicJwk,
  }
}

/** @throws {Error} when there is no key, or one is not a whole Ed25519 pair */
export function createTokenIssuer(options: TokenIssuerOptions): TokenIssuer {
  const { keys, installationId, lifetimeMs = 15 * 60_000, now = Date.now } = options
  if (installationId === '') throw new Error('The installation id for tokens is empty.')
  if (!(lifetimeMs >= 60_000)) throw new RangeError('Tokens must live for a minute at least.')
  let ring = createKeyRing(keys)
  let remembered = createVerifiedTokens(now)

  async function issue(identity: Identity, access: readonly TokenAccess[]): Promise<IssuedToken> {
    const { kid, signingKey } = ring
    const issuedAt = Math.floor(now() / 1000)
    const expiresInSeconds = Math.floor(lifetimeOf(identity, lifetimeMs) / 1000)
    const token = await new SignJWT({ ...claimsOf(access), ...claimsOfBearer(identity) })
      .setProtectedHeader({ typ: type, alg: algorithm, kid })
      .setIssuer(installationId)
      .setAudience(installationId)
      .setSubject(identity.kind === 'principal' ? String(identity.id) : '')
      .setJti(randomUUID())
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt - backdatedSeconds)
      .setExpirationTime(issuedAt + expiresInSeconds)
      .sign(signingKey)
    return { token, expiresInSeconds }
  }

  async function verify(token: string): Promise<VerifiedToken | undefined> {
    const known = remembered.recall(token)
    if (known !== undefined) return known
    const key = ring.publicKeys.get(keyIdOf(token) ?? '')
    if (key === undefined) return undefined
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [algorithm],
        typ: type,
        issuer: installationId,
        audience: installationId,
        clockTolerance: leewaySeconds,
        currentDate: new Date(now()),
      })
      const verified = readClaims(payload, installationId, now())
      if (verified !== undefined) remembered.remember(token, verified)
      return verified
    } catch {
      // Every way in which a token can be wrong has the one answer: it is not ours.
      return undefined
    }
  }

  return {
    issue,
    verify,
    recall: (token) => remembered.recall(token),
    replaceKeys(replacement) {
      ring = createKeyRing(replacement)
      // What a removed key has signed must not be remembered as good.
      remembered = createVerifiedTokens(now)
    },
  }
}

interface KeyRing {
  readonly kid: string
  readonly signingKey: KeyObject
  readonly publicKeys: ReadonlyMap<string, KeyObject>
}

function createKeyRing(keys: readonly SigningKey[]): KeyRing {
  const [signer] = keys
  if (signer === undefined) throw new Error('There is no key to sign tokens with.')
  return {
    kid: signer.kid,
    signingKey: createPrivateKey({ key: signer.privateJwk, format: 'jwk' }),
    publicKeys: importPublicKeys(keys),
  }
}

/** By key id. Private and public half must belong together, and no two keys may share an id. */
function importPublicKeys(keys: readonly SigningKey[]): ReadonlyMap<string, KeyObject> {
  const imported = new Map<string, KeyObject>()
  for (const { kid, privateJwk, publicJwk } of keys) {
    const derived = createPublicKey(createPrivateKey({ key: privateJwk, format: 'jwk' }))
    const isPair = derived.equals(createPublicKey({ key: publicJwk, format: 'jwk' }))
    if (kid === '' || imported.has(kid) || derived.asymmetricKeyType !== 'ed25519' || !isPair) {
      throw new Error(`The signing key ${JSON.stringify(kid)} is not a whole Ed25519 key pair.`)
    }
    imported.set(kid, derived)
  }
  return imported
}

function lifetimeOf(identity: Identity, lifetimeMs: number): number {
  const isFederated = identity.kind === 'principal' && identity.principalKind === 'federated'
  return isFederated ? Math.max(lifetimeMs, federatedLifetimeMs) : lifetimeMs
}

/** `carrel_token`: the token that was presented, so that this one ends with it. */
function claimsOfBearer(identity: Identity): JWTPayload {
  if (identity.kind !== 'principal') return {}
  const { token, provenance } = identity
  return {
    ...(token !== undefined && { carrel_token: token.id }),
    ...(provenance !== undefined && { carrel_provenance: provenance }),
  }
}

/** `repository_ids` stands beside `access`, entry by entry; null is a repository that did not exist. */
function claimsOf(access: readonly TokenAccess[]): JWTPayload {
  return {
    access: access.map(({ type: resource, name, actions }) => ({ type: resource, name, actions })),
    repository_ids: access.map(({ repositoryId }) => repositoryId ?? null),
  }
}

/**
 * The key id of what looks like one of our tokens: three parts of base64url in their one spelling, and a header of
 * exactly alg, typ and kid. So no jwk, jku, x5c, crit, b64 or zip ever gets further.
 */
function keyIdOf(token: string): string | undefined {
  if (token.length > maxTokenCharacters) return undefined
  const [, head, body, signature] = tokenPattern.exec(token) ?? []
  if (head === undefined || body === undefined || signature === undefined) return undefined
  if (![head, body, signature].every(isCanonical)) return undefined
  const header = parseObject(Buffer.from(head, 'base64url').toString('utf8'))
  if (header === undefined || Object.keys(header).length !== 3) return undefined
  const { alg, typ, kid } = header
  return alg === algorithm && typ === type && typeof kid === 'string' ? kid : undefined
}

// An Ed25519 signature has 64 bytes.
const tokenPattern = /^([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/

function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function readClaims(
  claims: JWTPayload,
  installationId: string,
  nowMs: number,
): VerifiedToken | undefined {
  const { iss, aud, sub, jti, iat, nbf, exp } = claims
  if (iss !== installationId || aud !== installationId) return undefined
  if (typeof jti !== 'string' || jti === '') return undefined
  if (!isTime(iat) || !isTime(nbf) || !isTime(exp)) return undefined
  if (nbf > iat || iat >= exp) return undefined
  if (iat > nowMs / 1000 + leewaySeconds + backdatedSeconds) return undefined
  const subject = readSubject(sub)
  const access = readAccess(claims['access'], claims['repository_ids'])
  const carried = claims['carrel_token']
  const provenance = claims['carrel_provenance']
  if (subject === undefined || access === undefined) return undefined
  if (carried !== undefined && !isTime(carried)) return undefined
  if (provenance !== undefined && typeof provenance !== 'string') return undefined
  return {
    ...subject,
    access,
    tokenId: jti,
    carriedTokenId: carried,
    provenance,
    goodUntilMs: (exp + leewaySeconds) * 1000,
  }
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function readSubject(sub: unknown): { principalId: number | undefined } | undefined {
  if (sub === '') return { principalId: undefined }
  if (typeof sub !== 'string' || !/^[1-9]\d{0,15}$/.test(sub)) return undefined
  const principalId = Number(sub)
  return Number.isSafeInteger(principalId) ? { principalId } : undefined
}

function readAccess(access: unknown, ids: unknown): readonly TokenAccess[] | undefined {
  if (!Array.isArray(access) || !Array.isArray(ids) || access.length !== ids.length) {
    return undefined
  }
  const read: TokenAccess[] = []
  for (const [index, entry] of access.entries()) {
    const one = readAccessEntry(entry, ids[index])
    if (one === undefined) return undefined
    read.push(one)
  }
  return read
}

function readAccessEntry(entry: unknown, id: unknown): TokenAccess | undefined {
  if (!isObject(entry)) return undefined
  const { type: resource, name, actions } = entry
  if ((resource !== 'repository' && resource !== 'registry') || typeof name !== 'string') {
    return undefined
  }
  if (!Array.isArray(actions) || !actions.every((action) => typeof action === 'string')) {
    return undefined
  }
  if (id !== null && !(isTime(id) && id > 0)) return undefined
  return { type: resource, repositoryId: id ?? undefined, name, actions }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
