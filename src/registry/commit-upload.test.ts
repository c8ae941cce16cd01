import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { findBlob } from '../metadata/blobs.ts'
import { findUpload, listUploadParts } from '../metadata/uploads.ts'
import { digestOf } from '../oci/digest.ts'
import { StorageUnavailableError } from '../oci/errors.ts'
import { parseKey } from '../storage/driver.ts'
import { withFaults } from '../storage/fault-driver.ts'
import { commitUpload } from './commit-upload.ts'
import { smallContentLimit } from './small-content.ts'
import {
  aRegistry,
  bigSize,
  bodyOf,
  brokenBody,
  content,
  finish,
  objects,
  openTicket,
  pullBlob,
  pushBlob,
  refusal,
  send,
  sha512,
} from './test-support/registry.ts'
import { uploadOffset, UploadOffsetError } from './upload.ts'

const sizes = [0, 1, smallContentLimit, smallContentLimit + 1, bigSize]
const wrong = digestOf(Buffer.from('something else'))

for (const driver of ['memory', 'filesystem'] as const) {
  suite(`commits on ${driver}`, () => {
    test('a blob in one request is there byte for byte, of any size and both algorithms', async (t) => {
      const registry = await aRegistry(t, { driver })
      for (const algorithm of ['sha256', 'sha512'] as const) {
        for (const size of sizes) {
          const digest = await pushBlob(registry, content(size), registry.here, algorithm)
          assert.ok(content(size).equals((await pullBlob(registry, digest)) ?? Buffer.of(0, 0)))
        }
      }
      // Each algorithm has its own; what is small lies in no object.
      assert.equal((await objects(registry, 'blobs')).length, 4)
      assert.deepEqual(await objects(registry, 'uploads'), [])
    })

    test('chunks become one blob, whatever their sizes and the part that came last', async (t) => {
      const registry = await aRegistry(t, { driver })
      const shapes = [
        [[bigSize], 0],
        [[bigSize], 10],
        [[10], bigSize],
        [[10, 20], 30],
        [[10, bigSize, 5, bigSize], 0],
        [[smallContentLimit, 1], 0],
        [[0, 7], 0],
      ] as const
      for (const [seed, [chunks, last]] of shapes.entries()) {
        for (const algorithm of ['sha256', 'sha512'] as const) {
          const ticket = openTicket(registry, algorithm)
          const all: Buffer[] = []
          for (const size of chunks) {
            await send(registry, ticket, content(size, seed))
            all.push(content(size, seed))
          }
          all.push(content(last, seed + 100))
          const bytes = Buffer.concat(all)
          const digest = digestOf(bytes, algorithm)
          await finish(registry, ticket, digest, content(last, seed + 100))
          assert.ok(bytes.equals((await pullBlob(registry, digest)) ?? Buffer.of()))
        }
      }
      assert.deepEqual(await objects(registry, 'uploads'), [])
    })

    test('a blob announced as sha256 can be closed as sha512 and the other way round', async (t) => {
      const registry = await aRegistry(t, { driver })
      for (const size of [100, bigSize]) {
        const one = openTicket(registry, 'sha256')
        await send(registry, one, content(size, 1))
        await finish(registry, one, sha512(content(size, 1)))
        const two = openTicket(registry, 'sha512')
        await send(registry, two, content(size, 2))
        await finish(registry, two, digestOf(content(size, 2)))
        assert.ok(await pullBlob(registry, sha512(content(size, 1))))
        assert.ok(await pullBlob(registry, digestOf(content(size, 2))))
        assert.equal(await pullBlob(registry, digestOf(content(size, 1))), undefined)
      }
    })

    test('the second push of a blob leaves one object, and no orphan', async (t) => {
      const registry = await aRegistry(t, { driver })
      const digest = await pushBlob(registry, content(bigSize))
      const first = await findBlob(registry.metadata, digest)
      await pushBlob(registry, content(bigSize))
      await pushBlob(registry, content(bigSize), registry.there)
      const ticket = openTicket(registry)
      await send(registry, ticket, content(bigSize))
      await finish(registry, ticket, digest)
      assert.deepEqual(await objects(registry, 'blobs'), [first?.storageKey])
      assert.deepEqual(await objects(registry, 'uploads'), [])
      assert.ok(await pullBlob(registry, digest, registry.there))
    })

    test('many who push the same blob at once all succeed, and one object stays', async (t) => {
      const registry = await aRegistry(t, { driver })
      const digests = await Promise.all(
        Array.from({ length: 12 }, async (_, number) =>
          pushBlob(registry, content(bigSize), number % 2 === 0 ? registry.here : registry.there),
        ),
      )
      assert.equal(new Set(digests).size, 1)
      assert.equal((await objects(registry, 'blobs')).length, 1)
      assert.ok(await pullBlob(registry, digests[0] ?? wrong, registry.there))
    })

    test('a wrong digest stores nothing, and an upload with chunks has ended by it', async (t) => {
      const registry = await aRegistry(t, { driver })
      for (const size of [100, bigSize]) {
        const whole = openTicket(registry)
        await assert.rejects(
          finish(registry, whole, wrong, content(size)),
          refusal('DIGEST_INVALID'),
        )
        for (const chunks of [[size], [size, size]]) {
          for (const last of [0, 10]) {
            const ticket = openTicket(registry)
            for (const chunk of chunks) await send(registry, ticket, content(chunk))
            const close = finish(registry, ticket, wrong, content(last))
            await assert.rejects(close, refusal('DIGEST_INVALID'))
            await assert.rejects(uploadOffset(registry, ticket), refusal('BLOB_UPLOAD_UNKNOWN'))
          }
        }
      }
      assert.deepEqual(await objects(registry, 'blobs'), [])
      assert.deepEqual(await objects(registry, 'uploads'), [])
      assert.equal(await findBlob(registry.metadata, wrong), undefined)
    })

    test('the closing request sent twice at once succeeds twice', async (t) => {
      const registry = await aRegistry(t, { driver })
      for (const chunks of [[bigSize], [bigSize, bigSize], [10]]) {
        const ticket = openTicket(registry)
        for (const [seed, size] of chunks.entries()) {
          await send(registry, ticket, content(size, seed))
        }
        const bytes = Buffer.concat(chunks.map((size, seed) => content(size, seed)))
        const digest = digestOf(bytes)
        await Promise.all([1, 2, 3].map(async () => finish(registry, ticket, digest)))
        assert.ok(bytes.equals((await pullBlob(registry, digest)) ?? Buffer.of()))
      }
      assert.deepEqual(await objects(registry, 'uploads'), [])
      assert.equal((await objects(registry, 'blobs')).length, 2)
    })
  })
}

