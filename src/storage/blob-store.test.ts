import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type Digest, digestOf } from '../oci/digest.ts'
import { OciError, StorageFullError } from '../oci/errors.ts'
import { type BlobStore, type Part, createBlobStore } from './blob-store.ts'
import { type Key, type StorageDriver, parseKey } from './driver.ts'
import { openFilesystemDriver } from './drivers/filesystem/filesystem-driver.ts'
import { type FileOperations, nodeFiles } from './drivers/filesystem/file-operations.ts'
import { testRoot } from './drivers/filesystem/test-root.ts'
import { watchFiles } from './drivers/filesystem/watch-files.ts'
import { createMemoryDriver } from './drivers/memory/memory-driver.ts'
import { type FaultPlan, withFaults } from './fault-driver.ts'

const algorithm = 'sha256'

test('an upload of one part becomes the blob by a mere move', async () => {
  const operations: string[] = []
  const { store } = memoryStore(({ operation }) => void operations.push(operation))
  const part = await store.writePart(streamOf('hello'), { algorithm })
  assert.deepEqual(
    { size: part.size, digest: part.digest, complete: part.complete },
    { size: 5, digest: digestOf(Buffer.from('hello')), complete: true },
  )

  const blob = await store.commit([part], part.digest)
  assert.equal(blob.size, 5)
  assert.match(blob.key, /^blobs\/sha256\//)
  assert.equal(await textOf(store, blob.key), 'hello')
  assert.deepEqual(operations, ['write', 'stat', 'move', 'read'])
  assert.deepEqual(await uploadsOf(store), [])
})

test('parts become one blob under the digest of all their bytes, however they are cut', async () => {
  const contents = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 })
  const choice = fc.tuple(contents, fc.constantFrom('sha256', 'sha512'), fc.boolean())
  await fc.assert(
    fc.asyncProperty(choice, async ([pieces, wanted, areHashed]) => {
      const { store } = memoryStore()
      const parts: { key: Key; size: number; digest?: Digest }[] = []
      for (const piece of pieces) {
        const { key, size, digest } = await store.writePart(streamOf(piece), { algorithm })
        parts.push(areHashed ? { key, size, digest } : { key, size })
      }
      const whole = Buffer.concat(pieces)
      const digest = digestOf(whole, wanted)

      const blob = await store.commit(parts, digest)

      assert.equal(blob.size, whole.length)
      assert.ok(whole.equals(await buffer(await store.open(blob.key))))
      assert.deepEqual(await uploadsOf(store), [])
      const [listed, ...more] = await collect(store.listBlobs())
      assert.deepEqual(more, [])
      assert.equal(listed?.digest, digest)
      assert.equal(listed.key, blob.key)
      assert.equal(listed.size, whole.length)
    }),
    { numRuns: 60 },
  )
})

test('bytes of another digest never become a blob, and the upload is gone', async () => {
  const other = digestOf(Buffer.from('other'))
  const other512 = digestOf(Buffer.from('other'), 'sha512')
  for (const expected of [other, other512]) {
    for (const count of [0, 1, 2]) {
      const { store } = memoryStore()
      const parts: Part[] = []
      for (let index = 0; index < count; index++) {
        parts.push(await store.writePart(streamOf(`part ${index}`), { algorithm }))
      }
      await assert.rejects(store.commit(parts, expected), (error) => {
        assert.ok(error instanceof OciError)
        assert.equal(error.code, 'DIGEST_INVALID')
        const { expected: told, actual } = error.detail as Record<string, string>
        assert.equal(told, expected)
        assert.notEqual(actual, expected)
        return true
      })
      await requireNothing(store)
    }
  }
})

test('put and writeBytes store what has the digest, and leave nothing of what has not', async () => {
  const { store } = memoryStore()
  const bytes = Buffer.from('content')
  for (const wanted of ['sha256', 'sha512'] as const) {
    const digest = digestOf(bytes, wanted)
    const put = await store.put(streamOf('content'), digest)
    const written = await store.writeBytes(bytes, digest)
    assert.equal(await textOf(store, put.key), 'content')
    assert.equal(await textOf(store, written.key), 'content')
    assert.notEqual(put.key, written.key, 'each copy has a name of its own')
    await store.delete([put.key, written.key])
  }
  const wrong = { name: 'OciError', code: 'DIGEST_INVALID' }
  await assert.rejects(store.put(streamOf('x'), digestOf(bytes)), wrong)
  await assert.rejects(store.writeBytes(Buffer.from('x'), digestOf(bytes)), wrong)
  await requireNothing(store)
})

