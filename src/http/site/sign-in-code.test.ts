import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { createLoginGate } from '../../access/login-gate.ts'
import { isKnownClient } from '../../metadata/login-attempts.ts'
import { changeUser, setPassword } from '../../installation/users.ts'
import { anApp, ask, basic, type TestApp } from '../test-support/app.ts'
import { addSecondFactor } from '../test-support/second-factor.ts'
import { users } from '../test-support/users.ts'
import { aVisitor, loginCookie, sessionCookie } from '../test-support/visitor.ts'

const password = users.alice.password
const operator = { id: undefined, name: 'operator' }

/** With limits of attempts, and a second factor for alice. */
async function anAppWithCode(t: TestContext) {
  const gated = (store: TestApp['metadata']) => ({
    gate: createLoginGate({ metadata: store, audit: () => undefined }),
  })
  const app = await anApp(t, { signIn: gated })
  return { app, factor: await addSecondFactor(app, app.ids.alice) }
}

const isKnown = async ({ metadata }: TestApp) =>
  isKnownClient(metadata, { account: 'alice', network: '127.0.0.1' })

suite('an account with a second factor', () => {
  test('is opened by the password and then the code, in the same browser', async (t) => {
    const { app, factor } = await anAppWithCode(t)
    const visitor = aVisitor(app)
    const first = await visitor.signIn('alice', password)
    assert.deepEqual([first.status, first.json()], [200, { next: 'code' }])
    assert.match(
      visitor.setCookies.get(loginCookie) ?? '',
      /^__Host-carrel-login=\w+; Path=\/; Max-Age=300; HttpOnly; SameSite=Lax; Secure$/,
    )
    assert.equal(visitor.cookies.get(sessionCookie), undefined)
    assert.equal((await visitor.open('/account')).status, 303)
    assert.equal(await isKnown(app), false, 'the password alone is no sign-in')
    const second = await visitor.send('/login/code', { code: factor.code() })
    assert.deepEqual([second.status, second.json()], [200, { next: 'done' }])
    assert.match((await visitor.open('/account')).text, /<h1>alice</)
    assert.equal(await isKnown(app), true)
    assert.deepEqual(
      app.audited.map(({ event, detail }) => [event, detail]),
      [['login.succeeded', { with: 'password and code' }]],
    )
  })

  test('is not opened by what stands between both steps', async (t) => {
    const { app, factor } = await anAppWithCode(t)
    const visitor = aVisitor(app)
    await visitor.signIn('alice', password)
    const step = visitor.cookies.get(loginCookie) ?? ''
    visitor.cookies.set(sessionCookie, step)
    assert.equal((await visitor.open('/account')).status, 303)
    for (const as of [`Bearer ${step}`, basic('alice', step)]) {
      assert.equal((await ask(app, 'GET /api/v1/account', { as })).status, 401)
    }
    // Another browser, with the right code and without the cookie.
    const other = aVisitor(app)
    assert.equal((await other.send('/login/code', { code: factor.code() })).status, 410)
    other.cookies.set(loginCookie, 'carrel_session_000000000000000000000000000000000000')
    assert.equal((await other.send('/login/code', { code: factor.code() })).status, 410)
    const sessions = (await ask(app, 'GET /api/v1/account', { as: 'alice' })).status
    assert.equal(sessions, 401, 'nor by the password alone at the API')
  })

  test('is opened by no wrong code, and says so without beginning again', async (t) => {
    const { app, factor } = await anAppWithCode(t)
    const visitor = aVisitor(app)
    await visitor.signIn('alice', password)
    for (const code of ['', '000000', '12345', factor.code(10), 'AAAA-AAAA-AAAA-AAAA-AAAA']) {
      const answer = await visitor.send('/login/code', { code })
      assert.equal(answer.status, 401, code)
      const said = answer.json() as { next: string; message: string }
      assert.equal(said.next, 'code')
      assert.match(said.message, /^The code is wrong/)
    }
    assert.equal((await visitor.send('/login/code', { code: factor.code() })).status, 200)
    assert.equal(app.audited.filter(({ event }) => event === 'login.failed').length, 5)
  })

  test('takes a code once, however many present it at the same moment', async (t) => {
    const { app, factor } = await anAppWithCode(t)
    const visitor = aVisitor(app)
    await visitor.signIn('alice', password)
    const code = factor.code()
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => visitor.send('/login/code', { code })),
    )
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    const again = aVisitor(app)
    await again.signIn('alice', password)
    assert.equal((await again.send('/login/code', { code })).status, 401, 'nor later')
    assert.equal((await again.send('/login/code', { code: factor.code(1) })).status, 200)
  })

  test('lets one in of several browsers that know the password and one code', async (t) => {
    const { app, factor } = await anAppWithCode(t)
    const visitors = Array.from({ length: 8 }, () => aVisitor(app))
    for (const visitor of visitors) {
      assert.equal((await visitor.signIn('alice', password)).status, 200)
    }
    const code = factor.code()
    const answers = await Promise.all(
      Array.from({ length: 48 }, async (_, number) =>
        visitors[number % 8]?.send('/login/code', { code }),
      ),
    )
    assert.equal(answers.filter((answer) => answer?.status === 200).length, 1)
    const inside = await Promise.all(visitors.map(async (visitor) => visitor.open('/account')))
    assert.equal(inside.filter(({ status }) => status === 200).length, 1)
  })

  test('takes each recovery code once, in place of a code', async (t) => {
    const { app, factor } = await anAppWithCode(t)
    const [first = '', second = ''] = factor.recoveryCodes
    for (const [code, status] of [
      [first.toLowerCase(), 200],
      [first, 401],
      [second, 200],
    ] as const) {
      const visitor = aVisitor(app)
      await visitor.signIn('alice', password)
      assert.equal((await visitor.send('/login/code', { code })).status, status)
    }
  })

  test('has so many guesses at its code, which are not those at its password', async (t) => {
    const { app, factor } = await anAppWithCode(t)
    const visitor = aVisitor(app)
    await visitor.signIn('alice', password)
    const statuses: number[] = []
    for (let guess = 0; guess < 14; guess += 1) {
      statuses.push((await visitor.send('/login/code', { code: '000000' })).status)
    }
    assert.deepEqual(statuses, [...Array<number>(10).fill(401), ...Array<number>(4).fill(429)])
    const right = await visitor.send('/login/code', { code: factor.code() })
    assert.equal(right.status, 429, 'the right code too, which then is not used up')
    assert.ok(Number(right.headers['retry-after']) > 0)
    assert.match(right.message(), /Too many wrong codes/)
    assert.equal((await visitor.signIn('alice', password)).status, 200)
  })

  test('has so many right passwords without a code, and all of them again after a whole sign-in', async (t) => {
    const { app, factor } = await anAppWithCode(t)
    const visitor = aVisitor(app)
    for (let attempt = 1; attempt <= 9; attempt += 1) {
      assert.equal((await visitor.signIn('alice', password)).status, 200)
    }
    assert.equal((await visitor.send('/login/code', { code: factor.code() })).status, 200)
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      assert.equal((await visitor.signIn('alice', password)).status, 200)
    }
    const refused = await visitor.signIn('alice', password)
    assert.equal(refused.status, 429)
    assert.match(refused.message(), /Too many wrong passwords/)
  })

  test('begins again when the password was changed, the account disabled, or minutes have passed', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const { app, factor } = await anAppWithCode(t)
    const passwords = { hash: async () => '$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA' }
    const deps = { metadata: app.metadata, passwords }
    const late = aVisitor(app)
    await late.signIn('alice', password)
    t.mock.timers.tick(5 * 60_000 + 1)
    assert.equal((await late.send('/login/code', { code: factor.code() })).status, 410)

    const disabled = aVisitor(app)
    await disabled.signIn('alice', password)
    await changeUser(deps, operator, { name: 'alice', disabled: true })
    const refused = await disabled.send('/login/code', { code: factor.code() })
    assert.equal(refused.status, 410)
    assert.equal((refused.json() as { next: string }).next, 'password')
    await changeUser(deps, operator, { name: 'alice', disabled: false })
    app.authenticator.forgetPrincipal(app.ids.alice)

    const changed = aVisitor(app)
    await changed.signIn('alice', password)
    await setPassword(deps, operator, { name: 'alice', password: 'tall-otter-42-cinnamon' })
    assert.equal((await changed.send('/login/code', { code: factor.code() })).status, 410)
  })
})
