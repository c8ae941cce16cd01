// Sign-ins through OpenID Connect that must not succeed, against a real provider.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import { decodeJwt, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { createOutbound } from '../outbound/outbound.ts'
import { SignOnError } from './providers-outcome.ts'
import { signInAt } from './test-support/browser.ts'
import { clientSecret, redirectUri, signIn, startCorp } from './test-support/oidc-sign-in.ts'
import type { Corp, Tamper } from './test-support/oidc-sign-in.ts'

type TokenBody = Record<string, unknown> & { readonly id_token: string }

/** Changes what the token endpoint answers. */
function onTokens(change: (body: TokenBody) => object | Promise<object>): Tamper {
  return async (path, response) => {
    if (path !== '/token' || !response.ok) return response
    return Response.json(await change((await response.json()) as TokenBody))
  }
}

function onToken(change: (idToken: string) => string | Promise<string>): Tamper {
  return onTokens(async (body) => ({ ...body, id_token: await change(body.id_token) }))
}

test('an answer with another state, none or two is not passed on', async (t) => {
  const { provider } = await startCorp(t)
  let requests = 0
  const count: Tamper = (_, response) => {
    requests++
    return response
  }
  const corp = provider({}, { tamper: count })
  const { url, check } = await corp.begin({ redirectUri })
  const back = await signInAt(url)
  requests = 0
  const changes: readonly ((query: URLSearchParams) => void)[] = [
    (query) => query.set('state', `${check.state}x`),
    (query) => query.set('state', ''),
    (query) => query.delete('state'),
    (query) => query.append('state', check.state),
    (query) => query.append('state', 'other'),
  ]
  for (const change of changes) {
    const wrong = new URL(back)
    change(wrong.searchParams)
    await assert.rejects(corp.finish(wrong, check), { name: 'SignOnError', problem: 'mismatch' })
  }
  assert.equal(requests, 0)
  assert.equal((await corp.finish(back, check)).subject, 'id-of-alice')
})

test('a check of another provider does not count', async (t) => {
  const { provider } = await startCorp(t)
  const { url, check } = await provider().begin({ redirectUri })
  const back = await signInAt(url)
  const other = provider({ name: 'corp2' })
  await assert.rejects(other.finish(back, check), { problem: 'mismatch' })
})

test('a code that somebody else obtained cannot be slipped into a sign-in', async (t) => {
  const { provider } = await startCorp(t)
  const corp = provider()
  const attackers = await corp.begin({ redirectUri, loginHint: 'mallory' })
  const code = (await signInAt(attackers.url)).searchParams.get('code') ?? ''
  const victims = await corp.begin({ redirectUri, loginHint: 'alice' })
  const back = await signInAt(victims.url)
  back.searchParams.set('code', code)
  await assert.rejects(corp.finish(back, victims.check), { problem: 'expired' })
})

test('a code counts once', async (t) => {
  const { provider } = await startCorp(t)
  const corp = provider()
  const { url, check } = await corp.begin({ redirectUri })
  const back = await signInAt(url)
  await corp.finish(back, check)
  await assert.rejects(corp.finish(back, check), {
    problem: 'expired',
    message: /was used already or is too old\. Sign in again\.$/,
  })
})

test('a sign-in has to be finished within ten minutes', async (t) => {
  const { provider } = await startCorp(t)
  let now = Date.now()
  const corp = provider({}, { now: () => now })
  const { url, check } = await corp.begin({ redirectUri })
  const back = await signInAt(url)
  now += 10 * 60_000
  await assert.rejects(corp.finish(back, check), { problem: 'expired', message: /10 minutes/ })
})

test('an answer that another issuer signed off, or nobody, does not count', async (t) => {
  const [honest, evil] = [await startCorp(t), await startCorp(t)]
  const corp = honest.provider()
  const { url, check } = await corp.begin({ redirectUri })
  const back = await signInAt(url)
  const mixedUp = new URL(back)
  mixedUp.searchParams.set('iss', evil.idp.issuer)
  await assert.rejects(corp.finish(mixedUp, check), { name: 'SignOnError' })
  mixedUp.searchParams.delete('iss')
  await assert.rejects(corp.finish(mixedUp, check), { name: 'SignOnError' })
  assert.equal((await corp.finish(back, check)).subject, 'id-of-alice')
})

