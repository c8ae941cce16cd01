import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { createContent, push, read, upload } from './jobs.ts'

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void

async function serve(t: TestContext, listener: Listener): Promise<{ readonly port: number }> {
  const server = http.createServer((request, response) => void listener(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { port: (server.address() as AddressInfo).port }
}

/** Takes uploads as a registry does, and says which content it got. */
async function serveUploads(t: TestContext) {
  const seen: { readonly path: string; readonly size: number; readonly isRight: boolean }[] = []
  const target = await serve(t, async (request, response) => {
    const hash = createHash('sha256')
    let size = 0
    for await (const chunk of request) {
      hash.update(chunk as Buffer)
      size += (chunk as Buffer).length
    }
    const url = new URL(request.url ?? '', 'http://x')
    const isUpload = request.method === 'PUT' && url.pathname.includes('/blobs/')
    if (isUpload) {
      const isRight = url.searchParams.get('digest') === `sha256:${hash.digest('hex')}`
      seen.push({ path: url.pathname, size, isRight })
    }
    const Location = `http://127.0.0.1${url.pathname}one?state=x`
    response
      .writeHead(request.method === 'POST' ? 202 : 201, { Location, 'content-length': 0 })
      .end()
  })
  return { target, seen }
}

test('reads are counted, and any other status than 200 is a failure', async (t) => {
  let asked = 0
  const target = await serve(t, (request, response) => {
    asked += 1
    const status = request.url === '/bad' ? 404 : 200
    response.writeHead(status, { 'content-length': 0 }).end()
  })
  const job = { kind: 'read', method: 'GET', target, connections: 2, seconds: 0.1 } as const
  const good = await read({ ...job, paths: ['/good'], authorization: undefined })
  assert.equal(good.done, asked)
  assert.deepEqual(good.failures, {})
  assert.ok(good.p50Ms > 0 && good.p50Ms <= good.p99Ms)
  const bad = await read({ ...job, paths: ['/good', '/bad'], authorization: undefined })
  assert.ok((bad.failures['404 to GET'] ?? 0) > 0)
})

test('a steady rate is kept while answers are slow, and waiting for a connection counts', async (t) => {
  const target = await serve(t, (_, response) => {
    setTimeout(() => response.writeHead(200, { 'content-length': 0 }).end(), 100)
  })
  const tally = await read({
    kind: 'read',
    method: 'GET',
    paths: ['/'],
    target,
    authorization: undefined,
    connections: 1,
    seconds: 0.1,
    perSecond: 100,
  })
  assert.equal(tally.done, 10)
  // Ten requests of 100 ms through one connection, due within 100 ms: the last waits for the others.
  assert.ok(tally.p99Ms > 200, `${tally.p99Ms} ms`)
})

test('pushed blobs have bytes of their own under their digest', async (t) => {
  const { target, seen } = await serveUploads(t)
  const tally = await push({
    kind: 'push-blobs',
    target,
    authorization: undefined,
    repositories: ['admin/a', 'admin/b'],
    bytes: 4096,
    connections: 2,
    seconds: 0.1,
  })
  assert.deepEqual(tally.failures, {})
  assert.equal(seen.length, tally.done)
  assert.ok(seen.every(({ isRight, size }) => isRight && size === 4096))
  assert.ok(seen.some(({ path }) => path.startsWith('/v2/admin/b/')))
})

test('large uploads have the size that was asked for and the digest that is claimed', async (t) => {
  const { target, seen } = await serveUploads(t)
  const content = createContent()
  for (const mebibytes of [1, 3]) {
    const result = await upload(content, {
      kind: 'upload',
      target,
      authorization: undefined,
      repositories: ['admin/a'],
      count: 2,
      mebibytes,
    })
    assert.deepEqual(result.failures, {})
    assert.equal(new Set(result.digests).size, 2)
    const last = seen.splice(0)
    assert.equal(last.length, 2)
    assert.ok(last.every(({ isRight, size }) => isRight && size === mebibytes * 1024 * 1024))
  }
})

test('an upload that is refused is told as a failure', async (t) => {
  const target = await serve(t, (request, response) => {
    request.resume()
    const body = '{"errors":[{"code":"DENIED","message":"full"}]}'
    response.writeHead(403, { 'content-length': body.length }).end(body)
  })
  const { failures } = await upload(createContent(), {
    kind: 'upload',
    target,
    authorization: undefined,
    repositories: ['admin/a'],
    count: 3,
    mebibytes: 1,
  })
  assert.deepEqual(failures, { '403 DENIED to POST /v2/…/blobs/uploads/': 3 })
})
