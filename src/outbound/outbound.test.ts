import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { suite, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createRemoteJWKSet, customFetch as joseFetch, jwtVerify, SignJWT } from 'jose'
import { exportJWK, generateKeyPair } from 'jose'
import * as oidc from 'openid-client'
import { createOutbound } from './outbound.ts'
import { OutboundError } from './outbound-error.ts'
import { sendJson, startLocalServer } from './test-support/local-server.ts'

const publicAddress = '93.184.215.14'
const ok = (_: unknown, response: ServerResponse): void => void response.end('ok')

suite('the outbound client', () => {
  test('a name is sent as the host, and its address comes from the one answer of DNS', async () => {
    await using server = await startLocalServer(ok)
    const asked: string[] = []
    const outbound = createOutbound({
      allow: ['idp.internal'],
      resolve: (host) => {
        asked.push(host)
        return Promise.resolve(['127.0.0.1'])
      },
    })
    const response = await outbound.fetch(`http://IDP.internal:${server.port}/a/b?c=d#e`)
    assert.equal(response.status, 200)
    assert.equal(await response.text(), 'ok')
    const [request] = server.requests
    assert.equal(request?.headers.host, `idp.internal:${server.port}`)
    assert.equal(request?.path, '/a/b?c=d')
    assert.deepEqual(asked, ['idp.internal'])
  })

  test('an address that does not answer does not keep the others from being tried', async () => {
    await using server = await startLocalServer(ok)
    const resolve = () => Promise.resolve(['::1', '127.0.0.1'])
    const outbound = createOutbound({ allow: ['idp.internal'], resolve })
    const response = await outbound.fetch(`http://idp.internal:${server.port}/`)
    assert.equal(response.status, 200)
  })

  test('a network opens http for names whose addresses are all in it, and only for those', async () => {
    await using server = await startLocalServer(ok)
    const answers: string[][] = [
      ['127.0.0.1'],
      ['127.0.0.1', publicAddress],
      [publicAddress, '127.0.0.1'],
    ]
    const resolve = () => Promise.resolve(answers.shift() ?? [])
    const outbound = createOutbound({ allow: ['127.0.0.0/8'], resolve })
    const url = `http://idp.internal:${server.port}/`
    assert.equal((await outbound.fetch(url)).status, 200)
    await assert.rejects(outbound.fetch(url), { kind: 'bad-url' })
    await assert.rejects(outbound.fetch(url), { kind: 'bad-url' })
    assert.equal(server.connections(), 1)
  })

  test('a host entry opens private addresses and no metadata, link-local or multicast ones', async () => {
    for (const address of ['169.254.169.254', '169.254.1.1', '224.0.0.1', '0.0.0.0', 'fe80::1']) {
      const resolve = () => Promise.resolve([address])
      const outbound = createOutbound({ allow: ['idp.internal'], resolve })
      await assert.rejects(outbound.fetch('https://idp.internal/'), (error: OutboundError) => {
        assert.equal(error.kind, 'refused-address')
        assert.ok(error.fix.includes(`adds ${address} to outboundAllow`), error.fix)
        return true
      })
    }
  })

  test('a refusal says what the name leads to and which setting opens it', async () => {
    const outbound = createOutbound({ resolve: () => Promise.resolve(['10.0.0.5']) })
    await assert.rejects(outbound.fetch('https://idp.internal:8443/secret-path?secret'), {
      name: 'OutboundError',
      kind: 'refused-address',
      message:
        'https://idp.internal:8443 is not asked: idp.internal is at 10.0.0.5, a private address. ' +
        'If that is meant, an administrator adds idp.internal:8443 to outboundAllow.',
    })
  })

  test('a body goes with its length and type, and headers of the connection stay ours', async () => {
    await using server = await startLocalServer(ok)
    const outbound = createOutbound({ allow: [server.host] })
    await outbound.fetch(server.origin, {
      method: 'POST',
      body: new URLSearchParams({ a: 'b c' }),
      headers: {
        authorization: 'Basic x',
        host: 'elsewhere.test',
        connection: 'upgrade',
        upgrade: 'websocket',
        'accept-encoding': 'gzip',
        'transfer-encoding': 'chunked',
        'content-length': '1',
      },
    })
    const [request] = server.requests
    assert.ok(request !== undefined)
    assert.equal(request.method, 'POST')
    assert.equal(request.body, 'a=b+c')
    const { headers } = request
    assert.equal(headers['content-type'], 'application/x-www-form-urlencoded;charset=UTF-8')
    assert.equal(headers['content-length'], '5')
    assert.equal(headers.host, server.host)
    assert.equal(headers.connection, 'close')
    assert.equal(headers['accept-encoding'], 'identity')
    assert.equal(headers.authorization, 'Basic x')
    assert.equal(headers['user-agent'], 'carrel')
    assert.equal(headers.upgrade, undefined)
    assert.equal(headers['transfer-encoding'], undefined)
  })

  test('statuses, headers and empty bodies come through', async () => {
    await using server = await startLocalServer((request, response) => {
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.writeHead(Number(request.path.slice(1)))
      response.end()
    })
    const outbound = createOutbound({ allow: [server.host] })
    for (const status of [201, 204, 205, 304, 400, 404, 500, 599]) {
      const response = await outbound.fetch(`${server.origin}/${status}`)
      assert.equal(response.status, status)
      assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2'])
      assert.equal(await response.text(), '')
    }
  })

  test('no connection is used twice', async () => {
    await using server = await startLocalServer(ok)
    const outbound = createOutbound({ allow: [server.host] })
    for (let count = 1; count <= 3; count += 1) {
      await outbound.fetch(server.origin)
      assert.equal(server.connections(), count)
    }
  })

  test('a name without addresses, and a closed port, are unreachable', async () => {
    await using server = await startLocalServer(ok)
    const outbound = createOutbound({
      allow: ['127.0.0.1'],
      resolve: () => Promise.reject(new Error('ENOTFOUND')),
    })
    await assert.rejects(outbound.fetch('https://nowhere.test/'), { kind: 'unreachable' })
    const { port } = server
    await server[Symbol.asyncDispose]()
    await assert.rejects(outbound.fetch(`http://127.0.0.1:${port}/`), {
      kind: 'unreachable',
      message: /nothing listens there \(ECONNREFUSED\)/,
    })
  })

  test('the system resolver knows localhost', async () => {
    await using server = await startLocalServer(ok)
    const outbound = createOutbound({ allow: ['localhost'] })
    assert.equal((await outbound.fetch(`http://localhost:${server.port}/`)).status, 200)
    const guarded = createOutbound()
    await assert.rejects(guarded.fetch(`https://localhost:${server.port}/`), {
      kind: 'refused-address',
    })
    assert.equal(server.connections(), 1)
  })

  test('a wrong entry of the allow list stops the start', () => {
    assert.throws(() => createOutbound({ allow: ['0.0.0.0/0'] }), /outboundAllow: "0.0.0.0\/0"/)
  })
})

