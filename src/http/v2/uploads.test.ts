import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import { removeRepository } from '../../registry/delete.ts'
import { brokenBody } from '../../registry/test-support/registry.ts'
import { anApp, ask, type Answer, type Question, type TestApp } from '../test-support/app.ts'
import { makeRepository, putBlob, repositoryOf } from '../test-support/content.ts'

const as = 'alice'
const start = 'POST /v2/alice/app/blobs/uploads/'
const bytes = Buffer.from('the bytes of a blob')
const digest = digestOf(bytes)

async function open(app: TestApp, question: Question = {}): Promise<string> {
  const answer = await ask(app, start, { as, ...question })
  assert.equal(answer.status, 202)
  return answer.headers['location'] ?? ''
}

function withDigest(location: string, of: string = digest): string {
  return `${location}?digest=${encodeURIComponent(of)}`
}

/** The place in a location: what is behind the last dot. */
function placeOf(answer: Answer): number {
  return Number(/\.(\d+)$/.exec(answer.headers['location'] ?? '')?.[1])
}

function assertStands(answer: Answer, status: number, size: number): void {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.headers['range'], `0-${Math.max(size - 1, 0)}`)
  assert.equal(placeOf(answer), size)
  assert.match(answer.headers['docker-upload-uuid'] ?? '', /^[A-Za-z0-9_-]{48}$/)
  assert.match(answer.headers['location'] ?? '', /^\/v2\/alice\/app\/blobs\/uploads\/[\w-]+\.\d+$/)
}

function assertCreated(answer: Answer, of: string = digest): void {
  assert.equal(answer.status, 201, answer.text)
  assert.equal(answer.headers['location'], `/v2/alice/app/blobs/${of}`)
  assert.equal(answer.headers['docker-content-digest'], of)
  assert.equal(answer.headers['content-length'], '0')
}

test('an upload begins with 202, at nothing, and makes its repository private', async (t) => {
  const app = await anApp(t)
  const answer = await ask(app, start, { as, headers: { 'content-length': '0' } })
  assertStands(answer, 202, 0)
  assert.equal(answer.headers['content-length'], '0')
  assert.equal((await repositoryOf(app, 'alice/app'))?.visibility, 'private')
  const bare = await ask(app, start.slice(0, -1), { as })
  assertStands(bare, 202, 0)
})

test('docker: one chunk without length or type, then the digest', async (t) => {
  const app = await anApp(t)
  const location = await open(app)
  const patched = await ask(app, `PATCH ${location}`, { as, body: bytes, chunked: true })
  assertStands(patched, 202, bytes.length)
  const next = patched.headers['location'] ?? ''
  assertCreated(await ask(app, `PUT ${withDigest(next)}`, { as, body: '' }))
  const got = await ask(app, `GET /v2/alice/app/blobs/${digest}`, { as })
  assert.ok(bytes.equals(got.bytes))
})

test('skopeo and crane: one chunk with its length; oras and containerd: all in the closing request', async (t) => {
  const app = await anApp(t)
  const location = await open(app, { type: 'application/json' })
  const type = 'application/octet-stream'
  const patched = await ask(app, `PATCH ${location}`, { as, body: bytes, type })
  assertStands(patched, 202, bytes.length)
  assertCreated(await ask(app, `PUT ${withDigest(patched.headers['location'] ?? '')}`, { as }))
  for (const chunked of [false, true]) {
    assertCreated(
      await ask(app, `PUT ${withDigest(await open(app))}`, { as, body: bytes, chunked }),
    )
  }
  assertCreated(await ask(app, `${start}?digest=${digest}`, { as, body: bytes }))
  assertCreated(await ask(app, `${start}?digest=${digest}`, { as, body: bytes, chunked: true }))
})

test('regclient: chunks with Content-Range, the last of them in the closing request', async (t) => {
  const app = await anApp(t)
  let location = await open(app)
  for (const [from, to, range] of [
    [0, 7, '0-6'],
    [7, 12, 'bytes 7-11/*'],
  ] as const) {
    const question = { as, body: bytes.subarray(from, to), headers: { 'content-range': range } }
    const answer = await ask(app, `PATCH ${location}`, question)
    assertStands(answer, 202, to)
    location = answer.headers['location'] ?? ''
  }
  const last = {
    as,
    body: bytes.subarray(12),
    headers: { 'content-range': `12-${bytes.length - 1}` },
  }
  assertCreated(await ask(app, `PUT ${withDigest(location)}`, last))
})

