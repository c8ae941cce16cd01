// Against a server that refuses as Carrel does, behind a proxy that does to requests what proxies do.
import assert from 'node:assert/strict'
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { suite, test, type TestContext } from 'node:test'
import { issueAuthority, issueLeaf } from '../../certificates/issue.ts'
import { X509Certificate } from 'node:crypto'
import { checkPublicAddress } from './public-address.ts'

interface Proxy {
  readonly limit?: number
  readonly buffers?: boolean
  readonly strips?: readonly string[]
  readonly date?: string
  readonly realm?: string
}

/** Carrel and the proxy in one: what it would answer, after what the proxy does. */
function behind(proxy: Proxy, origin: () => string): RequestListener {
  return (request, response) => {
    const length = Number(request.headers['content-length'] ?? 0)
    request.on('error', () => undefined)
    if (proxy.limit !== undefined && length > proxy.limit) {
      response.writeHead(413, { connection: 'close' }).end('<h1>413 Too Large</h1>')
    } else if (proxy.buffers === true && length > 0) {
      request.resume().once('end', () => refuse(proxy, origin(), request, response))
    } else {
      refuse(proxy, origin(), request, response)
      request.resume()
    }
  }
}

function refuse(
  { strips = [], date, realm }: Proxy,
  origin: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const isSignedIn = !strips.includes('authorization') && request.headers.authorization
  const error = isSignedIn ? ',error="invalid_token"' : ''
  const all: Record<string, string> = {
    'www-authenticate': `Bearer realm="${realm ?? origin}/token",service="ours"${error}`,
    'docker-distribution-api-version': 'registry/2.0',
    'x-request-id': String(request.headers['x-request-id']),
    ...(date !== undefined && { date }),
  }
  for (const name of strips) delete all[name]
  response.writeHead(401, all).end('{"errors":[]}')
}

async function aProxy(t: TestContext, proxy: Proxy = {}): Promise<URL> {
  let origin = ''
  const server = http.createServer(behind(proxy, () => origin))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return new URL(origin)
}

async function check(url: URL, installationId = 'ours') {
  const checks = await checkPublicAddress({ url, installationId, authorities: [] })
  for (const { status, fix } of checks) if (status !== 'ok') assert.ok(fix)
  return checks
}

async function proxyCheck(t: TestContext, proxy: Proxy) {
  const checks = await check(await aProxy(t, proxy))
  return checks.find(({ name, status }) => status !== 'ok' || name === 'proxy')
}

suite('the public address', () => {
  test('that is ours, behind a proxy that leaves everything alone, is fine', async (t) => {
    const checks = await check(await aProxy(t))
    assert.deepEqual(
      checks.map(({ name, status }) => [name, status]),
      [
        ['public address', 'ok'],
        ['proxy', 'ok'],
      ],
    )
  })

  test('that nobody answers at is warned of: there may be no way back to it from here', async (t) => {
    const url = await aProxy(t)
    const closed = http.createServer()
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
    url.port = String((closed.address() as AddressInfo).port)
    await new Promise((resolve) => closed.close(resolve))
    const [first] = await check(url)
    assert.equal(first?.status, 'warning')
    assert.match(first.message, /ECONNREFUSED/)
  })

  test('that leads to another registry, or to none, is a problem', async (t) => {
    const [other] = await check(await aProxy(t), 'another')
    assert.match(other?.message ?? '', /Another registry answers/)
    const [none] = await check(await aProxy(t, { strips: ['www-authenticate'] }))
    assert.equal(none?.status, 'problem')
    assert.match(none.message, /status 401, which is none of this registry/)
  })

  test('whose name is not known is a problem', async () => {
    const [first] = await check(new URL('https://no-such-host.invalid'))
    assert.deepEqual([first?.name, first?.status], ['public name', 'problem'])
    assert.equal(first?.fix, 'getent hosts no-such-host.invalid')
  })

  test('whose certificate is not trusted is a problem, unless clients are told to trust it', async (t) => {
    const now = new Date()
    const issued = await issueAuthority('doctor-test', now)
    const certificate = new X509Certificate(issued.certificatePem)
    const names = { dnsNames: ['localhost'], addresses: ['127.0.0.1'] }
    const leaf = await issueLeaf({ certificate, keyPem: issued.keyPem }, names, now)
    let origin = ''
    const server = https.createServer(
      { key: leaf.keyPem, cert: leaf.certificatePem },
      behind({}, () => origin),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const url = new URL(origin)
    const [untrusted] = await check(url)
    assert.equal(untrusted?.status, 'problem')
    assert.match(untrusted.message, /do not trust the certificate/)
    const authorities = [issued.certificatePem]
    const trusted = await checkPublicAddress({ url, installationId: 'ours', authorities })
    assert.deepEqual(
      trusted.map(({ status }) => status),
      ['ok', 'ok'],
    )
  })
})

suite('a proxy', () => {
  const mebibyte = 1024 * 1024

  test('with a limit for bodies is found, however large the limit is', async (t) => {
    for (const [limit, size] of [
      [1024, '1 MiB'],
      [10 * mebibyte, '32 MiB'],
      [100 * mebibyte, '10240 MiB'],
    ] as const) {
      const found = await proxyCheck(t, { limit })
      assert.deepEqual([found?.status, found?.fix], ['problem', 'client_max_body_size 0;'])
      assert.ok(found?.message.includes(size), found?.message)
    }
  })

  test('that collects whole layers first is warned of', async (t) => {
    const found = await proxyCheck(t, { buffers: true })
    assert.deepEqual([found?.status, found?.fix], ['warning', 'proxy_request_buffering off;'])
  })

  test('that takes headers away is found', async (t) => {
    const authorization = await proxyCheck(t, { strips: ['authorization'] })
    assert.equal(authorization?.status, 'problem')
    assert.match(authorization.message, /Authorization/)
    const answered = await proxyCheck(t, { strips: ['docker-distribution-api-version'] })
    assert.equal(answered?.status, 'warning')
  })

  test('of a server with another public address is found', async (t) => {
    const found = await proxyCheck(t, { realm: 'http://other.example.com' })
    assert.equal(found?.status, 'problem')
    assert.match(found.message, /http:\/\/other\.example\.com\/token/)
  })

  test('whose clock is wrong is warned of', async (t) => {
    const date = new Date(Date.now() - 600_000).toUTCString()
    const checks = await check(await aProxy(t, { date }))
    const clock = checks.find(({ name }) => name === 'clock')
    assert.match(clock?.message ?? '', /60\d s behind|599 s behind/)
  })
})
