import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { createOutbound } from '../outbound/outbound.ts'
import { createIdTokenVerifier } from './id-token.ts'
import { IdTokenError } from './id-token-error.ts'
import {
  encode,
  forge,
  forgeWithSecret,
  makeKey,
  startTestIssuer,
} from './test-support/id-token-issuer.ts'
import type { SigningKey } from './test-support/id-token-issuer.ts'

// Tokens made without jose and without the code under test. Each differs in one thing from a token that is taken.

const audience = 'https://r.example.com'
const now = Date.parse('2027-01-05T10:00:00Z')
const seconds = now / 1000

interface Keys {
  readonly rsa: SigningKey
  readonly ec: SigningKey
  readonly ed: SigningKey
  /** Published as fit for RS512 alone. */
  readonly only512: SigningKey
  /** Published, of 1024 bits. */
  readonly weak: SigningKey
  /** In the hands of the attacker, and never published. */
  readonly stranger: SigningKey
  readonly strangerEc: SigningKey
}

async function makeKeys(): Promise<Keys> {
  const [rsa, ec, ed, only512, stranger, strangerEc] = await Promise.all([
    makeKey('RS256', 'rsa'),
    makeKey('ES256', 'ec'),
    makeKey('EdDSA', 'ed'),
    makeKey('RS256', 'only512'),
    makeKey('RS256', 'rsa'),
    makeKey('ES256', 'ec'),
  ])
  const weak = await weakKey()
  return { rsa, ec, ed, only512, weak, stranger, strangerEc }
}

// jose refuses to make such a key.
async function weakKey(): Promise<SigningKey> {
  const { generateKeyPairSync } = await import('node:crypto')
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const publicJwk = { ...publicKey.export({ format: 'jwk' }), kty: 'RSA' }
  const privateJwk = { ...privateKey.export({ format: 'jwk' }), kty: 'RSA' }
  return { kid: 'weak', alg: 'RS256', publicKey, privateKey, publicJwk, privateJwk }
}

type Forgery = readonly [name: string, token: string]

