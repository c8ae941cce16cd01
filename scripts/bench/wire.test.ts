import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { Connection, headerOf } from './wire.ts'

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void

async function listen(t: TestContext, server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

async function connectTo(t: TestContext, listener: Listener): Promise<Connection> {
  const connection = new Connection({
    port: await listen(
      t,
      http.createServer((request, response) => void listener(request, response)),
    ),
  })
  t.after(() => connection[Symbol.dispose]())
  return connection
}

/** Answers every request with these pieces, one after another. */
async function connectToRaw(t: TestContext, pieces: readonly string[]): Promise<Connection> {
  const server = net.createServer((socket) => {
    socket.on('data', () => {
      pieces.forEach((piece, index) => setTimeout(() => socket.write(piece), 5 * index))
    })
    socket.on('error', () => undefined)
  })
  const connection = new Connection({ port: await listen(t, server) })
  t.after(() => connection[Symbol.dispose]())
  return connection
}

test('requests follow each other on one connection, with their bodies', async (t) => {
  const sockets = new Set<unknown>()
  const connection = await connectTo(t, async (request, response) => {
    sockets.add(request.socket)
    const body = Buffer.concat(await request.toArray()).toString()
    const answer = `${request.method} ${request.url} ${String(request.headers['x-more'])} ${body}`
    response.writeHead(201, { 'content-length': answer.length, Location: '/here' }).end(answer)
  })
  for (const method of ['GET', 'POST', 'PUT']) {
    const body = method === 'GET' ? {} : { body: Buffer.from('some bytes') }
    const answer = await connection.ask({
      method,
      path: '/v2/x?y=z',
      headers: { 'X-More': 'more' },
      keepBody: true,
      ...body,
    })
    const sent = method === 'GET' ? '' : 'some bytes'
    assert.equal(answer.status, 201)
    assert.equal(headerOf(answer, 'location'), '/here')
    assert.equal(answer.body.toString(), `${method} /v2/x?y=z more ${sent}`)
  }
  assert.equal(sockets.size, 1)
})

test('an answer to HEAD has no body, whatever length it tells', async (t) => {
  const connection = await connectTo(t, (_, response) => {
    response.writeHead(200, { 'content-length': 1000 }).end()
  })
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await connection.ask({ method: 'HEAD', path: '/' })).status, 200)
  }
})

test('an answer may come in pieces', async (t) => {
  const connection = await connectToRaw(t, [
    'HTTP/1.1 200 OK\r\nContent-',
    'Length: 10\r\n\r',
    '\n01234',
    '56789',
  ])
  for (let count = 0; count < 2; count += 1) {
    const { body } = await connection.ask({ method: 'GET', path: '/', keepBody: true })
    assert.equal(body.toString(), '0123456789')
  }
})

test('what is not understood is an error and no figure', async (t) => {
  const answers = [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nthree',
  ]
  for (const answer of answers) {
    const connection = await connectToRaw(t, [answer])
    await assert.rejects(connection.ask({ method: 'GET', path: '/' }), /Content-Length|longer/)
  }
})

test('a closed connection fails the request under way, and the next one opens another', async (t) => {
  let asked = 0
  const connection = await connectTo(t, (request, response) => {
    asked += 1
    if (asked === 1) request.socket.destroy()
    else response.writeHead(200, { 'content-length': 0 }).end()
  })
  await assert.rejects(connection.ask({ method: 'GET', path: '/' }), /closed|ECONNRESET/)
  assert.equal((await connection.ask({ method: 'GET', path: '/' })).status, 200)
})

test('nobody who listens is an error', async () => {
  using connection = new Connection({ port: 1 })
  await assert.rejects(connection.ask({ method: 'GET', path: '/' }), /ECONNREFUSED/)
})

test('a body in pieces arrives whole, and is not sent on after an answer', async (t) => {
  const piece = Buffer.alloc(256 * 1024, 7)
  let given = 0
  async function* pieces(count: number) {
    for (given = 0; given < count; given += 1) yield piece
  }
  const connection = await connectTo(t, async (request, response) => {
    const refused = request.url === '/refused'
    let size = 0
    if (!refused) for await (const chunk of request) size += (chunk as Buffer).length
    const answer = refused ? 'no' : String(size)
    response.writeHead(refused ? 401 : 201, { 'content-length': answer.length }).end(answer)
  })
  const send = async (path: string, count: number) =>
    connection.ask({
      method: 'PUT',
      path,
      body: { size: count * piece.length, pieces: pieces(count) },
      keepBody: true,
    })
  assert.equal((await send('/', 20)).body.toString(), String(20 * piece.length))
  assert.equal((await send('/refused', 10_000)).status, 401)
  assert.ok(given < 10_000)
})
