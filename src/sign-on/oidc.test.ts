import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { issueAuthority, issueLeaf } from '../certificates/issue.ts'
import { createOutbound } from '../outbound/outbound.ts'
import type { OidcCheck } from './oidc.ts'
import { signInAt } from './test-support/browser.ts'
import { clientSecret, redirectUri, signIn, startCorp } from './test-support/oidc-sign-in.ts'

test('somebody who signs in at the provider is known by its subject', async (t) => {
  const { provider } = await startCorp(t)
  const corp = provider({ adminGroups: ['admins'] })
  assert.equal(corp.id, 'oidc:corp')
  assert.deepEqual(await signIn(corp, 'alice'), {
    provider: 'oidc:corp',
    subject: 'id-of-alice',
    name: 'alice',
    displayName: 'Alice Example',
    groups: ['admins', 'developers'],
    admin: true,
  })
  assert.deepEqual(await signIn(corp, 'bob'), {
    provider: 'oidc:corp',
    subject: 'id-of-bob',
    name: 'bob',
    displayName: 'Bob Example',
    groups: ['developers'],
    admin: false,
  })
})

test('the way to the provider carries state, nonce and a hashed verifier', async (t) => {
  const { idp, provider } = await startCorp(t)
  const { url, check } = await provider().begin({ redirectUri })
  const parameters = Object.fromEntries(url.searchParams)
  const { state, nonce, code_challenge: challenge, ...rest } = parameters
  assert.equal(url.origin, idp.issuer)
  assert.deepEqual(rest, {
    client_id: 'carrel',
    code_challenge_method: 'S256',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid profile email groups',
  })
  assert.deepEqual([state, nonce], [check.state, check.nonce])
  assert.notEqual(challenge, check.codeVerifier)
  const again = await provider().begin({ redirectUri })
  for (const key of ['state', 'nonce', 'codeVerifier'] as const) {
    assert.match(check[key], /^[\w-]{40,}$/)
    assert.notEqual(check[key], again.check[key])
  }
})

test('the check survives being kept as JSON, and the query alone counts when somebody comes back', async (t) => {
  const { provider } = await startCorp(t)
  const { url, check } = await provider().begin({ redirectUri, loginHint: 'bob' })
  const back = await signInAt(url)
  const behindProxy = new URL(`http://10.0.0.1:5000/other${back.search}`)
  const kept = JSON.parse(JSON.stringify(check)) as OidcCheck
  const identity = await provider().finish(behindProxy, kept)
  assert.equal(identity.subject, 'id-of-bob')
})

test('groups of now replace those of the last time', async (t) => {
  const { idp, provider } = await startCorp(t)
  const corp = provider({ adminGroups: ['admins'] })
  assert.equal((await signIn(corp, 'alice')).admin, true)
  idp.setGroups('alice', ['developers'])
  const later = await signIn(corp, 'alice')
  assert.deepEqual([later.groups, later.admin], [['developers'], false])
  idp.setGroups('alice', undefined)
  assert.deepEqual((await signIn(corp, 'alice')).groups, [])
})

test('neither a mail address nor a name makes somebody another person', async (t) => {
  const { idp, provider } = await startCorp(t)
  idp.setClaims('mallory', { preferred_username: 'alice', email: 'alice@example.com' })
  const identity = await signIn(provider(), 'mallory')
  assert.deepEqual([identity.subject, identity.name], ['id-of-mallory', 'alice'])
})

test('claims that only userinfo has are found there', async (t) => {
  const { provider } = await startCorp(t, { claimsIn: 'userinfo' })
  const paths: string[] = []
  const tamper = (path: string, response: Response) => {
    paths.push(path)
    return response
  }
  const identity = await signIn(provider({}, { tamper }), 'bob')
  assert.deepEqual([identity.name, identity.groups], ['bob', ['developers']])
  assert.ok(paths.includes('/me'))
})

