// The server over real sockets: what arrives as which request, and what becomes of connections.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { buffer } from 'node:stream/consumers'
import { digestOf } from '../oci/digest.ts'
import { withFaults } from '../storage/fault-driver.ts'
import { jsonReply, type Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'
import { anApp, basic } from './test-support/app.ts'
import { makeRepository, putBlob, putImage } from './test-support/content.ts'
import { connectRaw, type RawClient } from './test-support/raw-client.ts'
import { aCertificate, aServer } from './test-support/server.ts'
import { users } from './test-support/users.ts'

const authorization = basic('alice', users.alice.password)

/** Tells what the application sees of a request. */
async function mirror({ method, path, query, headers, peer, origin }: HttpRequest): Promise<Reply> {
  const { host } = headers
  return jsonReply(200, { method, path, query: query.toString(), host, peer, origin })
}

/** A request without a body. */
function head(line: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = { host: 'localhost', ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n`
}

async function seen(client: RawClient): Promise<Record<string, unknown>> {
  const { status, body } = await client.answer()
  assert.equal(status, 200, body.toString())
  return JSON.parse(body.toString()) as Record<string, unknown>
}

test('one port speaks HTTP and TLS, and the application is told which', async (t) => {
  const { port, ca } = await aServer(t, mirror)
  for (const [secure, origin] of [
    [false, 'http://localhost:9'],
    [true, 'https://localhost:9'],
  ] as const) {
    using client = await connectRaw({ port, ...(secure && { ca }) })
    for (let times = 0; times < 3; times += 1) {
      client.write(head('GET /v2/', { host: 'localhost:9' }))
      const { peer, origin: told } = await seen(client)
      assert.deepEqual(peer, { address: '127.0.0.1', loopback: true, secure })
      assert.equal(told, origin)
    }
  }
})

test('a new certificate is shown to those who connect from then on', async (t) => {
  const { server, port, ca } = await aServer(t, mirror)
  using before = await connectRaw({ port, ca })
  const next = await aCertificate()
  server.setCertificate(next)
  await assert.rejects(connectRaw({ port, ca }))
  using after = await connectRaw({ port, ca: next.ca })
  for (const client of [before, after]) {
    client.write(head('GET /'))
    await seen(client)
  }
})

test('a TLS connection that fails is told of', async (t) => {
  const { port, tlsRefusals } = await aServer(t, mirror)
  using client = await connectRaw({ port })
  client.write(Buffer.from('1603010005nonsense', 'latin1').fill(0x16, 0, 1))
  await client.closed()
  assert.deepEqual(tlsRefusals, ['127.0.0.1'])
})

test('a path is decoded once, a query not at all', async (t) => {
  const { port } = await aServer(t, mirror)
  using client = await connectRaw({ port })
  for (const [target, path, query] of [
    ['/v2/a%2Fb/tags/list?last=%2561', '/v2/a/b/tags/list', 'last=%2561'],
    ['/%2561', '/%61', ''],
    ['/a?b?c=d', '/a', 'b%3Fc=d'],
    ['/%3Fa', '/?a', ''],
    ['/a%00b', '/a\0b', ''],
    ['/%C3%A4', '/ä', ''],
    ['//v2/', '//v2/', ''],
    ['/..%2f../x', '/../../x', ''],
  ] as const) {
    client.write(head(`GET ${target}`))
    const found = await seen(client)
    assert.deepEqual([found['path'], found['query']], [path, query])
  }
  for (const target of ['/%', '/%zz', '/%ff', '/%C0%AF', 'http://localhost/v2/', '*']) {
    client.write(head(`GET ${target}`))
    const { status } = await client.answer()
    assert.equal(status, 400, target)
  }
})

test('two Host headers, none, or one that is none: 400', async (t) => {
  const { port } = await aServer(t, mirror)
  for (const text of [
    'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost:\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a b\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x:99999\r\n\r\n',
    'GET / HTTP/1.0\r\n\r\n',
    'GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n',
  ]) {
    using client = await connectRaw({ port })
    client.write(text)
    assert.equal((await client.answer()).status, 400, text)
  }
})

test('what is no HTTP is answered with 400 or nothing, and the connection is closed', async (t) => {
  const { port } = await aServer(t, mirror)
  for (const text of [
    'nonsense\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: a\r\nx: ${'y'.repeat(33 * 1024)}\r\n\r\n`,
    '\0\0\0\0',
  ]) {
    using client = await connectRaw({ port })
    client.write(text)
    const said = (await client.closed()).toString()
    assert.match(said, /^(HTTP\/1\.1 4\d\d |$)/, text.slice(0, 60))
    assert.doesNotMatch(said, /HTTP\/1\.1 200/)
  }
})

test('HEAD has the length of GET and no body, and the next request is read right', async (t) => {
  const app = await anApp(t)
  await putImage(app, 'alice/app', 'v1')
  const { port } = await aServer(t, app.app)
  using client = await connectRaw({ port })
  const line = '/v2/alice/app/manifests/v1'
  client.write(head(`GET ${line}`, { authorization }))
  const get = await client.answer()
  for (const target of [line, '/v2/alice/app/manifests/none', '/v2/alice/app/manifests/-']) {
    client.write(head(`HEAD ${target}`, { authorization }))
    const answer = await client.answer({ hasBody: false })
    assert.ok(Number(answer.headers['content-length']) > 0)
    if (target === line) assert.equal(answer.headers['content-length'], String(get.body.length))
    assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0')
  }
  client.write(head(`GET ${line}`, { authorization }))
  assert.deepEqual((await client.answer()).body, get.body)
})

