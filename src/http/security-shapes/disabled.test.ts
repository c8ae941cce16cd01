// Whoever is disabled, has come to the end, or is removed, stops within five seconds, with everything that was ever
// given to them: password, tokens, robots' secrets, registry tokens, sessions, sign-ins under way. See CVE-2026-58422,
// CVE-2026-0798 and CVE-2026-58419 (Gitea).
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { agreeDevice, pollDevice, startDevice } from '../../access/device-login.ts'
import { admitExternal } from '../../access/external-login.ts'
import { startSession } from '../../access/sessions.ts'
import { findPrincipalByName, insertPrincipal } from '../../metadata/principals.ts'
import { query } from '../../metadata/query.ts'
import { aToken, anAccount, type Account } from '../test-support/accounts.ts'
import { anApp, ask, basic, type TestApp } from '../test-support/app.ts'
import { federateJob, jobToken } from '../test-support/callers.ts'
import { makeRepository } from '../test-support/content.ts'
import { rights } from '../test-support/matrix-model.ts'
import { disableUser, users } from '../test-support/users.ts'

const type = 'application/json'

interface Clocked {
  readonly app: TestApp
  /** On which the application remembers. */
  readonly clock: { now: number }
}

async function clocked(t: TestContext): Promise<Clocked> {
  const clock = { now: 0 }
  const app = await anApp(t, {
    signIn: () => ({ now: () => clock.now, federate: federateJob(() => 0) }),
  })
  await makeRepository(app, 'alice/app')
  return { app, clock }
}

/** Everything that alice can ask with. */
async function credentialsOf(app: TestApp): Promise<Readonly<Record<string, object>>> {
  const alice: Account = {
    id: app.ids.alice,
    name: 'alice',
    kind: 'user',
    secret: '',
    tokenId: 0,
    as: '',
  }
  const password = basic('alice', users.alice.password)
  const token = await aToken(app, alice)
  const scoped = await aToken(app, alice, ['alice/:owner'])
  const session = await startSession(app, { id: alice.id, name: 'alice' }, { userAgent: 'x' })
  const registry = async (as: string) => {
    const answer = await ask(app, 'GET /token?scope=repository:alice/app:pull,push', { as })
    return `Bearer ${(answer.json() as { token: string }).token}`
  }
  return {
    'the password': { as: password },
    'a token': { as: `Bearer ${token}` },
    'a token as docker’s password': { as: basic('alice', token) },
    'a token beside an alias': { as: basic('token', token) },
    'a token with scopes': { as: `Bearer ${scoped}` },
    'a registry token by the password': { as: await registry(password) },
    'a registry token by a token': { as: await registry(`Bearer ${token}`) },
    'a session': { headers: { cookie: `__Host-carrel=${session.secret}` } },
  }
}

function lineFor(title: string): string {
  if (title === 'a session') return 'GET /api/v1/account'
  return 'GET /v2/alice/app/tags/list'
}

async function statuses(app: TestApp, credentials: Readonly<Record<string, object>>) {
  const found: Record<string, number> = {}
  for (const [title, question] of Object.entries(credentials)) {
    found[title] = (await ask(app, lineFor(title), question)).status
  }
  return found
}

function each(credentials: Readonly<Record<string, object>>, status: number) {
  return Object.fromEntries(Object.keys(credentials).map((title) => [title, status]))
}

const endPrincipal = query<{ id: number; at: number }>()((db, p) =>
  db.updateTable('principals').set({ expires_at: p.at }).where('id', '=', p.id),
)

const stops: Readonly<Record<string, (app: TestApp) => Promise<void>>> = {
  'disabled over the API': async (app) => {
    const change = { as: 'admin', body: '{"disabled":true}', type }
    const answer = await ask(app, 'PATCH /api/v1/users/alice', change)
    assert.equal(answer.status, 200, answer.text)
  },
  'removed over the API': async (app) => {
    assert.equal((await ask(app, 'DELETE /api/v1/users/alice', { as: 'admin' })).status, 204)
  },
}

const stopsElsewhere: Readonly<Record<string, (app: TestApp) => Promise<unknown>>> = {
  'disabled on another node': async (app) => disableUser(app.metadata, app.ids.alice),
  'at the end of the account': async (app) =>
    app.metadata.write(async (tx) =>
      tx.run(endPrincipal, { id: app.ids.alice, at: Date.now() - 1000 }),
    ),
}

