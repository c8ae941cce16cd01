import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createAuthenticator } from '../../auth/authenticate.ts'
import { changeUser, setPassword } from '../../installation/users.ts'
import { createPrincipalDirectory } from '../../installation/principal-directory.ts'
import { query } from '../../metadata/query.ts'
import { createAuthenticateRequest } from '../authenticate-request.ts'
import { anApp, ask, basic, type Answer, type TestApp } from '../test-support/app.ts'
import { users } from '../test-support/users.ts'
import { aVisitor, sessionCookie } from '../test-support/visitor.ts'

const operator = { id: undefined, name: 'operator' }
const password = users.alice.password
const isSignedIn = ({ status }: Answer) => status === 200

async function aliceSignedIn(app: TestApp) {
  const visitor = aVisitor(app)
  assert.equal((await visitor.signIn('alice', password)).status, 200)
  return visitor
}

suite('signing in with a password', () => {
  test('begins a session, by a cookie that no script reads and no other host gets', async (t) => {
    const app = await anApp(t)
    const visitor = aVisitor(app)
    const before = await visitor.open('/account')
    assert.deepEqual([before.status, before.headers['location']], [303, '/login?to=%2Faccount'])
    const answer = await visitor.signIn('alice', password)
    assert.deepEqual(answer.json(), { next: 'done' })
    assert.match(
      visitor.setCookies.get(sessionCookie) ?? '',
      /^__Host-carrel=carrel_session_[0-9A-Za-z]{36}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure$/,
    )
    assert.match((await visitor.open('/account')).text, /<h1>alice<\/h1>/)
    const account = (await visitor.open('/api/v1/account')).json() as { name: string }
    assert.equal(account.name, 'alice')
    assert.match((await visitor.open('/')).text, /signed in as <a href="\/account">alice</)
    const events = app.audited.map(({ event, subject, detail }) => ({ event, subject, detail }))
    assert.deepEqual(events, [
      { event: 'login.succeeded', subject: 'alice', detail: { with: 'password' } },
    ])
    assert.deepEqual(app.events, [{ kind: 'login', name: 'alice', address: '127.0.0.1' }])
  })

  test('says the same of a wrong password, an unknown user, a disabled and an ended one', async (t) => {
    const app = await anApp(t)
    await app.metadata.write(async (tx) => tx.run(endAccount, { name: 'bob', at: Date.now() - 1 }))
    const answers: Answer[] = []
    for (const [user, given] of [
      ['alice', 'wrong'],
      ['nobody', 'wrong'],
      ['carol', users.carol.password],
      ['bob', users.bob.password],
      ['alice', ''],
      ['', password],
      ['al\0ice', password],
      ['x'.repeat(5000), password],
    ] as const) {
      const visitor = aVisitor(app)
      answers.push(await visitor.signIn(user, given))
      assert.equal(visitor.cookies.size, 0)
    }
    const [first] = answers
    assert.equal(first?.status, 401)
    assert.deepEqual(first.codes(), ['UNAUTHORIZED'])
    for (const answer of answers) {
      assert.deepEqual([answer.status, answer.text], [first.status, first.text])
      assert.deepEqual(answer.headers, first.headers)
    }
  })

  test('takes JSON of texts and nothing else', async (t) => {
    const app = await anApp(t)
    const headers = { 'sec-fetch-site': 'same-origin' }
    const form = 'user=alice&password=x'
    const type = 'application/x-www-form-urlencoded'
    assert.equal((await ask(app, 'POST /login', { headers, type, body: form })).status, 415)
    for (const body of [
      '',
      '[]',
      'null',
      '{',
      '{"user":1,"password":"x"}',
      `{"user":"${'x'.repeat(9000)}"}`,
    ]) {
      const answer = await ask(app, 'POST /login', { headers, type: 'application/json', body })
      assert.equal(answer.status, 400, body.slice(0, 40))
    }
  })

  test('is not asked for where there is no login', async (t) => {
    const app = await anApp(t, { open: true })
    const visitor = aVisitor(app)
    assert.match((await visitor.open('/login')).text, /There is no login here/)
    assert.equal((await visitor.signIn('alice', password)).status, 403)
    assert.equal((await visitor.send('/api/v1/device', {})).status, 403)
    assert.equal((await visitor.open('/account')).status, 303)
  })
})

const endAccount = query<{ name: string; at: number }>()((db, p) =>
  db.updateTable('principals').set({ expires_at: p.at }).where('name', '=', p.name),
)

