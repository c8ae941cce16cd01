// Makes a snapshot: files, then all rows of one moment, then the blobs that they need, and last the snapshot's own
// object. Until that is there, a run has left nothing but what the next one uses again or prune takes away.
import type { BackupCounts } from '../metadata/backup-state.ts'
import { exportRows, readCounters, tablesLeftOut, type PlainRow } from '../metadata/export.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import { describeTables, listSchemaSteps, type Table } from '../metadata/tables.ts'
import type { Digest } from '../oci/digest.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import type { Archive } from './archive.ts'
import { writeBlobList } from './blob-list.ts'
import { copyBlobs, type BlobPlace, type CopiedBlobs, type MissingBlob } from './copy-blobs.ts'
import { storeFiles } from './data-files.ts'
import { newSnapshotId } from './layout.ts'
import { writeSnapshot, type Snapshot, type SnapshotTable } from './snapshot.ts'
import { placesOf, readTable, writeTable } from './table-file.ts'

export interface Progress {
  readonly phase: string
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'items'
}

export interface CreateDeps {
  readonly archive: Archive
  readonly metadata: MetadataStore
  readonly blobs: Pick<BlobStore, 'open'>
  readonly dataDir: string
  /** Of Carrel. */
  readonly version: string
  /** Of the lock, and of whoever wants it to end. */
  readonly signal: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

export interface CreatedSnapshot {
  readonly snapshot: Snapshot
  /** What was not in the backup before. */
  readonly copied: { readonly blobs: number; readonly bytes: number }
  readonly missing: readonly MissingBlob[]
}

const mostMissingNamed = 1000

/** The caller holds the lock (run-lock.ts). */
export async function createSnapshot(deps: CreateDeps): Promise<CreatedSnapshot> {
  const { archive, metadata, dataDir, version, signal } = deps
  const id = newSnapshotId()
  const createdAt = new Date().toISOString()
  const files = await storeFiles(archive, id, dataDir)
  const facts = await metadata.read(async (tx) => exportMetadata(deps, id, tx))
  const copied: CopiedBlobs = { copied: { blobs: 0, bytes: 0 }, missing: [] }
  const blobList = await copyAll(deps, { id, ...facts }, copied)
  const { missing } = copied
  const snapshot: Snapshot = {
    format: 1,
    id,
    installation: archive.installation,
    carrel: version,
    createdAt,
    finishedAt: new Date().toISOString(),
    dialect: metadata.dialect,
    schema: [...facts.schema],
    counts: facts.counts,
    tables: [...facts.tables],
    counters: { ...facts.counters },
    files: [...files],
    blobList,
    complete: missing.length === 0,
    missing: missing.slice(0, mostMissingNamed).map(({ digest }) => digest),
    missingCount: missing.length,
  }
  signal.throwIfAborted()
  await writeSnapshot(archive, snapshot)
  return { snapshot, copied: copied.copied, missing }
}

interface MetadataFacts {
  readonly schema: readonly string[]
  readonly counts: BackupCounts
  readonly tables: readonly SnapshotTable[]
  readonly counters: Readonly<Record<string, number>>
}

async function exportMetadata(
  { archive, signal, onProgress }: CreateDeps,
  id: string,
  tx: Reader,
): Promise<MetadataFacts> {
  const schema = await listSchemaSteps(tx)
  const tables = (await describeTables(tx)).filter(({ name }) => !tablesLeftOut.has(name))
  const stored: SnapshotTable[] = []
  let bytes = 0
  for (const [done, table] of tables.entries()) {
    onProgress?.({ phase: 'database', done, total: tables.length, unit: 'items' })
    const pages = pagesOf(tx, table, signal)
    const tapped = table.name === 'blobs' ? summed(pages, table, (size) => (bytes += size)) : pages
    stored.push(await writeTable(archive, { id, table }, tapped))
  }
  const counters = await readCounters(tx)
  return { schema, counts: countsOf(stored, bytes), tables: stored, counters }
}

function countsOf(tables: readonly SnapshotTable[], bytes: number): BackupCounts {
  const rowsOf = (name: string) => tables.find((table) => table.name === name)?.rows ?? 0
  return {
    repositories: rowsOf('repositories'),
    tags: rowsOf('tags'),
    manifests: rowsOf('manifests'),
    blobs: rowsOf('blobs'),
    bytes,
  }
}

async function* summed(
  pages: AsyncIterable<readonly PlainRow[]>,
  table: Table,
  add: (size: number) => void,
): AsyncGenerator<readonly PlainRow[], void, undefined> {
  const { size } = placesOf(table, ['size'])
  for await (const page of pages) {
    for (const row of page) add(Number(row[size ?? -1]))
    yield page
  }
}

async function* pagesOf(
  tx: Reader,
  table: Table,
  signal: AbortSignal,
): AsyncGenerator<readonly PlainRow[], void, undefined> {
  for await (const page of exportRows(tx, table)) {
    signal.throwIfAborted()
    yield page
    // The thread has other things to do as well.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function copyAll(
  deps: CreateDeps,
  { id, tables, counts }: MetadataFacts & { readonly id: string },
  copied: CopiedBlobs,
) {
  const { archive, blobs, metadata, signal, onProgress } = deps
  let done = 0
  const onBytes = (count: number): void => {
    done += count
    const total = Math.max(counts.bytes, done)
    onProgress?.({ phase: 'blobs', done, total, unit: 'bytes' })
  }
  const table = tables.find(({ name }) => name === 'blobs')
  if (table === undefined) throw new Error('The database has no table of blobs.')
  const copyDeps = { archive, blobs, metadata, signal, onBytes }
  const pages = blobPlaces(archive, id, table)
  return writeBlobList(archive, id, copyBlobs(copyDeps, pages, copied))
}

/** Blobs whose bytes do not lie in their row, as the table that was just written has them. */
async function* blobPlaces(
  archive: Archive,
  id: string,
  table: SnapshotTable,
): AsyncGenerator<readonly BlobPlace[], void, undefined> {
  const { digest, size, storage_key, content } = placesOf(table, [
    'digest',
    'size',
    'storage_key',
    'content',
  ])
  for await (const rows of readTable(archive, id, table)) {
    yield rows
      .filter((row) => row[content ?? -1] === null)
      .map((row) => ({
        digest: row[digest ?? -1] as Digest,
        size: Number(row[size ?? -1]),
        storageKey: (row[storage_key ?? -1] ?? undefined) as string | undefined,
      }))
  }
}
