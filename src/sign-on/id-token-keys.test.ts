import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { suite, test } from 'node:test'
import { createIdTokenVerifier } from './id-token.ts'
import { fittingKeys, readKeySet } from './id-token-keys.ts'

function jwkOf({ publicKey }: { readonly publicKey: KeyObject }): Record<string, unknown> {
  return { ...publicKey.export({ format: 'jwk' }) }
}

const p256 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const rsa = jwkOf(generateKeyPairSync('rsa', { modulusLength: 2048 }))

function algorithmsOf(jwk: unknown): readonly string[] | undefined {
  return readKeySet({ keys: [jwk] })?.flatMap(({ algorithms }) => algorithms)
}

suite('keys of an issuer', () => {
  test('a key verifies the algorithms of its own kind and no others', () => {
    const p384 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }))
    const ed25519 = jwkOf(generateKeyPairSync('ed25519'))
    const all = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
    assert.deepEqual(algorithmsOf(rsa), all)
    assert.deepEqual(algorithmsOf({ ...rsa, alg: 'PS256' }), ['PS256'])
    assert.deepEqual(algorithmsOf({ ...rsa, use: 'sig', key_ops: ['verify'] }), all)
    assert.deepEqual(algorithmsOf(p256), ['ES256'])
    assert.deepEqual(algorithmsOf(p384), ['ES384'])
    assert.deepEqual(algorithmsOf(ed25519), ['EdDSA'])
  })

  test('keys that are weak, of other kinds, for other uses or not public are left out', () => {
    const unfit = [
      jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 })),
      jwkOf(generateKeyPairSync('rsa', { modulusLength: 2040 })),
      jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-521' })),
      jwkOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })),
      jwkOf(generateKeyPairSync('ed448')),
      jwkOf(generateKeyPairSync('x25519')),
      { ...rsa, n: Buffer.alloc(1032, 0xff).toString('base64url') },
      { ...rsa, e: 'AQ' },
      { ...rsa, alg: 'RS1' },
      { ...rsa, alg: 'HS256' },
      { ...rsa, alg: 'ES256' },
      { ...rsa, alg: ['RS256'] },
      { ...rsa, use: 'enc' },
      { ...rsa, use: null },
      { ...rsa, key_ops: [] },
      { ...rsa, key_ops: 'verify' },
      { ...rsa, d: 'AQAB' },
      { ...rsa, k: 'AQAB' },
      { ...rsa, kty: 'EC' },
      { ...rsa, n: undefined },
      { ...p256, crv: 'P-384' },
      { ...p256, x: p256['y'], y: p256['x'] },
      { kty: 'oct', k: 'AQAB' },
      { kty: 'RSA', x5c: ['MIIB'] },
    ]
    for (const jwk of unfit) assert.deepEqual(algorithmsOf(jwk), [], JSON.stringify(jwk))
  })

  test('what is not a key set is none, and of one only the first hundred keys are read', () => {
    for (const document of [undefined, null, [], 'x', {}, { keys: {} }, { keys: null }]) {
      assert.equal(readKeySet(document), undefined)
    }
    const many = Array.from({ length: 150 }, () => p256)
    assert.equal(readKeySet({ keys: many })?.length, 100)
  })

  test('a key is found by its id, or by its kind when the token has no id', () => {
    const keys = readKeySet({
      keys: [
        { ...p256, kid: 'a' },
        { ...rsa, kid: 'a' },
        { ...rsa, kid: 'b' },
        { ...rsa, kid: 7 },
      ],
    })
    assert.ok(keys !== undefined)
    assert.deepEqual(fittingKeys(keys, 'ES256', 'a'), [keys[0]])
    assert.deepEqual(fittingKeys(keys, 'RS256', 'a'), [keys[1]])
    assert.deepEqual(fittingKeys(keys, 'ES256', 'b'), [])
    assert.deepEqual(fittingKeys(keys, 'RS256', '7'), [])
    assert.deepEqual(fittingKeys(keys, 'RS256', undefined), keys.slice(1))
  })

  test('an issuer behind https cannot have its keys behind http', async () => {
    const issuer = 'https://idp.test'
    const asked: string[] = []
    const verifier = createIdTokenVerifier({
      outbound: {
        getJson(url) {
          asked.push(String(url))
          return Promise.resolve({ issuer, jwks_uri: 'http://idp.test/keys', keys: [p256] })
        },
      },
    })
    await assert.rejects(verifier.validateIssuer(issuer), /its keys are not behind https\.$/)
    assert.deepEqual(asked, [`${issuer}/.well-known/openid-configuration`])
    await verifier.validateIssuer(issuer, 'http://idp.test/keys')
  })
})
