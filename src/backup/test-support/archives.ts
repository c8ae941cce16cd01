// Backups, storages and databases for tests: in memory where they can be.
import type { Readable } from 'node:stream'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { exportRows, readCounters, tablesLeftOut, type PlainRow } from '../../metadata/export.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { migrations } from '../../metadata/migrations/migrate.ts'
import { describeTables } from '../../metadata/tables.ts'
import { openSqlite } from '../../metadata/dialects/sqlite.ts'
import { openPostgres } from '../../metadata/dialects/postgres.ts'
import { createPostgresSchema } from '../../metadata/test-support/postgres.ts'
import { createBlobStore, type BlobStore } from '../../storage/blob-store.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import { parseKey } from '../../storage/driver.ts'
import { createMemoryDriver } from '../../storage/drivers/memory/memory-driver.ts'
import { createArchive, type Archive } from '../archive.ts'
import { createSnapshot, type CreatedSnapshot } from '../create.ts'
import { restoreSnapshot, type Restored } from '../restore.ts'
import type { Snapshot } from '../snapshot.ts'
import type { RandomBlob } from './random-database.ts'

export const steps = migrations.map(({ name }) => name)
export const passphrase = Buffer.from('correct horse battery staple')

export async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-backup-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function anArchive(encrypted = false): Promise<Archive> {
  const secret = encrypted ? passphrase : undefined
  return createArchive(createMemoryDriver(), { installation: 'test', secret, cost: 1024 })
}

/** A database with a storage. */
export interface World {
  readonly metadata: MetadataStore
  readonly driver: StorageDriver
  readonly blobs: BlobStore
  readonly dataDir: string
}

export async function anSqliteWorld(
  t: TestContext,
  last?: string,
): Promise<World & { file: string }> {
  const dataDir = await aFolder(t)
  const file = join(dataDir, 'carrel.db')
  const metadata = await openSqlite({ file, migrate: true, migrateTo: last })
  t.after(async () => metadata[Symbol.asyncDispose]())
  const driver = createMemoryDriver()
  return { metadata, driver, blobs: createBlobStore(driver), dataDir, file }
}

export async function store(driver: StorageDriver, blobs: readonly RandomBlob[]): Promise<void> {
  for (const { key, bytes } of blobs) await driver.write(parseKey(key), [bytes])
}

export async function backUp(archive: Archive, world: World): Promise<CreatedSnapshot> {
  const { metadata, blobs, dataDir } = world
  const signal = new AbortController().signal
  return createSnapshot({ archive, metadata, blobs, dataDir, version: '0.0.0-test', signal })
}

export interface RestoredWorld extends World {
  readonly restored: Restored
}

export async function restoreTo(
  t: TestContext,
  dialect: 'sqlite' | 'postgres',
  archive: Archive,
  snapshot: Snapshot,
): Promise<RestoredWorld> {
  const dataDir = await aFolder(t)
  const driver = createMemoryDriver()
  const open = await opener(dialect, join(dataDir, 'carrel.db'))
  const restored = await restoreSnapshot(
    {
      archive,
      storage: driver,
      dataDir,
      openDatabase: open,
      knownSteps: steps,
      nameOfFile: (path) => path,
    },
    snapshot,
  )
  const metadata = await open()
  t.after(async () => metadata[Symbol.asyncDispose]())
  return { metadata, driver, blobs: createBlobStore(driver), dataDir, restored }
}

async function opener(
  dialect: 'sqlite' | 'postgres',
  file: string,
): Promise<(step?: string) => Promise<MetadataStore>> {
  if (dialect === 'sqlite') {
    return async (migrateTo) => openSqlite({ file, migrate: true, migrateTo })
  }
  const { url } = await createPostgresSchema()
  return async (migrateTo) => openPostgres({ url, migrate: true, migrateTo, maxConnections: 2 })
}

export interface Contents {
  readonly tables: Readonly<Record<string, readonly string[]>>
  readonly counters: Readonly<Record<string, number>>
  /** Digest to its bytes, of what lies in the storage. */
  readonly stored: Readonly<Record<string, string>>
}

/** Everything, so that two can be compared: rows sorted, and bytes in place of where they lie. */
export async function contentsOf({ metadata, blobs }: World): Promise<Contents> {
  const tables: Record<string, string[]> = {}
  const stored: Record<string, string> = {}
  const counters = await metadata.read(async (tx) => {
    for (const table of await describeTables(tx)) {
      if (tablesLeftOut.has(table.name)) continue
      const names = table.columns.map(({ name }) => name)
      const rows: string[] = []
      for await (const page of exportRows(tx, table)) {
        for (const row of page) {
          const entry = entryOf(names, row)
          if (table.name === 'blobs') await takeBytes(blobs, entry, stored)
          rows.push(JSON.stringify(entry))
        }
      }
      tables[table.name] = rows.toSorted()
    }
    return readCounters(tx)
  })
  return { tables, counters, stored }
}

type Entry = Record<string, string | number | null>

function entryOf(names: readonly string[], row: PlainRow): Entry {
  const entry: Entry = {}
  for (const name of names.toSorted()) entry[name] = row[names.indexOf(name)] ?? null
  return entry
}

async function takeBytes(
  blobs: BlobStore,
  entry: Entry,
  stored: Record<string, string>,
): Promise<void> {
  const key = entry['storage_key']
  // When its bytes were last seen is another time after a restore.
  if (typeof key === 'string') delete entry['verified_at']
  delete entry['storage_key']
  if (typeof key !== 'string') return
  const chunks: Uint8Array[] = []
  for await (const chunk of await blobs.open(parseKey(key))) chunks.push(chunk as Uint8Array)
  stored[String(entry['digest'])] = Buffer.concat(chunks).toString('hex')
}

/** For tests of what is asked for a stream. */
export async function bytesOf(source: Readable): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}