test('the closing request repeated after its answer was lost succeeds again, with and without a body', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  await send(registry, ticket, content(bigSize))
  const bytes = Buffer.concat([content(bigSize), content(10, 2)])
  const digest = digestOf(bytes)
  await finish(registry, ticket, digest, content(10, 2), bigSize)
  await finish(registry, ticket, digest, content(10, 2), bigSize)
  await finish(registry, ticket, digest)
  assert.ok(bytes.equals((await pullBlob(registry, digest)) ?? Buffer.of()))
  assert.equal((await objects(registry, 'blobs')).length, 1)
})

test('a finished upload cannot be finished as something else, continued or asked for', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  await send(registry, ticket, content(100))
  await finish(registry, ticket, digestOf(content(100)))
  const unknown = refusal('BLOB_UPLOAD_UNKNOWN')
  await assert.rejects(finish(registry, ticket, wrong), unknown)
  await assert.rejects(send(registry, ticket, content(1)), unknown)
  await assert.rejects(uploadOffset(registry, ticket), unknown)
})

test('the last chunk must begin where the upload stands', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  await send(registry, ticket, content(100))
  const digest = digestOf(Buffer.concat([content(100), content(5)]))
  for (const offset of [0, 99, 101, -1]) {
    const close = finish(registry, ticket, digest, content(5), offset)
    await assert.rejects(close, (error) => error instanceof UploadOffsetError && error.size === 100)
  }
  await finish(registry, ticket, digest, content(5), 100)
})