function headerForgeries(keys: Keys, claims: Record<string, unknown>): readonly Forgery[] {
  const { rsa, ec, ed, stranger, strangerEc, weak, only512 } = keys
  const head = { alg: 'RS256', typ: 'JWT', kid: 'rsa' }
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
  const body = encode(claims)
  const rs = forge(rsa, claims)
  const [rsHead = '', rsBody = '', rsSignature = ''] = rs.split('.')
  const withHead = (more: object): string => forge(rsa, claims, { ...head, ...more })
  const strangers = (more: object): string => forge(stranger, claims, { ...head, ...more })
  const secret = (key: string | Buffer, alg = 'HS256'): string =>
    forgeWithSecret(key, claims, { ...head, alg })
  return [
    ['alg none, no signature', `${encode({ ...head, alg: 'none' })}.${body}.`],
    ['alg none, some signature', `${encode({ ...head, alg: 'none' })}.${body}.${rsSignature}`],
    ['alg None', `${encode({ ...head, alg: 'None' })}.${body}.AA`],
    ['alg NONE', `${encode({ ...head, alg: 'NONE' })}.${body}.AA`],
    ['alg empty', forge(rsa, claims, { ...head, alg: '' })],
    ['alg null', forge(rsa, claims, { ...head, alg: null })],
    ['alg missing', forge(rsa, claims, { typ: 'JWT', kid: 'rsa' })],
    ['alg as a list', withHead({ alg: ['RS256'] })],
    ['alg in lower case', withHead({ alg: 'rs256' })],
    ['alg with a space', withHead({ alg: 'RS256 ' })],
    ['alg of another object', withHead({ alg: 'constructor' })],
    ['HS256 with the public key in PEM', secret(pem)],
    ['HS256 with the public key in PEM, trimmed', secret(String(pem).trim())],
    [
      'HS256 with the public key in DER',
      secret(rsa.publicKey.export({ type: 'spki', format: 'der' })),
    ],
    ['HS256 with the modulus', secret(Buffer.from(rsa.publicJwk.n ?? '', 'base64url'))],
    ['HS256 with the published JWK', secret(JSON.stringify(rsa.publicJwk))],
    ['HS256 with nothing', secret('')],
    ['HS512 with the public key', secret(pem, 'HS512')],
    ['RS256 in the header, HMAC beneath', secret(pem, 'RS256')],
    ['the header says PS256, the signature is RS256', withHead({ alg: 'PS256' })],
    ['the header says RS384, the signature is RS256', withHead({ alg: 'RS384' })],
    ['the header says ES256, the signature is RS256', withHead({ alg: 'ES256', kid: 'ec' })],
    ['the header says EdDSA, the signature is RS256', withHead({ alg: 'EdDSA', kid: 'ed' })],
    ['RS256 under the id of the EC key', withHead({ kid: 'ec' })],
    ['ES256 under the id of the RSA key', forge(ec, claims, { alg: 'ES256', kid: 'rsa' })],
    ['EdDSA under the id of the EC key', forge(ed, claims, { alg: 'EdDSA', kid: 'ec' })],
    ['ES256K', forge(ec, claims, { alg: 'ES256K', kid: 'ec' })],
    ['RS256 with a key that is for RS512', forge(only512, claims)],
    ['a published key of 1024 bits', forge(weak, claims)],
    ["a stranger's key under a known id", strangers({})],
    ["a stranger's key under an unknown id", strangers({ kid: 'mine' })],
    ["a stranger's key without an id", forge(stranger, claims, { alg: 'RS256' })],
    ["a stranger's EC key under a known id", forge(strangerEc, claims)],
    ["jwk of the stranger's key", strangers({ jwk: stranger.publicJwk })],
    ['jwk of the right key', withHead({ jwk: rsa.publicJwk })],
    ['jku', strangers({ jku: 'http://127.0.0.1:1/keys' })],
    ['jku beside a good signature', withHead({ jku: 'https://evil.test/keys' })],
    ['x5u', strangers({ x5u: 'https://evil.test/cert' })],
    ['x5u beside a good signature', withHead({ x5u: 'https://evil.test/cert' })],
    ['x5c', strangers({ x5c: ['MIIB'] })],
    ['x5c beside a good signature', withHead({ x5c: ['MIIB'] })],
    ['crit', withHead({ crit: ['exp'] })],
    ['crit and b64', withHead({ crit: ['b64'], b64: true })],
    ['b64 alone', withHead({ b64: false })],
    ['zip', withHead({ zip: 'DEF' })],
    ['enc', withHead({ enc: 'A256GCM' })],
    ['typ at+jwt', withHead({ typ: 'at+jwt' })],
    ['typ logout+jwt', withHead({ typ: 'logout+jwt' })],
    ['typ as a number', withHead({ typ: 1 })],
    ['kid as a number', withHead({ kid: 1 })],
    ['kid empty', withHead({ kid: '' })],
    ['kid as an object', withHead({ kid: { rsa: true } })],
    ['kid of a path', withHead({ kid: '../../dev/null' })],
    ['kid with SQL', withHead({ kid: "x' union select 'secret" })],
    ['kid that is huge', withHead({ kid: 'k'.repeat(600) })],
    ['kid of Object', withHead({ kid: '__proto__' })],
    ['kid in other letters', withHead({ kid: 'RSA' })],
    ['header as a list', forge(rsa, claims, [head])],
    ['header as a text', forge(rsa, claims, '"RS256"')],
    ['header null', forge(rsa, claims, 'null')],
    ['header with a byte order mark', forge(rsa, claims, `\ufeff${JSON.stringify(head)}`)],
    ['no signature', `${rsHead}.${rsBody}.`],
    ['no signature and no dot', `${rsHead}.${rsBody}`],
    ['half a signature', `${rsHead}.${rsBody}.${rsSignature.slice(0, 171)}`],
    ['the signature of another token', `${rsHead}.${encode({ ...claims, x: 1 })}.${rsSignature}`],
    [
      'a signature of zeros',
      `${encode({ alg: 'ES256', kid: 'ec' })}.${body}.${encode(Buffer.alloc(64))}`,
    ],
    ['a signature in DER', derSigned(ec, claims)],
  ]
}

function derSigned(key: SigningKey, claims: unknown): string {
  const [head, body, signature = ''] = forge(key, claims).split('.')
  const raw = Buffer.from(signature, 'base64url')
  const part = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([2, 33, 0]), bytes])
  const sequence = Buffer.concat([part(raw.subarray(0, 32)), part(raw.subarray(32))])
  const der = Buffer.concat([Buffer.from([0x30, sequence.length]), sequence])
  return `${head}.${body}.${der.toString('base64url')}`
}