suite('limits of the outbound client', () => {
  test('a body may have as many bytes as allowed and not one more', async () => {
    await using server = await startLocalServer((request, response) => {
      const size = Number(request.path.slice(2))
      if (request.path[1] === 'a') response.setHeader('content-length', size)
      response.write(Buffer.alloc(size - 1))
      response.end('x')
    })
    const outbound = createOutbound({ allow: [server.host], maxBytes: 1000 })
    for (const kind of ['a', 'b']) {
      const response = await outbound.fetch(`${server.origin}/${kind}1000`)
      assert.equal((await response.arrayBuffer()).byteLength, 1000)
      await assert.rejects(outbound.fetch(`${server.origin}/${kind}1001`), { kind: 'too-large' })
    }
  })

  test('a server that never stops sending is cut off', { timeout: 20_000 }, async () => {
    let sent = 0
    await using server = await startLocalServer((_, response) => {
      const more = () => {
        if (response.destroyed || sent > 200_000_000) return
        sent += 65_536
        if (response.write(Buffer.alloc(65_536))) setImmediate(more)
        else response.once('drain', more)
      }
      more()
    })
    const outbound = createOutbound({ allow: [server.host], maxBytes: 100_000 })
    await assert.rejects(outbound.fetch(server.origin), { kind: 'too-large' })
    assert.ok(sent < 50_000_000, `${sent} bytes were sent`)
  })

  test('an encoding that nobody asked for is undone, within the same limit', async () => {
    await using server = await startLocalServer((request, response) => {
      const size = Number(request.path.slice(1))
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.end(size === 0 ? Buffer.from('not gzip') : gzipSync(Buffer.alloc(size)))
    })
    const outbound = createOutbound({ allow: [server.host], maxBytes: 50_000 })
    const response = await outbound.fetch(`${server.origin}/50000`)
    assert.equal(response.headers.get('content-encoding'), null)
    assert.equal((await response.arrayBuffer()).byteLength, 50_000)
    await assert.rejects(outbound.fetch(`${server.origin}/9000000`), { kind: 'too-large' })
    await assert.rejects(outbound.fetch(`${server.origin}/0`), { kind: 'bad-response' })
  })

  test('one deadline covers DNS, the wait for an answer and a body that trickles', async () => {
    let trickle: NodeJS.Timeout | undefined
    await using server = await startLocalServer((request, response) => {
      if (request.path === '/silent') return
      trickle = setInterval(() => response.write('x'), 10)
    })
    const outbound = createOutbound({
      allow: [server.host],
      timeoutMs: 150,
      resolve: () => new Promise(() => undefined),
    })
    for (const url of [`${server.origin}/silent`, `${server.origin}/slow`, 'https://slow.test/']) {
      const began = performance.now()
      await assert.rejects(outbound.fetch(url), { name: 'OutboundError', kind: 'timeout' })
      const took = performance.now() - began
      assert.ok(took > 100 && took < 2000, `${url} took ${took} ms`)
    }
    clearInterval(trickle)
  })

  test('a TLS server that never says hello runs into the deadline', async () => {
    const server = createServer((socket) => void socket.on('error', () => undefined).resume())
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const outbound = createOutbound({ allow: [`127.0.0.1:${port}`], timeoutMs: 150 })
    await assert.rejects(outbound.fetch(`https://127.0.0.1:${port}/`), { kind: 'timeout' })
    await new Promise((resolve) => server.close(resolve))
  })

  test("the caller's own signal ends it with the caller's own reason", async () => {
    await using server = await startLocalServer(() => undefined)
    const outbound = createOutbound({ allow: [server.host] })
    const reason = new Error('changed my mind')
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 30)
    await assert.rejects(outbound.fetch(server.origin, { signal: controller.signal }), reason)
    const aborted = AbortSignal.abort(reason)
    await assert.rejects(outbound.fetch(server.origin, { signal: aborted }), reason)
    await assert.rejects(outbound.getJson(server.origin, { signal: aborted }), reason)
    assert.equal(server.connections(), 1)
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
  })

  test('nothing is left behind by a request that is over', async () => {
    await using server = await startLocalServer(ok)
    const outbound = createOutbound({ allow: [server.host] })
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
    const before = timers()
    const { signal } = new AbortController()
    for (let count = 0; count < 10; count += 1) await outbound.fetch(server.origin, { signal })
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    assert.ok(timers() < before + 10, 'deadlines go on')
  })

  test('a cut body, and what is not HTTP, are errors and never answers', async () => {
    const texts = [
      'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n',
      'SSH-2.0-OpenSSH_9.6\r\n',
      'HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n',
      `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      '',
    ]
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume()
      socket.end(texts[next] ?? '')
    })
    let next = 0
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const outbound = createOutbound({ allow: [`127.0.0.1:${port}`] })
    const kinds: string[] = []
    for (; next < texts.length; next += 1) {
      const error: unknown = await outbound
        .fetch(`http://127.0.0.1:${port}/`)
        .catch((thrown: unknown) => thrown)
      assert.ok(error instanceof OutboundError, texts[next]?.slice(0, 30))
      kinds.push(error.kind)
      assert.doesNotMatch(error.message, /half|SSH|What|yyy/)
    }
    const bad = 'bad-response'
    const cut = 'unreachable'
    assert.deepEqual(kinds, [cut, cut, bad, bad, bad, cut, cut])
    await new Promise((resolve) => server.close(resolve))
  })
})