test('a last chunk of another length than announced is refused, and the upload stands where it did', async (t) => {
  const registry = await aRegistry(t)
  for (const size of [50, bigSize]) {
    const ticket = openTicket(registry)
    const digest = digestOf(content(size))
    const end = { expected: digest, source: bodyOf(content(size)), offset: 0 }
    const close = commitUpload(registry, ticket, { ...end, expectedSize: size + 1 })
    await assert.rejects(close, refusal('SIZE_INVALID'))
    await send(registry, ticket, content(7))
    const later = { expected: digest, source: bodyOf(content(size)), offset: 7 }
    const again = commitUpload(registry, ticket, { ...later, expectedSize: size + 1 })
    await assert.rejects(again, refusal('SIZE_INVALID'))
    assert.equal(await uploadOffset(registry, ticket), 7)
  }
  assert.deepEqual(await objects(registry, 'blobs'), [])
  assert.deepEqual(await objects(registry, 'uploads'), [])
})

test('when the client goes away during the last chunk, nothing is committed and it can close again', async (t) => {
  const registry = await aRegistry(t)
  for (const size of [50, bigSize]) {
    const ticket = openTicket(registry)
    await send(registry, ticket, content(20))
    const bytes = Buffer.concat([content(20), content(size, 3)])
    const end = { expected: digestOf(bytes), offset: 20, expectedSize: size }
    const broken = { ...end, source: brokenBody(content(size - 1, 3)) }
    await assert.rejects(commitUpload(registry, ticket, broken), /aborted/)
    assert.equal(await pullBlob(registry, end.expected), undefined)
    await commitUpload(registry, ticket, { ...end, source: bodyOf(content(size, 3)) })
    assert.ok(await pullBlob(registry, end.expected))
  }
  const whole = openTicket(registry)
  for (const size of [50, bigSize]) {
    const source = brokenBody(content(size, 9))
    const end = { expected: digestOf(content(size, 9)), source, offset: 0, expectedSize: undefined }
    await assert.rejects(commitUpload(registry, whole, end), /aborted/)
    assert.equal(await pullBlob(registry, end.expected), undefined)
  }
  assert.deepEqual(await objects(registry, 'uploads'), [])
})

test('when the storage fails, the upload is as it was and can be closed later', async (t) => {
  let fails = false
  const registry = await aRegistry(t, {
    driver: (driver) =>
      withFaults(driver, ({ operation }) =>
        fails && ['move', 'concatenate', 'write'].includes(operation)
          ? { kind: 'fail', error: new StorageUnavailableError() }
          : undefined,
      ),
  })
  for (const chunks of [[bigSize], [bigSize, bigSize]]) {
    const ticket = openTicket(registry)
    for (const size of chunks) await send(registry, ticket, content(size))
    const digest = digestOf(Buffer.concat(chunks.map((size) => content(size))))
    fails = true
    await assert.rejects(finish(registry, ticket, digest), StorageUnavailableError)
    fails = false
    assert.equal(await pullBlob(registry, digest), undefined)
    await finish(registry, ticket, digest)
    assert.ok(await pullBlob(registry, digest))
  }
})

test('a part that storage lost is told as such, and no blob comes of it', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  await send(registry, ticket, content(bigSize))
  await registry.blobs.delete(await objects(registry, 'uploads'))
  const digest = digestOf(content(bigSize))
  await assert.rejects(finish(registry, ticket, digest), refusal('BLOB_UPLOAD_INVALID'))
  assert.equal(await pullBlob(registry, digest), undefined)
})

test('a commit leaves a note for a repeated request and no parts', async (t) => {
  const registry = await aRegistry(t)
  const ticket = openTicket(registry)
  await send(registry, ticket, content(10))
  await finish(registry, ticket, digestOf(content(10)))
  const { metadata } = registry
  assert.deepEqual(await findUpload(metadata, ticket.id), {
    id: ticket.id,
    state: 'committed',
    digest: digestOf(content(10)),
  })
  assert.deepEqual(await listUploadParts(metadata, ticket.id), [])
})

test('bytes that the storage lost come back with the next push of the same content', async (t) => {
  const registry = await aRegistry(t)
  const digest = await pushBlob(registry, content(bigSize), registry.here)
  const lost = await findBlob(registry.metadata, digest)
  await registry.driver.delete([parseKey(lost?.storageKey ?? '')])

  await pushBlob(registry, content(bigSize), registry.there)

  assert.ok(content(bigSize).equals((await pullBlob(registry, digest)) ?? Buffer.of()))
  assert.equal((await objects(registry, 'blobs')).length, 1)
})