function claimForgeries({ rsa }: Keys, claims: Record<string, unknown>): readonly Forgery[] {
  const { iss } = claims
  const changes: Readonly<Record<string, readonly unknown[]>> = {
    iss: [
      undefined,
      null,
      '',
      7,
      [iss],
      { iss },
      `${String(iss)}/`,
      String(iss).toUpperCase(),
      `${String(iss)}\u0000`,
      ` ${String(iss)}`,
      'https://evil.test',
      `${String(iss)}#`,
    ],
    aud: [
      undefined,
      null,
      '',
      7,
      {},
      [],
      ['other'],
      [7],
      [[audience]],
      { [audience]: 1 },
      'other',
      `${audience}/`,
      `${audience}.evil.test`,
      `https://evil.test?${audience}`,
      'https://r',
      audience.toUpperCase(),
      [`${audience}.evil.test`],
      [audience, 7],
      '*',
      ['*'],
    ],
    sub: [undefined, null, '', 7, ['repo'], 'x'.repeat(1025)],
    exp: [
      undefined,
      null,
      '',
      String(seconds + 300),
      seconds - 61,
      0,
      -1,
      [seconds + 300],
      true,
      1e300,
      seconds * 1000,
      '9'.repeat(20),
      seconds - 400,
      seconds - 30,
    ],
    iat: [undefined, null, String(seconds), seconds + 120, -1, true, seconds * 1000, seconds + 400],
    nbf: [null, String(seconds), seconds + 120, -1, true, [], seconds * 1000],
  }
  const forgeries: Forgery[] = []
  for (const [claim, values] of Object.entries(changes)) {
    for (const value of values) {
      const name = `${claim} is ${JSON.stringify(value)?.slice(0, 60)}`
      forgeries.push([name, forge(rsa, { ...claims, [claim]: value })])
    }
  }
  const text = JSON.stringify(claims)
  return [
    ...forgeries,
    ['claims as a list', forge(rsa, [claims])],
    ['claims as a text', forge(rsa, JSON.stringify(text))],
    ['claims null', forge(rsa, 'null')],
    ['no claims', forge(rsa, {})],
    ['claims cut off', forge(rsa, text.slice(0, -1))],
    ['claims with a byte order mark', forge(rsa, `\ufeff${text}`)],
    ['claims in Latin-1', forge(rsa, Buffer.from(text.replace('acme', 'ac\u00ffme'), 'latin1'))],
    ['infinite exp', forge(rsa, text.replace(/"exp":\d+/, '"exp":1e999'))],
    ['two iss, the last a stranger', forge(rsa, text.replace('}', ',"iss":"https://evil.test"}'))],
  ]
}

function shapeForgeries({ rsa }: Keys, claims: Record<string, unknown>): readonly Forgery[] {
  const good = forge(rsa, claims)
  const [head = '', body = '', signature = ''] = good.split('.')
  return [
    ['nothing', ''],
    ['dots', '..'],
    ['many dots', '.'.repeat(16_000)],
    ['very many dots', '.'.repeat(5_000_000)],
    ['four parts', `${good}.${signature}`],
    ['five parts, as if encrypted', `${head}.${body}.${signature}.AA.AA`],
    ['a dot before', `.${good}`],
    ['a dot behind', `${good}.`],
    ['a space before', ` ${good}`],
    ['a line break behind', `${good}\n`],
    ['padding', `${good}=`],
    ['a zero byte', `${good}\u0000`],
    [
      'base64 and not base64url',
      `${head}.${body}.${signature.replaceAll('_', '/').replaceAll('-', '+')}/`,
    ],
    ['a line break within', `${head}.${body.slice(0, 4)}\n${body.slice(4)}.${signature}`],
    ['bits that nobody reads', `${head}.${body}.${withSpareBits(signature)}`],
    ['the parts in another order', `${body}.${head}.${signature}`],
    ['as JSON', JSON.stringify({ protected: head, payload: body, signature })],
    ['with Bearer', `Bearer ${good}`],
    ['17 KiB of claims', forge(rsa, { ...claims, pad: 'x'.repeat(17_000) })],
    ['16 MB of claims', `${head}.${'e'.repeat(16_000_000)}.${signature}`],
    ['nested a thousand deep', forge(rsa, '{"a":'.repeat(1000) + '1' + '}'.repeat(1000))],
    ['digits that look alike', good.replace(/^ey/, '\u0435y')],
  ]
}

