import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf } from '../../oci/digest.ts'
import { parseKey } from '../../storage/driver.ts'
import { anApp, ask, type TestApp } from '../test-support/app.ts'
import { makeRepository, putBlob, putImage } from '../test-support/content.ts'

const unknown = digestOf(Buffer.from('unknown'))
const small = Buffer.from(Array.from({ length: 4000 }, (_, index) => index % 251))
const big = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 253))

async function withBlobs(t: Parameters<typeof anApp>[0]): Promise<TestApp> {
  const app = await anApp(t)
  for (const bytes of [small, big, Buffer.of()]) await putBlob(app, 'alice/app', bytes)
  return app
}

test('a blob is served byte for byte with what clients need to trust it', async (t) => {
  const app = await withBlobs(t)
  for (const bytes of [small, big, Buffer.of()]) {
    const digest = digestOf(bytes)
    const headers = { 'accept-encoding': 'zstd;q=1.0, gzip;q=0.5, deflate' }
    const answer = await ask(app, `GET /v2/alice/app/blobs/${digest}`, { as: 'alice', headers })
    assert.equal(answer.status, 200)
    assert.ok(bytes.equals(answer.bytes))
    assert.deepEqual(answer.headers, {
      'content-type': 'application/octet-stream',
      'content-length': String(bytes.length),
      'docker-content-digest': digest,
      etag: `"${digest}"`,
      'accept-ranges': 'bytes',
      'cache-control': 'private, max-age=31536000, immutable, no-transform',
    })
  }
})

test('a blob is pushed and served under sha512 too, which is another address', async (t) => {
  const app = await anApp(t)
  const digest = digestOf(big, 'sha512')
  const line = `POST /v2/alice/app/blobs/uploads/?digest=${digest}`
  const pushed = await ask(app, line, { as: 'alice', body: big })
  assert.equal(pushed.headers['docker-content-digest'], digest)
  const got = await ask(app, `GET /v2/alice/app/blobs/${digest}`, { as: 'alice' })
  assert.ok(big.equals(got.bytes))
  assert.equal(got.headers['docker-content-digest'], digest)
  const other = await ask(app, `GET /v2/alice/app/blobs/${digestOf(big)}`, { as: 'alice' })
  assert.equal(other.status, 404)
})

const ranges: readonly (readonly [string, number, readonly [number, number] | undefined])[] = [
  ['bytes=500-1499', 206, [500, 1499]],
  ['bytes=500-', 206, [500, 3999]],
  ['bytes=-500', 206, [3500, 3999]],
  ['bytes=2000-5000', 206, [2000, 3999]],
  ['bytes=0-0', 206, [0, 0]],
  ['bytes=3999-3999', 206, [3999, 3999]],
  ['bytes=0-', 206, [0, 3999]],
  ['bytes=-9999', 206, [0, 3999]],
  ['bytes=500-0', 416, undefined],
  ['bytes=4000-', 416, undefined],
  ['bytes=5000-10000', 416, undefined],
  ['bytes=-0', 416, undefined],
  // Not answered in parts: podman asks for many and gives up at anything but 200 or 206.
  ['bytes=0-1,5-6', 200, undefined],
  ['bytes=', 200, undefined],
  ['items=0-1', 200, undefined],
  ['0-1', 200, undefined],
]

test('ranges: the part that is asked for, nothing outside, everything when it is no range', async (t) => {
  const app = await withBlobs(t)
  const digest = digestOf(small)
  for (const [range, status, part] of ranges) {
    const answer = await ask(app, `GET /v2/alice/app/blobs/${digest}`, {
      as: 'alice',
      headers: { range },
    })
    assert.equal(answer.status, status, range)
    const [start, end] = part ?? [0, 3999]
    if (status === 416) {
      assert.equal(answer.headers['content-range'], 'bytes */4000')
      assert.equal(answer.headers['content-length'], String(answer.bytes.length))
      assert.deepEqual(answer.codes(), ['RANGE_INVALID'])
      continue
    }
    assert.ok(small.subarray(start, end + 1).equals(answer.bytes), range)
    assert.equal(answer.headers['content-length'], String(end - start + 1))
    const told = status === 206 ? `bytes ${start}-${end}/4000` : undefined
    assert.equal(answer.headers['content-range'], told)
  }
})

