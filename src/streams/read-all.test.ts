import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { readAll } from './read-all.ts'

test('all bytes come back in order, from any cut into chunks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array()), fc.boolean(), async (chunks, asStream) => {
      const source = asStream ? Readable.from(chunks) : generate(chunks)
      assert.deepEqual(await readAll(source, 10_000), Buffer.concat(chunks))
    }),
  )
})

test('exactly the limit is read, one byte more is not', async () => {
  const chunks = [new Uint8Array(3), new Uint8Array(2)]
  assert.equal((await readAll(generate(chunks), 5))?.length, 5)
  assert.equal(await readAll(generate(chunks), 4), undefined)
  assert.equal((await readAll(generate([]), 0))?.length, 0)
})

test('an endless source is left as soon as the limit is passed', async () => {
  let made = 0
  async function* endless() {
    for (;;) {
      made++
      yield new Uint8Array(10)
    }
  }
  assert.equal(await readAll(endless(), 95), undefined)
  assert.equal(made, 10)
})

test('the result does not change when the source uses its buffer again', async () => {
  const buffer = new Uint8Array([1, 2, 3])
  const bytes = await readAll(generate([buffer]), 10)
  buffer.fill(9)
  assert.deepEqual(bytes, Buffer.from([1, 2, 3]))
})

test('a source that fails makes the reading fail', async () => {
  async function* failing() {
    yield new Uint8Array(1)
    throw new Error('cut off')
  }
  await assert.rejects(readAll(failing(), 10), /cut off/)
  await assert.rejects(readAll(Readable.from(failing()), 10), /cut off/)
})

test('a stream that is left can be read on, and has no listeners of the reading', async () => {
  const stream = Readable.from([new Uint8Array(4), new Uint8Array(4), new Uint8Array(4)])
  assert.equal(await readAll(stream, 5), undefined)
  assert.equal(stream.destroyed, false)
  assert.equal(stream.listenerCount('readable'), 0)
  assert.equal((await readAll(stream, 100))?.length, 4)
})

test('a server can answer a request whose body was too large', { timeout: 10_000 }, async () => {
  const server = createServer((incoming, response) => {
    void readAll(incoming, 1000).then((bytes) => {
      response.writeHead(bytes === undefined ? 413 : 200).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const { port } = server.address() as AddressInfo
    const outgoing = request({ host: '127.0.0.1', port, method: 'PUT' })
    outgoing.end(Buffer.alloc(300_000))
    const [response] = (await once(outgoing, 'response')) as [{ statusCode: number } & Readable]
    response.resume()
    assert.equal(response.statusCode, 413)
    await once(response, 'close')
  } finally {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})

async function* generate(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}
