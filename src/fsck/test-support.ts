// oxlint-disable no-restricted-imports -- tests use real drivers and dialects
// A real installation in a temporary folder, with ways to damage it behind everybody's back.
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { findBlob, insertBlob, linkBlob } from '../metadata/blobs.ts'
import { openSqlite } from '../metadata/dialects/sqlite.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { findRepository, insertRepository } from '../metadata/repositories.ts'
import { digestOf, type Digest, type DigestAlgorithm } from '../oci/digest.ts'
import { ociImageConfig, ociIndex, ociManifest } from '../oci/media-types.ts'
import type { RepositoryName, Tag } from '../oci/reference.ts'
import { pushManifest } from '../registry/push-manifest.ts'
import { createBlobStore, type BlobStore } from '../storage/blob-store.ts'
import type { StorageDriver } from '../storage/driver.ts'
import { openFilesystemDriver } from '../storage/drivers/filesystem/filesystem-driver.ts'
import { newBlobKey } from '../storage/layout.ts'

export interface Image {
  readonly digest: Digest
  readonly size: number
  readonly config: Digest
  readonly layer: Digest
}

/** Where the parts of a store are. */
interface Parts {
  readonly dir: string
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  /** A connection that obeys no foreign key. */
  readonly raw: DatabaseSync
}

export interface Store extends Parts, AsyncDisposable {
  /** Runs a statement past all guards. */
  readonly sql: (statement: string, ...values: readonly (string | Uint8Array | undefined)[]) => void
  readonly addBlob: (
    bytes: Buffer,
    repositoryId: number | undefined,
    algorithm?: DigestAlgorithm,
  ) => Promise<Digest>
  readonly pushImage: (tag: Tag, algorithm?: DigestAlgorithm) => Promise<Image>
  readonly pathOf: (digest: Digest) => Promise<string>
  /** Turns one bit of a blob around, wherever it lies. */
  readonly flip: (digest: Digest, at: number, bit: number) => Promise<void>
}

/** `wrap` stands between the store and its driver. */
export async function openStore(
  wrap: (driver: StorageDriver) => StorageDriver = (driver) => driver,
): Promise<Store> {
  const dir = await mkdtemp(join(tmpdir(), 'carrel-fsck-'))
  const file = join(dir, 'carrel.db')
  const metadata = await openSqlite({ file, migrate: true })
  const driver = await openFilesystemDriver({ root: join(dir, 'storage') })
  const raw = new DatabaseSync(file)
  raw.exec('PRAGMA foreign_keys = OFF; PRAGMA busy_timeout = 5000')
  const parts = { dir, metadata, blobs: createBlobStore(wrap(driver)), raw }
  return {
    ...parts,
    sql(statement, ...values) {
      raw.prepare(statement).run(...values.map((value) => value ?? null))
    },
    addBlob: async (...args) => addBlob(parts, ...args),
    pushImage: async (...args) => pushImage(parts, ...args),
    pathOf: async (digest) => pathOf(parts, digest),
    flip: async (...args) => flip(parts, ...args),
    async [Symbol.asyncDispose]() {
      raw.close()
      await metadata[Symbol.asyncDispose]()
      await driver[Symbol.asyncDispose]()
      await rm(dir, { recursive: true })
    },
  }
}

/** Small ones lie in the row, as they do in a real installation. */
async function addBlob(
  { metadata, blobs }: Parts,
  bytes: Buffer,
  repositoryId: number | undefined,
  algorithm?: DigestAlgorithm,
): Promise<Digest> {
  const digest = digestOf(bytes, algorithm)
  const isSmall = bytes.length < 1000
  const storageKey = isSmall ? undefined : (await blobs.writeBytes(bytes, digest)).key
  const content = isSmall ? bytes : undefined
  await metadata.write(async (tx) => {
    await insertBlob(tx, { digest, size: bytes.length, storageKey, content })
    if (repositoryId !== undefined) await linkBlob(tx, repositoryId, digest)
  })
  return digest
}

