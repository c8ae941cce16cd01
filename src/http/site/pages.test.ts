import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Readable } from 'node:stream'
import type { Identity } from '../../auth/identity.ts'
import { weaknessOf } from '../../installation/password-policy.ts'
import type { Reply } from '../reply.ts'
import type { HttpRequest } from '../request.ts'
import type { Method, Route } from '../route.ts'
import { parseTarget } from '../target.ts'
import { assets } from './assets.ts'
import { shortestPassword } from './page-setup.ts'
import { assetRoutes, homeRoutes, setupPageRoutes } from './pages.ts'

interface Visit {
  readonly origin?: string
  readonly method?: Method
  readonly headers?: HttpRequest['headers']
  readonly identity?: Identity
  readonly authority?: string | undefined
}

/** What the routes answer to a path. */
async function visit(path: string, how: Visit = {}): Promise<Reply> {
  const { origin = 'https://images.example.org:5443', method = 'GET', headers = {} } = how
  const deps = { authorityPem: () => ('authority' in how ? how.authority : 'a certificate') }
  const routes = {
    home: homeRoutes(deps),
    'setup-page': setupPageRoutes(deps),
    asset: assetRoutes(),
  }
  const target = parseTarget(path)
  assert.ok(target !== undefined && target.resource in routes, `${path} leads to no page`)
  const route = routes[target.resource as keyof typeof routes][method] as Route
  const request: HttpRequest = {
    method,
    path,
    query: new URLSearchParams(),
    headers,
    body: Readable.from([]),
    peer: { address: '127.0.0.1', loopback: true, secure: true },
    origin,
  }
  const identity = how.identity ?? { kind: 'anonymous' }
  return route.run({ request, target, identity, repository: undefined })
}

const textOf = async (path: string, how?: Visit) => String((await visit(path, how)).body)

/** The lines that stand beside a copy button, as a browser would copy them. */
function linesOf(html: string): string[] {
  const codes = [...html.matchAll(/<code id="[^"]+">(.*?)<\/code>/g)]
  return codes.map(([, code = '']) => code.replaceAll('<wbr>', ''))
}

test('the start page holds the lines for the host under which it was reached', async () => {
  assert.deepEqual(linesOf(await textOf('/')), [
    'curl -fsS http://images.example.org:5443/ca.sh | sudo sh',
    'docker login images.example.org:5443',
    'docker pull alpine:3.22',
    'docker tag alpine:3.22 images.example.org:5443/demo/alpine:3.22',
    'docker push images.example.org:5443/demo/alpine:3.22',
    'docker pull images.example.org:5443/demo/alpine:3.22',
  ])
})

test('the setup page holds the lines for the user whose password it sets', async () => {
  const lines = linesOf(await textOf('/setup', { authority: undefined }))
  assert.equal(lines[0], 'docker login images.example.org:5443 -u admin')
  assert.equal(lines.length, 5)
})

test('on localhost, trusting the certificate is no step before the login', async () => {
  for (const origin of ['http://localhost:5443', 'https://127.0.0.1:5443', 'http://[::1]:5443']) {
    const html = await textOf('/', { origin })
    assert.match(linesOf(html)[0] ?? '', /^docker login /)
    assert.match(html, /href="\/ca.sh"/)
  }
})

test('the line that trusts the certificate reaches the port that the page came from', async () => {
  const [line] = linesOf(await textOf('/', { origin: 'https://images.example.org' }))
  assert.equal(line, 'curl -fsSk https://images.example.org/ca.sh | sudo sh')
})

test('nothing is said of our authority when the certificate is another one', async () => {
  const proxied = { headers: { 'x-forwarded-proto': 'https' } }
  for (const how of [{ authority: undefined }, proxied]) {
    assert.doesNotMatch(await textOf('/', how), /ca\.sh|ca\.crt/)
  }
})

test('open mode is said first, and no login is asked for', async () => {
  const identity = { kind: 'open' } as const
  const origin = 'http://localhost:5443'
  for (const path of ['/', '/setup']) {
    const html = await textOf(path, { identity, origin })
    const warning = html.indexOf('there is no login')
    assert.ok(warning > 0 && warning < html.indexOf('<main>'))
    assert.doesNotMatch(html, /docker login/)
    assert.doesNotMatch(await textOf(path, { origin }), /there is no login/)
  }
})

test('pages and assets come with headers that allow nothing foreign', async () => {
  for (const path of ['/', '/setup', '/favicon.ico', '/assets/setup.js']) {
    const { status, headers = {} } = await visit(path)
    assert.equal(status, 200)
    assert.equal(
      headers['content-security-policy'],
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['x-content-type-options'], 'nosniff')
  }
})

test('pages are kept nowhere, and tell their length in bytes', async () => {
  for (const path of ['/', '/setup']) {
    const { headers = {}, body } = await visit(path)
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['content-type'], 'text/html; charset=utf-8')
    assert.equal(headers['content-length'], Buffer.byteLength(String(body)))
    assert.notEqual(headers['content-length'], String(body).length)
    assert.deepEqual((await visit(path, { method: 'HEAD' })).headers, headers)
  }
})

test('an asset is sent once and then found unchanged', async () => {
  const first = await visit('/assets/carrel.css')
  const etag = String(first.headers?.['etag'])
  assert.match(etag, /^"[\w-]{43}"$/)
  assert.equal(first.headers?.['content-type'], 'text/css; charset=utf-8')
  for (const held of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await visit('/assets/carrel.css', { headers: { 'if-none-match': held } })
    assert.equal(again.status, 304)
    assert.equal(again.body, undefined)
    assert.equal(again.headers?.['etag'], etag)
    assert.equal(again.headers?.['content-length'], undefined)
  }
  const other = await visit('/assets/carrel.css', { headers: { 'if-none-match': '"other"' } })
  assert.equal(other.status, 200)
})

test('browsers that ask for an icon by its old name get the mark', async () => {
  const { headers = {}, body } = await visit('/favicon.ico')
  assert.equal(headers['content-type'], 'image/svg+xml')
  assert.match(String(body), /^<svg /)
})

test('there are no assets but those in the list, however they are asked for', async () => {
  const names = ['', 'carrel', 'constructor', '__proto__', '../pages.ts', '..%2fpages.ts']
  for (const name of [...names, '/etc/passwd', 'carrel.css/', 'carrel.css\0', './carrel.css']) {
    await assert.rejects(visit(`/assets/${name}`), { name: 'HttpError', status: 404 }, name)
  }
})

test('every asset of a page is in the list', async () => {
  for (const path of ['/', '/setup']) {
    const used = [...(await textOf(path)).matchAll(/"\/assets\/([^"]+)"/g)]
    assert.ok(used.length >= 3)
    for (const [, name = ''] of used) assert.ok(assets.has(name), name)
  }
})

test('the length that the setup page asks for is the one that the policy of passwords asks for', () => {
  const password = 'x7#kq!mZ2v-pWd9'
  assert.equal(weaknessOf(password.slice(0, shortestPassword), 'admin'), undefined)
  assert.notEqual(weaknessOf(password.slice(0, shortestPassword - 1), 'admin'), undefined)
})
