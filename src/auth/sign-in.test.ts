import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OciError } from '../oci/errors.ts'
import { createAuthenticator, type Authenticator, type AuthenticatorDeps } from './authenticate.ts'
import { createTokenIssuer, generateSigningKey } from './bearer.ts'
import type { CarriedToken, PrincipalIdentity } from './identity.ts'
import { hashSecret, makeSecret } from './secret-format.ts'
import { Directory } from './test-support/directory.ts'
import { parseTokenScope } from './token-scope.ts'

interface Setup {
  readonly directory: Directory
  readonly authenticator: Authenticator
  readonly issuer: ReturnType<typeof createTokenIssuer>
}

async function aSetup(more: Partial<AuthenticatorDeps> = {}): Promise<Setup> {
  const directory = new Directory()
  const issuer = createTokenIssuer({ keys: [await generateSigningKey()], installationId: 'i' })
  const authenticator = createAuthenticator({
    principals: directory,
    passwords: { verify: async (password, hash) => Promise.resolve(hash === `$2y$${password}`) },
    tokens: issuer,
    warn: () => undefined,
    ...more,
  })
  return { directory, issuer, authenticator }
}

function giveToken(directory: Directory, principalId: number, more: Partial<CarriedToken> = {}) {
  const secret = makeSecret('pat')
  const id = directory.tokens.size + 1
  const hash = hashSecret(secret)
  directory.secrets.set(hash, { tokenId: id, hash })
  const token = { id, kind: 'personal', scopes: undefined, expiresAt: undefined, ...more } as const
  directory.tokens.set(id, { ...token, principalId, revoked: false })
  return { id, secret, hash }
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

async function refused(authenticator: Authenticator, header: string): Promise<string> {
  const outcome: unknown = await authenticator.authenticate(header).catch((error: unknown) => error)
  assert.ok(outcome instanceof OciError, `taken: ${JSON.stringify(outcome)}`)
  assert.equal(outcome.code, 'UNAUTHORIZED')
  return outcome.message
}

test('a token is taken as a password under its name or an alias, and as Bearer', async () => {
  const { directory, authenticator } = await aSetup()
  const ann = directory.add('ann')
  directory.add('bob')
  const { id, secret, hash } = giveToken(directory, ann.id)
  const headers = ['ann', 'AWS', 'oauth2accesstoken', '_json_key', 'oidc'].map((name) =>
    basic(name, secret),
  )
  for (const header of [...headers, `Bearer ${secret}`]) {
    const identity = (await authenticator.authenticate(header)) as PrincipalIdentity
    assert.equal(identity.id, ann.id, header)
    assert.equal(identity.token?.id, id)
    assert.equal(identity.token?.secretHash, hash)
    assert.equal(identity.limits, undefined)
    assert.deepEqual(authenticator.recall(header), identity)
  }
  for (const name of ['bob', 'nobody', '', 'ANN', 'aws']) {
    assert.match(await refused(authenticator, basic(name, secret)), /user name or the password/)
  }
})

test('a token that is revoked, over, of a disabled principal or changed in one character is none', async () => {
  const clock = { ms: 0 }
  const { directory, authenticator } = await aSetup({ now: () => clock.ms })
  const ann = directory.add('ann')
  const good = giveToken(directory, ann.id)
  const over = giveToken(directory, ann.id, { expiresAt: Date.now() - 1 })
  await authenticator.authenticate(basic('ann', good.secret))
  await refused(authenticator, basic('ann', over.secret))
  const last = good.secret.at(-1) === 'a' ? 'b' : 'a'
  await refused(authenticator, basic('ann', good.secret.slice(0, -1) + last))
  await refused(authenticator, basic('ann', makeSecret('pat')))
  const token = directory.tokens.get(good.id)
  assert.ok(token)
  directory.tokens.set(good.id, { ...token, revoked: true })
  // Seen after five seconds at most.
  clock.ms = 5000
  await refused(authenticator, basic('ann', good.secret))
  directory.tokens.set(good.id, token)
  directory.change(ann, { disabled: true })
  clock.ms = 10_000
  await refused(authenticator, basic('ann', good.secret))
  await refused(authenticator, `Bearer ${good.secret}`)
})

test('a registry token ends with the token that it was made for, and keeps its narrowness', async () => {
  const clock = { ms: 0 }
  const { directory, authenticator, issuer } = await aSetup({ now: () => clock.ms })
  const ann = directory.add('ann')
  const scopes = [parseTokenScope('ann/app:pull')]
  const { id, secret } = giveToken(directory, ann.id, { scopes })
  const identity = await authenticator.authenticate(basic('ann', secret))
  const { token } = await issuer.issue(identity, [])
  const bearer = (await authenticator.authenticate(`Bearer ${token}`)) as PrincipalIdentity
  assert.deepEqual(bearer.token?.scopes, scopes)
  assert.deepEqual(bearer.limits, [])
  const kept = directory.tokens.get(id)
  assert.ok(kept)
  directory.tokens.set(id, { ...kept, revoked: true })
  clock.ms = 5000
  assert.equal(authenticator.recall(`Bearer ${token}`), undefined)
  assert.match(await refused(authenticator, `Bearer ${token}`), /no longer valid/)
  directory.tokens.delete(id)
  clock.ms = 10_000
  await refused(authenticator, `Bearer ${token}`)
})

test('with a second factor the password alone opens nothing, and says so only to who knows it', async () => {
  const { directory, authenticator } = await aSetup()
  const ann = directory.add('ann', { passwordHash: '$2y$right', secondFactor: true })
  assert.match(await refused(authenticator, basic('ann', 'right')), /carrel token create/)
  assert.match(await refused(authenticator, basic('ann', 'right')), /carrel token create/)
  assert.equal(authenticator.recall(basic('ann', 'right')), undefined)
  assert.doesNotMatch(await refused(authenticator, basic('ann', 'wrong')), /second factor/)
  const page = await authenticator.checkPassword(
    { user: 'ann', password: 'right' },
    { address: '127.0.0.1' },
  )
  assert.equal((page as PrincipalIdentity).id, ann.id)
  const { secret } = giveToken(directory, ann.id)
  await authenticator.authenticate(basic('ann', secret))
})

test('a password with an imported hash gets a better one at the first login', async () => {
  const passwords = {
    verify: async (password: string, hash: string) =>
      Promise.resolve(hash === `$2y$${password}` || hash === `$argon2id$${password}`),
    hash: async (password: string) => Promise.resolve(`$argon2id$${password}`),
  }
  const { directory, authenticator } = await aSetup({ passwords })
  const ann = directory.add('ann', { passwordHash: '$2y$right' })
  await refused(authenticator, basic('ann', 'wrong'))
  assert.equal(directory.records.get(ann.id)?.passwordHash, '$2y$right')
  await authenticator.authenticate(basic('ann', 'right'))
  assert.equal(directory.records.get(ann.id)?.passwordHash, '$argon2id$right')
  await authenticator.authenticate(basic('ann', 'right'))
})

test('robots and trust rules have no password, whatever their row says', async () => {
  const { directory, authenticator } = await aSetup()
  directory.add('ci', { kind: 'robot', provider: 'robot', passwordHash: '$2y$right' })
  directory.add('gh', { kind: 'federated', provider: 'federation', passwordHash: '$2y$right' })
  directory.add('sue', { provider: 'oidc:corp', passwordHash: '$2y$right' })
  for (const name of ['ci', 'gh', 'sue']) await refused(authenticator, basic(name, 'right'))
})

test('the identity token of a CI job signs in as its trust rule, and the registry token tells of the job', async () => {
  const jwt = `eyJ${'a'.repeat(100)}.eyJ${'b'.repeat(100)}.${'c'.repeat(86)}`
  const asked: string[] = []
  const { directory, authenticator, issuer } = await aSetup({
    federate: async (token, user) => {
      asked.push(user)
      const provenance = '{"repository":"acme/app"}'
      const login = { principalId: 1, provenance, goodUntil: Date.now() + 60_000 }
      return Promise.resolve(token === jwt ? login : undefined)
    },
  })
  const rule = directory.add('gh', { kind: 'federated', provider: 'federation' })
  const header = basic('oidc', jwt)
  const identity = (await authenticator.authenticate(header)) as PrincipalIdentity
  assert.equal(identity.id, rule.id)
  assert.deepEqual(authenticator.recall(header), identity)
  assert.deepEqual(asked, ['oidc'])
  const { token, expiresInSeconds } = await issuer.issue(identity, [])
  assert.equal(expiresInSeconds, 3600)
  const bearer = (await authenticator.authenticate(`Bearer ${token}`)) as PrincipalIdentity
  assert.equal(bearer.provenance, '{"repository":"acme/app"}')
  await refused(authenticator, basic('oidc', `${jwt.slice(0, -1)}d`))
})