test('a part that is missing or not as long as it was recorded never becomes a blob', async () => {
  const lost = { name: 'OciError', code: 'BLOB_UPLOAD_INVALID' }
  for (const damage of ['missing', 'shorter', 'longer', 'missing among others'] as const) {
    const { store, driver } = memoryStore()
    const part = await store.writePart(streamOf('hello'), { algorithm })
    const more = await store.writePart(streamOf('more'), { algorithm })
    if (damage.startsWith('missing')) await driver.delete([part.key])
    if (damage === 'shorter') await driver.write(part.key, [Buffer.from('hell')])
    if (damage === 'longer') await driver.write(part.key, [Buffer.from('hello!')])
    const parts = damage === 'missing among others' ? [more, part] : [part]
    await assert.rejects(store.commit(parts, part.digest), lost, damage)
    assert.deepEqual(await collect(store.listBlobs()), [])
  }
})

test('of two requests that commit one upload at once, one is told that it came too late', async () => {
  const { store } = memoryStore()
  const part = await store.writePart(streamOf('hello'), { algorithm })
  const outcomes = await Promise.allSettled([
    store.commit([part], part.digest),
    store.commit([part], part.digest),
  ])
  const [refused, ...others] = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.deepEqual(others, [])
  assert.ok(refused?.reason instanceof OciError)
  assert.equal(refused.reason.code, 'BLOB_UPLOAD_INVALID')
  assert.equal((await collect(store.listBlobs())).length, 1)
})

test('a source that fails: its bytes are kept on request, or nothing is', async () => {
  const { store } = memoryStore()
  const kept = await store.writePart(breaking('abc'), { algorithm, keepPartial: true })
  assert.equal(kept.complete, false)
  assert.equal(kept.size, 3)
  assert.equal(kept.digest, digestOf(Buffer.from('abc')))
  assert.equal(await textOf(store, kept.key), 'abc')

  const rest = await store.writePart(streamOf('def'), { algorithm })
  const blob = await store.commit([kept, rest], digestOf(Buffer.from('abcdef')))
  assert.equal(await textOf(store, blob.key), 'abcdef')

  await assert.rejects(store.writePart(breaking('abc'), { algorithm }), /went away/)
  assert.deepEqual(await uploadsOf(store), [])
  await assert.rejects(store.put(breaking('abc'), kept.digest), /went away/)
  assert.equal((await collect(store.listBlobs())).length, 1)
})

test('a source that fails before its first byte makes no object', async () => {
  const { store } = memoryStore()
  const part = await store.writePart(breaking(''), { algorithm, keepPartial: true })
  assert.deepEqual(
    { size: part.size, complete: part.complete, digest: part.digest },
    { size: 0, complete: false, digest: digestOf(new Uint8Array()) },
  )
  await requireNothing(store)
})

test('an aborted signal counts as a source that failed', async () => {
  const { store } = memoryStore()
  for (const keepPartial of [true, false]) {
    const controller = new AbortController()
    const source = new PassThrough()
    source.write('abc')
    setImmediate(() => controller.abort(new Error('shutting down')))
    const writing = store.writePart(source, { algorithm, keepPartial, signal: controller.signal })
    if (keepPartial) assert.equal((await writing).size, 3)
    else await assert.rejects(writing, /shutting down/)
  }
  assert.equal((await uploadsOf(store)).length, 1)
})

test('when the storage fails in a commit, the parts stay for another attempt', async () => {
  let isFull = true
  const { store } = memoryStore(({ operation }) =>
    isFull && (operation === 'move' || operation === 'concatenate')
      ? { kind: 'fail', error: new StorageFullError() }
      : undefined,
  )
  const one = await store.writePart(streamOf('a'), { algorithm })
  const two = await store.writePart(streamOf('b'), { algorithm })
  const both = digestOf(Buffer.from('ab'))
  await assert.rejects(store.commit([one, two], both), StorageFullError)
  await assert.rejects(store.commit([one], one.digest), StorageFullError)
  isFull = false
  assert.equal((await store.commit([one, two], both)).size, 2)
})