test('an empty blob can be pushed in every way', async (t) => {
  const app = await anApp(t)
  const empty = digestOf(Buffer.of())
  assertCreated(await ask(app, `PUT ${withDigest(await open(app), empty)}`, { as }), empty)
  assertCreated(await ask(app, `${start}?digest=${empty}`, { as, body: '' }), empty)
  const patched = await ask(app, `PATCH ${await open(app)}`, { as, body: '' })
  assertStands(patched, 202, 0)
  const next = patched.headers['location'] ?? ''
  assertCreated(await ask(app, `PUT ${withDigest(next, empty)}`, { as }), empty)
})

test('a chunk at the wrong place is 416 with the right one, and the old address still answers', async (t) => {
  const app = await anApp(t)
  const stale = await open(app)
  const first = await ask(app, `PATCH ${stale}`, { as, body: bytes.subarray(0, 10) })
  const current = first.headers['location'] ?? ''
  const bodyless = { as, body: bytes.subarray(0, 10) }
  for (const [line, headers] of [
    [`PATCH ${stale}`, {}],
    [`PATCH ${stale}`, { 'content-range': '10-19' }],
    [`PATCH ${current}`, { 'content-range': '0-9' }],
    [`PATCH ${current}`, { 'content-range': '11-20' }],
    [`PUT ${withDigest(stale)}`, {}],
    [`PUT ${withDigest(current)}`, { 'content-range': '5-14' }],
    [`PATCH ${current}0`, {}],
  ] as const) {
    const answer = await ask(app, line, { ...bodyless, headers })
    assertStands(answer, 416, 10)
    assert.deepEqual(answer.codes(), ['RANGE_INVALID'])
  }
  for (const location of [stale, current, current.replace(/\.\d+$/, '')]) {
    const status = await ask(app, `GET ${location}`, { as })
    assertStands(status, 204, 10)
    assert.equal(status.bytes.length, 0)
  }
  const rest = { as, body: bytes.subarray(10) }
  assertCreated(await ask(app, `PUT ${withDigest(current)}`, rest))
})

test('an address without a place goes on wherever the upload stands', async (t) => {
  const app = await anApp(t)
  const bare = (await open(app)).replace(/\.\d+$/, '')
  assertStands(await ask(app, `PATCH ${bare}`, { as, body: bytes.subarray(0, 4) }), 202, 4)
  assertStands(await ask(app, `PATCH ${bare}`, { as, body: bytes.subarray(4) }), 202, bytes.length)
  assertCreated(await ask(app, `PUT ${withDigest(bare)}`, { as }))
})

test('a Content-Range that is none, or not as long as the body, is refused', async (t) => {
  const app = await anApp(t)
  const location = await open(app)
  for (const [range, status, code] of [
    ['5-4', 400, 'UNKNOWN'],
    ['x', 400, 'UNKNOWN'],
    ['bytes 0-3', 400, 'UNKNOWN'],
    ['0-99', 400, 'SIZE_INVALID'],
    ['99999999999999999999-999999999999999999999', 400, 'UNKNOWN'],
  ] as const) {
    const question = { as, body: bytes, headers: { 'content-range': range } }
    const answer = await ask(app, `PATCH ${location}`, question)
    assert.equal(answer.status, status, range)
    assert.deepEqual(answer.codes(), [code])
  }
  assertStands(await ask(app, `GET ${location}`, { as }), 204, 0)
  const shorter = { as, body: bytes, chunked: true, headers: { 'content-range': '0-99' } }
  // What came is there: the client is told where to go on.
  assertStands(await ask(app, `PATCH ${location}`, shorter), 416, bytes.length)
})

test('a closing request without a digest, with a bad one or with two is 400', async (t) => {
  const app = await anApp(t)
  const location = await open(app)
  for (const query of [
    '',
    '?digest=',
    '?digest=sha256:short',
    '?digest=md5:d41d8cd98f00b204e9800998ecf8427e',
    `?digest=${digest}&digest=${digest}`,
    `?digest=${digestOf(Buffer.from('other'))}`,
  ]) {
    const answer = await ask(app, `PUT ${location}${query}`, { as, body: bytes })
    assert.equal(answer.status, 400, query)
    assert.deepEqual(answer.codes(), ['DIGEST_INVALID'])
  }
  assert.equal((await ask(app, `HEAD /v2/alice/app/blobs/${digest}`, { as })).status, 404)
})

test('a wrong start is refused and makes no repository', async (t) => {
  const app = await anApp(t)
  for (const query of ['?digest=x', '?digest-algorithm=md5', '?digest=']) {
    const answer = await ask(app, `${start}${query}`, { as, body: bytes })
    assert.deepEqual([answer.status, ...answer.codes()], [400, 'DIGEST_INVALID'])
  }
  assert.equal(await repositoryOf(app, 'alice/app'), undefined)
})

