// Bytes that are not those that were pushed: never a whole answer, then absent, then whole again by a push.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { digestOf, type Digest } from '../../oci/digest.ts'
import { StorageUnavailableError } from '../../oci/errors.ts'
import { findBlob } from '../../metadata/blobs.ts'
import { query } from '../../metadata/query.ts'
import { listQuarantined } from '../../metadata/verification.ts'
import { parseKey } from '../../storage/driver.ts'
import { withFaults } from '../../storage/fault-driver.ts'
import { anApp, ask, type TestApp } from '../test-support/app.ts'
import { makeRepository, putBlob, putImage } from '../test-support/content.ts'

const big = randomBytes(700_000)
const small = randomBytes(3000)
/** Another blob in the storage: a storage with nothing in it is not taken for one that lost everything. */
const other = randomBytes(20_000)

async function withBlobs(t: Parameters<typeof anApp>[0], options?: Parameters<typeof anApp>[1]) {
  const app = await anApp(t, options)
  for (const bytes of [big, small, other]) await putBlob(app, 'alice/app', bytes)
  return app
}

async function keyOf({ metadata }: TestApp, digest: Digest) {
  return parseKey((await findBlob(metadata, digest))?.storageKey ?? '')
}

const setContent = query<{ digest: string; content: Uint8Array }>()((db, p) =>
  db.updateTable('blobs').set({ content: p.content }).where('digest', '=', p.digest),
)

/** Turns one bit around behind everybody's back. */
async function rot(app: TestApp, bytes: Buffer, at: number): Promise<Digest> {
  const digest = digestOf(bytes)
  const wrong = Buffer.from(bytes)
  wrong[at] = (wrong[at] ?? 0) ^ 4
  const row = await findBlob(app.metadata, digest)
  if (row?.storageKey === undefined) {
    await app.metadata.write(async (tx) => tx.run(setContent, { digest, content: wrong }))
  } else await app.driver.write(parseKey(row.storageKey), [wrong])
  return digest
}

const get = async (app: TestApp, digest: Digest, range?: string) =>
  ask(app, `GET /v2/alice/app/blobs/${digest}`, {
    as: 'alice',
    ...(range !== undefined && { headers: { range } }),
  })

async function headStatus(app: TestApp, digest: Digest): Promise<number> {
  return (await ask(app, `HEAD /v2/alice/app/blobs/${digest}`, { as: 'alice' })).status
}

/** What a download found comes to light a moment after its answer was broken off. */
async function becomesAbsent(app: TestApp, digest: Digest): Promise<void> {
  for (let look = 0; look < 100; look += 1) {
    if ((await headStatus(app, digest)) === 404) return
    await sleep(10)
  }
  assert.fail(`${digest} is still there`)
}

/** It is told when the row is written, which others may see first. */
async function damageToldBy({ events }: TestApp) {
  for (let look = 0; look < 100; look += 1) {
    const told = events.find(({ kind }) => kind === 'damaged')
    if (told !== undefined) return told
    await sleep(10)
  }
  return undefined
}

test('an answer with a changed bit breaks off before its end; then the blob is absent', async (t) => {
  for (const at of [0, 400_000, 699_999]) {
    const app = await withBlobs(t)
    const digest = await rot(app, big, at)
    await assert.rejects(get(app, digest), { name: 'WrongBytesError' })
    await becomesAbsent(app, digest)
    assert.equal((await get(app, digest)).status, 404)
    const event = await damageToldBy(app)
    assert.ok(event?.kind === 'damaged' && event.digest === digest)
    assert.match(event.message, /Push the image again\.$/)
  }
})

test('changed bytes in a row are never sent: absent at once', async (t) => {
  const app = await withBlobs(t)
  assert.equal((await get(app, digestOf(small))).status, 200)
  const digest = await rot(app, small, 7)
  const answer = await get(app, digest)
  assert.deepEqual([answer.status, answer.codes()], [404, ['BLOB_UNKNOWN']])
  assert.equal(await headStatus(app, digest), 404)
  assert.deepEqual(app.faults, [])
})

test('an object that is gone or cut short makes its blob absent at the first GET', async (t) => {
  const app = await withBlobs(t)
  await app.driver.delete([await keyOf(app, digestOf(big))])
  assert.equal((await get(app, digestOf(big))).status, 404)
  assert.equal(await headStatus(app, digestOf(big)), 404)
  await putBlob(app, 'alice/app', big)
  await app.driver.write(await keyOf(app, digestOf(big)), [big.subarray(0, 10)])
  assert.equal((await get(app, digestOf(big), 'bytes=0-5')).status, 404)
  await putBlob(app, 'alice/app', big)
  assert.ok(big.equals((await get(app, digestOf(big))).bytes))
})

test('a storage that fails is no damage: the blob stays', async (t) => {
  const failing = { isOn: false }
  const error = new StorageUnavailableError()
  const app = await withBlobs(t, {
    driver: (driver) =>
      withFaults(driver, ({ operation }) =>
        failing.isOn && ['stat', 'copy', 'read'].includes(operation)
          ? { kind: 'fail', error }
          : undefined,
      ),
  })
  failing.isOn = true
  assert.equal((await get(app, digestOf(big))).status, 503)
  failing.isOn = false
  assert.ok(big.equals((await get(app, digestOf(big))).bytes))
})