test('only members of an allowed group may sign in', async (t) => {
  const { idp, provider } = await startCorp(t)
  const corp = provider({ allowGroups: ['staff', 'admins'] })
  assert.equal((await signIn(corp, 'alice')).subject, 'id-of-alice')
  await assert.rejects(signIn(corp, 'bob'), {
    name: 'SignOnError',
    problem: 'not-allowed',
    message: /none of your groups may use this registry\. .* one of: staff, admins\.$/,
  })
  idp.setGroups('bob', ['Admins', 'staff2', ' staff'])
  await assert.rejects(signIn(corp, 'bob'), { problem: 'not-allowed' })
  idp.setGroups('bob', undefined)
  await assert.rejects(signIn(corp, 'bob'), { message: /it sent no claim groups/ })
  idp.setGroups('bob', ['staff'])
  assert.equal((await signIn(corp, 'bob')).admin, false)
})

test('without a secret, PKCE alone is enough for a public client', async (t) => {
  const clients = [{ clientId: 'carrel', redirectUris: [redirectUri] }]
  const { idp } = await startCorp(t, { clients })
  const { createOidcProvider } = await import('./oidc.ts')
  const corp = createOidcProvider(
    {
      kind: 'oidc',
      name: 'corp',
      title: 'Example Corp',
      issuer: idp.issuer,
      clientId: 'carrel',
      scopes: ['openid', 'profile'],
      nameClaim: 'preferred_username',
      groupsClaim: 'groups',
    },
    { outbound: createOutbound({ allow: ['127.0.0.1'] }) },
  )
  assert.equal((await signIn(corp, 'bob')).subject, 'id-of-bob')
})

test('the secret is posted where the provider takes it in no other way', async (t) => {
  const client = { clientId: 'carrel', clientSecret, redirectUris: [redirectUri] }
  const clients = [{ ...client, authentication: 'client_secret_post' as const }]
  const { provider } = await startCorp(t, { clients })
  const corp = provider(
    {},
    { tamper: withMetadata({ token_endpoint_auth_methods_supported: ['client_secret_post'] }) },
  )
  assert.equal((await signIn(corp, 'bob')).subject, 'id-of-bob')
})

test('a provider with an authority of its own is trusted through its certificate alone', async (t) => {
  const now = new Date()
  const authority = await issueAuthority('idp', now)
  const ca = {
    certificate: new X509Certificate(authority.certificatePem),
    keyPem: authority.keyPem,
  }
  const names = { dnsNames: [], addresses: ['127.0.0.1'] }
  const leaf = await issueLeaf(ca, names, now)
  const { provider } = await startCorp(t, {
    tls: { key: leaf.keyPem, cert: leaf.certificatePem },
  })
  const trusting = provider({ certificateAuthorities: authority.certificatePem })
  const identity = await signIn(trusting, 'bob', authority.certificatePem)
  assert.equal(identity.subject, 'id-of-bob')
  await assert.rejects(provider().begin({ redirectUri }), { name: 'SignOnUnavailableError' })

  // With an https issuer nothing else may be without TLS, even where the outbound client would allow it.
  const downgraded = provider(
    { certificateAuthorities: authority.certificatePem },
    { tamper: withMetadata({ token_endpoint: 'http://127.0.0.1:1/token' }) },
  )
  const refused = { name: 'SignOnError', problem: 'configuration', message: /with https/ }
  await assert.rejects(signIn(downgraded, 'bob', authority.certificatePem), refused)
})

test('the provider is asked once an hour what it is, and again after a failure', async (t) => {
  const { provider } = await startCorp(t)
  let now = Date.now()
  let asked = 0
  let down = true
  const tamper = (path: string, response: Response) => {
    if (path.endsWith('/openid-configuration')) asked++
    return down ? new Response('', { status: 503 }) : response
  }
  const corp = provider({}, { tamper, now: () => now })
  const unavailable = { name: 'SignOnUnavailableError', message: /status 503/ }
  await assert.rejects(corp.begin({ redirectUri }), unavailable)
  down = false
  await Promise.all([corp.begin({ redirectUri }), corp.begin({ redirectUri })])
  await corp.begin({ redirectUri })
  assert.equal(asked, 2)
  now += 60 * 60_000 - 1
  await corp.begin({ redirectUri })
  assert.equal(asked, 2)
  now += 1
  await corp.begin({ redirectUri })
  assert.equal(asked, 3)
})

function withMetadata(more: Readonly<Record<string, unknown>>) {
  return async (path: string, response: Response) => {
    if (!path.endsWith('/openid-configuration')) return response
    return Response.json({ ...((await response.json()) as object), ...more })
  }
}
