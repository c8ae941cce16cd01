import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { hashSync } from 'bcryptjs'
import { OciError } from '../oci/errors.ts'
import { createAuthenticator } from './authenticate.ts'
import type { Authenticator } from './authenticate.ts'
import { createTokenIssuer, generateSigningKey } from './bearer.ts'
import type { TokenIssuer } from './bearer.ts'
import { openHtpasswd } from './htpasswd.ts'
import type { Identity, TokenAccess } from './identity.ts'
import { hashPassword } from './password-hash.ts'
import { createPasswordPool } from './password-pool.ts'
import { Directory } from './test-support/directory.ts'

/** Cheap hashes, so that the tests are fast; the authenticator does not care which kind a local user has. */
function hashOf(password: string): string {
  return hashSync(password, 4)
}

interface Setup {
  readonly authenticator: Authenticator
  readonly directory: Directory
  readonly issuer: TokenIssuer
  readonly warnings: string[]
  /** What was given to the password threads to check: kinds of hash. */
  readonly checks: string[]
  readonly later: (ms: number) => void
  readonly writeHtpasswd: (text: string) => Promise<void>
}

async function aSetup(t: TestContext, htpasswdText?: string, queueLimit = 64): Promise<Setup> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-authenticate-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const pool = createPasswordPool({ threads: 1, queueLimit })
  t.after(() => pool.close())
  let now = 0
  const clock = (): number => now
  const warnings: string[] = []
  const warn = (text: string): void => void warnings.push(text)
  const checks: string[] = []
  const path = join(folder, 'htpasswd')
  const writeHtpasswd = (text: string): Promise<void> => writeFile(path, text)
  if (htpasswdText !== undefined) await writeHtpasswd(htpasswdText)
  const directory = new Directory()
  const issuer = createTokenIssuer({ keys: [await generateSigningKey()], installationId: 'i' })
  const authenticator = createAuthenticator({
    principals: directory,
    passwords: {
      verify(password, hash) {
        checks.push(hash.startsWith('$2') ? 'bcrypt' : 'argon2id')
        return pool.verify(password, hash)
      },
    },
    htpasswd:
      htpasswdText === undefined ? undefined : await openHtpasswd(path, { warn, now: clock }),
    tokens: issuer,
    warn,
    now: clock,
  })
  const later = (ms: number): void => void (now += ms)
  return { authenticator, directory, issuer, warnings, checks, later, writeHtpasswd }
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** The error as a client would see it. */
async function refusal(
  authenticator: Authenticator,
  header: string,
): Promise<{ code: string; message: string; detail: unknown }> {
  const outcome: unknown = await authenticator.authenticate(header).catch((error: unknown) => error)
  assert.ok(outcome instanceof OciError, `taken: ${JSON.stringify(outcome)}`)
  assert.equal(authenticator.recall(header), undefined)
  return { code: outcome.code, message: outcome.message, detail: outcome.detail }
}

const access: readonly TokenAccess[] = [
  { type: 'repository', repositoryId: 5, name: 'alice/app', actions: ['pull'] },
]

test('no credentials are anonymous, at once', async (t) => {
  const { authenticator } = await aSetup(t)
  for (const header of [undefined, '', 'Basic Og==']) {
    assert.deepEqual(await authenticator.authenticate(header), { kind: 'anonymous', grants: [] })
    assert.deepEqual(authenticator.recall(header), { kind: 'anonymous', grants: [] })
  }
})

test('a local user signs in with the password, and its hash is checked once in five minutes', async (t) => {
  const { authenticator, directory, checks, later } = await aSetup(t)
  const record = directory.add('alice', { passwordHash: hashOf('pw'), admin: true })
  const expected = {
    kind: 'principal',
    id: record.id,
    name: 'alice',
    principalKind: 'user',
    provider: 'local',
    admin: true,
    grants: [],
  }
  const header = basic('alice', 'pw')
  assert.equal(authenticator.recall(header), undefined)
  const identities = await Promise.all(
    Array.from({ length: 32 }, () => authenticator.authenticate(header)),
  )
  for (const identity of identities) assert.deepEqual(identity, expected)
  assert.equal(checks.length, 1)
  const { reads } = directory
  assert.deepEqual(await authenticator.authenticate(header), expected)
  assert.deepEqual(authenticator.recall(header), expected)
  assert.equal(directory.reads, reads, 'nothing is looked up while all is known')
  later(299_000)
  await authenticator.authenticate(header)
  assert.equal(checks.length, 1)
  later(2000)
  await authenticator.authenticate(header)
  assert.equal(checks.length, 2)
})

test('a real argon2id hash signs in as well', async (t) => {
  const { authenticator, directory } = await aSetup(t)
  directory.add('alice', { passwordHash: hashPassword('tall otter') })
  const identity = await authenticator.authenticate(basic('alice', 'tall otter'))
  assert.equal(identity.kind, 'principal')
})