suite('a session', () => {
  test('is new at every sign-in: one that the browser came with is not continued, and ends', async (t) => {
    const app = await anApp(t)
    const visitor = await aliceSignedIn(app)
    const first = visitor.cookies.get(sessionCookie) ?? ''
    await visitor.signIn('alice', password)
    const second = visitor.cookies.get(sessionCookie) ?? ''
    assert.notEqual(first, second)
    const planted = aVisitor(app)
    planted.cookies.set(sessionCookie, first)
    assert.equal((await planted.open('/account')).status, 303)
    // An attacker's session in the victim's browser does not become the victim's.
    const attacker = aVisitor(app)
    await attacker.signIn('bob', users.bob.password)
    const victim = aVisitor(app)
    victim.cookies.set(sessionCookie, attacker.cookies.get(sessionCookie) ?? '')
    await victim.signIn('alice', password)
    assert.notEqual(victim.cookies.get(sessionCookie), attacker.cookies.get(sessionCookie))
    assert.equal((await attacker.open('/account')).status, 303)
  })

  test('ends at the server when its owner signs out', async (t) => {
    const app = await anApp(t)
    const visitor = await aliceSignedIn(app)
    const kept = visitor.cookies.get(sessionCookie) ?? ''
    const out = await visitor.send('/logout', {})
    assert.deepEqual([out.status, out.headers['location']], [303, '/login'])
    assert.match(
      visitor.setCookies.get(sessionCookie) ?? '',
      /^__Host-carrel=; Path=\/; Max-Age=0;/,
    )
    visitor.cookies.set(sessionCookie, kept)
    assert.equal((await visitor.open('/account')).status, 303)
    assert.equal((await visitor.open('/api/v1/account')).status, 401)
    assert.equal((await visitor.send('/logout', {})).status, 303)
  })

  test('ends when its owner is disabled or gets another password, and does not come back', async (t) => {
    const app = await anApp(t)
    const passwords = { hash: async () => '$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA' }
    const deps = { metadata: app.metadata, passwords }
    const changes = [
      async () => changeUser(deps, operator, { name: 'alice', disabled: true }),
      async () =>
        setPassword(deps, operator, { name: 'alice', password: 'tall-otter-42-cinnamon' }),
    ]
    for (const change of changes.entries()) {
      const visitor = await aliceSignedIn(app)
      assert.ok(isSignedIn(await visitor.open('/account')))
      await change[1]()
      app.authenticator.forgetPrincipal(app.ids.alice)
      assert.equal((await visitor.open('/account')).status, 303, `change ${change[0]}`)
      await changeUser(deps, operator, { name: 'alice', disabled: false })
      app.authenticator.forgetPrincipal(app.ids.alice)
      assert.equal((await visitor.open('/account')).status, 303, `change ${change[0]}`)
    }
  })

  test('is good on every node and after a restart, for it lies in the database', async (t) => {
    const app = await anApp(t)
    const visitor = await aliceSignedIn(app)
    const { issuer, metadata } = app
    const node = createAuthenticateRequest({
      metadata,
      authenticator: createAuthenticator({
        tokens: issuer,
        principals: createPrincipalDirectory(metadata),
        passwords: { verify: async () => false },
        warn: () => undefined,
      }),
    })
    const cookie = `${sessionCookie}=${visitor.cookies.get(sessionCookie)}`
    const identity = await node({
      method: 'GET',
      path: '/api/v1/account',
      headers: { cookie },
      peer: { address: '192.0.2.1', loopback: false, secure: true },
      origin: 'https://registry.test',
    } as never)
    assert.equal(identity.kind === 'principal' && identity.name, 'alice')
    assert.ok(identity.kind === 'principal' && (identity.session ?? 0) > 0)
  })

  test('ends when it was idle for 8 hours, and after 7 days in any case', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const app = await anApp(t)
    const visitor = await aliceSignedIn(app)
    const hour = 3_600_000
    t.mock.timers.tick(7.9 * hour)
    assert.ok(isSignedIn(await visitor.open('/account')))
    t.mock.timers.tick(8.1 * hour)
    assert.equal((await visitor.open('/account')).status, 303)
    const busy = await aliceSignedIn(app)
    for (let hours = 0; hours < 7 * 24 - 7; hours += 7) {
      t.mock.timers.tick(7 * hour)
      assert.ok(isSignedIn(await busy.open('/account')), `after ${hours} hours`)
    }
    t.mock.timers.tick(7.1 * hour)
    assert.equal((await busy.open('/account')).status, 303)
  })

  test('counts at the management API and on pages, and never at the registry or for a token', async (t) => {
    const app = await anApp(t)
    const visitor = await aliceSignedIn(app)
    for (const path of ['/v2/', '/v2/_catalog', '/v2/alice/app/tags/list']) {
      assert.equal((await visitor.open(path)).status, 401, path)
    }
    const { token } = (await visitor.open('/token?scope=registry:catalog:*')).json() as {
      token: string
    }
    const catalog = await ask(app, 'GET /v2/_catalog', { as: `Bearer ${token}` })
    assert.equal(catalog.status, 401)
    const headers = { authorization: basic('bob', users.bob.password) }
    const account = (await visitor.open('/api/v1/account', headers)).json() as { name: string }
    assert.equal(account.name, 'bob', 'the header comes first')
    const wrong = { authorization: basic('bob', 'wrong') }
    assert.equal((await visitor.open('/api/v1/account', wrong)).status, 401)
  })

  test('is opened by no other secret, and by none in another place', async (t) => {
    const app = await anApp(t)
    const visitor = await aliceSignedIn(app)
    const secret = visitor.cookies.get(sessionCookie) ?? ''
    for (const as of [`Bearer ${secret}`, basic('alice', secret)]) {
      assert.equal((await ask(app, 'GET /api/v1/account', { as })).status, 401)
    }
    const changed = `${secret.slice(0, -1)}${secret.endsWith('a') ? 'b' : 'a'}`
    for (const value of ['', 'x', changed, `"${secret}"`, secret.toUpperCase(), `${secret}x`]) {
      visitor.cookies.set(sessionCookie, value)
      assert.equal((await visitor.open('/account')).status, 303, value)
    }
    visitor.cookies.delete(sessionCookie)
    // Over TLS only the name that no other host can set.
    visitor.cookies.set('carrel', secret)
    assert.equal((await visitor.open('/account')).status, 303)
  })
})

