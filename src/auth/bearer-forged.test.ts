import assert from 'node:assert/strict'
import { createHmac, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { createTokenIssuer, generateSigningKey } from './bearer.ts'
import type { SigningKey } from './bearer.ts'

// Tokens made without jose and without the code under test.

const installationId = 'install-1'
const nowMs = Date.parse('2026-11-24T10:00:00Z')
const nowSeconds = nowMs / 1000

const claims: Readonly<Record<string, unknown>> = {
  iss: installationId,
  aud: installationId,
  sub: '42',
  jti: 'a8a2b1de-9d21-4a0b-b7fc-1d2f0b1a5a0e',
  iat: nowSeconds,
  nbf: nowSeconds - 60,
  exp: nowSeconds + 900,
  access: [{ type: 'repository', name: 'alice/app', actions: ['pull'] }],
  repository_ids: [5],
}

interface Forge {
  readonly key: SigningKey
  readonly privateKey: KeyObject
}

async function aForge(): Promise<Forge> {
  const key = await generateSigningKey()
  return { key, privateKey: createPrivateKey({ key: { ...key.privateJwk }, format: 'jwk' }) }
}

function encode(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return Buffer.from(text).toString('base64url')
}

/** Signs any header and any claims (or any text) with the installation's own key. */
function signed(forge: Forge, claimsOrText: unknown, header?: unknown): string {
  const own = { alg: 'EdDSA', typ: 'JWT', kid: forge.key.kid }
  const input = `${encode(header === undefined ? own : header)}.${encode(claimsOrText)}`
  return `${input}.${sign(null, Buffer.from(input), forge.privateKey).toString('base64url')}`
}

function issuerFor(key: SigningKey): ReturnType<typeof createTokenIssuer> {
  return createTokenIssuer({ keys: [key], installationId, now: () => nowMs })
}

async function isTaken(forge: Forge, token: string): Promise<boolean> {
  return (await issuerFor(forge.key).verify(token)) !== undefined
}

function without(name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([claim]) => claim !== name))
}

test('the forge makes tokens that are taken when nothing is wrong with them', async () => {
  const forge = await aForge()
  const verified = await issuerFor(forge.key).verify(signed(forge, claims))
  assert.equal(verified?.principalId, 42)
  assert.ok(await isTaken(forge, signed(forge, { ...claims, sub: '' })))
  assert.ok(await isTaken(forge, signed(forge, { ...claims, access: [], repository_ids: [] })))
  assert.ok(await isTaken(forge, signed(forge, { ...claims, repository_ids: [null] })))
})

suite('a token without one of its claims is refused', () => {
  for (const name of Object.keys(claims)) {
    test(name, async () => {
      const forge = await aForge()
      assert.equal(await isTaken(forge, signed(forge, without(name))), false)
      assert.equal(await isTaken(forge, signed(forge, { ...claims, [name]: null })), false)
    })
  }
})