suite('JSON from outside', () => {
  test('getJson gives the value and asks for JSON', async () => {
    await using server = await startLocalServer((_, response) => sendJson(response, { a: [1] }))
    const outbound = createOutbound({ allow: [server.host] })
    assert.deepEqual(await outbound.getJson(new URL(server.origin)), { a: [1] })
    assert.equal(server.requests[0]?.headers.accept, 'application/json')
  })

  test('nothing of a body is in an error, nor in what caused it', async () => {
    const bodies = ['top-secret', '{"password": "top-secret"', '<html>top-secret</html>', '']
    await using server = await startLocalServer((request, response) => {
      response.writeHead(Number(request.path.slice(2)), { 'x-internal': 'top-secret' })
      response.end(bodies[Number(request.path[1])])
    })
    const outbound = createOutbound({ allow: [server.host], maxBytes: 20 })
    for (const index of bodies.keys()) {
      for (const status of [200, 201, 401, 500]) {
        const error: unknown = await outbound
          .getJson(`${server.origin}/${index}${status}`)
          .catch((thrown: unknown) => thrown)
        assert.ok(error instanceof OutboundError)
        const isLarge = bodies[index]!.length > 20
        assert.equal(error.kind, isLarge ? 'too-large' : 'bad-response')
        assert.doesNotMatch(`${error.stack} ${String(error.cause)}`, /secret/)
      }
    }
  })

  test('getJson has a limit of its own', async () => {
    await using server = await startLocalServer((_, response) => sendJson(response, 'x'.repeat(98)))
    const outbound = createOutbound({ allow: [server.host] })
    assert.equal(await outbound.getJson(server.origin, { maxBytes: 100 }), 'x'.repeat(98))
    await assert.rejects(outbound.getJson(server.origin, { maxBytes: 99 }), { kind: 'too-large' })
  })
})

