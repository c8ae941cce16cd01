// The cookie of a browser comes along with requests that its owner never meant: so it opens the pages and the management
// API alone, and changes something only when a page of this very origin asks. The registry never looks at it.
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { startSession } from '../../access/sessions.ts'
import { hasQuery } from '../../contract/operation.ts'
import { operations } from '../../contract/operations.ts'
import { listAudit } from '../../metadata/audit.ts'
import { anAccount } from '../test-support/accounts.ts'
import { anApp, ask, type Question, type TestApp } from '../test-support/app.ts'
import { makeRepository } from '../test-support/content.ts'
import { matrixRows } from '../test-support/matrix-routes.ts'

const type = 'application/json'

async function signedIn(t: TestContext) {
  const app = await anApp(t)
  await makeRepository(app, 'alice/app', 'private')
  const { secret, id } = await startSession(
    app,
    { id: app.ids.admin, name: 'admin' },
    { userAgent: 'a browser' },
  )
  return { app, id, cookie: `__Host-carrel=${secret}`, secret }
}

/** What tells that a request was not made by a page of this origin. */
const foreign: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  nothing: {},
  'another origin': { origin: 'https://evil.example' },
  'no origin': { origin: 'null' },
  'another port': { origin: 'https://registry.test:8443' },
  'another scheme': { origin: 'http://registry.test' },
  'a subdomain': { origin: 'https://evil.registry.test' },
  'a longer name': { origin: 'https://registry.test.evil.example' },
  'another site': { 'sec-fetch-site': 'cross-site', origin: 'https://registry.test' },
  'the same site': { 'sec-fetch-site': 'same-site', origin: 'https://registry.test' },
  'nobody’s page': { 'sec-fetch-site': 'none', origin: 'https://registry.test' },
  'a referer alone': { referer: 'https://registry.test/account' },
}

const changing = Object.entries(operations).filter(([, { method }]) => method !== 'GET')

function lineOf({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} /api/v1${path.replaceAll(/\{[^}]+\}/g, '987654')}`
}

async function audited({ metadata }: TestApp): Promise<number> {
  return (await listAudit(metadata, { after: 0, limit: 500 })).length
}

suite('the cookie of a session', () => {
  test('changes nothing for the page of another site, by any operation', async (t) => {
    const { app, cookie } = await signedIn(t)
    const before = await audited(app)
    let asked = 0
    for (const [name, operation] of changing) {
      for (const [title, headers] of Object.entries(foreign)) {
        for (const contentType of ['application/json', 'text/plain']) {
          const body = hasQuery(operation.method) ? {} : { body: '{}', type: contentType }
          const question = { ...body, headers: { cookie, ...headers } }
          const { status } = await ask(app, lineOf(operation), question)
          assert.equal(status, 403, `${name}: ${title}`)
          asked += 1
        }
      }
    }
    assert.equal(await audited(app), before)
    t.diagnostic(`${asked} requests`)
  })

  test('does for a page of this origin what its owner may', async (t) => {
    const { app, cookie } = await signedIn(t)
    for (const headers of [
      { origin: 'https://registry.test' },
      { 'sec-fetch-site': 'same-origin' },
    ] as const) {
      const name = `team-${Object.keys(headers)[0]?.length}`
      const question = { body: JSON.stringify({ name }), type, headers: { cookie, ...headers } }
      assert.equal((await ask(app, 'POST /api/v1/teams', question)).status, 201)
    }
    assert.equal((await ask(app, 'GET /api/v1/users', { headers: { cookie } })).status, 200)
    assert.equal((await ask(app, 'GET /account', { headers: { cookie } })).status, 200)
  })

  test('is nothing to the registry and its tokens', async (t) => {
    const { app, cookie } = await signedIn(t)
    for (const [route, rows] of Object.entries(matrixRows)) {
      for (const { address, body, need } of rows) {
        if (['nothing', 'a fresh sign-in', 'self'].includes(need)) continue
        const line = `${route.split(' ')[1]} ${address.replaceAll('NAME', 'alice/app').replace('IMAGE', 'v1')}`
        const headers = { cookie, origin: 'https://registry.test' }
        const question = { headers, ...(body !== undefined && { body }) }
        assert.equal((await ask(app, line, question)).status, 401, line)
      }
    }
    const scope = 'repository:alice/app:pull,push'
    const answer = await ask(app, `GET /token?scope=${scope}`, { headers: { cookie } })
    const { token } = answer.json() as { token: string }
    const line = 'GET /v2/alice/app/tags/list'
    assert.equal((await ask(app, line, { as: `Bearer ${token}` })).status, 401)
  })

  test('counts for nothing beside a credential, good or bad', async (t) => {
    const { app, cookie } = await signedIn(t)
    const eve = await anAccount(app, 'eve')
    const headers = { cookie, origin: 'https://registry.test' }
    assert.equal((await ask(app, 'GET /api/v1/users', { as: eve.as, headers })).status, 403)
    for (const as of ['Bearer x', 'nonsense', 'Basic Og==', 'Digest x']) {
      const { status } = await ask(app, 'GET /api/v1/users', { as, headers })
      assert.equal(status, 401, as)
    }
  })

  test('is taken under its own name alone', async (t) => {
    const { app, secret } = await signedIn(t)
    const asked = async (cookie: string, more: Question = {}) =>
      (await ask(app, 'GET /api/v1/account', { headers: { cookie }, ...more })).status
    // Over TLS a name without the prefix could have been set by somebody else.
    for (const name of ['carrel', '__host-carrel', '__Secure-carrel', '__Host-carrel-login', 'x']) {
      assert.equal(await asked(`${name}=${secret}`), 401, name)
    }
    assert.equal(await asked(`__Host-carrel=wrong; __Host-carrel=${secret}`), 401)
    assert.equal(await asked(`a=b; __Host-carrel=${secret}`), 200)
    assert.equal(await asked(`__Host-carrel=${secret}${' '.repeat(9000)}`), 401)
  })

  test('ends at the sign-out, and not by the wish of another site', async (t) => {
    const { app, cookie } = await signedIn(t)
    const out = async (headers: Readonly<Record<string, string>>) =>
      (await ask(app, 'POST /logout', { headers: { cookie, ...headers } })).status
    assert.equal(await out({ origin: 'https://evil.example' }), 403)
    assert.equal((await ask(app, 'GET /api/v1/account', { headers: { cookie } })).status, 200)
    assert.equal(await out({ origin: 'https://registry.test' }), 303)
    assert.equal((await ask(app, 'GET /api/v1/account', { headers: { cookie } })).status, 401)
  })
})
