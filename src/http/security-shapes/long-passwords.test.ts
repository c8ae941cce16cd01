// Every character of a password counts, however long it is and whichever way it is stored: none is cut at 72 bytes, at a
// NUL or at a blank, and nothing that is only alike is taken. See CVE-2024-9683 (Quay); ASVS 5.0, 6.2.8.
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { hashSync } from 'bcryptjs'
import { hashPassword } from '../../auth/password-hash.ts'
import { anAccount } from '../test-support/accounts.ts'
import { anApp, ask, basic, type TestApp } from '../test-support/app.ts'

const type = 'application/json'

async function isTaken(app: TestApp, user: string, password: string): Promise<boolean> {
  const { status } = await ask(app, 'GET /v2/', { as: basic(user, password) })
  assert.ok(status === 200 || status === 401, String(status))
  return status === 200
}

async function isTakenAtThePage(app: TestApp, user: string, password: string): Promise<boolean> {
  const body = JSON.stringify({ user, password })
  const headers = { origin: 'https://registry.test' }
  return (await ask(app, 'POST /login', { body, type, headers })).status === 200
}

const passwords: Readonly<Record<string, string>> = {
  '72 bytes': 'p'.repeat(72),
  '73 bytes': `${'p'.repeat(72)}q`,
  '200 bytes': 'correct horse battery staple '.repeat(7).slice(0, 200),
  'characters of several bytes': 'пароль-пароль-пароль-пароль-пароль-пароль-я',
  'a NUL in it': 'before the nul\0after the nul',
  'a colon in it': 'a:colon:in:a:password',
  'blanks around it': ' with blanks around it ',
}

/** What is nearly the password. */
function nearOnes(password: string): readonly string[] {
  const bytes = Buffer.from(password)
  return [
    password.slice(0, -1),
    `${password}x`,
    `${password}\0`,
    bytes.subarray(0, 72).toString('latin1'),
    password.trim(),
    password.split('\0')[0] ?? '',
    password.toUpperCase(),
  ].filter((near) => near !== password)
}

async function anAppWith(t: TestContext, passwordHash: string): Promise<TestApp> {
  const app = await anApp(t)
  await anAccount(app, 'ann', { passwordHash })
  return app
}

suite('a password of our own hash', () => {
  for (const [title, password] of Object.entries(passwords)) {
    test(`with ${title} is taken whole, and nothing near it`, async (t) => {
      const app = await anAppWith(t, hashPassword(password))
      assert.equal(await isTaken(app, 'ann', password), true)
      assert.equal(await isTakenAtThePage(app, 'ann', password), true)
      assert.equal(await isTakenAtThePage(app, 'ann', password.slice(0, -1)), false)
      for (const near of nearOnes(password)) {
        assert.equal(await isTaken(app, 'ann', near), false, JSON.stringify(near))
      }
    })
  }
})

suite('a password that was imported with its bcrypt hash', () => {
  test('of at most 72 bytes is taken whole', async (t) => {
    const password = 'p'.repeat(72)
    const app = await anAppWith(t, hashSync(password, 4))
    for (const near of [
      `${password}q`,
      'p'.repeat(71),
      `${password}\0`,
      `${password}${password}`,
    ]) {
      assert.equal(await isTaken(app, 'ann', near), false, near)
    }
    assert.equal(await isTaken(app, 'ann', password), true)
    // From now on the hash is one of ours.
    assert.equal(await isTaken(app, 'ann', `${password}q`), false)
  })

  test('of more bytes, of which bcrypt has seen 72, opens nothing', async (t) => {
    const password = `${'p'.repeat(72)}the rest`
    const app = await anAppWith(t, hashSync(password.slice(0, 72), 4))
    assert.equal(await isTaken(app, 'ann', password), false)
  })
})

test('a password is set and changed over the API as long as it is', async (t) => {
  const app = await anApp(t)
  const long = `${'a long password '.repeat(60)}end`
  const create = { name: 'zoe', password: long }
  const made = await ask(app, 'POST /api/v1/users', {
    as: 'admin',
    body: JSON.stringify(create),
    type,
  })
  assert.equal(made.status, 201, made.text)
  assert.equal(await isTaken(app, 'zoe', long), true)
  assert.equal(await isTaken(app, 'zoe', long.slice(0, -1)), false)
  const body = JSON.stringify({ current: long.slice(0, 72), password: 'another long password' })
  const as = basic('zoe', long)
  assert.equal((await ask(app, 'PUT /api/v1/account/password', { as, body, type })).status, 400)
  const tooLong = { name: 'zed', password: 'x'.repeat(1025) }
  const refused = await ask(app, 'POST /api/v1/users', {
    as: 'admin',
    body: JSON.stringify(tooLong),
    type,
  })
  assert.equal(refused.status, 400)
})
