import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { findUpload, listUploadParts } from '../metadata/uploads.ts'
import { digestOf } from '../oci/digest.ts'
import { StorageFullError } from '../oci/errors.ts'
import { withFaults } from '../storage/fault-driver.ts'
import {
  aRegistry,
  bigSize,
  bodyOf,
  brokenBody,
  content,
  finish,
  objects,
  openTicket,
  refusal,
  send,
} from './test-support/registry.ts'
import { cancelUpload, receiveChunk, uploadOffset, UploadOffsetError } from './upload.ts'

/** For assert.rejects: the upload stands at another offset, at this one. */
function standsAt(size: number): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof UploadOffsetError, String(error))
    assert.equal(error.size, size)
    return true
  }
}

for (const driver of ['memory', 'filesystem'] as const) {
  suite(`uploads on ${driver}`, () => {
    test('an upload that was opened has no bytes, no row and nothing in storage', async (t) => {
      const registry = await aRegistry(t, { driver })
      const ticket = openTicket(registry)
      assert.equal(await uploadOffset(registry, ticket), 0)
      assert.equal(await findUpload(registry.metadata, ticket.id), undefined)
      assert.deepEqual(await objects(registry, 'uploads'), [])
    })

    test('chunks add up, small and big, with their place and without', async (t) => {
      const registry = await aRegistry(t, { driver })
      const ticket = openTicket(registry)
      assert.equal(await send(registry, ticket, content(100)), 100)
      assert.equal(await send(registry, ticket, content(bigSize), 100), 100 + bigSize)
      assert.equal(await send(registry, ticket, content(0)), 100 + bigSize)
      assert.equal(await send(registry, ticket, content(1), 100 + bigSize), 101 + bigSize)
      assert.equal(await uploadOffset(registry, ticket), 101 + bigSize)
      assert.equal((await objects(registry, 'uploads')).length, 1)
      assert.deepEqual(await objects(registry, 'blobs'), [])
    })

    test('of a client that goes away what arrived is kept, and it can go on from there', async (t) => {
      const registry = await aRegistry(t, { driver })
      for (const size of [0, 500, bigSize]) {
        const ticket = openTicket(registry)
        const source = brokenBody(content(size))
        const chunk = { source, offset: 0, expectedSize: size + 10 }
        await assert.rejects(receiveChunk(registry, ticket, chunk), refusal('BLOB_UPLOAD_INVALID'))
        assert.equal(await uploadOffset(registry, ticket), size)
        assert.equal(await send(registry, ticket, content(3), size), size + 3)
      }
    })

    test('two writers at one offset: one wins, the other learns where the upload stands', async (t) => {
      const registry = await aRegistry(t, { driver })
      for (const size of [700, bigSize]) {
        const ticket = openTicket(registry)
        const outcomes = await Promise.allSettled(
          [1, 2, 3, 4].map(async (seed) => send(registry, ticket, content(size + seed, seed), 0)),
        )
        const won = outcomes.filter((outcome) => outcome.status === 'fulfilled')
        const [winner] = won
        assert.equal(won.length, 1)
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') standsAt(winner?.value ?? 0)(outcome.reason)
        }
        assert.equal(await uploadOffset(registry, ticket), winner?.value)
      }
      // Nothing is left of those who lost.
      assert.equal((await objects(registry, 'uploads')).length, 1)
    })
  })
}

test('a chunk that does not begin where the upload stands is refused and changes nothing', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  await assert.rejects(send(registry, ticket, content(5), 1), standsAt(0))
  await send(registry, ticket, content(100))
  for (const offset of [0, 99, 101, -1]) {
    await assert.rejects(send(registry, ticket, content(50), offset), standsAt(100))
  }
  assert.equal(await uploadOffset(registry, ticket), 100)
})

test('a chunk that is sent again after its answer was lost is refused, not stored twice', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  await send(registry, ticket, content(bigSize), 0)
  await assert.rejects(send(registry, ticket, content(bigSize), 0), standsAt(bigSize))
  assert.equal((await objects(registry, 'uploads')).length, 1)
})

test('a chunk of another length than announced tells where the upload stands now', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  const chunk = { source: bodyOf(content(90)), offset: 0, expectedSize: 100 }
  await assert.rejects(receiveChunk(registry, ticket, chunk), standsAt(90))
  assert.equal(await uploadOffset(registry, ticket), 90)
})

test('a cancelled upload is unknown from then on, and its bytes are gone', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  await send(registry, ticket, content(bigSize))
  await send(registry, ticket, content(10))
  await cancelUpload(registry, ticket)
  assert.deepEqual(await objects(registry, 'uploads'), [])
  assert.deepEqual(await listUploadParts(registry.metadata, ticket.id), [])
  const unknown = refusal('BLOB_UPLOAD_UNKNOWN')
  await assert.rejects(uploadOffset(registry, ticket), unknown)
  await assert.rejects(send(registry, ticket, content(1)), unknown)
  await assert.rejects(cancelUpload(registry, ticket), unknown)
})

test('an upload without a byte can be cancelled too, once', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  await cancelUpload(registry, ticket)
  await assert.rejects(cancelUpload(registry, ticket), refusal('BLOB_UPLOAD_UNKNOWN'))
  await assert.rejects(send(registry, ticket, content(1)), refusal('BLOB_UPLOAD_UNKNOWN'))
})

test('a chunk that arrives while its upload is cancelled leaves nothing behind', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  await send(registry, ticket, content(10))
  const [sent] = await Promise.allSettled([
    send(registry, ticket, content(bigSize)),
    cancelUpload(registry, ticket),
  ])
  if (sent.status === 'rejected') refusal('BLOB_UPLOAD_UNKNOWN')(sent.reason)
  assert.deepEqual(await objects(registry, 'uploads'), [])
  await assert.rejects(uploadOffset(registry, ticket), refusal('BLOB_UPLOAD_UNKNOWN'))
})

test('when the storage is full, a chunk is refused with that, and the upload stands where it did', async (t) => {
  let isFull = false
  const registry = await aRegistry(t, {
    driver: (driver) =>
      withFaults(driver, ({ operation }) =>
        isFull && operation === 'write'
          ? { kind: 'fail', error: new StorageFullError() }
          : undefined,
      ),
  })
  const ticket = openTicket(registry)
  await send(registry, ticket, content(bigSize))
  isFull = true
  await assert.rejects(send(registry, ticket, content(bigSize)), StorageFullError)
  assert.equal(await uploadOffset(registry, ticket), bigSize)
  isFull = false
  assert.equal(await send(registry, ticket, content(bigSize)), 2 * bigSize)
})

test('uploads do not see each other', async (t) => {
  const registry = await aRegistry(t)
  const one = openTicket(registry)
  const two = openTicket(registry)
  await send(registry, one, content(100))
  assert.equal(await uploadOffset(registry, two), 0)
  await cancelUpload(registry, one)
  await finish(registry, two, digestOf(content(3)), content(3))
})
