import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createOutbound } from '../outbound/outbound.ts'
import { attackThrough } from '../outbound/test-support/ssrf-suite.ts'
import { sendJson, startLocalServer } from '../outbound/test-support/local-server.ts'
import { createIdTokenVerifier, looksLikeIdToken, peekIssuer } from './id-token.ts'
import type { IdTokenVerifier } from './id-token.ts'
import { IdTokenError } from './id-token-error.ts'
import { encode, forge, keySet, makeKey, startTestIssuer } from './test-support/id-token-issuer.ts'
import type { TestIssuer } from './test-support/id-token-issuer.ts'

const audience = 'https://r.example.com'
const start = Date.parse('2027-01-05T10:00:00Z')
const minute = 60_000

/** A clock that tests move, and a verifier that may ask 127.0.0.1. */
function aVerifier(): { verifier: IdTokenVerifier; clock: { now: number } } {
  const clock = { now: start }
  const outbound = createOutbound({ allow: ['127.0.0.1'], timeoutMs: 5000 })
  return { verifier: createIdTokenVerifier({ outbound, now: () => clock.now }), clock }
}

function claimsOf({ issuer }: TestIssuer, now = start): Record<string, unknown> {
  const seconds = now / 1000
  const times = { iat: seconds - 5, nbf: seconds - 5, exp: seconds + 300 }
  return { iss: issuer, sub: 'repo:acme/app', aud: audience, repository: 'acme/app', ...times }
}

suite('ID tokens that are taken', () => {
  for (const alg of [
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'EdDSA',
  ]) {
    test(`one that is signed with ${alg}, and its claims come back`, async () => {
      const key = await makeKey(alg, 'one')
      await using issuer = await startTestIssuer(key)
      const { verifier } = aVerifier()
      const claims = claimsOf(issuer)
      const found = await verifier.verify(forge(key, claims), { issuer: issuer.issuer, audience })
      assert.deepEqual(found, claims)
    })
  }

  test('one for several audiences, without nbf, kid or typ, with x5t and times in fractions', async () => {
    const key = await makeKey('ES256', 'one')
    await using issuer = await startTestIssuer(key)
    const { verifier } = aVerifier()
    const { nbf: _, ...claims } = claimsOf(issuer)
    const token = forge(
      key,
      { ...claims, aud: ['other', audience], exp: start / 1000 + 0.5 },
      { alg: 'ES256', x5t: 'ignored' },
    )
    const found = await verifier.verify(token, { issuer: issuer.issuer, audience })
    assert.deepEqual(found.aud, ['other', audience])
  })

  test('one whose clock is a minute off, and none that is further off', async () => {
    const key = await makeKey('ES256', 'one')
    await using issuer = await startTestIssuer(key)
    const { verifier } = aVerifier()
    const expected = { issuer: issuer.issuer, audience }
    const seconds = start / 1000
    const times = [
      [{ iat: seconds - 400, nbf: seconds - 400, exp: seconds - 59 }, true],
      [{ iat: seconds - 400, nbf: seconds - 400, exp: seconds - 60 }, false],
      [{ iat: seconds + 60, nbf: seconds + 60 }, true],
      [{ iat: seconds + 61, nbf: seconds - 400 }, false],
      [{ iat: seconds - 400, nbf: seconds + 61 }, false],
    ] as const
    for (const [more, isTaken] of times) {
      const attempt = verifier.verify(forge(key, { ...claimsOf(issuer), ...more }), expected)
      if (isTaken) await attempt
      else await assert.rejects(attempt, { name: 'IdTokenError', kind: 'token' })
    }
  })

  test('one of an issuer with a path and a last slash, to the letter', async () => {
    const key = await makeKey('ES256', 'one')
    await using server = await startLocalServer((request, response) => {
      if (request.path === '/keys') return sendJson(response, keySet(key))
      assert.equal(request.path, '/tenant/.well-known/openid-configuration')
      return sendJson(response, { issuer, jwks_uri: `${server.origin}/keys` })
    })
    const issuer = `${server.origin}/tenant/`
    const { verifier } = aVerifier()
    const claims = { ...claimsOf({ issuer } as TestIssuer) }
    await verifier.verify(forge(key, claims), { issuer, audience })
    const other = forge(key, { ...claims, iss: issuer.slice(0, -1) })
    await assert.rejects(verifier.verify(other, { issuer, audience }), { kind: 'token' })
  })

  test('one of an issuer that cannot be reached itself, with the place of its keys', async () => {
    const key = await makeKey('ES256', 'one')
    await using keys = await startTestIssuer(key)
    const { verifier } = aVerifier()
    const issuer = 'https://kubernetes.default.svc.cluster.local'
    const jwksUrl = `${keys.issuer}/keys`
    const token = forge(key, { ...claimsOf(keys), iss: issuer })
    await verifier.verify(token, { issuer, audience, jwksUrl })
    assert.equal(keys.server.requests.length, 1)
  })
})