test('sha512, announced or not', async (t) => {
  const app = await anApp(t)
  const of = digestOf(bytes, 'sha512')
  for (const query of ['', '?digest-algorithm=sha512']) {
    const begun = await ask(app, `${start}${query}`, { as })
    const patched = await ask(app, `PATCH ${begun.headers['location']}`, { as, body: bytes })
    const next = patched.headers['location'] ?? ''
    assertCreated(await ask(app, `PUT ${withDigest(next, of)}`, { as }), of)
  }
})

test('a request sent again: the chunk is refused, the closing one succeeds again', async (t) => {
  const app = await anApp(t)
  const location = await open(app)
  const chunk = { as, body: bytes }
  const patched = await ask(app, `PATCH ${location}`, chunk)
  assertStands(await ask(app, `PATCH ${location}`, chunk), 416, bytes.length)
  const close = `PUT ${withDigest(patched.headers['location'] ?? '')}`
  for (let times = 0; times < 3; times += 1) assertCreated(await ask(app, close, { as }))
  const other = withDigest(patched.headers['location'] ?? '', digestOf(Buffer.from('x')))
  assert.equal((await ask(app, `PUT ${other}`, { as })).status, 404)
})

test('a cancelled upload is gone', async (t) => {
  const app = await anApp(t)
  const location = await open(app)
  await ask(app, `PATCH ${location}`, { as, body: bytes })
  const cancelled = await ask(app, `DELETE ${location}`, { as })
  assert.equal(cancelled.status, 204)
  for (const line of [`GET ${location}`, `DELETE ${location}`, `PUT ${withDigest(location)}`]) {
    const answer = await ask(app, line, { as })
    assert.deepEqual([answer.status, ...answer.codes()], [404, 'BLOB_UPLOAD_UNKNOWN'])
  }
})

test('what arrived before the client went away is there to go on from', async (t) => {
  const app = await anApp(t)
  const location = await open(app)
  const broken = await ask(app, `PATCH ${location}`, { as, body: brokenBody(bytes.subarray(0, 6)) })
  assert.equal(broken.status, 400)
  const status = await ask(app, `GET ${location}`, { as })
  assertStands(status, 204, 6)
  const rest = { as, body: bytes.subarray(6) }
  const patched = await ask(app, `PATCH ${status.headers['location']}`, rest)
  assertCreated(await ask(app, `PUT ${withDigest(patched.headers['location'] ?? '')}`, { as }))
})

test('an upload belongs to its repository and to who began it: to all others it is unknown', async (t) => {
  const app = await anApp(t)
  await makeRepository(app, 'alice/other')
  await makeRepository(app, 'bob/app')
  const location = await open(app)
  await ask(app, `PATCH ${location}`, { as, body: bytes })
  const strangers: readonly (readonly [string, string])[] = [
    ['alice', location.replace('alice/app', 'alice/other')],
    ['bob', location.replace('alice/app', 'bob/app')],
    ['admin', location],
    ['admin', location.replace('alice/app', 'bob/app')],
    ['alice', location.replace('alice/app', 'alice/absent')],
  ]
  for (const [who, where] of strangers) {
    for (const line of [
      `GET ${where}`,
      `PATCH ${where}`,
      `PUT ${withDigest(where)}`,
      `DELETE ${where}`,
    ]) {
      const answer = await ask(app, line, { as: who, body: bytes })
      assert.deepEqual([answer.status, ...answer.codes()], [404, 'BLOB_UPLOAD_UNKNOWN'], line)
    }
  }
  assertStands(await ask(app, `GET ${location}`, { as }), 204, bytes.length)
})

test('an id that was tampered with, at any byte, or is no id, is unknown', async (t) => {
  const app = await anApp(t)
  const location = await open(app)
  const id = /uploads\/([\w-]+)\.0$/.exec(location)?.[1] ?? ''
  const forged = Array.from(id, (character, at) => {
    const other = character === 'A' ? 'B' : 'A'
    return `${id.slice(0, at)}${other}${id.slice(at + 1)}`
  })
  const others = [
    'x',
    '..',
    '%2e%2e',
    `${id}x`,
    id.slice(1),
    '%00',
    `${id}.x`,
    `${id}.-1`,
    `${id}.`,
  ]
  others.push(`${id}.1.2`, `${id}.${'9'.repeat(16)}`, 'a'.repeat(5000))
  for (const one of [...forged, ...others]) {
    const answer = await ask(app, `GET /v2/alice/app/blobs/uploads/${one}`, { as })
    assert.deepEqual([answer.status, ...answer.codes()], [404, 'BLOB_UPLOAD_UNKNOWN'], one)
  }
})

