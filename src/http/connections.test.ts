// What becomes of connections: slow and silent clients, answers that come early, work that takes long, the drain.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite, test } from 'node:test'
import { buffer } from 'node:stream/consumers'
import { digestOf } from '../oci/digest.ts'
import { withFaults } from '../storage/fault-driver.ts'
import { jsonReply, type Reply } from './reply.ts'
import { anApp, ask, basic } from './test-support/app.ts'
import { putBlob } from './test-support/content.ts'
import { connectRaw, type RawClient } from './test-support/raw-client.ts'
import { aServer } from './test-support/server.ts'
import { users } from './test-support/users.ts'

const authorization = basic('alice', users.alice.password)
// Long enough that a machine that stands still for a moment is not taken for a silent client.
const patience = { idleMs: 500, lingerMs: 400 }

function head(line: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({ host: 'localhost', authorization, ...headers })
  return `${line} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}

async function lengthOf(body: AsyncIterable<Uint8Array>): Promise<Reply> {
  let size = 0
  for await (const chunk of body) size += chunk.length
  return jsonReply(200, { size })
}

/** How long it took until the connection was closed. */
async function lived(client: RawClient): Promise<number> {
  const began = performance.now()
  await client.closed()
  return performance.now() - began
}

async function connectionsLeft(driver: { isReading: number }): Promise<number> {
  for (let waits = 0; driver.isReading > 0 && waits < 200; waits += 1) await sleep(10)
  return driver.isReading
}

suite('silence', { concurrency: 3 }, () => {
  test('whoever connects and says nothing, or stops in the middle, is cut off', async (t) => {
    const { port, ca } = await aServer(t, async ({ body }) => lengthOf(body), { patience })
    const put = head('PUT /', { 'content-length': '9' })
    const cutOff = async (client: RawClient): Promise<void> => {
      const ms = await lived(client)
      assert.ok(ms > 300 && ms < 5000, `${ms} ms`)
    }
    const beginnings = ['', '\x16', '\x16\x03\x01', put, `${put}half`]
    const plain = beginnings.map(async (said) => {
      using client = await connectRaw({ port })
      if (said !== '') client.write(Buffer.from(said, 'latin1'))
      await cutOff(client)
    })
    const secure = async (): Promise<void> => {
      using client = await connectRaw({ port, ca })
      await cutOff(client)
    }
    await Promise.all([...plain, secure()])
  })

  test('whoever closes its side in the middle is not waited for', async (t) => {
    const { port } = await aServer(t, async ({ body }) => lengthOf(body))
    const put = head('PUT /', { 'content-length': '9' })
    for (const said of ['', '\x16', '\x16\x03\x01\x00\xffhello', 'GET / HT', put, `${put}half`]) {
      using client = await connectRaw({ port })
      client.write(Buffer.from(said, 'latin1'))
      client.socket.end()
      const ms = await lived(client)
      assert.ok(ms < 500, `${JSON.stringify(said)}: ${ms} ms`)
    }
  })

  test('a client that is slow but not silent is heard to the end', async (t) => {
    const { port } = await aServer(t, async ({ body }) => lengthOf(body), { patience })
    using client = await connectRaw({ port })
    client.write(head('PUT /', { 'content-length': '10' }))
    for (let sent = 0; sent < 10; sent += 1) {
      await sleep(100)
      client.write('x')
    }
    assert.deepEqual(JSON.parse((await client.answer()).body.toString()), { size: 10 })
  })

  test('while we work on a request that has come whole, silence is ours and nobody is cut off', async (t) => {
    const work = async (ms: number): Promise<Reply> => {
      await sleep(ms)
      return jsonReply(200, {})
    }
    const { port, ca } = await aServer(
      t,
      async ({ body, path }) => {
        // What has come may lie unread meanwhile.
        if (path === '/first') await buffer(body)
        return work(1200)
      },
      { patience },
    )
    const requests = [false, true].flatMap((secure) =>
      ['PUT /first', 'PUT /unread', 'POST /first'].flatMap((line) =>
        [5, 200_000].map((size) => ({ secure, line, size })),
      ),
    )
    await Promise.all(
      requests.map(async ({ secure, line, size }) => {
        using client = await connectRaw({ port, ...(secure && { ca }) })
        client.write(head(line, { 'content-length': String(size) }))
        client.write(Buffer.alloc(size))
        assert.equal((await client.answer()).status, 200, `${line} ${size}`)
      }),
    )
  })

  test('while our own reading stands still, a client that has more to send is not cut off', async (t) => {
    const { port } = await aServer(
      t,
      async ({ body }) => {
        await sleep(1200)
        return lengthOf(body)
      },
      { patience },
    )
    using client = await connectRaw({ port })
    const size = 20 * 1024 * 1024
    client.write(head('PUT /', { 'content-length': String(size) }))
    client.write(Buffer.alloc(size))
    assert.deepEqual(JSON.parse((await client.answer()).body.toString()), { size })
  })

  test('a client that stops reading a blob is cut off, and its blob is closed', async (t) => {
    const reading = { isReading: 0 }
    const app = await anApp(t, {
      driver: (driver) =>
        // A copy with all methods of its own.
        ({
          ...withFaults(driver, () => undefined),
          copy: async (...args: Parameters<typeof driver.copy>) => {
            reading.isReading += 1
            try {
              await driver.copy(...args)
            } finally {
              reading.isReading -= 1
            }
          },
        }),
    })
    const digest = await putBlob(app, 'alice/app', Buffer.alloc(40_000_000))
    const { port } = await aServer(t, app.app, { patience })
    const line = head(`GET /v2/alice/app/blobs/${digest}`)
    // Once, and as the second of two requests on one connection.
    for (const said of [line, line + line]) {
      using client = await connectRaw({ port, paused: true })
      client.write(said)
      for (let waits = 0; reading.isReading === 0 && waits < 200; waits += 1) await sleep(10)
      assert.ok(reading.isReading > 0)
      assert.equal(await connectionsLeft(reading), 0)
    }
  })
})

suite('answers that come before all of a body', () => {
  const tooLarge = 5 * 1024 * 1024

  test('are heard by a client that is still sending, and the connection goes on', async (t) => {
    const app = await anApp(t)
    const { port, ca } = await aServer(t, app.app)
    for (const secure of [false, true]) {
      for (const [line, headers, status] of [
        ['PUT /v2/alice/app/manifests/v1', { 'content-length': String(tooLarge) }, 413],
        ['PUT /v2/bob/app/manifests/v1', { 'content-length': String(tooLarge) }, 403],
        ['PATCH /v2/alice/app/blobs/uploads/x', { 'content-length': String(tooLarge) }, 404],
        ['POST /v2/alice/app/blobs/uploads/?digest=x', { 'content-length': String(tooLarge) }, 400],
        ['PUT /nothing', { 'content-length': String(tooLarge) }, 404],
      ] as const) {
        using client = await connectRaw({ port, ...(secure && { ca }) })
        client.write(head(line, headers))
        const answer = client.answer()
        for (let sent = 0; sent < tooLarge; sent += tooLarge / 5) {
          client.write(Buffer.alloc(tooLarge / 5, 'x'))
          await sleep(5)
        }
        assert.equal((await answer).status, status, line)
        client.write(head('GET /livez'))
        assert.equal((await client.answer()).status, 200, line)
      }
    }
  })

  test('are heard too when a part was read already', async (t) => {
    const app = await anApp(t)
    const { port } = await aServer(t, app.app)
    using client = await connectRaw({ port })
    client.write(head('PUT /v2/alice/app/manifests/v1', { 'transfer-encoding': 'chunked' }))
    const chunk = Buffer.alloc(1024 * 1024, 'x')
    for (let sent = 0; sent < 12; sent += 1) {
      client.write(`${chunk.length.toString(16)}\r\n`)
      client.write(chunk)
      client.write('\r\n')
    }
    client.write('0\r\n\r\n')
    assert.equal((await client.answer()).status, 413)
    client.write(head('GET /livez'))
    assert.equal((await client.answer()).status, 200)
  })

  test('do not keep a connection for ever: who goes on sending is cut off after a while', async (t) => {
    const app = await anApp(t)
    const { port } = await aServer(t, app.app, { patience })
    for (const line of ['PUT /v2/bob/app/manifests/v1', 'PUT /v2/alice/app/manifests/v1']) {
      using client = await connectRaw({ port })
      client.write(head(line, { 'transfer-encoding': 'chunked' }))
      const chunk = Buffer.alloc(256 * 1024, 'x')
      const more = setInterval(() => {
        if (client.socket.writableLength > 0) return
        client.write(`${chunk.length.toString(16)}\r\n`)
        client.write(chunk)
        client.write('\r\n')
      }, 5)
      try {
        assert.ok([403, 413].includes((await client.answer()).status))
        const ms = await lived(client)
        assert.ok(ms > 200 && ms < 3000, `${ms} ms`)
      } finally {
        clearInterval(more)
      }
    }
  })
})

test('garbage behind a request is never answered in the middle of the answer to it', async (t) => {
  const app = await anApp(t)
  const bytes = Buffer.alloc(20_000_000, 'carrel ')
  const digest = await putBlob(app, 'alice/app', bytes)
  const { port } = await aServer(t, app.app)
  using client = await connectRaw({ port, paused: true })
  client.write(head(`GET /v2/alice/app/blobs/${digest}`))
  await sleep(100)
  client.write('garbage\r\n\r\n')
  await sleep(100)
  const chunks: Buffer[] = []
  client.socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await client.closed()
  const said = Buffer.concat(chunks).toString('latin1')
  assert.equal(said.split('HTTP/1.1').length, 2)
})

suite('clients that go away', () => {
  test('what a chunk brought until then is kept, and the upload goes on', async (t) => {
    const app = await anApp(t)
    const { port } = await aServer(t, app.app)
    const begun = await ask(app, 'POST /v2/alice/app/blobs/uploads/', { as: 'alice' })
    const location = begun.headers['location'] ?? ''
    const bytes = Buffer.alloc(100_000, 'carrel ')
    {
      using client = await connectRaw({ port })
      client.write(head(`PATCH ${location}`, { 'content-length': '200000' }))
      client.write(bytes)
      await sleep(100)
    }
    const stands = async () => {
      const status = await ask(app, `GET ${location}`, { as: 'alice' })
      return status.headers['range'] === '0-0' ? undefined : status
    }
    let status = await stands()
    for (let waits = 0; status === undefined && waits < 200; waits += 1) {
      await sleep(10)
      status = await stands()
    }
    assert.equal(status?.headers['range'], '0-99999')
    const digest = digestOf(bytes)
    const line = `PUT ${status?.headers['location']}?digest=${digest}`
    assert.equal((await ask(app, line, { as: 'alice' })).status, 201)
    assert.deepEqual(app.faults, [])
  })

  test('before anybody looked at their request, or in the middle of one, leave nothing that waits', async (t) => {
    let running = 0
    const app = await anApp(t)
    const slow = {
      handle: async (...args: Parameters<typeof app.app.handle>) => {
        running += 1
        try {
          await sleep(50)
          return await app.app.handle(...args)
        } finally {
          running -= 1
        }
      },
    }
    const { port } = await aServer(t, slow)
    const digest = digestOf(Buffer.from('x'))
    for (const [line, sent] of [
      ['PUT /v2/alice/app/manifests/v1', 0],
      ['PUT /v2/alice/app/manifests/v1', 30_000],
      [`POST /v2/alice/app/blobs/uploads/?digest=${digest}`, 0],
      [`POST /v2/alice/app/blobs/uploads/?digest=${digest}`, 30_000],
      ['POST /token', 10],
    ] as const) {
      for (const waitMs of [10, 100]) {
        using client = await connectRaw({ port })
        client.write(head(line, { 'content-length': '60000' }))
        client.write(Buffer.alloc(sent))
        await sleep(waitMs)
      }
    }
    for (let waits = 0; running > 0 && waits < 200; waits += 1) await sleep(10)
    assert.equal(running, 0)
    assert.deepEqual(app.faults, [])
  })
})

suite('the drain', () => {
  const slow = async ({ query }: { query: URLSearchParams }): Promise<Reply> => {
    await sleep(Number(query.get('ms')))
    return jsonReply(200, {})
  }

  test('lets requests end, closes what is idle or has said nothing, and takes no more', async (t) => {
    const { server, port, ca } = await aServer(t, slow)
    using silent = await connectRaw({ port })
    using idle = await connectRaw({ port })
    using secure = await connectRaw({ port, ca })
    for (const client of [idle, secure]) {
      client.write(head('GET /?ms=0'))
      await client.answer()
    }
    using busy = await connectRaw({ port })
    busy.write(head('GET /?ms=300'))
    await sleep(50)
    const began = performance.now()
    const drained = server.drain(5000)
    await Promise.all([silent.closed(), idle.closed(), secure.closed()])
    assert.ok(performance.now() - began < 250)
    await assert.rejects(connectRaw({ port }), /ECONNREFUSED/)
    const answer = await busy.answer()
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['connection'], 'close')
    await busy.closed()
    await drained
    assert.ok(performance.now() - began < 2000)
  })

  test('cuts what takes longer than its grace', async (t) => {
    const { server, port } = await aServer(t, slow)
    using busy = await connectRaw({ port })
    busy.write(head('GET /?ms=900'))
    await sleep(50)
    const began = performance.now()
    await server.drain(200)
    assert.ok(performance.now() - began < 800)
    await assert.rejects(busy.answer(), /closed/)
  })

  test('of a server that nobody is connected to is over at once', async (t) => {
    const { server } = await aServer(t, slow)
    const began = performance.now()
    await server.drain(5000)
    assert.ok(performance.now() - began < 500)
  })
})