test('a storage without any blob answers 500, and nothing is given up', async (t) => {
  const app = await withBlobs(t)
  for (const bytes of [big, other]) await app.driver.delete([await keyOf(app, digestOf(bytes))])
  assert.equal((await get(app, digestOf(big))).status, 500)
  assert.equal(await headStatus(app, digestOf(big)), 200)
  assert.match(app.events.map((event) => JSON.stringify(event)).join(), /is the storage folder/)
})

test('any way of pushing the same bytes makes a damaged blob whole everywhere', async (t) => {
  const app = await withBlobs(t)
  await makeRepository(app, 'alice/other')
  await putBlob(app, 'alice/other', big)
  for (const bytes of [big, small]) {
    for (const how of ['monolithic', 'chunked'] as const) {
      const digest = await rot(app, bytes, 5)
      await get(app, digest).catch(() => undefined)
      await becomesAbsent(app, digest)
      const mount = `POST /v2/alice/app/blobs/uploads/?mount=${digest}&from=alice/other`
      assert.equal((await ask(app, mount, { as: 'alice' })).status, 202)
      if (how === 'monolithic') await putBlob(app, 'alice/other', bytes)
      else await putChunked(app, bytes)
      assert.ok(bytes.equals((await get(app, digest)).bytes))
      const notes = await listQuarantined(app.metadata, digest)
      assert.ok(notes.length > 0 && notes.every(({ healedAt }) => healedAt !== undefined))
    }
  }
})

test('a push that finds a lost or shortened copy replaces it, and keeps what was there', async (t) => {
  const app = await withBlobs(t)
  const digest = digestOf(big)
  await app.driver.write(await keyOf(app, digest), [big.subarray(0, 10)])
  await putBlob(app, 'alice/app', big)
  assert.ok(big.equals((await get(app, digest)).bytes))
  const [note] = await listQuarantined(app.metadata, digest)
  assert.deepEqual([note?.foundBy, note?.size], ['push', 10])
  assert.equal((await app.driver.stat(parseKey(note?.storageKey ?? '')))?.size, 10)
  await app.driver.delete([await keyOf(app, digest)])
  await putBlob(app, 'alice/app', big)
  assert.ok(big.equals((await get(app, digest)).bytes))
  // One whose copy is well leaves nothing behind.
  const before = await keyOf(app, digest)
  await putBlob(app, 'alice/app', big)
  assert.equal(await keyOf(app, digest), before)
  let objects = 0
  for await (const _ of app.driver.list(parseKey('blobs'))) objects += 1
  assert.equal(objects, 2)
})

test('a manifest push says which blob to push again; the empty blob comes back by itself', async (t) => {
  const app = await withBlobs(t)
  const empty = Buffer.from('{}')
  const manifest = (config: Buffer) => ({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: digestOf(config),
      size: config.length,
    },
    layers: [],
  })
  const push = async (config: Buffer) =>
    ask(app, 'PUT /v2/alice/app/manifests/one', {
      as: 'alice',
      headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
      body: JSON.stringify(manifest(config)),
    })
  assert.equal((await push(empty)).status, 201)
  for (const bytes of [empty, small]) {
    const digest = await rot(app, bytes, 1)
    assert.equal((await get(app, digest)).status, 404)
  }
  const refused = await push(small)
  assert.deepEqual([refused.status, refused.codes()], [400, ['MANIFEST_BLOB_UNKNOWN']])
  assert.ok(refused.text.includes(digestOf(small)))
  assert.equal((await push(empty)).status, 201)
  assert.equal((await get(app, digestOf(empty))).text, '{}')
})

test('a manifest with other bytes than its digest says is not sent', async (t) => {
  const app = await anApp(t)
  const { digest } = await putImage(app, 'alice/app', '1.0')
  const ask200 = async (reference: string) =>
    (await ask(app, `GET /v2/alice/app/manifests/${reference}`, { as: 'alice' })).status
  assert.deepEqual([await ask200('1.0'), await ask200(digest)], [200, 200])
  await app.metadata.write(async (tx) =>
    tx.run(setManifest, { digest, content: Buffer.from('{"schemaVersion":2}') }),
  )
  assert.deepEqual([await ask200('1.0'), await ask200(digest)], [500, 500])
})

const setManifest = query<{ digest: string; content: Uint8Array }>()((db, p) =>
  db.updateTable('manifests').set({ content: p.content }).where('digest', '=', p.digest),
)

async function putChunked(app: TestApp, bytes: Buffer): Promise<void> {
  const digest = digestOf(bytes)
  const opened = await ask(app, 'POST /v2/alice/other/blobs/uploads/', { as: 'alice' })
  const location = new URL(opened.headers['location'] ?? '', 'http://x')
  const chunk = { as: 'alice', body: bytes } as const
  const sent = await ask(app, `PATCH ${location.pathname}${location.search}`, chunk)
  const next = new URL(sent.headers['location'] ?? '', 'http://x')
  next.searchParams.set('digest', digest)
  const closed = await ask(app, `PUT ${next.pathname}${next.search}`, { as: 'alice' })
  assert.equal(closed.status, 201, closed.text)
}