const entry = { type: 'repository', name: 'alice/app', actions: ['pull'] }
const wrongClaims: Readonly<Record<string, Record<string, unknown>>> = {
  'issuer of another installation': { iss: 'install-2' },
  'issuer as array': { iss: [installationId] },
  'empty issuer': { iss: '' },
  'audience of another installation': { aud: 'install-2' },
  'empty audience': { aud: '' },
  'audience as array': { aud: [installationId] },
  'audience as empty array': { aud: [] },
  'audience as nested array': { aud: [[installationId]] },
  'audience among others': { aud: ['install-2', installationId] },
  'audience as object': { aud: { 0: installationId } },
  'subject as number': { sub: 42 },
  'subject zero': { sub: '0' },
  'negative subject': { sub: '-1' },
  'subject with a sign': { sub: '+42' },
  'subject with blanks': { sub: ' 42' },
  'subject with leading zero': { sub: '042' },
  'subject in hexadecimal': { sub: '0x2a' },
  'subject as a fraction': { sub: '42.0' },
  'subject as an exponent': { sub: '4e1' },
  'subject that is a name': { sub: 'alice' },
  'subject beyond exact numbers': { sub: '9007199254740993' },
  'subject as array': { sub: ['42'] },
  'empty token id': { jti: '' },
  'token id as number': { jti: 7 },
  'expiry as string': { exp: String(nowSeconds + 900) },
  'expiry as date': { exp: '2026-11-24T11:00:00Z' },
  'expiry as fraction': { exp: nowSeconds + 900.5 },
  'negative expiry': { exp: -1 },
  'expiry too large for a number': { exp: 1e300 },
  'expiry as boolean': { exp: true },
  'expiry as array': { exp: [nowSeconds + 900] },
  'expired a minute ago': { exp: nowSeconds - 60, iat: nowSeconds - 960, nbf: nowSeconds - 960 },
  'expired before it was issued': { exp: nowSeconds - 1 },
  'not-before as string': { nbf: String(nowSeconds) },
  'not-before as fraction': { nbf: nowSeconds - 0.5 },
  'negative not-before': { nbf: -1 },
  'not yet good': { nbf: nowSeconds + 61, iat: nowSeconds + 61 },
  'not-before after issue': { nbf: nowSeconds + 10 },
  'issued as string': { iat: String(nowSeconds) },
  'issued in the future': { iat: nowSeconds + 121 },
  'negative issue': { iat: -1, nbf: -1 },
  'access as object': { access: { 0: entry } },
  'access as string': { access: 'repository:alice/app:pull' },
  'access without ids': { repository_ids: [] },
  'more ids than access': { repository_ids: [5, 6] },
  'ids as string': { repository_ids: '5' },
  'ids as object': { repository_ids: { 0: 5, length: 1 } },
  'id as string': { repository_ids: ['5'] },
  'id zero': { repository_ids: [0] },
  'negative id': { repository_ids: [-5] },
  'id as fraction': { repository_ids: [5.5] },
  'id as boolean': { repository_ids: [false] },
  'access entry null': { access: [null] },
  'access entry as array': { access: [['repository', 'alice/app', 'pull']] },
  'access entry without type': { access: [{ name: 'alice/app', actions: ['pull'] }] },
  'access entry of unknown type': { access: [{ ...entry, type: 'installation' }] },
  'access entry without name': { access: [{ type: 'repository', actions: ['pull'] }] },
  'access entry with a name in an array': { access: [{ ...entry, name: ['alice/app'] }] },
  'access entry without actions': { access: [{ type: 'repository', name: 'alice/app' }] },
  'actions as string': { access: [{ ...entry, actions: 'pull' }] },
  'actions that are no strings': { access: [{ ...entry, actions: ['pull', 1] }] },
}

suite('a token with a wrong claim is refused', () => {
  for (const [title, changes] of Object.entries(wrongClaims)) {
    test(title, async () => {
      const forge = await aForge()
      assert.equal(await isTaken(forge, signed(forge, { ...claims, ...changes })), false)
    })
  }
})