suite('the keys of an issuer', () => {
  test('are fetched once for ten minutes, however many logins come at the same time', async () => {
    const key = await makeKey('ES256', 'one')
    await using issuer = await startTestIssuer(key)
    const { verifier, clock } = aVerifier()
    const login = async (): Promise<unknown> => {
      const token = forge(key, claimsOf(issuer, clock.now))
      return await verifier.verify(token, { issuer: issuer.issuer, audience })
    }
    await Promise.all(Array.from({ length: 10 }, login))
    assert.equal(issuer.server.requests.length, 2)
    clock.now += 10 * minute - 1
    await login()
    assert.equal(issuer.keyRequests(), 1)
    clock.now += 1
    await Promise.all(Array.from({ length: 10 }, login))
    assert.equal(issuer.keyRequests(), 2)
  })

  test('are fetched again for a key id that is new, at most every 30 seconds', async () => {
    const [one, two, three] = await Promise.all(
      ['one', 'two', 'three'].map((kid) => makeKey('ES256', kid)),
    )
    assert.ok(one && two && three)
    await using issuer = await startTestIssuer(one)
    const { verifier, clock } = aVerifier()
    const expected = { issuer: issuer.issuer, audience }
    const login = (key: typeof one) => verifier.verify(forge(key, claimsOf(issuer)), expected)
    await login(one)
    issuer.keys = keySet(one, two)
    clock.now += 29_999
    await assert.rejects(login(two), { kind: 'token', message: /no key with the id "two"/ })
    assert.equal(issuer.keyRequests(), 1)
    clock.now += 1
    await Promise.all([login(two), login(two), login(one)])
    assert.equal(issuer.keyRequests(), 2)
    for (let count = 0; count < 20; count += 1) {
      await assert.rejects(login({ ...three, kid: `random-${count}` }), { kind: 'token' })
    }
    assert.equal(issuer.keyRequests(), 2)
    // Rotation is complete: the first key is gone, and its tokens with it.
    issuer.keys = keySet(two)
    clock.now += 10 * minute
    await assert.rejects(
      verifier.verify(forge(one, claimsOf(issuer, clock.now)), expected),
      /no key with the id "one"/,
    )
  })

  test('may change under the same id: the new one is taken and the old one no more', async () => {
    const [old, young] = await Promise.all([makeKey('RS256', 'main'), makeKey('RS256', 'main')])
    await using issuer = await startTestIssuer(old)
    const { verifier, clock } = aVerifier()
    const expected = { issuer: issuer.issuer, audience }
    await verifier.verify(forge(old, claimsOf(issuer)), expected)
    issuer.keys = keySet(young)
    clock.now += 30_000
    await verifier.verify(forge(young, claimsOf(issuer)), expected)
    await assert.rejects(verifier.verify(forge(old, claimsOf(issuer)), expected), {
      message: 'The ID token is not signed by its issuer.',
    })
  })

  test('may share an id when they are of different kinds', async () => {
    const [rsa, ec] = await Promise.all([makeKey('RS256', 'main'), makeKey('ES256', 'main')])
    await using issuer = await startTestIssuer(rsa, ec)
    const { verifier } = aVerifier()
    const expected = { issuer: issuer.issuer, audience }
    for (const key of [rsa, ec]) {
      await verifier.verify(forge(key, claimsOf(issuer)), expected)
    }
  })

  test('hold for a day while the issuer is down, and not for longer', async () => {
    const key = await makeKey('ES256', 'one')
    await using issuer = await startTestIssuer(key)
    const { verifier, clock } = aVerifier()
    const login = () =>
      verifier.verify(forge(key, claimsOf(issuer, clock.now)), { issuer: issuer.issuer, audience })
    await login()
    issuer.isDown = true
    clock.now += 11 * minute
    const before = issuer.server.requests.length
    await login()
    await login()
    assert.equal(issuer.server.requests.length, before + 1, 'asked at most every 30 seconds')
    clock.now = start + 24 * 60 * minute - 1
    await login()
    clock.now += 1
    await assert.rejects(login(), { kind: 'issuer', message: /status 503/ })
    issuer.isDown = false
    clock.now += 5000
    await login()
  })

  test('that cannot be had are asked for again after five seconds', async () => {
    const key = await makeKey('ES256', 'one')
    await using issuer = await startTestIssuer(key)
    const { verifier, clock } = aVerifier()
    const login = () =>
      verifier.verify(forge(key, claimsOf(issuer)), { issuer: issuer.issuer, audience })
    issuer.isDown = true
    await assert.rejects(login(), { kind: 'issuer' })
    await assert.rejects(login(), { kind: 'issuer' })
    assert.equal(issuer.server.requests.length, 1)
    issuer.isDown = false
    clock.now += 5000
    await login()
  })

  test('are none for a token that could not be taken anyway', async () => {
    const key = await makeKey('ES256', 'one')
    await using issuer = await startTestIssuer(key)
    const { verifier } = aVerifier()
    const expected = { issuer: issuer.issuer, audience }
    for (const more of [{ exp: 1, iat: 0 }, { aud: 'x' }, { iss: 'https://other.test' }]) {
      const token = forge(key, { ...claimsOf(issuer), ...more })
      await assert.rejects(verifier.verify(token, expected), { kind: 'token' })
    }
    assert.equal(issuer.server.connections(), 0)
  })

  test('of another issuer are never used, though both have the same audience and key id', async () => {
    const [one, two] = await Promise.all([makeKey('ES256', 'main'), makeKey('ES256', 'main')])
    await using first = await startTestIssuer(one)
    await using second = await startTestIssuer(two)
    const { verifier } = aVerifier()
    await verifier.verify(forge(one, claimsOf(first)), { issuer: first.issuer, audience })
    await verifier.verify(forge(two, claimsOf(second)), { issuer: second.issuer, audience })
    for (const [issuer, key] of [
      [first, two],
      [second, one],
    ] as const) {
      const token = forge(key, claimsOf(issuer))
      await assert.rejects(verifier.verify(token, { issuer: issuer.issuer, audience }), {
        kind: 'token',
      })
    }
  })
})