test('any part of a blob is what the whole has there, in a row and in storage', async (t) => {
  const app = await withBlobs(t)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(small, big),
      fc.nat({ max: 80_000 }),
      fc.nat({ max: 80_000 }),
      async (bytes, start, length) => {
        const end = start + length
        const answer = await ask(app, `GET /v2/alice/app/blobs/${digestOf(bytes)}`, {
          as: 'alice',
          headers: { range: `bytes=${start}-${end}` },
        })
        if (start >= bytes.length) return answer.status === 416
        assert.equal(answer.status, 206)
        assert.ok(bytes.subarray(start, end + 1).equals(answer.bytes))
        return true
      },
    ),
    { numRuns: 100 },
  )
})

test('a range on condition of the content holds only for that content', async (t) => {
  const app = await withBlobs(t)
  const digest = digestOf(small)
  for (const [condition, status] of [
    [`"${digest}"`, 206],
    [`"${unknown}"`, 200],
    // A weak tag never matches here (RFC 9110), and dates we do not give.
    [`W/"${digest}"`, 200],
    ['Wed, 21 Oct 2026 07:28:00 GMT', 200],
  ] as const) {
    const answer = await ask(app, `GET /v2/alice/app/blobs/${digest}`, {
      as: 'alice',
      headers: { range: 'bytes=0-9', 'if-range': condition },
    })
    assert.equal(answer.status, status, condition)
  }
})

test('ranges are for GET: HEAD tells of the whole', async (t) => {
  const app = await withBlobs(t)
  for (const range of ['bytes=0-9', 'bytes=9999-']) {
    const line = `HEAD /v2/alice/app/blobs/${digestOf(small)}`
    const answer = await ask(app, line, { as: 'alice', headers: { range } })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['content-length'], '4000')
    assert.equal(answer.bytes.length, 0)
  }
})

test('a client that has it already is told so, before any range', async (t) => {
  const app = await withBlobs(t)
  const digest = digestOf(big)
  const headers = { 'if-none-match': `"${digest}"`, range: 'bytes=0-9' }
  const answer = await ask(app, `GET /v2/alice/app/blobs/${digest}`, { as: 'alice', headers })
  assert.equal(answer.status, 304)
  assert.equal(answer.bytes.length, 0)
})

test('a blob is reached through a repository that has it, and through no other', async (t) => {
  const app = await withBlobs(t)
  await makeRepository(app, 'alice/other')
  const digest = digestOf(small)
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    const other = await ask(app, `${method} /v2/alice/other/blobs/${digest}`, { as: 'alice' })
    assert.equal(other.status, 404)
    assert.deepEqual(other.codes(), ['BLOB_UNKNOWN'])
    const absent = await ask(app, `${method} /v2/alice/nothing/blobs/${digest}`, { as: 'alice' })
    assert.deepEqual(absent.codes(), ['NAME_UNKNOWN'])
    const none = await ask(app, `${method} /v2/alice/app/blobs/${unknown}`, { as: 'alice' })
    assert.deepEqual(none.codes(), ['BLOB_UNKNOWN'])
  }
})

test('a manifest is no blob', async (t) => {
  const app = await anApp(t)
  const { digest } = await putImage(app, 'alice/app', 'v1')
  for (const method of ['GET', 'HEAD']) {
    const line = `${method} /v2/alice/app/blobs/${digest}`
    assert.equal((await ask(app, line, { as: 'alice' })).status, 404)
  }
})

test('a blob is deleted, unless an image needs it', async (t) => {
  const app = await anApp(t)
  await putImage(app, 'alice/app', 'v1', ['{}', 'needed'])
  const spare = await putBlob(app, 'alice/app', 'spare')
  const line = (digest: string) => `DELETE /v2/alice/app/blobs/${digest}`
  assert.equal((await ask(app, line(spare), { as: 'alice' })).status, 202)
  assert.equal((await ask(app, line(spare), { as: 'alice' })).status, 404)
  const needed = await ask(app, line(digestOf(Buffer.from('needed'))), { as: 'alice' })
  assert.equal(needed.status, 405)
  assert.match(needed.message(), /Delete the manifest first/)
})

test('a blob whose bytes are gone from storage is our failure, told before anything is sent', async (t) => {
  const app = await withBlobs(t)
  for await (const { key } of app.driver.list(parseKey('blobs'))) await app.driver.delete([key])
  const answer = await ask(app, `GET /v2/alice/app/blobs/${digestOf(big)}`, { as: 'alice' })
  assert.equal(answer.status, 500)
  assert.equal(app.faults.length, 1)
})