test('every answer has what browsers and old clients look for', async (t) => {
  const app = await anApp(t)
  const { port } = await aServer(t, app.app)
  using client = await connectRaw({ port })
  for (const path of ['/v2/', '/v2', '/v2/a/tags/list', '/v2/A/tags/list', '/livez', '/nothing']) {
    client.write(head(`GET ${path}`))
    const { headers } = await client.answer()
    assert.equal(headers['x-content-type-options'], 'nosniff')
    const isApi = path.startsWith('/v2')
    assert.equal(headers['docker-distribution-api-version'], isApi ? 'registry/2.0' : undefined)
  }
})

test('large blobs go out over HTTP and TLS, whole and in part', async (t) => {
  const app = await anApp(t)
  const bytes = Buffer.alloc(3_000_000, 'carrel ')
  const digest = await putBlob(app, 'alice/app', bytes)
  const { port, ca } = await aServer(t, app.app)
  for (const secure of [false, true]) {
    using client = await connectRaw({ port, ...(secure && { ca }) })
    client.write(head(`GET /v2/alice/app/blobs/${digest}`, { authorization }))
    assert.ok(bytes.equals((await client.answer()).body))
    const range = 'bytes=1000000-1999999'
    client.write(head(`GET /v2/alice/app/blobs/${digest}`, { authorization, range }))
    const part = await client.answer()
    assert.equal(part.status, 206)
    assert.ok(bytes.subarray(1_000_000, 2_000_000).equals(part.body))
  }
})

test('requests that are sent before their answers come are answered in order', async (t) => {
  const { port } = await aServer(t, async (request) => {
    await sleep(Number(request.query.get('ms')))
    return jsonReply(200, { path: request.path })
  })
  using client = await connectRaw({ port })
  client.write([30, 0, 10].map((ms, index) => head(`GET /${index}?ms=${ms}`)).join(''))
  for (let index = 0; index < 3; index += 1) {
    assert.equal((await seen(client))['path'], `/${index}`)
  }
})

test('a client that waits for leave to send its body gets it', async (t) => {
  const { port } = await aServer(t, async ({ body }) =>
    jsonReply(200, { size: (await buffer(body)).length }),
  )
  using client = await connectRaw({ port })
  client.write(head('PUT /', { expect: '100-continue', 'content-length': '5' }))
  assert.equal((await client.answer()).status, 100)
  client.write('hello')
  assert.equal((await seen(client))['size'], 5)
})

test('a failure is told with the id under which the log has it', async (t) => {
  const app = await anApp(t, {
    driver: (driver) => withFaults(driver, () => ({ kind: 'fail', error: new Error('secret') })),
  })
  const { port } = await aServer(t, app.app)
  using client = await connectRaw({ port })
  const bytes = Buffer.alloc(40_000)
  const line = `POST /v2/alice/app/blobs/uploads/?digest=${digestOf(bytes)}`
  client.write(head(line, { authorization, 'content-length': String(bytes.length) }))
  client.write(bytes)
  const { status, body } = await client.answer()
  assert.equal(status, 500)
  assert.match(body.toString(), /id [0-9a-f]{8}-test-1\)/)
})

test('an answer that no header can carry closes the connection and harms nobody else', async (t) => {
  const { port } = await aServer(t, async ({ path }) =>
    path === '/bad' ? { status: 200, headers: { location: 'a\r\nb: c' } } : jsonReply(200, {}),
  )
  using client = await connectRaw({ port })
  client.write(head('GET /bad'))
  assert.equal((await client.closed()).toString(), '')
  using other = await connectRaw({ port })
  other.write(head('GET /'))
  await seen(other)
})

test('open mode answers this machine under its own names, and nothing that passes through it', async (t) => {
  const app = await anApp(t, { open: true })
  const { port } = await aServer(t, app.app, { localOnly: true })
  using client = await connectRaw({ port })
  for (const [headers, status] of [
    [{ host: `localhost:${port}` }, 200],
    [{ host: `127.0.0.1:${port}` }, 200],
    [{ host: 'evil.test' }, 403],
    [{ host: `evil.test:${port}` }, 403],
    [{ host: `localhost:${port}`, 'x-forwarded-for': '127.0.0.1' }, 403],
    [{ host: `localhost:${port}`, forwarded: 'for=127.0.0.1' }, 403],
    [{ host: `localhost:${port}`, via: '1.1 proxy' }, 403],
  ] as const) {
    client.write(head('GET /v2/_catalog', headers))
    assert.equal((await client.answer()).status, status, JSON.stringify(headers))
  }
})

test('a declared proxy says where a request is from and how it came', async (t) => {
  const trustedProxies = [{ address: '127.0.0.1', prefix: 32 }]
  const { port } = await aServer(t, mirror, { trustedProxies })
  using client = await connectRaw({ port })
  client.write(
    head('GET /', {
      'x-forwarded-for': '127.0.0.1, 203.0.113.5',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'images.example',
    }),
  )
  const { peer, origin } = await seen(client)
  assert.deepEqual(peer, { address: '203.0.113.5', loopback: false, secure: true })
  assert.equal(origin, 'https://images.example')
})

test('a registry of others says their name as realm, and the same when a public URL is set', async (t) => {
  const app = await anApp(t)
  await makeRepository(app, 'alice/app')
  for (const [publicOrigin, realm] of [
    [undefined, 'http://localhost/token'],
    ['https://images.example', 'https://images.example/token'],
  ] as const) {
    const { port } = await aServer(t, app.app, { publicOrigin })
    using client = await connectRaw({ port })
    client.write(head('GET /v2/'))
    const challenge = (await client.answer()).headers['www-authenticate'] ?? ''
    assert.ok(challenge.startsWith(`Bearer realm="${realm}",`), challenge)
  }
})