test('what lies among the blobs without a name of theirs is not listed', async () => {
  const { store, driver } = memoryStore()
  await driver.write(parseKey('blobs/sha256/ab/foreign'), [])
  const { key } = await store.writeBytes(Buffer.from('x'), digestOf(Buffer.from('x')))
  assert.deepEqual(
    (await collect(store.listBlobs())).map((blob) => blob.key),
    [key],
  )
})

test('a client that goes away leaves what it sent, whole and hashed, over HTTP and on a disk', async (t) => {
  const store = await diskStore(t)
  const bytes = randomBytes(3_000_000)
  const server = await serve(t, (incoming) =>
    store.writePart(incoming, { algorithm, keepPartial: true }),
  )
  const outgoing = request({ ...server.address, method: 'PUT' }).on('error', () => undefined)
  outgoing.write(bytes, () => setTimeout(() => outgoing.destroy(), 20))

  const part = await server.result
  assert.equal(part.complete, false)
  const sent = bytes.subarray(0, part.size)
  assert.equal(part.digest, digestOf(sent))
  if (part.size > 0) assert.ok(sent.equals(await buffer(await store.open(part.key))))

  const rest = await store.writePart(streamOf(bytes.subarray(part.size)), { algorithm })
  const blob = await store.commit([part, rest], digestOf(bytes))
  assert.ok(bytes.equals(await buffer(await store.open(blob.key))))
  assert.deepEqual(await uploadsOf(store), [])
})

test('a request whose bytes met a full disk half-way can still be answered', async (t) => {
  let writes = 0
  const { files } = watchFiles(nodeFiles, ({ operation }) =>
    operation === 'writev' && ++writes === 2 ? { fail: 'ENOSPC' } : undefined,
  )
  const store = await diskStore(t, files)
  const server = await serve(t, (incoming) =>
    store.writePart(incoming, { algorithm, keepPartial: true }).catch((error: unknown) => error),
  )
  const outgoing = request({ ...server.address, method: 'PUT' })
  const answered = once(outgoing, 'response')
  outgoing.end(randomBytes(3_000_000))

  assert.ok((await server.result) instanceof StorageFullError)
  const [answer] = (await answered) as [IncomingMessage]
  assert.equal(answer.resume().statusCode, 200)
  await requireNothing(store)
})

function memoryStore(plan: FaultPlan = () => undefined): {
  store: BlobStore
  driver: StorageDriver
} {
  const driver = createMemoryDriver()
  return { store: createBlobStore(withFaults(driver, plan)), driver }
}

async function diskStore(t: TestContext, files: FileOperations = nodeFiles): Promise<BlobStore> {
  const driver = await openFilesystemDriver({ root: await testRoot(t), files })
  t.after(() => driver[Symbol.asyncDispose]())
  return createBlobStore(driver)
}

interface Served<Result> {
  readonly address: { readonly host: string; readonly port: number }
  readonly result: Promise<Result>
}

/** A server for one request, whose body `work` takes and which is then answered with 200. */
async function serve<Result>(
  t: TestContext,
  work: (incoming: IncomingMessage) => Promise<Result>,
): Promise<Served<Result>> {
  const server = createServer()
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  const result = once(server, 'request').then(async ([incoming, outgoing]) => {
    try {
      return await work(incoming as IncomingMessage)
    } finally {
      ;(outgoing as ServerResponse).end()
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return { address: { host: '127.0.0.1', port }, result }
}

function streamOf(content: string | Uint8Array): Readable {
  const bytes = Buffer.from(content)
  return Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false })
}

function breaking(content: string): Readable {
  const source = new PassThrough()
  if (content !== '') source.write(content)
  setImmediate(() => source.destroy(new Error('the client went away')))
  return source
}

async function textOf(store: BlobStore, key: Key): Promise<string> {
  return (await buffer(await store.open(key))).toString()
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = []
  for await (const item of items) collected.push(item)
  return collected
}

async function uploadsOf(store: BlobStore): Promise<Key[]> {
  return (await collect(store.listUploads())).map(({ key }) => key)
}

async function requireNothing(store: BlobStore): Promise<void> {
  assert.deepEqual(await uploadsOf(store), [])
  assert.deepEqual(await collect(store.listBlobs()), [])
}
