import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import { dockerManifest, ociManifest } from '../../oci/media-types.ts'
import { anApp, ask } from '../test-support/app.ts'
import {
  anIndex,
  describe,
  makeRepository,
  putBlob,
  putContent,
  putImage,
  putManifest,
  repositoryOf,
} from '../test-support/content.ts'

const unknown = digestOf(Buffer.from('unknown'))

test('a manifest is served as it was pushed, by tag and by digest, whatever the client accepts', async (t) => {
  const app = await anApp(t)
  const image = await putContent(app, 'alice/app')
  const text = `${JSON.stringify({ ...image, mediaType: undefined }, undefined, 1)}\n`
  const digest = digestOf(Buffer.from(text))
  const pushed = await ask(app, 'PUT /v2/alice/app/manifests/v1', {
    as: 'alice',
    type: `${ociManifest}; charset=utf-8`,
    body: text,
    chunked: true,
  })
  assert.equal(pushed.status, 201, pushed.text)
  assert.deepEqual(pushed.headers, {
    location: `/v2/alice/app/manifests/${digest}`,
    'docker-content-digest': digest,
    'content-length': '0',
  })
  for (const [reference, caching] of [
    ['v1', 'no-cache'],
    [digest, 'private, max-age=31536000, immutable'],
  ] as const) {
    for (const accept of [undefined, '*/*', 'application/json', dockerManifest]) {
      const headers = accept === undefined ? {} : { accept, 'accept-encoding': 'gzip, zstd' }
      const got = await ask(app, `GET /v2/alice/app/manifests/${reference}`, {
        as: 'alice',
        headers,
      })
      assert.equal(got.status, 200)
      assert.equal(got.text, text)
      assert.deepEqual(got.headers, {
        'content-type': ociManifest,
        'content-length': String(Buffer.byteLength(text)),
        'docker-content-digest': digest,
        etag: `"${digest}"`,
        'cache-control': caching,
      })
    }
  }
})

test('a client that has it already is told so', async (t) => {
  const app = await anApp(t)
  const { digest } = await putImage(app, 'alice/app', 'v1')
  const other = unknown
  for (const [given, status] of [
    [`"${digest}"`, 304],
    [`W/"${digest}"`, 304],
    ['*', 304],
    [`"${other}", "${digest}"`, 304],
    [`"${other}"`, 200],
    [digest, 200],
    ['', 200],
  ] as const) {
    for (const method of ['GET', 'HEAD']) {
      const line = `${method} /v2/alice/app/manifests/v1`
      const answer = await ask(app, line, { as: 'alice', headers: { 'if-none-match': given } })
      assert.equal(answer.status, status, given)
      assert.equal(answer.headers['etag'], `"${digest}"`)
      if (status === 304) assert.equal(answer.bytes.length, 0)
    }
  }
})

test('what there is not is 404, and the answer says what there is', async (t) => {
  const app = await anApp(t)
  await makeRepository(app, 'alice/empty')
  for (const tag of ['a', 'b', 'c', 'd', 'e']) await putImage(app, 'alice/app', tag)
  const as = 'alice'
  const missing = await ask(app, 'GET /v2/alice/app/manifests/lastest', { as })
  assert.equal(missing.status, 404)
  assert.deepEqual(missing.codes(), ['MANIFEST_UNKNOWN'])
  assert.match(missing.message(), /no tag lastest in alice\/app\. It has: a, b, c, d, e\.$/)
  await putImage(app, 'alice/app', 'f')
  const more = await ask(app, 'GET /v2/alice/app/manifests/lastest', { as })
  assert.match(more.message(), /It has: a, b, c, d, e, …\.$/)
  const empty = await ask(app, 'DELETE /v2/alice/empty/manifests/v1', { as })
  assert.match(empty.message(), /It has no tags at all/)
  const digest = await ask(app, `GET /v2/alice/app/manifests/${unknown}`, { as })
  assert.deepEqual(digest.codes(), ['MANIFEST_UNKNOWN'])
  const name = await ask(app, 'GET /v2/alice/nothing/manifests/v1', { as })
  assert.deepEqual(name.codes(), ['NAME_UNKNOWN'])
})

test('bad references are refused with what is wrong', async (t) => {
  const app = await anApp(t)
  for (const [reference, code] of [
    ['sha256:baddigeststring', 'DIGEST_INVALID'],
    ['-x', 'TAG_INVALID'],
    ['x'.repeat(129), 'TAG_INVALID'],
    ['sha256:' + 'A'.repeat(64), 'DIGEST_INVALID'],
  ] as const) {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const line = `${method} /v2/alice/app/manifests/${reference}`
      const answer = await ask(app, line, { as: 'alice' })
      assert.equal(answer.status, 400)
      assert.deepEqual(answer.codes(), [code])
    }
  }
})