suite('libraries that are given the outbound client', () => {
  test('jose takes keys through it, and is refused what it refuses', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one' }
    await using server = await startLocalServer((_, response) =>
      sendJson(response, { keys: [jwk] }),
    )
    const token = new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: 'one' })
    const signed = await token.sign(privateKey)
    const keysThrough = (outbound: ReturnType<typeof createOutbound>) =>
      createRemoteJWKSet(new URL(server.origin), { [joseFetch]: outbound.fetch })
    await jwtVerify(signed, keysThrough(createOutbound({ allow: [server.host] })))
    await assert.rejects(jwtVerify(signed, keysThrough(createOutbound())), {
      kind: 'refused-address',
    })
    assert.equal(server.connections(), 1)
  })

  test('openid-client discovers through it, and is refused what it refuses', async () => {
    await using server = await startLocalServer((request, response) => {
      if (request.path.startsWith('/moved')) response.writeHead(302, { location: '/x' }).end()
      else sendJson(response, { issuer: server.origin, jwks_uri: `${server.origin}/keys` })
    })
    const discover = (outbound: ReturnType<typeof createOutbound>, path = '') =>
      oidc.discovery(new URL(server.origin + path), 'client', undefined, undefined, {
        [oidc.customFetch]: (url, init) => outbound.fetch(url, init as RequestInit),
        execute: [oidc.allowInsecureRequests],
      })
    const open = createOutbound({ allow: [server.host], redirects: 3 })
    const configuration = await discover(open)
    assert.equal(configuration.serverMetadata().issuer, server.origin)
    await assert.rejects(discover(createOutbound()), hasOutboundError('refused-address'))
    await assert.rejects(discover(open, '/moved'), hasOutboundError('redirect'))
    assert.deepEqual(
      server.requests.map(({ path }) => path),
      ['/.well-known/openid-configuration', '/moved/.well-known/openid-configuration'],
    )
  })
})

function hasOutboundError(kind: string): (error: unknown) => boolean {
  return (error) => {
    for (let current = error; current instanceof Error; current = current.cause) {
      if (current instanceof OutboundError) return current.kind === kind
    }
    return false
  }
}