/** Of the 256 bytes of an RSA signature the last sign carries two bits that stand for nothing. */
function withSpareBits(signature: string): string {
  const last = signature.at(-1) ?? ''
  const signs = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return signature.slice(0, -1) + signs[signs.indexOf(last) + 1]
}

suite('forged ID tokens', () => {
  test('none of more than sixty is taken, and each is refused with a sentence', async () => {
    const keys = await makeKeys()
    await using issuer = await startTestIssuer(keys.rsa, keys.ec, keys.ed)
    const published = issuer.keys as { keys: unknown[] }
    issuer.keys = {
      keys: [
        ...published.keys,
        { ...keys.only512.publicJwk, kid: 'only512', alg: 'RS512' },
        { ...keys.weak.publicJwk, kid: 'weak' },
      ],
    }
    const outbound = createOutbound({ allow: ['127.0.0.1'] })
    const verifier = createIdTokenVerifier({ outbound, now: () => now })
    const expected = { issuer: issuer.issuer, audience }
    const claims = {
      iss: issuer.issuer,
      aud: audience,
      sub: 'repo:acme/app:ref:refs/heads/main',
      iat: seconds - 5,
      nbf: seconds - 5,
      exp: seconds + 300,
    }
    for (const key of [keys.rsa, keys.ec, keys.ed]) {
      await verifier.verify(forge(key, claims), expected)
    }
    await verifier.verify(forge({ ...keys.only512, alg: 'RS512' }, claims), expected)

    const forgeries = [
      ...headerForgeries(keys, claims),
      ...claimForgeries(keys, claims),
      ...shapeForgeries(keys, claims),
    ]
    assert.ok(forgeries.length > 150, `only ${forgeries.length}`)
    const taken: string[] = []
    for (const [name, token] of forgeries) {
      const error: unknown = await verifier.verify(token, expected).then(
        () => taken.push(name),
        (thrown: unknown) => thrown,
      )
      if (typeof error === 'number') continue
      assert.ok(error instanceof IdTokenError, `${name}: ${String(error)}`)
      assert.equal(error.kind, 'token', name)
      assert.match(error.message, /^The ID token .+\.$/, name)
      assert.ok(error.message.length < 700, name)
    }
    assert.deepEqual(taken, [])
    assert.equal(issuer.keyRequests(), 1, 'no forged token makes us ask the issuer again at once')
  })

  test('a token in which one sign is changed is not taken', async () => {
    const key = await makeKey('ES256', 'one')
    await using issuer = await startTestIssuer(key)
    const outbound = createOutbound({ allow: ['127.0.0.1'] })
    const verifier = createIdTokenVerifier({ outbound, now: () => now })
    const expected = { issuer: issuer.issuer, audience }
    const times = { iat: seconds, exp: seconds + 300 }
    const token = forge(key, { iss: issuer.issuer, aud: audience, sub: 'x', ...times })
    await verifier.verify(token, expected)
    const sign = fc.constantFrom(...'A Z a z 0 9 - _ . = + / \n é'.split(' '))
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), sign, async (index, changed) => {
        fc.pre(token[index] !== changed)
        const other = token.slice(0, index) + changed + token.slice(index + 1)
        await assert.rejects(verifier.verify(other, expected), { name: 'IdTokenError' })
      }),
      { numRuns: 300 },
    )
  })

  test('an empty audience is expected of no token', async () => {
    const key = await makeKey('ES256', 'one')
    await using issuer = await startTestIssuer(key)
    const outbound = createOutbound({ allow: ['127.0.0.1'] })
    const verifier = createIdTokenVerifier({ outbound, now: () => now })
    const times = { iat: seconds, exp: seconds + 300 }
    for (const aud of ['', ['']]) {
      const token = forge(key, { iss: issuer.issuer, aud, sub: 'x', ...times })
      const expected = { issuer: issuer.issuer, audience: '' }
      await assert.rejects(verifier.verify(token, expected), { name: 'IdTokenError' })
    }
  })
})