test('an ID token made for another sign-in or another client is refused', async (t) => {
  const other = { clientId: 'other', clientSecret, redirectUris: [redirectUri] }
  const carrel = { ...other, clientId: 'carrel' }
  const { provider } = await startCorp(t, { clients: [carrel, other] })
  let stolen = ''
  const steal = onToken((idToken) => (stolen = idToken))
  const replay = onToken(() => stolen)

  await signIn(provider({}, { tamper: steal }), 'alice')
  await assert.rejects(signIn(provider({}, { tamper: replay }), 'mallory'), { problem: 'mismatch' })
  await signIn(provider({ clientId: 'other' }, { tamper: steal }), 'alice')
  await assert.rejects(signIn(provider({}, { tamper: replay }), 'mallory'), { problem: 'mismatch' })
})

test('the nonce must be that of the check', async (t) => {
  const { provider } = await startCorp(t)
  const corp = provider()
  const { url, check } = await corp.begin({ redirectUri })
  const back = await signInAt(url)
  const wrong = { ...check, nonce: `${check.nonce}x` }
  await assert.rejects(corp.finish(back, wrong), { problem: 'mismatch' })
})

test('an ID token without a nonce, or no ID token at all, is refused', async (t) => {
  const { provider } = await startCorp(t)
  const noToken = onTokens((body) => ({ ...body, id_token: undefined }))
  await assert.rejects(signIn(provider({}, { tamper: noToken }), 'alice'), { name: 'SignOnError' })
  const { url, check } = await provider().begin({ redirectUri })
  url.searchParams.delete('nonce')
  const back = await signInAt(url)
  await assert.rejects(provider().finish(back, check), { name: 'SignOnError' })
})

test('an ID token that the provider did not sign is refused', async (t) => {
  const { provider } = await startCorp(t)
  const { privateKey } = await generateKeyPair('ES256')
  const claimsOf = (idToken: string) => ({ ...decodeJwt(idToken), groups: ['admins'] })
  const forgeries: Readonly<Record<string, (idToken: string) => string | Promise<string>>> = {
    'changed claims': (idToken) => {
      const [header, , signature] = idToken.split('.')
      const payload = Buffer.from(JSON.stringify(claimsOf(idToken))).toString('base64url')
      return `${header}.${payload}.${signature}`
    },
    'no signature': (idToken) => new UnsecuredJWT(claimsOf(idToken)).encode(),
    'an empty signature': (idToken) => idToken.replace(/[^.]+$/, ''),
    'another key under the same id': (idToken) =>
      new SignJWT(claimsOf(idToken))
        .setProtectedHeader({ alg: 'ES256', kid: 'key-1' })
        .sign(privateKey),
    'another key under no id': (idToken) =>
      new SignJWT(claimsOf(idToken)).setProtectedHeader({ alg: 'ES256' }).sign(privateKey),
    'an unknown key id': (idToken) =>
      new SignJWT(claimsOf(idToken))
        .setProtectedHeader({ alg: 'ES256', kid: 'key-2' })
        .sign(privateKey),
    'the client secret as a key': (idToken) =>
      new SignJWT(claimsOf(idToken))
        .setProtectedHeader({ alg: 'HS256' })
        .sign(Buffer.from(clientSecret.padEnd(32))),
    'no token': () => 'nothing',
  }
  for (const [name, forge] of Object.entries(forgeries)) {
    const corp = provider({}, { tamper: onToken(forge) })
    await assert.rejects(signIn(corp, 'bob'), { name: 'SignOnError', problem: 'answer' }, name)
  }
})

test('unsigned tokens are refused even from a provider that offers them', async (t) => {
  const { provider } = await startCorp(t)
  const unsigned = onToken((idToken) => new UnsecuredJWT(decodeJwt(idToken)).encode())
  const tamper: Tamper = async (path, response) => {
    if (!path.endsWith('/openid-configuration')) return await unsigned(path, response)
    const metadata = (await response.json()) as object
    return Response.json({ ...metadata, id_token_signing_alg_values_supported: ['none', 'HS256'] })
  }
  await assert.rejects(signIn(provider({}, { tamper }), 'bob'), { problem: 'answer' })
})