suite('an issuer that is configured', () => {
  test('is good when its discovery and keys are', async () => {
    await using issuer = await startTestIssuer(await makeKey('ES256', 'one'))
    const { verifier } = aVerifier()
    await verifier.validateIssuer(issuer.issuer)
    await verifier.validateIssuer('https://any.test', `${issuer.issuer}/keys`)
  })

  test('is asked even when its keys are remembered', async () => {
    await using issuer = await startTestIssuer(await makeKey('ES256', 'one'))
    const { verifier } = aVerifier()
    await verifier.validateIssuer(issuer.issuer)
    issuer.isDown = true
    await assert.rejects(verifier.validateIssuer(issuer.issuer), { kind: 'issuer' })
  })

  test('is refused with the reason', async () => {
    const key = await makeKey('ES256', 'one')
    await using issuer = await startTestIssuer(key)
    const { verifier } = aVerifier()
    const cases: readonly (readonly [Record<string, unknown>, unknown, RegExp])[] = [
      [{ issuer: 'https://other.test' }, keySet(key), /calls itself "https:\/\/other.test"/],
      [{ issuer: `${issuer.issuer}/` }, keySet(key), /the same to the letter/],
      [{ issuer: undefined }, keySet(key), /calls itself "nothing"/],
      [{ jwks_uri: undefined }, keySet(key), /does not say where its keys are/],
      [{ jwks_uri: 7 }, keySet(key), /does not say where its keys are/],
      [{ jwks_uri: 'https://10.0.0.1/keys' }, keySet(key), /a private address/],
      [{ jwks_uri: 'file:///etc/passwd' }, keySet(key), /begins with file:/],
      [{}, {}, /not a key set/],
      [{}, { keys: 'x' }, /not a key set/],
      [{}, [key.publicJwk], /not a key set/],
      [{}, { keys: [] }, /none of its keys/],
      [{}, { keys: [null, 1, 'x', [], {}] }, /none of its keys/],
      [{}, { keys: [{ ...key.publicJwk, use: 'enc' }] }, /none of its keys/],
      [{}, { keys: [{ ...key.publicJwk, key_ops: ['sign'] }] }, /none of its keys/],
      [{}, { keys: [{ ...key.publicJwk, alg: 'ES512' }] }, /none of its keys/],
      [{}, { keys: [{ ...key.publicJwk, x: 'AAAA' }] }, /none of its keys/],
      [{}, { keys: [key.privateJwk] }, /none of its keys/],
      [{}, { keys: [{ kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }] }, /none of its keys/],
    ]
    for (const [discovery, keys, why] of cases) {
      Object.assign(issuer, { discovery, keys })
      await assert.rejects(verifier.validateIssuer(issuer.issuer), (error) => {
        assert.ok(error instanceof IdTokenError)
        assert.equal(error.kind, 'issuer')
        assert.match(error.message, why)
        assert.ok(error.message.startsWith(`The issuer "${issuer.issuer}" is of no use: `))
        assert.match(error.message, /[^.]\.$/)
        return true
      })
    }
  })

  test('is refused when its name is not a URL of an issuer', async () => {
    const { verifier } = aVerifier()
    const names = ['', 'acme', 'idp.test', 'ftp://idp.test', 'https://', 'https://idp.test?x=1']
    for (const name of [
      ...names,
      'https://idp.test#x',
      'https://idp.test/a b',
      ' https://idp.test',
    ]) {
      await assert.rejects(verifier.validateIssuer(name), { kind: 'issuer' }, name)
    }
    await assert.rejects(verifier.validateIssuer(`https://idp.test/${'x'.repeat(2000)}`), {
      kind: 'issuer',
    })
  })

  test('is not asked where a redirect leads, neither for discovery nor for keys', async () => {
    const key = await makeKey('ES256', 'one')
    await using thief = await startTestIssuer(key)
    await using server = await startLocalServer((request, response) => {
      if (request.path.startsWith('/keys') || request.path.startsWith('/moved')) {
        response.writeHead(302, { location: `${thief.issuer}/keys` }).end()
      } else sendJson(response, { issuer: server.origin, jwks_uri: `${server.origin}/keys` })
    })
    const outbound = createOutbound({ allow: ['127.0.0.1'], redirects: 3 })
    const verifier = createIdTokenVerifier({ outbound })
    for (const issuer of [server.origin, `${server.origin}/moved`]) {
      await assert.rejects(verifier.validateIssuer(issuer), { message: /with a redirect to/ })
    }
    assert.equal(thief.server.connections(), 0)
  })

  test('cannot be made to reach what must not be reached', async () => {
    await attackThrough((url, { outbound }) =>
      createIdTokenVerifier({ outbound }).validateIssuer(url),
    )
    await attackThrough((url, { outbound }) =>
      createIdTokenVerifier({ outbound }).validateIssuer('https://idp.test', url),
    )
  })

  test('cannot send us to such a place for its keys', async () => {
    await using issuer = await startTestIssuer()
    const allow = [issuer.server.host]
    await attackThrough(
      (url, { outbound }) => {
        issuer.discovery = { jwks_uri: url }
        return createIdTokenVerifier({ outbound }).validateIssuer(issuer.issuer)
      },
      { allow },
    )
    assert.ok(issuer.server.requests.length > 100)
  })
})