test('an upload of a repository that was deleted and made again is unknown', async (t) => {
  const app = await anApp(t)
  const location = await open(app)
  const before = await repositoryOf(app, 'alice/app')
  await removeRepository(app.metadata, before?.id ?? 0)
  assert.equal((await ask(app, `PATCH ${location}`, { as, body: bytes })).status, 404)
  await makeRepository(app, 'alice/app')
  assert.equal((await ask(app, `PATCH ${location}`, { as, body: bytes })).status, 404)
})

test('a mount makes the blob visible without a byte; whatever stands in its way begins an upload', async (t) => {
  const app = await anApp(t)
  await putBlob(app, 'alice/source', bytes)
  await putBlob(app, 'bob/public', 'public bytes')
  await makeRepository(app, 'bob/public')
  const mount = async (query: string) => ask(app, `${start}?${query}`, { as })
  assertCreated(await mount(`mount=${digest}&from=alice/source`))
  assertCreated(await mount(`mount=${encodeURIComponent(digest)}&from=alice%2Fsource`))
  const head = await ask(app, `HEAD /v2/alice/app/blobs/${digest}`, { as })
  assert.equal(head.headers['content-length'], String(bytes.length))
  const unknown = digestOf(Buffer.from('unknown'))
  for (const query of [
    `mount=${unknown}&from=alice/source`,
    `mount=${digest}&from=alice/absent`,
    `mount=${digest}`,
    `mount=${digest}&from=`,
    `mount=${digest}&from=NO%20NAME`,
    'mount=x&from=alice/source',
    'mount=',
    'from=alice/source',
  ]) {
    const answer = await mount(query)
    assertStands(answer, 202, 0)
    assertCreated(
      await ask(app, `PUT ${withDigest(answer.headers['location'] ?? '')}`, { as, body: bytes }),
    )
  }
})

test('a mount tells nothing of what one may not read: like a digest that nobody has', async (t) => {
  const app = await anApp(t)
  await putBlob(app, 'bob/secret', 'secret bytes')
  const secret = digestOf(Buffer.from('secret bytes'))
  const unknown = digestOf(Buffer.from('unknown'))
  const shape = ({ status, headers, text }: Answer) => ({
    status,
    text,
    headers: {
      ...headers,
      location: (headers['location'] ?? '').replace(/[\w-]{48}/, 'ID'),
      'docker-upload-uuid': '',
    },
  })
  const questions = (of: string) => [
    `${start}?mount=${of}&from=bob/secret`,
    `${start}?mount=${of}`,
    `${start}?mount=${of}&from=alice/app`,
  ]
  for (const [index, line] of questions(secret).entries()) {
    const known = await ask(app, line, { as })
    const other = await ask(app, questions(unknown)[index] ?? '', { as })
    assert.equal(known.status, 202)
    assert.deepEqual(shape(known), shape(other))
  }
  for (const method of ['GET', 'HEAD']) {
    assert.equal((await ask(app, `${method} /v2/alice/app/blobs/${secret}`, { as })).status, 404)
  }
  // To push the bytes themselves is no theft: who has them, has them.
  assertCreated(await ask(app, `${start}?digest=${secret}`, { as, body: 'secret bytes' }), secret)
})

test('a token without the source of a mount begins an upload, one with it mounts', async (t) => {
  const app = await anApp(t)
  await putBlob(app, 'alice/source', bytes)
  const tokenFor = async (...scopes: readonly string[]) => {
    const query = scopes.map((scope) => `scope=${scope}`).join('&')
    const answer = await ask(app, `GET /token?${query}`, { as })
    return `Bearer ${(answer.json() as { token: string }).token}`
  }
  const line = `${start}?mount=${digest}&from=alice/source`
  const target = 'repository:alice/app:pull,push'
  const narrow = await ask(app, line, { as: await tokenFor(target) })
  assertStands(narrow, 202, 0)
  const wide = await ask(app, line, { as: await tokenFor(target, 'repository:alice/source:pull') })
  assertCreated(wide)
})

test('a token of an old source mounts nothing from the new one of its name', async (t) => {
  const app = await anApp(t)
  await putBlob(app, 'alice/source', bytes)
  const scopes = 'scope=repository:alice/app:pull,push&scope=repository:alice/source:pull'
  const { token } = (await ask(app, `GET /token?${scopes}`, { as })).json() as { token: string }
  await removeRepository(app.metadata, (await repositoryOf(app, 'alice/source'))?.id ?? 0)
  await putBlob(app, 'alice/source', bytes)
  const line = `${start}?mount=${digest}&from=alice/source`
  assertStands(await ask(app, line, { as: `Bearer ${token}` }), 202, 0)
})

test('who watches the door hears how far an upload has come', async (t) => {
  const app = await anApp(t)
  const location = await open(app)
  await ask(app, `PATCH ${location}`, { as, body: bytes })
  assert.deepEqual(app.events, [{ kind: 'upload', repository: 'alice/app', bytes: bytes.length }])
})