suite('a token with a wrong header is refused', () => {
  const stranger = generateKeyPairSync('ed25519')
  const strangerJwk = stranger.publicKey.export({ format: 'jwk' })
  const headers: Readonly<Record<string, (kid: string) => unknown>> = {
    'no algorithm': (kid) => ({ typ: 'JWT', kid }),
    'algorithm none': (kid) => ({ alg: 'none', typ: 'JWT', kid }),
    'algorithm None': (kid) => ({ alg: 'None', typ: 'JWT', kid }),
    'empty algorithm': (kid) => ({ alg: '', typ: 'JWT', kid }),
    'algorithm Ed25519': (kid) => ({ alg: 'Ed25519', typ: 'JWT', kid }),
    'algorithm ES256': (kid) => ({ alg: 'ES256', typ: 'JWT', kid }),
    'algorithm RS256': (kid) => ({ alg: 'RS256', typ: 'JWT', kid }),
    'algorithm as array': (kid) => ({ alg: ['EdDSA'], typ: 'JWT', kid }),
    'no type': (kid) => ({ alg: 'EdDSA', kid }),
    'another type': (kid) => ({ alg: 'EdDSA', typ: 'at+jwt', kid }),
    'type as media type': (kid) => ({ alg: 'EdDSA', typ: 'application/jwt', kid }),
    'type in lower case': (kid) => ({ alg: 'EdDSA', typ: 'jwt', kid }),
    'no key id': () => ({ alg: 'EdDSA', typ: 'JWT' }),
    'another key id': () => ({ alg: 'EdDSA', typ: 'JWT', kid: 'other' }),
    'empty key id': () => ({ alg: 'EdDSA', typ: 'JWT', kid: '' }),
    'key id as array': (kid) => ({ alg: 'EdDSA', typ: 'JWT', kid: [kid] }),
    'key id of an object': () => ({ alg: 'EdDSA', typ: 'JWT', kid: '__proto__' }),
    'key id constructor': () => ({ alg: 'EdDSA', typ: 'JWT', kid: 'constructor' }),
    'a key of its own': (kid) => ({ alg: 'EdDSA', typ: 'JWT', kid, jwk: strangerJwk }),
    'a key address': (kid) => ({ alg: 'EdDSA', typ: 'JWT', kid, jku: 'https://evil.example/k' }),
    'a certificate': (kid) => ({ alg: 'EdDSA', typ: 'JWT', kid, x5c: ['MIIB'] }),
    'a certificate address': (kid) => ({ alg: 'EdDSA', typ: 'JWT', kid, x5u: 'https://e.example' }),
    crit: (kid) => ({ alg: 'EdDSA', typ: 'JWT', kid, crit: ['exp'], exp: 1 }),
    'empty crit': (kid) => ({ alg: 'EdDSA', typ: 'JWT', kid, crit: [] }),
    'unencoded payload': (kid) => ({ alg: 'EdDSA', typ: 'JWT', kid, b64: false, crit: ['b64'] }),
    compression: (kid) => ({ alg: 'EdDSA', typ: 'JWT', kid, zip: 'DEF' }),
    encryption: (kid) => ({ alg: 'dir', typ: 'JWT', kid, enc: 'A256GCM' }),
    'a header that is an array': () => [],
    'a header that is null': () => 'null',
    'a header that is no JSON': () => '{"alg":"EdDSA"',
  }
  for (const [title, header] of Object.entries(headers)) {
    test(title, async () => {
      const forge = await aForge()
      assert.equal(await isTaken(forge, signed(forge, claims, header(forge.key.kid))), false)
    })
  }
})

