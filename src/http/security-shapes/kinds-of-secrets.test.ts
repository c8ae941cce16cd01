// Each secret opens what it was made for and nothing else: that of a session, of a waiting device, of a sign-in under way,
// of a setup link, a code for a person, a registry token, an identity token, a hash out of the database. See
// CVE-2026-42016 (Artifactory), where a signature was enough.
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { startDevice } from '../../access/device-login.ts'
import { startLoginStep } from '../../access/login-steps.ts'
import { startSession } from '../../access/sessions.ts'
import { hashSecret, makeSecret } from '../../auth/secret-format.ts'
import { createSetupKey } from '../../auth/setup-link.ts'
import { operations } from '../../contract/operations.ts'
import { insertSession } from '../../metadata/sessions.ts'
import { insertSetupLink } from '../../metadata/settings.ts'
import { anAccount } from '../test-support/accounts.ts'
import { anApp, ask, basic, type TestApp } from '../test-support/app.ts'
import { jobToken } from '../test-support/callers.ts'
import { makeRepository } from '../test-support/content.ts'
import { users } from '../test-support/users.ts'

const type = 'application/json'
const fromPage = { origin: 'https://registry.test' }

/** Of the administrator, who may everything. */
async function secretsOf(app: TestApp): Promise<Readonly<Record<string, string>>> {
  const { metadata, ids } = app
  const admin = { id: ids.admin, name: 'admin' }
  const session = await startSession(app, admin, { userAgent: undefined })
  const device = await startDevice(app, { host: 'x', address: undefined, userAgent: undefined })
  const step = { waitsFor: 'code', principalId: ids.admin, user: 'admin', mark: 'x' } as const
  const { key, hash } = createSetupKey()
  const refresh = makeSecret('refresh')
  const account = await anAccount(app, 'second', { admin: true })
  await metadata.write(async (tx) => {
    const expiresAt = Date.now() + 60_000
    await insertSetupLink(tx, { keyHash: hash, principalId: ids.admin, expiresAt })
    await insertSession(tx, {
      kind: 'refresh',
      hash: hashSecret(refresh),
      principalId: ids.admin,
      expiresAt,
      address: undefined,
      userAgent: undefined,
      detail: {},
    })
  })
  return {
    'of a session': session.secret,
    'of a device': device.deviceCode,
    'code of a device': device.userCode,
    'of a sign-in under way': await startLoginStep(metadata, step, { address: '127.0.0.1' }),
    'of docker’s identity token': refresh,
    'of a setup link': key,
    'identity token of no trust rule': jobToken,
    'hash of a token': hashSecret(account.secret),
    'hash of a session': hashSecret(session.secret),
    'secret that nobody has': makeSecret('pat'),
    'robot’s secret that nobody has': makeSecret('robot'),
    'secret with another checksum': `${account.secret.slice(0, -1)}${account.secret.endsWith('0') ? '1' : '0'}`,
    'secret in capitals': account.secret.toUpperCase(),
    'beginning of a secret': account.secret.slice(0, -6),
    'secret of another kind': account.secret.replace('carrel_pat_', 'carrel_robot_'),
  }
}

async function secrets(t: TestContext) {
  const app = await anApp(t)
  await makeRepository(app, 'vault/app')
  return { app, secrets: await secretsOf(app) }
}

const lines = [
  'GET /v2/',
  'GET /v2/_catalog',
  'GET /v2/vault/app/tags/list',
  'POST /v2/vault/app/blobs/uploads/',
  'GET /token?scope=repository:vault/app:pull',
  'GET /account',
  ...Object.values(operations)
    .filter(({ method, path }) => method === 'GET' && !path.includes('{'))
    .map(({ path }) => `GET /api/v1${path}`),
]

function isNobody({ status, text }: { readonly status: number; readonly text: string }): boolean {
  return status === 401 || status === 303 || (status === 400 && !text.includes('"items"'))
}