test('unknown, disabled, passwordless and wrong get one answer after the same work', async (t) => {
  const { authenticator, directory, checks } = await aSetup(t, `carol:${hashOf('file')}\n`)
  directory.add('alice', { passwordHash: hashPassword('pw') })
  directory.add('bob', { passwordHash: hashPassword('pw'), disabled: true })
  directory.add('dora')
  directory.add('emil', { provider: 'htpasswd' })
  const attempts = [
    basic('alice', 'wrong'),
    basic('alice', ''),
    basic('bob', 'pw'),
    basic('carol', 'wrong'),
    basic('carol', ''),
    basic('dora', 'pw'),
    basic('dora', ''),
    basic('emil', 'pw'),
    basic('nobody', 'pw'),
    basic('', 'pw'),
    basic('constructor', 'pw'),
    basic('a\0b', 'pw'),
    basic('x'.repeat(5000), 'pw'),
  ]
  const seen = new Set<string>()
  for (const header of attempts) {
    checks.length = 0
    const { code, message, detail } = await refusal(authenticator, header)
    assert.equal(code, 'UNAUTHORIZED')
    seen.add(JSON.stringify([message, detail ?? null, [...checks].sort()]))
  }
  assert.deepEqual(
    [...seen],
    [
      JSON.stringify([
        'The user name or the password is wrong. Check both and sign in again.',
        null,
        ['argon2id', 'bcrypt'],
      ]),
    ],
  )
})

test('wrong passwords are not remembered, and cost one check for all that send the same at once', async (t) => {
  const { authenticator, directory, checks } = await aSetup(t)
  const alice = directory.add('alice', { passwordHash: hashOf('pw') })
  const header = basic('alice', 'new')
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, () => authenticator.authenticate(header)),
  )
  assert.ok(outcomes.every(({ status }) => status === 'rejected'))
  const spent = checks.length
  assert.ok(spent <= 2, `${spent} checks`)
  directory.change(alice, { passwordHash: hashOf('new') })
  assert.equal((await authenticator.authenticate(header)).kind, 'principal')
})

test('a changed password stops the old one: at once when told, within five seconds otherwise', async (t) => {
  for (const isTold of [true, false]) {
    const { authenticator, directory, later } = await aSetup(t)
    const alice = directory.add('alice', { passwordHash: hashOf('old') })
    await authenticator.authenticate(basic('alice', 'old'))
    directory.change(alice, { passwordHash: hashOf('new') })
    if (isTold) authenticator.forgetPrincipal(alice.id)
    // The new one is taken even while the old state is remembered.
    assert.equal((await authenticator.authenticate(basic('alice', 'new'))).kind, 'principal')
    if (!isTold) later(5000)
    await refusal(authenticator, basic('alice', 'old'))
  }
})

test('a disabled or removed user stops, with password and token', async (t) => {
  for (const remove of [true, false]) {
    for (const isTold of [true, false]) {
      const { authenticator, directory, issuer, later } = await aSetup(t)
      const alice = directory.add('alice', { passwordHash: hashOf('pw') })
      const identity = await authenticator.authenticate(basic('alice', 'pw'))
      const bearer = `Bearer ${(await issuer.issue(identity, access)).token}`
      await authenticator.authenticate(bearer)
      if (remove) directory.records.delete(alice.id)
      else directory.change(alice, { disabled: true })
      if (isTold) authenticator.forgetPrincipal(alice.id)
      else later(5000)
      assert.deepEqual((await refusal(authenticator, bearer)).detail, { bearer: 'invalid_token' })
      assert.equal((await refusal(authenticator, basic('alice', 'pw'))).code, 'UNAUTHORIZED')
    }
  }
})

test('an administrator that is one no more loses it with the next look, token or not', async (t) => {
  const { authenticator, directory, issuer, later } = await aSetup(t)
  const alice = directory.add('alice', { passwordHash: hashOf('pw'), admin: true })
  const identity = await authenticator.authenticate(basic('alice', 'pw'))
  const bearer = `Bearer ${(await issuer.issue(identity, access)).token}`
  const isAdmin = (found: Identity): boolean => found.kind === 'principal' && found.admin
  assert.ok(isAdmin(await authenticator.authenticate(bearer)))
  directory.change(alice, { admin: false })
  later(5000)
  assert.ok(!isAdmin(await authenticator.authenticate(bearer)))
  assert.ok(!isAdmin(await authenticator.authenticate(basic('alice', 'pw'))))
})

test('a token is its principal with the limits that it carries; of nobody, it is anonymous', async (t) => {
  const { authenticator, directory, issuer } = await aSetup(t)
  directory.add('alice', { passwordHash: hashOf('pw') })
  const alice = await authenticator.authenticate(basic('alice', 'pw'))
  const bearer = `Bearer ${(await issuer.issue(alice, access)).token}`
  assert.equal(authenticator.recall(bearer), undefined)
  assert.deepEqual(await authenticator.authenticate(bearer), { ...alice, limits: access })
  const { reads } = directory
  assert.deepEqual(authenticator.recall(bearer), { ...alice, limits: access })
  assert.equal(directory.reads, reads)
  const { token } = await issuer.issue({ kind: 'anonymous' }, [])
  const nobody = { kind: 'anonymous', grants: [], limits: [] }
  assert.deepEqual(await authenticator.authenticate(`Bearer ${token}`), nobody)
  assert.deepEqual(authenticator.recall(`bearer ${token}`), nobody)
})

