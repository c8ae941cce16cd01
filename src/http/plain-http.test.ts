import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { HttpError } from './http-error.ts'
import type { Provenance } from './origin.ts'
import { plainHttpReply, requireLocal } from './plain-http.ts'

interface Asked {
  readonly method?: string
  readonly url?: string
  readonly headers?: Readonly<Record<string, string>>
}

function request({ method = 'GET', url = '/v2/', headers = {} }: Asked = {}): IncomingMessage {
  return { method, url, headers: { host: 'registry.test', ...headers } } as IncomingMessage
}

function from(
  changes: Partial<Provenance['peer']> & { readonly proxied?: boolean } = {},
): Provenance {
  const { proxied = false, ...peer } = changes
  return {
    peer: { address: '192.0.2.7', loopback: false, secure: false, ...peer },
    origin: 'http://registry.test:5000',
    proxied,
  }
}

const paths = ['/', '/v2/', '/v2/a/manifests/v1', '/token', '/api/v1/setup', '/setup', '/nothing']

function isRefusal(error: unknown): boolean {
  return error instanceof HttpError && error.status === 403
}

test('TLS, this machine and declared proxies are answered', () => {
  for (const provenance of [
    from({ secure: true }),
    from({ loopback: true }),
    from({ proxied: true }),
  ]) {
    for (const path of paths) assert.equal(plainHttpReply(request(), provenance, path), undefined)
  }
})

test('other machines are told to come with TLS, and nothing that they ask for is done', () => {
  for (const path of paths) {
    for (const method of ['GET', 'HEAD', 'PUT', 'POST']) {
      assert.throws(() => plainHttpReply(request({ method }), from(), path), isRefusal)
    }
  }
  assert.throws(
    () => plainHttpReply(request(), from(), '/v2/'),
    /HTTPS only.*https:\/\/.*\/ca\.sh/s,
  )
})

test('what anybody needs to trust us is answered in the clear', () => {
  for (const path of ['/ca.crt', '/ca.sh', '/livez', '/readyz']) {
    assert.equal(plainHttpReply(request(), from(), path), undefined)
  }
  for (const path of ['/ca.crt/', '//ca.crt', '/CA.CRT', '/ca.crt/../v2/']) {
    assert.throws(() => plainHttpReply(request(), from(), path), isRefusal)
  }
})

test('a browser that asks for a page is sent to the same place with TLS, an API client never', () => {
  const headers = { accept: 'text/html,application/xhtml+xml' }
  for (const [path, url] of [
    ['/', '/'],
    ['/setup', '/setup?x=1'],
    ['/a b', '/a%20b'],
    ['/\r\nset-cookie: x', '/%0d%0aset-cookie:%20x'],
  ] as const) {
    assert.deepEqual(plainHttpReply(request({ headers, url }), from(), path), {
      status: 307,
      headers: { location: `https://registry.test:5000${url}`, 'content-length': 0 },
    })
  }
  for (const path of ['/v2/', '/v2', '/api/v1/setup']) {
    assert.throws(() => plainHttpReply(request({ headers }), from(), path), isRefusal)
  }
  const post = request({ headers, method: 'POST' })
  assert.throws(() => plainHttpReply(post, from(), '/setup'), isRefusal)
})

test('open mode answers programs of this machine that know it by a name of its own', () => {
  for (const host of ['localhost', 'localhost:5000', '127.0.0.1', '127.1.2.3:5000', '[::1]:5000']) {
    requireLocal(request({ headers: { host } }), from({ loopback: true }))
  }
})

test('open mode refuses other machines, other names and whatever only passes through', () => {
  const local = { host: 'localhost:5000' }
  for (const [headers, provenance] of [
    [local, from()],
    [local, from({ proxied: true })],
    [local, from({ secure: true })],
    [{ host: 'registry.test' }, from({ loopback: true })],
    [{ host: 'localhost.evil.test' }, from({ loopback: true })],
    [{ host: '127.0.0.1.evil.test' }, from({ loopback: true })],
    [{ host: 'evil.test:5000' }, from({ loopback: true })],
    [{ host: '' }, from({ loopback: true })],
    [{ ...local, 'x-forwarded-for': '127.0.0.1' }, from({ loopback: true })],
    [{ ...local, 'x-forwarded-for': '' }, from({ loopback: true })],
    [{ ...local, forwarded: 'for=1.2.3.4' }, from({ loopback: true })],
    [{ ...local, via: '1.1 x' }, from({ loopback: true })],
    [{ ...local, 'x-real-ip': '1.2.3.4' }, from({ loopback: true })],
    [{ ...local, 'x-forwarded-host': 'x' }, from({ loopback: true })],
    [{ ...local, 'x-forwarded-proto': 'https' }, from({ loopback: true })],
  ] as const) {
    assert.throws(
      () => requireLocal(request({ headers }), provenance),
      isRefusal,
      JSON.stringify(headers),
    )
  }
})
