// An issuer of ID tokens on 127.0.0.1: discovery, keys that can be changed, and tokens of every kind, forged ones too.
import { createHmac, sign as signBytes } from 'node:crypto'
import { KeyObject } from 'node:crypto'
import type { SignKeyObjectInput } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import type { JWK } from 'jose'
import { sendJson, startLocalServer } from '../../outbound/test-support/local-server.ts'
import type { LocalServer } from '../../outbound/test-support/local-server.ts'

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly publicJwk: JWK
  readonly privateJwk: JWK
}

export interface TestIssuer extends AsyncDisposable {
  readonly issuer: string
  readonly server: LocalServer
  /** What it publishes; may be changed at any time, to anything. */
  keys: unknown
  /** Laid over its discovery document; undefined takes a member away. */
  discovery: Record<string, unknown>
  /** Answers 503 to everything. */
  isDown: boolean
  /** How often its keys were fetched. */
  keyRequests(): number
}

export async function startTestIssuer(...published: readonly SigningKey[]): Promise<TestIssuer> {
  const server = await startLocalServer((request, response) => {
    if (state.isDown) return void response.writeHead(503).end()
    if (request.path === '/keys') return sendJson(response, state.keys)
    if (request.path !== '/.well-known/openid-configuration') {
      return void response.writeHead(404).end()
    }
    const document = { issuer: server.origin, jwks_uri: `${server.origin}/keys` }
    return sendJson(response, { ...document, ...state.discovery })
  })
  const state: TestIssuer = {
    issuer: server.origin,
    server,
    keys: keySet(...published),
    discovery: {},
    isDown: false,
    keyRequests: () => server.requests.filter(({ path }) => path === '/keys').length,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
  return state
}

export function keySet(...keys: readonly SigningKey[]): { readonly keys: readonly JWK[] } {
  return { keys: keys.map(({ publicJwk, kid }) => ({ ...publicJwk, kid, use: 'sig' })) }
}

export async function makeKey(
  alg: string,
  kid: string,
  options: Parameters<typeof generateKeyPair>[1] = {},
): Promise<SigningKey> {
  const pair = await generateKeyPair(alg, { extractable: true, ...options })
  return {
    kid,
    alg,
    privateKey: KeyObject.from(pair.privateKey),
    publicKey: KeyObject.from(pair.publicKey),
    publicJwk: await exportJWK(pair.publicKey),
    privateJwk: await exportJWK(pair.privateKey),
  }
}

/** Signs any text, or any value as JSON, under any header: without jose, which would refuse to. */
export function forge(key: SigningKey, claims: unknown, header?: unknown): string {
  const head = header === undefined ? { alg: key.alg, typ: 'JWT', kid: key.kid } : header
  const input = `${encode(head)}.${encode(claims)}`
  return `${input}.${signature(key, input).toString('base64url')}`
}

export function forgeWithSecret(secret: string | Buffer, claims: unknown, header: unknown): string {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

export function encode(value: unknown): string {
  const bytes = Buffer.isBuffer(value) || typeof value === 'string' ? value : JSON.stringify(value)
  return Buffer.from(bytes as string).toString('base64url')
}

function signature({ alg, privateKey }: SigningKey, input: string): Buffer {
  const hash = alg === 'EdDSA' ? null : `sha${alg.slice(2)}`
  const pss = alg.startsWith('PS') ? { padding: 6, saltLength: -1 } : {}
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363', ...pss } as SignKeyObjectInput
  return signBytes(hash, Buffer.from(input), key)
}
