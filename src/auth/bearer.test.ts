import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTokenIssuer, generateSigningKey } from './bearer.ts'
import type { SigningKey, TokenIssuer } from './bearer.ts'
import type { Identity, TokenAccess } from './identity.ts'
import { aUser } from './test-support/identities.ts'

const alice: Identity = aUser('alice', { id: 42, admin: true })
const access: readonly TokenAccess[] = [
  { type: 'repository', repositoryId: 5, name: 'alice/app', actions: ['pull', 'push'] },
  { type: 'repository', repositoryId: undefined, name: 'alice/new', actions: ['pull'] },
  { type: 'registry', repositoryId: undefined, name: 'catalog', actions: ['*'] },
]

/** An issuer whose clock the test turns. */
async function anIssuer(
  options: { keys?: readonly SigningKey[]; installationId?: string } = {},
): Promise<{ issuer: TokenIssuer; clock: { ms: number } }> {
  const clock = { ms: Date.parse('2026-11-24T10:00:00.500Z') }
  const keys = options.keys ?? [await generateSigningKey()]
  const issuer = createTokenIssuer({
    keys,
    installationId: options.installationId ?? 'install-1',
    now: () => clock.ms,
  })
  return { issuer, clock }
}

function part(token: string, index: number): Record<string, unknown> {
  const text = Buffer.from(token.split('.')[index] ?? '', 'base64url').toString()
  return JSON.parse(text) as Record<string, unknown>
}

test('a token gives back what it was made with, also in another process with the same keys', async () => {
  const key = await generateSigningKey()
  const { issuer } = await anIssuer({ keys: [key] })
  const { issuer: other } = await anIssuer({ keys: [key] })
  const { token, expiresInSeconds } = await issuer.issue(alice, access)
  assert.equal(expiresInSeconds, 900)
  for (const verifier of [issuer, other]) {
    const verified = await verifier.verify(token)
    assert.equal(verified?.principalId, 42)
    assert.deepEqual(verified.access, access)
  }
})

test('a token of nobody has no principal, and one that grants nothing is a token all the same', async () => {
  const { issuer } = await anIssuer()
  for (const identity of [{ kind: 'anonymous' }, { kind: 'open' }] as const) {
    const { token } = await issuer.issue(identity, [])
    const verified = await issuer.verify(token)
    assert.ok(verified !== undefined)
    assert.equal(verified.principalId, undefined)
    assert.deepEqual(verified.access, [])
  }
})

