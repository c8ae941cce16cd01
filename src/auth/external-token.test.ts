import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  X509Certificate,
  type KeyObject,
} from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { calculateJwkThumbprint, exportJWK, SignJWT, type JWTHeaderParameters } from 'jose'
import { OciError } from '../oci/errors.ts'
import { createExternalTokens } from './external-token.ts'

const folder = mkdtempSync(join(tmpdir(), 'external-token-'))
after(() => rmSync(folder, { recursive: true }))

const service = 'registry.example.com'
const issuer = 'auth.example.com'
const access = [{ type: 'repository', name: 'web/app', actions: ['pull', 'push'] }]

/** A certificate that signs itself, as the token services' documentation makes one. */
function selfSigned(name: string): { readonly pem: string; readonly key: KeyObject } {
  const keyFile = join(folder, `${name}.key`)
  const file = join(folder, `${name}.pem`)
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      keyFile,
      '-out',
      file,
    ],
    { stdio: 'ignore' },
  )
  const pem = readFileSync(keyFile, 'utf8')
  return { pem: readFileSync(file, 'utf8'), key: createPrivateKey(pem) }
}

const trusted = selfSigned('trusted')
const stranger = selfSigned('stranger')

interface Claims {
  readonly iss?: string
  readonly aud?: string
  readonly exp?: number
  readonly access?: unknown
}

async function token(key: KeyObject, header: Partial<JWTHeaderParameters>, claims: Claims = {}) {
  const { iss = issuer, aud = service, exp = Math.floor(Date.now() / 1000) + 300 } = claims
  return new SignJWT({ access: claims.access ?? access })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...header })
    .setIssuer(iss)
    .setAudience(aud)
    .setSubject('ann')
    .setExpirationTime(exp)
    .sign(key)
}

async function thumbprintOf(pem: string): Promise<string> {
  return calculateJwkThumbprint(await exportJWK(new X509Certificate(pem).publicKey))
}

function libtrustIdOf(pem: string): string {
  const der = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
  const digest = createHash('sha256').update(der).digest().subarray(0, 30)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  let value = BigInt(`0x${digest.toString('hex')}`)
  let text = ''
  for (let letter = 0; letter < 48; letter += 1) {
    text = `${alphabet[Number(value & 31n)]}${text}`
    value >>= 5n
  }
  return text.replaceAll(/(.{4})(?=.)/g, '$1:')
}

const x5c = (pem: string) => [new X509Certificate(pem).raw.toString('base64')]

async function tokens(algorithms: readonly string[] = []) {
  return createExternalTokens({ issuer, service, rootCertBundle: trusted.pem, algorithms })
}

const refused = (error: unknown) =>
  error instanceof OciError &&
  error.code === 'UNAUTHORIZED' &&
  (error.detail as { bearer: string }).bearer === 'invalid_token'

test('what the token says is what its bearer may do, however its key is named', async () => {
  const external = await tokens()
  const headers = [
    { kid: await thumbprintOf(trusted.pem) },
    { kid: libtrustIdOf(trusted.pem) },
    { x5c: x5c(trusted.pem) },
    { jwk: await exportJWK(new X509Certificate(trusted.pem).publicKey) },
  ]
  for (const header of headers) {
    const made = await token(trusted.key, header)
    assert.equal(external.claims(made), true)
    assert.deepEqual(await external.verify(made), {
      kind: 'open',
      name: 'ann',
      limits: [{ ...access[0], repositoryId: undefined }],
    })
  }
})

test('keys of a JWKS are taken by the id that it gives them', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }
  const jwks = JSON.stringify({ keys: [jwk, { kty: 'oct', k: 'c2VjcmV0', kid: 'shared' }] })
  const external = await createExternalTokens({ issuer, service, jwks, algorithms: [] })
  const identity = await external.verify(await token(privateKey, { alg: 'ES256', kid: 'one' }))
  assert.equal(identity.kind, 'open')
})

test('wrong key, issuer, audience, time or algorithm: refused', async () => {
  const external = await tokens()
  const kid = await thumbprintOf(trusted.pem)
  const past = Math.floor(Date.now() / 1000) - 120
  const cases = {
    'a stranger with the right id': token(stranger.key, { kid }),
    'a chain of a stranger': token(stranger.key, { x5c: x5c(stranger.pem) }),
    'the chain of another': token(stranger.key, { x5c: x5c(trusted.pem) }),
    'a key of its own': token(stranger.key, {
      jwk: await exportJWK(new X509Certificate(stranger.pem).publicKey),
    }),
    'no id': token(trusted.key, {}),
    'another issuer': token(trusted.key, { kid }, { iss: 'elsewhere' }),
    'another service': token(trusted.key, { kid }, { aud: 'other' }),
    'expired, beyond the leeway': token(trusted.key, { kid }, { exp: past }),
  }
  for (const [name, made] of Object.entries(cases)) {
    await assert.rejects(external.verify(await made), refused, name)
  }
  const onlyElliptic = await tokens(['ES256'])
  await assert.rejects(onlyElliptic.verify(await token(trusted.key, { kid })), refused)
  const unsigned = [{ alg: 'none' }, { iss: issuer, aud: service, exp: past + 999 }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  await assert.rejects(external.verify(`${unsigned}.`), refused)
})

test('what cannot be read in a token allows nothing', async () => {
  const external = await tokens()
  const kid = await thumbprintOf(trusted.pem)
  const odd = [7, null, { type: 'repository' }, { type: 'team', name: 'x', actions: ['pull'] }]
  for (const claim of [odd, 'everything', {}]) {
    const identity = await external.verify(await token(trusted.key, { kid }, { access: claim }))
    assert.deepEqual(identity.limits, [])
  }
})

test('symmetric algorithms and a service without keys are refused at the start', async () => {
  await assert.rejects(tokens(['HS256']), /HS256/)
  await assert.rejects(createExternalTokens({ issuer, service, algorithms: [] }), /no key/)
})