suite('a secret that is no token', () => {
  test('is neither a token nor a password, at any address', async (t) => {
    const { app, secrets: all } = await secrets(t)
    let asked = 0
    for (const [title, secret] of Object.entries(all)) {
      const headers = ['admin', 'token'].map((user) => basic(user, secret))
      for (const as of [`Bearer ${secret}`, `bearer ${secret}`, ...headers, basic(secret, '')]) {
        // What may be a password is hashed each time.
        for (const line of as.startsWith('Basic') ? lines.slice(0, 1) : lines) {
          const answer = await ask(app, line, { as })
          assert.equal(answer.status, 401, `${title}: ${line}`)
          asked += 1
        }
      }
    }
    t.diagnostic(`${asked} requests`)
  })

  test('is no cookie either, but for that of a session, and that not for the registry', async (t) => {
    const { app, secrets: all } = await secrets(t)
    for (const [title, secret] of Object.entries(all)) {
      const cookie = `__Host-carrel=${secret}; carrel=${secret}; __Host-carrel-login=${secret}`
      for (const line of lines) {
        const answer = await ask(app, line, { headers: { cookie } })
        const isForPeople = line.includes(' /api/') || line.endsWith('/account')
        const isToken = line.includes('/token') && answer.status === 200
        if (title === 'of a session' && isForPeople) {
          assert.ok(!isNobody(answer) || answer.status === 400, `${line}: ${answer.status}`)
        } else assert.ok(isNobody(answer) || isToken, `${title}: ${line}: ${answer.status}`)
      }
    }
  })

  test('counts for nothing in the address, or in a header of another name', async (t) => {
    const { app, secrets: all } = await secrets(t)
    const token = await anAccount(app, 'third', { admin: true })
    for (const secret of [...Object.values(all), token.secret, users.admin.password]) {
      for (const name of [
        'token',
        'access_token',
        'api_key',
        'password',
        'auth',
        'authorization',
      ]) {
        const query = new URLSearchParams({ [name]: secret }).toString()
        for (const path of ['/v2/', '/v2/_catalog', '/v2/vault/app/tags/list', '/account']) {
          const answer = await ask(app, `GET ${path}?${query}`)
          assert.ok(isNobody(answer), `${path}?${name}`)
          assert.ok(!JSON.stringify(answer.headers).includes(secret) || path === '/account')
        }
        const answer = await ask(app, 'GET /v2/', {
          headers: { [name]: secret, [`x-${name}`]: secret },
        })
        assert.equal(answer.status, name === 'authorization' ? answer.status : 401, name)
      }
    }
  })

  test('signs nobody in at the pages, and sets no password', async (t) => {
    const { app, secrets: all } = await secrets(t)
    const token = await anAccount(app, 'third', { admin: true })
    const some = { ...all, 'a token': token.secret }
    for (const [title, secret] of Object.entries(some)) {
      if (title === 'of a setup link' || title === 'of a device') continue
      for (const [path, body] of [
        ['/login', { user: 'admin', password: secret }],
        ['/login/code', { code: secret }],
        ['/api/v1/setup', { key: secret, password: 'a password of good length' }],
        ['/api/v1/device/token', { deviceCode: secret }],
      ] as const) {
        const question = { body: JSON.stringify(body), type, headers: fromPage }
        const answer = await ask(app, `POST ${path}`, question)
        assert.ok(answer.status >= 400, `${title}: ${path}: ${answer.status}`)
        assert.equal(answer.headers['set-cookie'], undefined)
      }
      if (!title.startsWith('of a s') && title !== 'a token') continue
      const change = { current: secret, password: 'a password of good length' }
      const changed = await ask(app, 'PUT /api/v1/account/password', {
        as: 'admin',
        body: JSON.stringify(change),
        type,
      })
      assert.equal(changed.status, 400, title)
    }
  })
})

suite('a token', () => {
  test('makes no other that lasts longer', async (t) => {
    const app = await anApp(t)
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString()
    const short = { as: 'alice', body: JSON.stringify({ name: 'x', expiresAt: tomorrow }), type }
    const made = (await ask(app, 'POST /api/v1/tokens', short)).json() as { secret: string }
    const as = `Bearer ${made.secret}`
    const more = await ask(app, 'POST /api/v1/tokens', { as, body: '{"name":"y"}', type })
    const { expiresAt = tomorrow } = more.json() as { expiresAt?: string }
    assert.ok(expiresAt <= tomorrow, expiresAt)
  })
})

function endOf(token: string): number {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  return (JSON.parse(claims) as { exp: number }).exp
}

suite('a registry token', () => {
  test('does not outlast itself', async (t) => {
    const app = await anApp(t)
    await makeRepository(app, 'vault/app')
    const line = 'GET /token?scope=repository:vault/app:pull,push'
    const first = (await ask(app, line, { as: 'admin' })).json() as { token: string }
    await setTimeout(1100)
    const again = await ask(app, line, { as: `Bearer ${first.token}` })
    const { token } = again.json() as { token?: string }
    assert.ok(token === undefined || endOf(token) <= endOf(first.token), again.text)
  })

  test('is no password, opens neither pages nor the management API, and makes no other token', async (t) => {
    const { app } = await secrets(t)
    const scope = 'repository:vault/app:pull,push,delete&scope=registry:catalog:*'
    const answer = await ask(app, `GET /token?scope=${scope}`, { as: 'admin' })
    const { token } = answer.json() as { token: string }
    for (const as of [basic('admin', token), basic('token', token), basic('', token)]) {
      assert.equal((await ask(app, 'GET /v2/', { as })).status, 401)
    }
    for (const { method, path } of Object.values(operations)) {
      const line = `${method} /api/v1${path.replaceAll(/\{[^}]+\}/g, '1')}`
      const asked = await ask(app, line, { as: `Bearer ${token}`, body: '{}', type })
      assert.equal(asked.status, 401, line)
    }
    assert.equal((await ask(app, 'GET /account', { as: `Bearer ${token}` })).status, 303)
    const again = await ask(app, 'GET /token?scope=repository:vault/app:pull,push,delete', {
      as: `Bearer ${token}`,
    })
    // What comes of it can at most be what it was.
    const renewed = `Bearer ${(again.json() as { token: string }).token}`
    assert.equal((await ask(app, 'GET /api/v1/account', { as: renewed })).status, 401)
    for (const path of ['/login', '/api/v1/device/token']) {
      const body = JSON.stringify({ user: 'admin', password: token, deviceCode: token })
      const asked = await ask(app, `POST ${path}`, { body, type, headers: fromPage })
      assert.ok(asked.status >= 400, path)
    }
  })
})