test('userinfo about somebody else is refused', async (t) => {
  const { provider } = await startCorp(t, { claimsIn: 'userinfo' })
  const tamper: Tamper = async (path, response) =>
    path === '/me'
      ? Response.json({ ...((await response.json()) as object), sub: 'id-of-alice' })
      : response
  await assert.rejects(signIn(provider({}, { tamper }), 'bob'), { name: 'SignOnError' })
})

test('whom the provider does not let in is told so, not in its words', async (t) => {
  const { idp, provider } = await startCorp(t)
  const denied = {
    name: 'SignOnError',
    problem: 'denied',
    message: 'Example Corp did not let you sign in, or you cancelled.',
  }
  await assert.rejects(signIn(provider(), 'nobody'), denied)
  idp.disable('bob')
  await assert.rejects(signIn(provider(), 'bob'), denied)

  const { url, check } = await provider().begin({ redirectUri, loginHint: 'nobody' })
  const back = await signInAt(url)
  back.searchParams.set('error', 'call +1 555 and <b>pay</b>')
  await assert.rejects(provider().finish(back, check), (error) => {
    assert.ok(error instanceof SignOnError)
    assert.doesNotMatch(error.message, /555|pay/)
    return true
  })
})

test('a client that the provider does not accept is a matter of configuration', async (t) => {
  const { provider } = await startCorp(t)
  const refused = {
    name: 'SignOnError',
    problem: 'configuration',
    message: /does not accept this registry as its client.*clientId and clientSecret/,
  }
  const wrongSecret = provider({ revealClientSecret: () => 'another-secret' })
  await assert.rejects(signIn(wrongSecret, 'alice'), refused)
  const posting = provider(
    { revealClientSecret: () => 'another-secret' },
    {
      tamper: async (path, response) =>
        path.endsWith('/openid-configuration')
          ? Response.json({
              ...((await response.json()) as object),
              token_endpoint_auth_methods_supported: ['client_secret_post'],
            })
          : response,
    },
  )
  await assert.rejects(signIn(posting, 'alice'), refused)
})

test('errors hold neither secrets nor tokens nor codes', async (t) => {
  const { provider } = await startCorp(t)
  const secrets = new Set(['another-secret', clientSecret, 'alice@example.com'])
  const see = (change: (idToken: string) => string) =>
    onTokens((body) => {
      for (const value of [body.id_token, String(body.access_token)]) secrets.add(value)
      return { ...body, id_token: change(body.id_token) }
    })
  const attempts: readonly (readonly [corp: ReturnType<Corp['provider']>, nonce?: string])[] = [
    [provider({ revealClientSecret: () => 'another-secret' })],
    [provider({}, { tamper: see((idToken) => `${idToken}x`) })],
    [provider({}, { tamper: see((idToken) => `${idToken}.x`) })],
    [provider({}, { tamper: see((idToken) => `${idToken}.x.y`) })],
    [provider({}, { tamper: see((idToken) => idToken) }), 'wrong'],
  ]
  for (const [corp, nonce] of attempts) {
    const { url, check } = await corp.begin({ redirectUri })
    const back = await signInAt(url)
    secrets.add(back.searchParams.get('code') ?? '').add(check.codeVerifier)
    await assert.rejects(corp.finish(back, { ...check, nonce: nonce ?? check.nonce }), (error) => {
      const printed = inspect(error, { depth: 20, showHidden: true })
      for (const secret of secrets) assert.ok(!printed.includes(secret), printed)
      return true
    })
  }
})

test('a clock that is far from that of the provider is named as the reason', async (t) => {
  const { provider } = await startCorp(t)
  const later = provider({}, { now: () => Date.now() + 60 * 60_000 })
  await assert.rejects(signIn(later, 'alice'), { problem: 'clock', message: /NTP/ })
  const little = provider({}, { now: () => Date.now() + 20_000 })
  assert.equal((await signIn(little, 'alice')).subject, 'id-of-alice')
})