suite('an account', () => {
  for (const [title, stop] of Object.entries(stops)) {
    test(`${title} stops at once`, async (t) => {
      const { app } = await clocked(t)
      const credentials = await credentialsOf(app)
      assert.deepEqual(await statuses(app, credentials), each(credentials, 200))
      await stop(app)
      assert.deepEqual(await statuses(app, credentials), each(credentials, 401))
      assert.deepEqual(app.faults, [])
    })
  }

  for (const [title, stop] of Object.entries(stopsElsewhere)) {
    test(`${title} stops within five seconds`, async (t) => {
      const { app, clock } = await clocked(t)
      const credentials = await credentialsOf(app)
      assert.deepEqual(await statuses(app, credentials), each(credentials, 200))
      clock.now += 4000
      await statuses(app, credentials)
      await stop(app)
      // Asking again and again keeps nothing alive.
      for (let step = 0; step < 5; step += 1) {
        clock.now += 1000
        await statuses(app, credentials)
      }
      clock.now += 1
      assert.deepEqual(await statuses(app, credentials), each(credentials, 401))
    })
  }

  test('that is disabled keeps robots that it made, which are stopped by themselves', async (t) => {
    const { app, clock } = await clocked(t)
    const given = [{ place: 'alice/', rights }]
    const robot = await anAccount(app, 'ci', { kind: 'robot', given, createdBy: app.ids.alice })
    await disableUser(app.metadata, app.ids.alice)
    clock.now += 5001
    const line = 'GET /v2/alice/app/tags/list'
    assert.equal((await ask(app, line, { as: robot.as })).status, 200)
    const change = { as: 'admin', body: '{"disabled":true}', type }
    assert.equal((await ask(app, 'PATCH /api/v1/robots/ci', change)).status, 200)
    assert.equal((await ask(app, line, { as: robot.as })).status, 401)
  })

  test('that is disabled is not let in by a sign-in that was under way', async (t) => {
    const { app } = await clocked(t)
    const device = await startDevice(app, { host: 'x', address: undefined, userAgent: undefined })
    await agreeDevice(app, { id: app.ids.alice, name: 'alice' }, device.userCode)
    await stops['disabled over the API']?.(app)
    const polled = await pollDevice(app, device.deviceCode, { address: undefined })
    assert.notEqual(polled.state, 'agreed')
    const page = await ask(app, 'POST /login', {
      body: JSON.stringify({ user: 'alice', password: users.alice.password }),
      type,
      headers: { origin: 'https://registry.test' },
    })
    assert.equal(page.status, 401, page.text)
  })

  test('that is disabled is not enabled again by its sign-in provider', async (t) => {
    const { app } = await clocked(t)
    const identity = {
      provider: 'oidc:corp' as const,
      subject: '1',
      name: 'zoe',
      groups: ['admins'],
      admin: true,
    }
    const { id } = await admitExternal(app.metadata, { identity, decidesAdmin: true })
    await disableUser(app.metadata, id)
    const again = await admitExternal(app.metadata, { identity, decidesAdmin: true })
    assert.equal(again.disabled, true)
    assert.equal((await findPrincipalByName(app.metadata, 'zoe'))?.disabled, true)
    assert.equal(await app.authenticator.identify(id), undefined)
  })

  test('comes back with its tokens when it is enabled, but with no session', async (t) => {
    const { app } = await clocked(t)
    const credentials = await credentialsOf(app)
    await stops['disabled over the API']?.(app)
    const change = { as: 'admin', body: '{"disabled":false}', type }
    assert.equal((await ask(app, 'PATCH /api/v1/users/alice', change)).status, 200)
    const wanted = { ...each(credentials, 200), 'a session': 401 }
    assert.deepEqual(await statuses(app, credentials), wanted)
  })
})

suite('a token that is ended', () => {
  test('stops at once with the registry tokens that were made with it', async (t) => {
    const { app } = await clocked(t)
    const { as, tokenId } = await anAccount(app, 'ann', { given: [{ place: 'alice/', rights }] })
    const answer = await ask(app, 'GET /token?scope=repository:alice/app:pull', { as })
    const registry = `Bearer ${(answer.json() as { token: string }).token}`
    const line = 'GET /v2/alice/app/tags/list'
    assert.equal((await ask(app, line, { as: registry })).status, 200)
    assert.equal((await ask(app, `DELETE /api/v1/tokens/${tokenId}`, { as })).status, 204)
    for (const one of [as, registry]) {
      assert.equal((await ask(app, line, { as: one })).status, 401)
      assert.equal((await ask(app, 'GET /v2/', { as: one })).status, 401)
      assert.equal((await ask(app, 'GET /token', { as: one })).status, 401)
    }
  })

  const rotations = [
    { when: 'at once', wait: 0 },
    { when: 'within five seconds', wait: 5001 },
  ]
  for (const { when, wait } of rotations) {
    test(`by a rotation without grace stops ${when}`, async (t) => {
      const { app, clock } = await clocked(t)
      const { as, tokenId } = await anAccount(app, 'ann')
      const rotate = `POST /api/v1/tokens/${tokenId}/rotate`
      const rotated = await ask(app, rotate, { as, body: '{"graceSeconds":0}', type })
      const { secret } = rotated.json() as { secret: string }
      clock.now += wait
      assert.equal((await ask(app, 'GET /v2/', { as: `Bearer ${secret}` })).status, 200)
      assert.equal((await ask(app, 'GET /v2/', { as })).status, 401)
    })
  }
})

suite('a trust rule that is disabled', () => {
  test('stops the jobs that signed in by it', async (t) => {
    const clock = { now: 0 }
    const rule = { id: 0 }
    const app = await anApp(t, {
      signIn: () => ({ now: () => clock.now, federate: federateJob(() => rule.id) }),
    })
    await app.metadata.write(async (tx) =>
      insertPrincipal(tx, { name: 'job', kind: 'federated', provider: 'federation' }),
    )
    rule.id = (await findPrincipalByName(app.metadata, 'job'))?.id ?? 0
    const as = basic('oidc', jobToken)
    const answer = await ask(app, 'GET /token', { as })
    const registry = `Bearer ${(answer.json() as { token: string }).token}`
    assert.equal((await ask(app, 'GET /v2/', { as: registry })).status, 200)
    await disableUser(app.metadata, rule.id)
    clock.now += 5001
    for (const one of [as, registry]) {
      assert.equal((await ask(app, 'GET /v2/', { as: one })).status, 401)
    }
  })
})
