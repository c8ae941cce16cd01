// A closing request that is repeated is answered like the first one, and must promise no more than that one may.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { findUpload } from '../metadata/uploads.ts'
import { openSqlite } from '../metadata/dialects/sqlite.ts'
import { anSqliteFile } from '../metadata/test-support/sqlite.ts'
import { digestOf } from '../oci/digest.ts'
import { StorageUnavailableError } from '../oci/errors.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import { createBlobStore } from '../storage/blob-store.ts'
import { createMemoryDriver } from '../storage/drivers/memory/memory-driver.ts'
import { commitUpload } from './commit-upload.ts'
import { ensureRepository } from './repository.ts'
import { createUploadTickets } from './upload-ticket.ts'
import { receiveChunk } from './upload.ts'

test('a repeated closing request is not acknowledged before the blob is durable', async (t) => {
  let disk: 'fine' | 'slow' = 'fine'
  let fail: (error: Error) => void = () => undefined
  await using metadata = await openSqlite({
    ...(await anSqliteFile(t)),
    migrate: true,
    async syncLog(log) {
      if (disk === 'fine') return log.sync()
      return new Promise<void>((_, reject) => {
        fail = reject
      })
    },
  })
  const deps = { metadata, blobs: createBlobStore(createMemoryDriver()) }
  const { id } = await ensureRepository(metadata, parseRepositoryName('admin/twice'), undefined)
  const tickets = createUploadTickets(Buffer.alloc(32, 1), 60_000)
  const ticket = tickets.open({ repositoryId: id, principalId: undefined }, 'sha256')
  const bytes = Buffer.alloc(100_000, 7)
  await receiveChunk(deps, ticket, {
    source: Readable.from([bytes]),
    offset: 0,
    expectedSize: bytes.length,
  })

  disk = 'slow'
  const close = async () =>
    commitUpload(deps, ticket, {
      expected: digestOf(bytes),
      source: Readable.from([], { objectMode: false }),
      offset: bytes.length,
      expectedSize: 0,
    })
  const outcomes: string[] = []
  const follow = async (name: string) => {
    await close().then(
      () => outcomes.push(`${name} acknowledged`),
      (error: unknown) => {
        assert.ok(error instanceof StorageUnavailableError)
        outcomes.push(`${name} refused`)
      },
    )
  }
  const first = follow('first')
  while ((await findUpload(metadata, ticket.id))?.state !== 'committed') {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const second = follow('second')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const early = [...outcomes]
  fail(new Error('EIO: i/o error, fdatasync'))
  await Promise.all([first, second])
  assert.deepEqual(early, [])
  assert.deepEqual(outcomes.toSorted(), ['first refused', 'second refused'])
})