async function pushImage(parts: Parts, tag: Tag, algorithm?: DigestAlgorithm): Promise<Image> {
  const repository = await findRepository(parts.metadata, 'team/app' as RepositoryName)
  const repositoryId = repository?.id ?? 0
  const text = `{"os":"linux","id":"${randomBytes(8).toString('hex')}"}`
  const config = await addBlob(parts, Buffer.from(text), repositoryId)
  const layer = await addBlob(parts, randomBytes(40_000), repositoryId, algorithm)
  const layerType = 'application/vnd.oci.image.layer.v1.tar'
  const foreignType = 'application/vnd.oci.image.layer.nondistributable.v1.tar'
  const manifest = {
    schemaVersion: 2,
    mediaType: ociManifest,
    config: { mediaType: ociImageConfig, digest: config, size: text.length },
    layers: [
      { mediaType: layerType, digest: layer, size: 40_000 },
      { mediaType: foreignType, digest: digestOf(Buffer.from('elsewhere')), size: 9 },
    ],
  }
  const bytes = Buffer.from(JSON.stringify(manifest))
  const { digest } = await pushManifest(parts.metadata, {
    repositoryId,
    reference: { kind: 'tag', tag },
    tags: [],
    contentType: ociManifest,
    bytes,
    name: 'team/app',
    pusher: { id: undefined, name: 'tester', address: '127.0.0.1' },
  })
  return { digest, size: bytes.length, config, layer }
}

async function pathOf({ metadata, dir }: Parts, digest: Digest): Promise<string> {
  const key = (await findBlob(metadata, digest))?.storageKey ?? newBlobKey(digest)
  return join(dir, 'storage', key)
}

async function flip(parts: Parts, digest: Digest, at: number, bit: number): Promise<void> {
  const row = await findBlob(parts.metadata, digest)
  const path = await pathOf(parts, digest)
  const bytes = Buffer.from(row?.content ?? (await readFile(path)))
  const place = Math.floor(at * bytes.length)
  bytes[place] = (bytes[place] ?? 0) ^ (1 << bit)
  if (row?.content === undefined) await writeFile(path, bytes)
  else parts.raw.prepare('update blobs set content = ? where digest = ?').run(bytes, digest)
}

/** Two images, an index of both, a referrer of something that is not there, and a blob by itself. */
export async function openSample(wrap?: (driver: StorageDriver) => StorageDriver) {
  const store = await openStore(wrap)
  await store.metadata.write(async (tx) =>
    insertRepository(tx, {
      name: 'team/app' as RepositoryName,
      visibility: 'private',
      createdBy: undefined,
    }),
  )
  const image = await store.pushImage('1.0' as Tag)
  const other = await store.pushImage('1.0-sha512' as Tag, 'sha512')
  const describe = ({ digest, size }: Image) => ({ mediaType: ociManifest, digest, size })
  const push = async (manifest: object, contentType: string) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...manifest }))
    const digest = digestOf(bytes)
    await pushManifest(store.metadata, {
      repositoryId: 1,
      reference: { kind: 'digest', digest },
      tags: [],
      contentType,
      bytes,
      name: 'team/app',
      pusher: { id: undefined, name: 'tester', address: '127.0.0.1' },
    })
    return digest
  }
  const index = await push({ manifests: [describe(image), describe(other)] }, ociIndex)
  const subject = { mediaType: ociManifest, digest: digestOf(Buffer.from('not here')), size: 8 }
  const empty = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: digestOf(Buffer.from('{}')),
    size: 2,
  }
  const referrer = await push({ config: empty, layers: [], subject }, ociManifest)
  const big = await store.addBlob(randomBytes(3_000_000), 1)
  return { ...store, image, other, index, referrer, big }
}

/** Overwrites the page that the table begins with. */
export async function breakTable(file: string, table: string): Promise<void> {
  const db = new DatabaseSync(file)
  const row = db.prepare('select rootpage from sqlite_master where name = ?').get(table)
  const { page_size: pageSize } = db.prepare('PRAGMA page_size').get() ?? {}
  db.close()
  const bytes = await readFile(file)
  const start = (Number(row?.['rootpage']) - 1) * Number(pageSize)
  await writeFile(file, bytes.fill(0xa5, start, start + 512))
}
