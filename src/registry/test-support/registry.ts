// A registry of its own for one test: SQLite in a temporary folder and a driver of choice, with two repositories.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { openSqlite } from '../../metadata/dialects/sqlite.ts'
import { findLinkedBlob } from '../../metadata/blobs.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { digestOf, type Digest, type DigestAlgorithm } from '../../oci/digest.ts'
import { OciError, type OciErrorCode } from '../../oci/errors.ts'
import { parseRepositoryName } from '../../oci/reference.ts'
import { createBlobStore, type BlobStore } from '../../storage/blob-store.ts'
import { parseKey, type Key, type StorageDriver } from '../../storage/driver.ts'
import { openFilesystemDriver } from '../../storage/drivers/filesystem/filesystem-driver.ts'
import { createMemoryDriver } from '../../storage/drivers/memory/memory-driver.ts'
import { commitUpload } from '../commit-upload.ts'
import { ensureRepository } from '../repository.ts'
import { createUploadTickets, type UploadTicket, type UploadTickets } from '../upload-ticket.ts'
import { receiveChunk } from '../upload.ts'

export interface TestRegistry {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly driver: StorageDriver
  readonly tickets: UploadTickets
  /** Ids of two repositories. */
  readonly here: number
  readonly there: number
}

export interface TestRegistryOptions {
  readonly driver?: 'memory' | 'filesystem' | ((driver: StorageDriver) => StorageDriver)
  readonly ticketLifetimeMs?: number
}

export const day = 24 * 60 * 60 * 1000

export async function aRegistry(
  t: TestContext,
  { driver: kind = 'memory', ticketLifetimeMs = day }: TestRegistryOptions = {},
): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-registry-'))
  const metadata = await openSqlite({ file: join(folder, 'carrel.db'), migrate: true })
  const driver =
    kind === 'filesystem'
      ? await openFilesystemDriver({ root: join(folder, 'storage') })
      : kind === 'memory'
        ? createMemoryDriver()
        : kind(createMemoryDriver())
  t.after(async () => {
    await driver[Symbol.asyncDispose]()
    await metadata[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  const make = async (name: string) =>
    (await ensureRepository(metadata, parseRepositoryName(name), undefined)).id
  return {
    metadata,
    driver,
    blobs: createBlobStore(driver),
    tickets: createUploadTickets(Buffer.alloc(32, 7), ticketLifetimeMs),
    here: await make('team/here'),
    there: await make('team/there'),
  }
}

/** Bytes that nobody else uses: `size` of them, told apart by the seed. */
export function content(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at += 1) bytes[at] = (at * 31 + seed * 17 + (at >> 8)) % 256
  return bytes
}

/** More than a row holds, so it lies in storage. */
export const bigSize = 40_000

export function sha512(bytes: Uint8Array): Digest {
  return digestOf(bytes, 'sha512')
}

/** As a request's body: pieces that come one after another. */
export function bodyOf(bytes: Uint8Array, pieceSize = 9000): Readable {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += pieceSize) {
    pieces.push(bytes.subarray(at, at + pieceSize))
  }
  return Readable.from(pieces, { objectMode: false })
}

/** A body of a client that goes away after these bytes. */
export function brokenBody(bytes: Uint8Array): Readable {
  let isSent = bytes.length === 0
  return new Readable({
    read() {
      if (isSent) {
        // Later, as what has not been taken by then is lost.
        setTimeout(() => this.destroy(new Error('aborted')), 20)
        return
      }
      isSent = true
      this.push(bytes)
    },
  })
}

export function openTicket(
  { tickets, here }: TestRegistry,
  algorithm: DigestAlgorithm = 'sha256',
): UploadTicket {
  return tickets.open({ repositoryId: here, principalId: 1 }, algorithm)
}

export async function send(
  registry: TestRegistry,
  ticket: UploadTicket,
  bytes: Uint8Array,
  offset?: number,
): Promise<number> {
  return receiveChunk(registry, ticket, {
    source: bodyOf(bytes),
    offset,
    expectedSize: bytes.length,
  })
}

export async function finish(
  registry: TestRegistry,
  ticket: UploadTicket,
  expected: Digest,
  bytes: Uint8Array = Buffer.alloc(0),
  offset?: number,
): Promise<void> {
  const end = { expected, source: bodyOf(bytes), offset, expectedSize: bytes.length }
  await commitUpload(registry, ticket, end)
}

/** Pushes a blob in one request. */
export async function pushBlob(
  registry: TestRegistry,
  bytes: Uint8Array,
  repositoryId = registry.here,
  algorithm: DigestAlgorithm = 'sha256',
): Promise<Digest> {
  const expected = digestOf(bytes, algorithm)
  const ticket = registry.tickets.open({ repositoryId, principalId: 1 }, algorithm)
  await finish(registry, ticket, expected, bytes)
  return expected
}

/** The blob's bytes as the repository gives them; undefined when it does not have it. */
export async function pullBlob(
  { metadata, blobs, here }: TestRegistry,
  digest: Digest,
  repositoryId = here,
): Promise<Buffer | undefined> {
  const blob = await findLinkedBlob(metadata, repositoryId, digest)
  if (blob === undefined) return undefined
  if (blob.content !== undefined) return Buffer.from(blob.content)
  const chunks: Uint8Array[] = []
  for await (const chunk of await blobs.open(parseKey(blob.storageKey ?? ''))) {
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks)
}

/** What lies in storage under `blobs` or `uploads`. */
export async function objects({ driver }: TestRegistry, folder: string): Promise<Key[]> {
  const keys: Key[] = []
  for await (const { key } of driver.list(parseKey(folder))) keys.push(key)
  return keys
}

/** For assert.rejects: an OciError of this code. */
export function refusal(code: OciErrorCode): (error: unknown) => boolean {
  return (error) => {
    if (error instanceof OciError && error.code === code) return true
    throw new Error(`not ${code} but ${String(error)}`, { cause: error })
  }
}