test('several tags are set with one push by digest, and told', async (t) => {
  const app = await anApp(t)
  const image = await putContent(app, 'alice/app')
  const text = JSON.stringify(image)
  const digest = digestOf(Buffer.from(text))
  const push = { as: 'alice', type: ociManifest, body: text }
  const line = `PUT /v2/alice/app/manifests/${digest}`
  const tagged = await ask(app, `${line}?tag=b&tag=a`, push)
  assert.equal(tagged.status, 201)
  assert.equal(tagged.headers['oci-tag'], 'b, a')
  assert.equal(tagged.headers['location'], `/v2/alice/app/manifests/${digest}`)
  for (const tag of ['a', 'b']) {
    const got = await ask(app, `HEAD /v2/alice/app/manifests/${tag}`, { as: 'alice' })
    assert.equal(got.headers['docker-content-digest'], digest)
  }
  const many = Array.from({ length: 100 }, (_, number) => `tag=t${number}`).join('&')
  assert.equal((await ask(app, `${line}?${many}`, push)).status, 201)
  assert.equal((await ask(app, `${line}?${many}&tag=one-more`, push)).status, 400)
  assert.deepEqual((await ask(app, `${line}?tag=-x`, push)).codes(), ['TAG_INVALID'])
  const both = await ask(app, 'PUT /v2/alice/app/manifests/v1?tag=v2', push)
  assert.equal(both.status, 400)
  assert.equal((await ask(app, 'GET /v2/alice/app/manifests/v1', { as: 'alice' })).status, 404)
})

test('a subject is told', async (t) => {
  const app = await anApp(t)
  const subject = describe(ociManifest, 'not there')
  for (const manifest of [
    { ...(await putContent(app, 'alice/app')), subject },
    anIndex([], { subject }),
  ]) {
    const answer = await ask(app, 'PUT /v2/alice/app/manifests/v1', {
      as: 'alice',
      type: String(manifest['mediaType']),
      body: JSON.stringify(manifest),
    })
    assert.equal(answer.status, 201)
    assert.equal(answer.headers['oci-subject'], subject.digest)
  }
})

test('a manifest may have 4 MiB and not one byte more, whether or not its length is announced', async (t) => {
  const app = await anApp(t)
  const image = await putContent(app, 'alice/app')
  const max = 4 * 1024 * 1024
  const withSize = (size: number) => {
    const bare = JSON.stringify({ ...image, annotations: { x: '' } })
    return JSON.stringify({ ...image, annotations: { x: 'y'.repeat(size - bare.length) } })
  }
  for (const chunked of [false, true]) {
    const push = { as: 'alice', type: ociManifest, chunked }
    const line = 'PUT /v2/alice/app/manifests/v1'
    assert.equal((await ask(app, line, { ...push, body: withSize(max) })).status, 201)
    const larger = await ask(app, line, { ...push, body: withSize(max + 1) })
    assert.equal(larger.status, 413)
    assert.deepEqual(larger.codes(), ['SIZE_INVALID'])
    assert.match(larger.message(), /at most 4194304 bytes/)
  }
  const got = await ask(app, 'GET /v2/alice/app/manifests/v1', { as: 'alice' })
  assert.equal(got.bytes.length, max)
})

test('what is no manifest, or needs what is not there, is 400 and stores nothing', async (t) => {
  const app = await anApp(t)
  const image = await putContent(app, 'alice/app')
  const [one, two] = [describe('x/y', 'one'), describe('x/y', 'two')]
  const bodies: readonly (readonly [unknown, string | undefined, readonly string[]])[] = [
    ['', ociManifest, ['MANIFEST_INVALID']],
    ['{', ociManifest, ['MANIFEST_INVALID']],
    [image, dockerManifest, ['MANIFEST_INVALID']],
    [image, 'text/plain', ['MANIFEST_INVALID']],
    [{ ...image, mediaType: undefined }, undefined, []],
    [{ ...image, manifests: [] }, ociManifest, ['MANIFEST_INVALID']],
    ['{"schemaVersion":2,"schemaVersion":2}', ociManifest, ['MANIFEST_INVALID']],
    ['\ufeff{}', ociManifest, ['MANIFEST_INVALID']],
    [
      { ...image, layers: [one, two] },
      ociManifest,
      ['MANIFEST_BLOB_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN'],
    ],
    [anIndex([one]), undefined, ['MANIFEST_BLOB_UNKNOWN']],
  ]
  for (const [body, type, codes] of bodies) {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const question = { as: 'alice', body: text, ...(type !== undefined && { type }) }
    const answer = await ask(app, 'PUT /v2/alice/app/manifests/bad', question)
    if (codes.length === 0) {
      assert.ok([201, 400].includes(answer.status))
      continue
    }
    assert.equal(answer.status, 400, text)
    assert.deepEqual(answer.codes(), codes)
  }
  const wrong = await ask(app, `PUT /v2/alice/app/manifests/${unknown}`, {
    as: 'alice',
    type: ociManifest,
    body: JSON.stringify(image),
  })
  assert.deepEqual([wrong.status, ...wrong.codes()], [400, 'DIGEST_INVALID'])
})