suite('what looks like an ID token', () => {
  test('its issuer can be read before anything is verified', () => {
    const token = `${encode({ alg: 'RS256' })}.${encode({ iss: 'https://idp.test' })}.c2ln`
    assert.equal(looksLikeIdToken(token), true)
    assert.equal(peekIssuer(token), 'https://idp.test')
  })

  test('passwords, personal tokens and damaged ones do not have an issuer', () => {
    const header = encode({ alg: 'RS256' })
    const long = encode({ iss: 'https://idp.test', pad: 'x'.repeat(16_384) })
    const texts = ['', 'hunter2', 'carrel_pat_abc', 'a.b.c', 'ey.ey', 'ey..', '..', `${header}.e30`]
    for (const text of [...texts, `${header}.${long}.c2ln`, 'ey\n.ey.ey', '.'.repeat(1e6)]) {
      assert.equal(looksLikeIdToken(text), false, text.slice(0, 30))
      assert.equal(peekIssuer(text), undefined, text.slice(0, 30))
    }
    for (const iss of [undefined, 7, ['https://idp.test'], 'x'.repeat(1025)]) {
      assert.equal(peekIssuer(`${header}.${encode({ iss })}.c2ln`), undefined)
    }
    assert.equal(peekIssuer(`${header}.${encode('[]')}.c2ln`), undefined)
    assert.equal(peekIssuer(`${encode({ alg: 'none' })}.${encode({ iss: 'x' })}.c2ln`), undefined)
  })
})
