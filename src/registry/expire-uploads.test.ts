import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findUpload } from '../metadata/uploads.ts'
import { digestOf } from '../oci/digest.ts'
import { StorageUnavailableError } from '../oci/errors.ts'
import { withFaults } from '../storage/fault-driver.ts'
import { expireUploads, sweepUploads } from './expire-uploads.ts'
import {
  aRegistry,
  bigSize,
  bodyOf,
  content,
  day,
  finish,
  objects,
  openTicket,
  pullBlob,
  send,
} from './test-support/registry.ts'
import { cancelUpload, uploadOffset } from './upload.ts'

const hour = 60 * 60 * 1000

test('an abandoned upload ends when nothing happened to it for long enough, bytes and all', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  await send(registry, ticket, content(bigSize))
  await send(registry, ticket, content(100))
  const options = { expiryMs: day }
  assert.equal(await expireUploads(registry, { ...options, now: Date.now() + day - 5000 }), 0)
  assert.equal(await uploadOffset(registry, ticket), bigSize + 100)
  assert.equal(await expireUploads(registry, { ...options, now: Date.now() + day + 5000 }), 1)
  assert.equal(await findUpload(registry.metadata, ticket.id), undefined)
  assert.deepEqual(await objects(registry, 'uploads'), [])
  assert.equal(await expireUploads(registry, { ...options, now: Date.now() + 2 * day }), 0)
})

test('a finished or cancelled upload is remembered for an hour, and its blob for good', async (t) => {
  const registry = await aRegistry(t)
  const finished = openTicket(registry)
  await send(registry, finished, content(bigSize))
  await finish(registry, finished, digestOf(content(bigSize)))
  const cancelled = openTicket(registry)
  await cancelUpload(registry, cancelled)
  const at = async (ms: number) => expireUploads(registry, { expiryMs: day, now: Date.now() + ms })
  assert.equal(await at(hour - 5000), 0)
  assert.equal((await findUpload(registry.metadata, finished.id))?.state, 'committed')
  assert.equal(await at(hour + 5000), 2)
  assert.equal(await findUpload(registry.metadata, finished.id), undefined)
  assert.equal(await findUpload(registry.metadata, cancelled.id), undefined)
  assert.ok(await pullBlob(registry, digestOf(content(bigSize))))
})

test('more abandoned uploads than one batch all end', async (t) => {
  const registry = await aRegistry(t)
  const tickets = Array.from({ length: 230 }, () => openTicket(registry))
  await Promise.all(tickets.map(async (ticket) => send(registry, ticket, content(3))))
  assert.equal(await expireUploads(registry, { expiryMs: day, now: Date.now() + 2 * day }), 230)
})

test('parts that no row knows are swept when they are old, and known parts never', async (t) => {
  const registry = await aRegistry(t)
  const { blobs } = registry
  const ticket = openTicket(registry)
  await send(registry, ticket, content(bigSize))
  const [known] = await objects(registry, 'uploads')
  const orphans = await Promise.all(
    [1, 2, 3].map(async (seed) =>
      blobs.writePart(bodyOf(content(bigSize, seed)), { algorithm: 'sha256' }),
    ),
  )
  const sweep = async (now: number) => sweepUploads(registry, { olderThanMs: day, now })
  assert.equal(await sweep(Date.now() + hour), 0)
  assert.equal((await objects(registry, 'uploads')).length, 1 + orphans.length)
  assert.equal(await sweep(Date.now() + day + 5000), 3)
  assert.deepEqual(await objects(registry, 'uploads'), [known])
  assert.equal(await send(registry, ticket, content(1)), bigSize + 1)
})

test('bytes that the storage would not delete are swept later', async (t) => {
  let fails = true
  const registry = await aRegistry(t, {
    driver: (driver) =>
      withFaults(driver, ({ operation }) =>
        fails && operation === 'delete'
          ? { kind: 'fail', error: new StorageUnavailableError() }
          : undefined,
      ),
  })
  await send(registry, openTicket(registry), content(bigSize))
  const later = { expiryMs: day, now: Date.now() + 2 * day }
  await assert.rejects(expireUploads(registry, later), StorageUnavailableError)
  assert.equal((await objects(registry, 'uploads')).length, 1)
  fails = false
  assert.equal(await expireUploads(registry, later), 0)
  assert.equal(await sweepUploads(registry, { olderThanMs: day, now: later.now }), 1)
  assert.deepEqual(await objects(registry, 'uploads'), [])
})
