import assert from 'node:assert/strict'
import https from 'node:https'
import net, { type AddressInfo, type Server } from 'node:net'
import { suite, test, type TestContext } from 'node:test'
import { issueAuthority } from '../../certificates/issue.ts'
import { checkListening } from './listening.ts'

const host = '127.0.0.1'

suite('the port', () => {
  test('is free, or chosen by the system', async (t) => {
    const port = await listenOn(t, net.createServer(), { thenClose: true })
    const checks = await checkListening({ host, port }, undefined)
    assert.deepEqual(
      checks.map(({ name, status }) => [name, status]),
      [['port', 'ok']],
    )
    assert.match(checks[0]?.message ?? '', /is free/)
    assert.equal((await checkListening({ host, port: 0 }, undefined))[0]?.status, 'ok')
  })

  test('is held by the server of this installation, which takes pushes', async (t) => {
    const port = await aCarrel(t, { ready: 200 })
    const checks = await checkListening({ host, port }, 'ours')
    assert.deepEqual(
      checks.map(({ name, status }) => [name, status]),
      [
        ['port', 'ok'],
        ['server', 'ok'],
      ],
    )
  })

  test('is held by our server, which says why it takes no pushes', async (t) => {
    const port = await aCarrel(t, { ready: 503 })
    const [, server] = await checkListening({ host, port }, 'ours')
    assert.equal(server?.status, 'warning')
    assert.match(server.message, /The storage does not take writes\./)
  })

  test('is held by a Carrel with other data, or by something else', async (t) => {
    const carrel = await aCarrel(t, { ready: 200 })
    const [other] = await checkListening({ host, port: carrel }, 'another')
    assert.equal(other?.status, 'problem')
    assert.match(other.message, /another data folder/)
    assert.match(other.fix ?? '', /^CARREL_LISTEN=127\.0\.0\.1:\d+$/)

    const mute = net.createServer((socket) => socket.resume().end('SSH-2.0-OpenSSH_9.9\r\n'))
    const port = await listenOn(t, mute)
    const [stranger] = await checkListening({ host, port }, undefined)
    assert.equal(stranger?.status, 'problem')
    assert.match(stranger.message, /Another program/)
  })

  test('cannot be listened on at an address of another machine', async () => {
    const [check] = await checkListening({ host: '192.0.2.1', port: 15_000 }, undefined)
    assert.equal(check?.status, 'problem')
    assert.match(check.message, /no address 192\.0\.2\.1/)
  })
})

/** What a Carrel server answers, from a server of a few lines. */
async function aCarrel(t: TestContext, { ready }: { readonly ready: number }): Promise<number> {
  const { keyPem, certificatePem } = await issueAuthority('listening-test', new Date())
  const server = https.createServer({ key: keyPem, cert: certificatePem }, (request, response) => {
    const challenge = 'Bearer realm="https://127.0.0.1/token",service="ours"'
    if (request.url === '/livez') response.end('{"status":"alive"}')
    else if (request.url === '/v2/')
      response.writeHead(401, { 'www-authenticate': challenge }).end()
    else response.writeHead(ready).end('{"message":"The storage does not take writes."}')
  })
  return listenOn(t, server)
}

async function listenOn(
  t: TestContext,
  server: Server,
  { thenClose = false }: { readonly thenClose?: boolean } = {},
): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  const close = async () => new Promise<void>((resolve) => server.close(() => resolve()))
  if (thenClose) await close()
  else t.after(close)
  return port
}
