// An installation that was just made lets nobody in: there is no password that comes with it, and two installations have
// no secret in common. See CVE-2026-4404 and CVE-2019-17444.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { createAuthenticator } from '../../auth/authenticate.ts'
import { createTokenIssuer } from '../../auth/bearer.ts'
import { createPasswordPool } from '../../auth/password-pool.ts'
import { ensureFirstAdministrator } from '../../installation/first-administrator.ts'
import { ensureIdentity } from '../../installation/identity.ts'
import { createPrincipalDirectory } from '../../installation/principal-directory.ts'
import { ensureTotpKey } from '../../installation/totp-key.ts'
import { openSqlite } from '../../metadata/dialects/sqlite.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { listPrincipals } from '../../metadata/principals.ts'
import { ensureSetting } from '../../metadata/settings.ts'
import { createUploadTickets } from '../../registry/upload-ticket.ts'
import { basic } from '../test-support/app.ts'

async function aFreshOne(t: TestContext, mayGenerate = false) {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-fresh-'))
  const metadata = await openSqlite({ file: join(folder, 'carrel.db'), migrate: true })
  const passwords = createPasswordPool({ threads: 1, queueLimit: 64 })
  t.after(async () => {
    await passwords.close()
    await metadata[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  const identity = await ensureIdentity(metadata)
  const options = { passwordFile: undefined, mayGenerate }
  const setup = await ensureFirstAdministrator({ metadata, passwords }, options)
  const issuer = createTokenIssuer({ keys: identity.signingKeys, installationId: identity.id })
  const authenticator = createAuthenticator({
    tokens: issuer,
    principals: createPrincipalDirectory(metadata),
    passwords,
    warn: () => undefined,
  })
  return { folder, metadata, identity, setup, issuer, authenticator }
}

const defaults = [
  ['admin', ''],
  ['admin', 'admin'],
  ['admin', 'password'],
  ['admin', 'Harbor12345'],
  ['admin', 'admin123'],
  ['admin', 'changeme'],
  ['admin', 'carrel'],
  ['admin', '123456789012'],
  ['admin', 'null'],
  ['admin', 'undefined'],
  ['root', 'root'],
  ['root', 'toor'],
  ['carrel', 'carrel'],
  ['registry', 'registry'],
  ['test', 'test'],
  ['anonymous', 'anonymous'],
  ['operator', 'operator'],
] as const

async function isRefused(authenticate: () => Promise<unknown>): Promise<boolean> {
  return authenticate().then(
    () => false,
    (error: unknown) => String(error).includes('wrong') || String(error).includes('not valid'),
  )
}

/** Everything that is kept in tables of settings, keys and accounts. */
async function everything(metadata: MetadataStore): Promise<string> {
  const page = { after: '', limit: 100 }
  return JSON.stringify(await listPrincipals(metadata, page))
}

suite('an installation that was just made', () => {
  test('lets nobody in: no password comes with it', async (t) => {
    const { authenticator, setup, metadata } = await aFreshOne(t)
    assert.equal(setup.generatedPassword, undefined)
    for (const [user, password] of defaults) {
      const as = basic(user, password)
      assert.ok(await isRefused(async () => authenticator.authenticate(as)), `${user}:${password}`)
    }
    for (const secret of ['carrel_pat_', setup.link?.key ?? '', '', ' ', 'x.y.z']) {
      const asked = authenticator.authenticate(`Bearer ${secret}`)
      assert.ok(await isRefused(async () => asked), secret)
    }
    const people = await listPrincipals(metadata, { after: '', limit: 100 })
    assert.deepEqual(
      people.map(({ name, passwordHash }) => [name, passwordHash]),
      [['admin', undefined]],
    )
    for (const kind of ['robot', 'federated'] as const) {
      assert.deepEqual(await listPrincipals(metadata, { kind, after: '', limit: 100 }), [])
    }
  })

  test('has at most one password, that was generated for whoever sits before it', async (t) => {
    const one = await aFreshOne(t, true)
    const other = await aFreshOne(t, true)
    const password = one.setup.generatedPassword ?? ''
    assert.ok(password.length >= 16)
    assert.notEqual(password, other.setup.generatedPassword)
    assert.ok(!(await everything(one.metadata)).includes(password))
    const identity = await one.authenticator.authenticate(basic('admin', password))
    assert.equal(identity.kind, 'principal')
    const elsewhere = async () => other.authenticator.authenticate(basic('admin', password))
    assert.ok(await isRefused(elsewhere))
  })

  test('has no secret in common with any other', async (t) => {
    const one = await aFreshOne(t)
    const other = await aFreshOne(t)
    const keys = [one, other].map(({ identity }) => identity.signingKeys[0])
    assert.notEqual(keys[0]?.kid, keys[1]?.kid)
    assert.notDeepEqual(keys[0]?.privateJwk, keys[1]?.privateJwk)
    assert.notEqual(one.identity.id, other.identity.id)
    assert.notDeepEqual(one.identity.uploadSecret, other.identity.uploadSecret)
    assert.equal(one.identity.uploadSecret.length, 32)
    assert.notEqual(one.setup.link?.key, other.setup.link?.key)
    const totpKeys = [await ensureTotpKey(one.folder), await ensureTotpKey(other.folder)]
    assert.notDeepEqual(totpKeys[0], totpKeys[1])
    // What the one has signed, the other does not take, not even for one of the same name.
    const { token } = await one.issuer.issue({ kind: 'anonymous' }, [])
    assert.ok(await one.issuer.verify(token))
    assert.equal(await other.issuer.verify(token), undefined)
    const namesake = createTokenIssuer({
      keys: other.identity.signingKeys,
      installationId: one.identity.id,
    })
    assert.equal(await namesake.verify(token), undefined)
    const owner = { repositoryId: 1, principalId: 1 }
    const tickets = [one, other].map(({ identity }) =>
      createUploadTickets(identity.uploadSecret, 60_000),
    )
    const id = tickets[0]?.open(owner, 'sha256').id ?? ''
    assert.ok(tickets[0]?.read(id, owner))
    assert.equal(tickets[1]?.read(id, owner), undefined)
  })
})
test('an installation whose secret is damaged does not start', async (t) => {
  for (const secret of ['', ' ', 'AA==', '='.repeat(40)]) {
    const folder = await mkdtemp(join(tmpdir(), 'carrel-fresh-'))
    const metadata = await openSqlite({ file: join(folder, 'carrel.db'), migrate: true })
    t.after(async () => {
      await metadata[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    })
    await metadata.write(async (tx) => ensureSetting(tx, 'upload-secret', secret))
    await assert.rejects(ensureIdentity(metadata), JSON.stringify(secret))
  }
})