suite('a token that the installation did not sign is refused', () => {
  const own = (kid: string): unknown => ({ alg: 'EdDSA', typ: 'JWT', kid })

  test('signed with a key of a stranger under our key id', async () => {
    const forge = await aForge()
    const { privateKey } = generateKeyPairSync('ed25519')
    assert.equal(await isTaken(forge, signed({ ...forge, privateKey }, claims)), false)
  })

  test('HS256 with our public key, in each form, with an empty key and with spaces', async () => {
    const forge = await aForge()
    const x = String(forge.key.publicJwk.x)
    const secrets = [
      JSON.stringify(forge.key.publicJwk),
      x,
      Buffer.from(x, 'base64url'),
      forge.key.kid,
      installationId,
      '',
      ' '.repeat(32),
      '\0'.repeat(32),
    ]
    for (const algorithm of ['HS256', 'EdDSA']) {
      const header = { alg: algorithm, typ: 'JWT', kid: forge.key.kid }
      const input = `${encode(header)}.${encode(claims)}`
      for (const secret of secrets) {
        const short = createHmac('sha256', secret).update(input).digest('base64url')
        const long = createHmac('sha512', secret).update(input).digest('base64url')
        assert.equal(await isTaken(forge, `${input}.${short}`), false)
        assert.equal(await isTaken(forge, `${input}.${long}`), false)
      }
    }
  })

  test('without a signature, or with an empty or a zero one', async () => {
    const forge = await aForge()
    const input = `${encode(own(forge.key.kid))}.${encode(claims)}`
    for (const signature of ['', '.', 'A', 'A'.repeat(86), 'A'.repeat(88), '_'.repeat(86)]) {
      assert.equal(await isTaken(forge, `${input}.${signature}`), false, signature)
    }
    assert.equal(await isTaken(forge, input), false)
    const none = `${encode({ alg: 'none', typ: 'JWT', kid: forge.key.kid })}.${encode(claims)}`
    assert.equal(await isTaken(forge, `${none}.`), false)
  })

  test('with the signature of another token, or claims changed after signing', async () => {
    const forge = await aForge()
    const [head, , signature] = signed(forge, claims).split('.')
    const wider = encode({ ...claims, sub: '1' })
    assert.equal(await isTaken(forge, `${head}.${wider}.${signature}`), false)
  })

  test('with any one character changed', async () => {
    const forge = await aForge()
    const token = signed(forge, claims)
    const issuer = issuerFor(forge.key)
    for (let index = 0; index < token.length; index += 3) {
      const other = token[index] === 'A' ? 'B' : 'A'
      const changed = token.slice(0, index) + other + token.slice(index + 1)
      assert.equal(await issuer.verify(changed), undefined, `character ${index}`)
    }
  })

  test('spelt in another way than it was signed', async () => {
    const forge = await aForge()
    const token = signed(forge, claims)
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    // The last character of a signature holds two bits that mean something; four do not.
    const variants = Array.from(last, (character) => token.slice(0, -1) + character)
    const issuer = issuerFor(forge.key)
    const taken: string[] = []
    for (const variant of variants) if (await issuer.verify(variant)) taken.push(variant)
    assert.deepEqual(taken, [token])
    for (const spelling of [`${token}=`, `${token}==`, ` ${token}`, `${token}\n`, `${token}.`]) {
      assert.equal(await issuer.verify(spelling), undefined, JSON.stringify(spelling))
    }
  })

  test('whose claims are no JSON object', async () => {
    const forge = await aForge()
    for (const text of ['', 'null', '[]', '"x"', '7', '{', '{"iss":', '\u0000', '{}{}']) {
      assert.equal(await isTaken(forge, signed(forge, text)), false, text)
    }
  })
})

test('a token over 16 KiB is refused before it is looked at, and a token of dots at once', async () => {
  const forge = await aForge()
  const long = signed(forge, { ...claims, jti: 'x'.repeat(16 * 1024) })
  assert.equal(await isTaken(forge, long), false)
  assert.ok(await isTaken(forge, signed(forge, { ...claims, jti: 'x'.repeat(8 * 1024) })))
  // Whoever makes this check grow with the square of the length will see it hang here.
  for (const text of ['.'.repeat(1_000_000), 'a.'.repeat(8000), `${'a'.repeat(5_000_000)}.b.c`]) {
    assert.equal(await isTaken(forge, text), false)
  }
})

test('encrypted tokens and other shapes are refused', async () => {
  const forge = await aForge()
  const header = encode({ alg: 'dir', enc: 'A256GCM', kid: forge.key.kid })
  for (const token of [
    `${header}..aaaa.bbbb.cccc`,
    'a.b.c.d.e',
    'carrel_u_abc',
    '',
    '..',
    'a..b',
  ]) {
    assert.equal(await isTaken(forge, token), false, token)
  }
})

test('no text whatever makes the check throw', async () => {
  const forge = await aForge()
  const issuer = issuerFor(forge.key)
  const head = encode({ alg: 'EdDSA', typ: 'JWT', kid: forge.key.kid })
  const base64url = fc.base64String({ maxLength: 120 }).map((text) => text.replace(/[+/=]/g, '_'))
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string({ maxLength: 300, unit: 'binary' }),
        base64url.map((text) => `${head}.${text}.${'A'.repeat(86)}`),
        fc.jsonValue().map((value) => signed(forge, value)),
        fc.jsonValue().map((value) => signed(forge, claims, value)),
      ),
      async (token) => {
        assert.equal(await issuer.verify(token), undefined)
      },
    ),
    { numRuns: 300 },
  )
})