test('bad tokens and headers that cannot be read are refused and never anonymous', async (t) => {
  const { authenticator } = await aSetup(t)
  for (const header of ['Bearer x', 'Bearer a.b.c', `Bearer ${'x'.repeat(20_000)}`]) {
    const { code, detail } = await refusal(authenticator, header)
    assert.equal(code, 'UNAUTHORIZED')
    assert.deepEqual(detail, { bearer: 'invalid_token' })
  }
  for (const header of ['Basic', 'Basic !', 'Digest x', `Basic ${'A'.repeat(30_000)}`]) {
    const { code, detail } = await refusal(authenticator, header)
    assert.equal(code, 'UNAUTHORIZED')
    assert.equal(detail, undefined)
  }
})

test('an htpasswd user signs in, becomes a principal once, and follows the file', async (t) => {
  const { authenticator, directory, later, writeHtpasswd, issuer } = await aSetup(
    t,
    `alice:${hashOf('pw')}\n`,
  )
  const identity = await authenticator.authenticate(basic('alice', 'pw'))
  assert.deepEqual(identity, {
    kind: 'principal',
    id: 1,
    name: 'alice',
    principalKind: 'user',
    provider: 'htpasswd',
    admin: false,
    grants: [],
  })
  assert.deepEqual(authenticator.recall(basic('alice', 'pw')), identity)
  const bearer = `Bearer ${(await issuer.issue(identity, access)).token}`
  await authenticator.authenticate(bearer)

  await writeHtpasswd(`alice:${hashOf('other')}\n`)
  later(1000)
  await refusal(authenticator, basic('alice', 'pw'))
  assert.deepEqual(await authenticator.authenticate(basic('alice', 'other')), identity)
  assert.equal(directory.records.size, 1)

  await writeHtpasswd('')
  later(1000)
  await refusal(authenticator, basic('alice', 'other'))
  assert.deepEqual((await refusal(authenticator, bearer)).detail, { bearer: 'invalid_token' })
})

test('an htpasswd user that was disabled does not sign in', async (t) => {
  const { authenticator, directory } = await aSetup(t, `alice:${hashOf('pw')}\n`)
  directory.add('alice', { provider: 'htpasswd', disabled: true })
  await refusal(authenticator, basic('alice', 'pw'))
})

test('an htpasswd user never signs in as the local user of the same name', async (t) => {
  const { authenticator, directory, warnings } = await aSetup(t, `alice:${hashOf('file')}\n`)
  directory.add('alice', { passwordHash: hashOf('own'), admin: true })
  for (let round = 0; round < 2; round++) await refusal(authenticator, basic('alice', 'file'))
  const identity = await authenticator.authenticate(basic('alice', 'own'))
  assert.equal(identity.kind === 'principal' && identity.provider, 'local')
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /\balice\b/)
  assert.doesNotMatch(warnings[0] ?? '', /own|\$2/)
})

test('a local user without a password does not sign in with that of the file', async (t) => {
  const { authenticator, directory } = await aSetup(t, `alice:${hashOf('file')}\n`)
  directory.add('alice')
  await refusal(authenticator, basic('alice', 'file'))
})

test('a local user that appears while an htpasswd password is checked is not signed in', async (t) => {
  const { authenticator, directory } = await aSetup(t, `alice:${hashOf('file')}\n`)
  const attempt = refusal(authenticator, basic('alice', 'file'))
  // findByName has found nobody by now; ensureHtpasswdUser will find this one.
  directory.add('alice', { passwordHash: hashOf('own'), admin: true })
  await attempt
})

test('a failing directory is not a wrong password', async (t) => {
  const { authenticator, directory } = await aSetup(t)
  directory.add('alice', { passwordHash: hashOf('pw') })
  directory.isBroken = true
  await assert.rejects(authenticator.authenticate(basic('alice', 'pw')), /no database/)
  directory.isBroken = false
  assert.equal((await authenticator.authenticate(basic('alice', 'pw'))).kind, 'principal')
})

test('too many passwords at once are answered with TOOMANYREQUESTS', async (t) => {
  const { authenticator, directory } = await aSetup(t, undefined, 4)
  directory.add('alice', { passwordHash: hashOf('pw') })
  const outcomes = await Promise.allSettled(
    Array.from({ length: 12 }, (_, index) =>
      authenticator.authenticate(basic('alice', `wrong${index}`)),
    ),
  )
  const codes = outcomes.map((outcome) =>
    outcome.status === 'rejected' ? (outcome.reason as OciError).code : 'taken',
  )
  assert.ok(codes.includes('TOOMANYREQUESTS'))
  assert.ok(codes.every((code) => code === 'TOOMANYREQUESTS' || code === 'UNAUTHORIZED'))
})