suite('where to go after signing in', () => {
  const elsewhere = [
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '\t//evil.example',
    ' //evil.example',
    '/\n/evil.example',
    '/\r\nLocation: https://evil.example',
    'https://evil.example/',
    'https:evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    'evil.example',
    '@evil.example',
    '/.//evil.example',
    '/x/..//evil.example',
    '/%2e%2e//evil.example/',
    '/ö',
    `/${'x'.repeat(3000)}`,
    '',
    '?x',
  ]

  test('is a path of this site, and the account for everything else', async (t) => {
    const app = await anApp(t)
    const stranger = aVisitor(app)
    const visitor = await aliceSignedIn(app)
    for (const to of elsewhere) {
      const path = `/login?to=${encodeURIComponent(to)}`
      const form = /data-to="([^"]*)"/.exec((await stranger.open(path)).text)
      assert.equal(form?.[1], '/account', JSON.stringify(to))
      const { status, headers } = await visitor.open(path)
      assert.deepEqual([status, headers['location']], [303, '/account'], JSON.stringify(to))
    }
    for (const to of ['/device?code=WDJB-MJHT', '/', '/account#tokens', '/a/%2f%2fb', '/x?y=//z']) {
      const { headers } = await visitor.open(`/login?to=${encodeURIComponent(to)}`)
      assert.equal(headers['location'], to)
    }
  })
})

suite('a request of another site', () => {
  const foreign: readonly Readonly<Record<string, string>>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'cross-site', origin: 'https://registry.test' },
    { 'sec-fetch-site': 'same-origin, cross-site' },
    { 'sec-fetch-site': '' },
    { origin: 'https://evil.example' },
    { origin: 'http://registry.test' },
    { origin: 'https://registry.test.evil.example' },
    { origin: 'https://registry.test:8443' },
    { origin: 'null' },
    {},
  ]
  const changes: readonly (readonly [string, unknown])[] = [
    ['/login', { user: 'alice', password }],
    ['/login/code', { code: '123456' }],
    ['/logout', {}],
    ['/device', { code: 'WDJB-MJHT', answer: 'agree' }],
    ['/api/v1/tokens', { name: 'stolen' }],
  ]

  test('changes nothing on the strength of a cookie', async (t) => {
    const app = await anApp(t)
    const visitor = await aliceSignedIn(app)
    const cookie = `${sessionCookie}=${visitor.cookies.get(sessionCookie)}`
    for (const [path, body] of changes) {
      for (const headers of foreign) {
        const answer = await ask(app, `POST ${path}`, {
          headers: { cookie, ...headers },
          type: 'application/json',
          body: JSON.stringify(body),
        })
        assert.equal(answer.status, 403, `${path} ${JSON.stringify(headers)}`)
        assert.match(answer.text, /does not come from a page of https:\/\/registry\.test/)
      }
    }
    assert.ok(isSignedIn(await visitor.open('/account')))
    // Without a cookie there is nothing to abuse: programs need not say where they come from.
    const as = 'alice'
    const body = '{"name":"mine"}'
    const program = await ask(app, 'POST /api/v1/tokens', { as, type: 'application/json', body })
    assert.equal(program.status, 201)
  })

  test('is told from one of our own page, which old browsers and plain connections say by Origin', async (t) => {
    const app = await anApp(t)
    const visitor = await aliceSignedIn(app)
    const cookie = `${sessionCookie}=${visitor.cookies.get(sessionCookie)}`
    for (const headers of [
      { 'sec-fetch-site': 'same-origin' },
      { origin: 'https://registry.test' },
      { 'sec-fetch-site': 'same-origin', origin: 'https://registry.test' },
    ]) {
      const answer = await ask(app, 'POST /api/v1/tokens', {
        headers: { cookie, ...headers },
        type: 'application/json',
        body: '{"name":"mine"}',
      })
      assert.equal(answer.status, 201, JSON.stringify(headers))
    }
  })
})