test('a push that is refused makes no repository', async (t) => {
  const app = await anApp(t)
  const image = JSON.stringify({
    schemaVersion: 2,
    mediaType: ociManifest,
    config: describe('x/y', 'z'),
    layers: [],
  })
  for (const body of [image, '{', 'x'.repeat(5 * 1024 * 1024)]) {
    const answer = await ask(app, 'PUT /v2/alice/new/manifests/v1', {
      as: 'alice',
      type: ociManifest,
      body,
    })
    assert.ok(answer.status === 400 || answer.status === 413)
    assert.equal(await repositoryOf(app, 'alice/new'), undefined)
  }
  await ask(app, 'PUT /v2/alice/new/manifests/v1', {
    as: 'alice',
    type: 'application/vnd.oci.image.index.v1+json',
    body: JSON.stringify(anIndex([])),
  })
  assert.equal((await repositoryOf(app, 'alice/new'))?.visibility, 'private')
})

test('deleting by tag untags, by digest it takes the manifest and its tags', async (t) => {
  const app = await anApp(t)
  const as = 'alice'
  const { digest } = await putImage(app, 'alice/app', 'v1')
  await putImage(app, 'alice/app', 'v2')
  const untagged = await ask(app, 'DELETE /v2/alice/app/manifests/v1', { as })
  assert.equal(untagged.status, 202)
  assert.equal((await ask(app, 'HEAD /v2/alice/app/manifests/v1', { as })).status, 404)
  assert.equal((await ask(app, 'DELETE /v2/alice/app/manifests/v1', { as })).status, 404)
  assert.equal((await ask(app, `HEAD /v2/alice/app/manifests/${digest}`, { as })).status, 200)
  assert.equal((await ask(app, `DELETE /v2/alice/app/manifests/${digest}`, { as })).status, 202)
  assert.equal((await ask(app, 'HEAD /v2/alice/app/manifests/v2', { as })).status, 404)
  assert.equal((await ask(app, `HEAD /v2/alice/app/manifests/${digest}`, { as })).status, 404)
  assert.equal((await ask(app, `DELETE /v2/alice/app/manifests/${digest}`, { as })).status, 404)
})

test('a child of an index is protected: 405 with what to do', async (t) => {
  const app = await anApp(t)
  const child = await putImage(app, 'alice/app', 'child')
  const index = await putManifest(app, 'alice/app', anIndex([child]), { reference: 'v1' })
  const answer = await ask(app, `DELETE /v2/alice/app/manifests/${child.digest}`, { as: 'alice' })
  assert.equal(answer.status, 405)
  assert.deepEqual(answer.codes(), ['UNSUPPORTED'])
  assert.match(answer.message(), new RegExp(`${index.digest}.*Delete the index first`))
})

test('the digest of a layer is no manifest', async (t) => {
  const app = await anApp(t)
  await makeRepository(app, 'alice/app')
  const layer = await putBlob(app, 'alice/app', 'layer')
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    const line = `${method} /v2/alice/app/manifests/${layer}`
    assert.equal((await ask(app, line, { as: 'alice' })).status, 404)
  }
  assert.equal((await ask(app, `HEAD /v2/alice/app/blobs/${layer}`, { as: 'alice' })).status, 200)
})

test('who watches the door hears of a push: what, how much, from where', async (t) => {
  const app = await anApp(t)
  await putImage(app, 'alice/app', 'v1', ['{}', 'layer'])
  const [event] = app.events.filter((one) => one.kind === 'pushed')
  assert.equal(event?.repository, 'alice/app')
  assert.equal(event?.reference, 'v1')
  assert.equal(event?.address, '127.0.0.1')
  const manifest = await ask(app, 'GET /v2/alice/app/manifests/v1', { as: 'alice' })
  assert.equal(event?.bytes, manifest.bytes.length + '{}'.length + 'layer'.length)
})