test('header and claims are those of distribution, and say nothing of names or rights beyond', async () => {
  const key = await generateSigningKey()
  const { issuer, clock } = await anIssuer({ keys: [key] })
  const { token } = await issuer.issue(alice, access)
  assert.deepEqual(part(token, 0), { typ: 'JWT', alg: 'EdDSA', kid: key.kid })
  const { jti, ...claims } = part(token, 1)
  const seconds = Math.floor(clock.ms / 1000)
  assert.deepEqual(claims, {
    iss: 'install-1',
    aud: 'install-1',
    sub: '42',
    iat: seconds,
    nbf: seconds - 60,
    exp: seconds + 900,
    access: [
      { type: 'repository', name: 'alice/app', actions: ['pull', 'push'] },
      { type: 'repository', name: 'alice/new', actions: ['pull'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
    ],
    repository_ids: [5, null, null],
  })
  const { token: second } = await issuer.issue(alice, access)
  assert.match(String(jti), /^[0-9a-f-]{36}$/)
  assert.notEqual(part(second, 1)['jti'], jti)
})

test('a token is good for its life and a minute, remembered or not, and then no more', async () => {
  const key = await generateSigningKey()
  const remembering = await anIssuer({ keys: [key] })
  const { token } = await remembering.issuer.issue(alice, access)
  const issuedAt = remembering.clock.ms - 500
  assert.ok(await remembering.issuer.verify(token))
  for (const [afterMs, isGood] of [
    [0, true],
    [900_000, true],
    [959_999, true],
    [960_000, false],
    [86_400_000, false],
  ] as const) {
    const fresh = await anIssuer({ keys: [key] })
    fresh.clock.ms = issuedAt + afterMs
    remembering.clock.ms = issuedAt + afterMs
    assert.equal((await fresh.issuer.verify(token)) !== undefined, isGood, `fresh, ${afterMs}`)
    assert.equal(remembering.issuer.recall(token) !== undefined, isGood, `recall, ${afterMs}`)
    assert.equal((await remembering.issuer.verify(token)) !== undefined, isGood, `${afterMs}`)
  }
})

test('a server whose clock is behind takes a new token', async () => {
  const key = await generateSigningKey()
  const { issuer } = await anIssuer({ keys: [key] })
  const { token } = await issuer.issue(alice, access)
  for (const [behindMs, isGood] of [
    [59_000, true],
    [119_000, true],
    [122_000, false],
    [3_600_000, false],
  ] as const) {
    const behind = await anIssuer({ keys: [key] })
    behind.clock.ms -= behindMs
    assert.equal((await behind.issuer.verify(token)) !== undefined, isGood, `${behindMs}`)
  }
})

test('tokens of the key before are taken, and the first key signs', async () => {
  const [before, after] = [await generateSigningKey(), await generateSigningKey()]
  const old = await anIssuer({ keys: [before] })
  const both = await anIssuer({ keys: [after, before] })
  const done = await anIssuer({ keys: [after] })
  const { token: oldToken } = await old.issuer.issue(alice, access)
  const { token: newToken } = await both.issuer.issue(alice, access)
  assert.equal(part(newToken, 0)['kid'], after.kid)
  assert.ok(await both.issuer.verify(oldToken))
  assert.ok(await both.issuer.verify(newToken))
  assert.equal(await done.issuer.verify(oldToken), undefined)
  assert.equal(await old.issuer.verify(newToken), undefined)
})

test('a token of another installation is not taken, even if signed with the same key', async () => {
  const key = await generateSigningKey()
  const here = await anIssuer({ keys: [key] })
  const there = await anIssuer({ keys: [key], installationId: 'install-2' })
  const { token } = await there.issuer.issue(alice, access)
  assert.equal(await here.issuer.verify(token), undefined)
})

test('only what was verified is recalled', async () => {
  const key = await generateSigningKey()
  const { issuer } = await anIssuer({ keys: [key] })
  const { token } = await issuer.issue(alice, access)
  assert.equal(issuer.recall(token), undefined)
  const verified = await issuer.verify(token)
  assert.equal(issuer.recall(token), verified)
  assert.equal(issuer.recall(`${token}x`), undefined)
})

test('the largest token that can be granted fits into the headers that proxies take', async () => {
  const { issuer } = await anIssuer()
  const largest = Array.from({ length: 32 }, (_, index) => ({
    type: 'repository' as const,
    repositoryId: 2_000_000_000 + index,
    name: 'x'.repeat(93),
    actions: ['pull', 'push', 'delete'],
  }))
  const { token } = await issuer.issue(alice, largest)
  assert.ok(token.length < 8192 - 'Authorization: Bearer '.length, `${token.length} characters`)
  assert.equal((await issuer.verify(token))?.access.length, 32)
})

test('keys that are missing, mixed up, empty or of another kind stop the start', async () => {
  const [one, two] = [await generateSigningKey(), await generateSigningKey()]
  const make = (keys: readonly SigningKey[], installationId = 'x'): TokenIssuer =>
    createTokenIssuer({ keys, installationId })
  assert.throws(() => make([]))
  assert.throws(() => make([one], ''))
  assert.throws(() => make([{ ...one, publicJwk: two.publicJwk }]))
  assert.throws(() => make([one, { ...two, kid: one.kid }]))
  assert.throws(() => make([{ ...one, kid: '' }]))
  assert.throws(() => make([{ ...one, privateJwk: one.publicJwk }]))
  assert.throws(() => make([{ ...one, privateJwk: {} }]))
  assert.throws(() => make([{ ...one, privateJwk: { kty: 'oct', k: '' } }]))
  assert.throws(() => createTokenIssuer({ keys: [one], installationId: 'x', lifetimeMs: 1000 }))
})

test('each generated key is another one', async () => {
  const [one, two] = [await generateSigningKey(), await generateSigningKey()]
  assert.notEqual(one.kid, two.kid)
  assert.notEqual(one.privateJwk.d, two.privateJwk.d)
  assert.equal(one.publicJwk.d, undefined)
  assert.ok(JSON.parse(JSON.stringify(one)))
})