test('claims that are missing or of another form are named', async (t) => {
  const { idp, provider } = await startCorp(t)
  const nameless = provider({ nameClaim: 'upn' })
  await assert.rejects(signIn(nameless, 'alice'), {
    problem: 'claim',
    message: /claim upn is missing/,
  })
  const forms = [{ admins: true }, [1], [['admins']], 7, Array(2001).fill('x')]
  for (const groups of forms) {
    idp.setClaims('alice', { groups })
    const refused = { problem: 'claim', message: /claim groups must be a list/ }
    await assert.rejects(signIn(provider(), 'alice'), refused)
  }
  idp.setClaims('alice', { groups: 'admins' })
  assert.deepEqual((await signIn(provider(), 'alice')).groups, ['admins'])
  idp.setClaims('alice', { groups: ['a', 'b', 'a', ''] })
  assert.deepEqual((await signIn(provider(), 'alice')).groups, ['a', 'b'])
})

test('groups that did not fit into the token are not taken for none', async (t) => {
  const { idp, provider } = await startCorp(t)
  idp.setClaims('alice', { groups: undefined, _claim_names: { groups: 'src1' } })
  const refused = { problem: 'claim', message: /more groups than/ }
  await assert.rejects(signIn(provider(), 'alice'), refused)
})

test('a provider that calls itself something else is refused', async (t) => {
  const { idp, provider } = await startCorp(t)
  const wrong = { name: 'SignOnError', problem: 'configuration' }
  const begin = (corp: ReturnType<Corp['provider']>) => corp.begin({ redirectUri })
  const itself = { ...wrong, message: /calls itself http:.*writes it as the issuer/ }
  await assert.rejects(begin(provider({ issuer: `${idp.issuer}/` })), itself)
  const front = await serve(t, (_, response) => {
    const metadata = { issuer: idp.issuer, authorization_endpoint: `${idp.issuer}/auth` }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(metadata))
  })
  await assert.rejects(begin(provider({ issuer: front })), wrong)
})

test('an issuer for every customer of Entra ID is refused', async (t) => {
  const { provider } = await startCorp(t)
  const base = 'https://login.microsoftonline.com'
  const fetch = () =>
    Promise.resolve(
      Response.json({
        issuer: `${base}/{tenantid}/v2.0`,
        authorization_endpoint: `${base}/common/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/common/oauth2/v2.0/token`,
        jwks_uri: `${base}/common/discovery/v2.0/keys`,
      }),
    )
  const corp = provider({ issuer: `${base}/common/v2.0` }, { fetch })
  await assert.rejects(corp.begin({ redirectUri }), { problem: 'configuration' })
})

test('redirects of the provider itself are not followed', async (t) => {
  const { idp, provider } = await startCorp(t)
  const front = await serve(t, (request, response) => {
    response.writeHead(302, { location: `${idp.issuer}${request.url}` }).end()
  })
  const redirected = { name: 'SignOnUnavailableError', message: /redirect/ }
  await assert.rejects(provider({ issuer: front }).begin({ redirectUri }), redirected)
  for (const key of ['jwks_uri', 'token_endpoint']) {
    const tamper: Tamper = async (path, response) => {
      if (!path.endsWith('/openid-configuration')) return response
      const metadata = (await response.json()) as Record<string, string>
      return Response.json({ ...metadata, [key]: `${front}${new URL(metadata[key]!).pathname}` })
    }
    await assert.rejects(signIn(provider({}, { tamper }), 'alice'), redirected, key)
  }
})

test('a provider that cannot be asked says nothing about anybody', async (t) => {
  const { provider } = await startCorp(t)
  const unavailable = {
    name: 'SignOnUnavailableError',
    message: /^Example Corp cannot be asked now/,
  }
  const gone = await startCorp(t)
  await gone.idp.close()
  await assert.rejects(gone.provider().begin({ redirectUri }), unavailable)
  const refused = provider({}, { fetch: createOutbound().fetch })
  await assert.rejects(refused.begin({ redirectUri }), unavailable)
  const broken = await serve(t, (_, response) => response.writeHead(500).end())
  await assert.rejects(provider({ issuer: broken }).begin({ redirectUri }), unavailable)
  const missing = await serve(t, (_, response) => response.writeHead(404).end())
  await assert.rejects(provider({ issuer: missing }).begin({ redirectUri }), {
    name: 'SignOnError',
    message: /status 404/,
  })
  const noJson = await serve(t, (_, response) => response.end('<html>'))
  await assert.rejects(provider({ issuer: noJson }).begin({ redirectUri }), { name: 'SignOnError' })
})

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
