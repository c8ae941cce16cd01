// An installation whose database can be lost: what it holds is told as plain values, before and after.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { openSqlite } from '../../metadata/dialects/sqlite.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { ensureSetting } from '../../metadata/settings.ts'
import { createUploadTickets } from '../../registry/upload-ticket.ts'
import type { TestRegistry } from '../../registry/test-support/registry.ts'
import { createBlobStore, type BlobStore } from '../../storage/blob-store.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import { createMemoryDriver } from '../../storage/drivers/memory/memory-driver.ts'
import { readJournal, type ReadableJournal } from '../read-journal.ts'
import { rebuild, type Rebuilt } from '../rebuild.ts'
import { Findings, type Finding } from '../report.ts'

export interface World extends TestRegistry {
  readonly file: string
}

export interface WorldOptions {
  readonly wrap?: (driver: StorageDriver) => StorageDriver
  readonly driver?: StorageDriver
  readonly installation?: string
}

/** With an id and no repositories. */
export async function aWorld(t: TestContext, options: WorldOptions = {}): Promise<World> {
  const { wrap = (driver) => driver, installation = 'installation-one' } = options
  const metadata = await aDatabase(t)
  await metadata.store.write(async (tx) => ensureSetting(tx, 'installation-id', installation))
  const driver = wrap(options.driver ?? createMemoryDriver())
  return {
    file: metadata.file,
    metadata: metadata.store,
    driver,
    blobs: createBlobStore(driver),
    tickets: createUploadTickets(Buffer.alloc(32, 7), 60_000),
    here: 0,
    there: 0,
  }
}

async function aDatabase(
  t: TestContext,
): Promise<{ readonly file: string; readonly store: MetadataStore }> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-journal-'))
  const file = join(folder, 'carrel.db')
  const store = await openSqlite({ file, migrate: true })
  t.after(async () => {
    await store[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  return { file, store }
}

export interface RebuiltWorld {
  readonly metadata: MetadataStore
  readonly file: string
  readonly journal: ReadableJournal
  readonly rebuilt: Rebuilt
  readonly findings: readonly Finding[]
}

/** A new database from this storage. */
export async function rebuildFrom(
  t: TestContext,
  blobs: BlobStore,
  { deep = false }: { readonly deep?: boolean } = {},
): Promise<RebuiltWorld> {
  const { file, store: metadata } = await aDatabase(t)
  const findings = new Findings()
  const onProgress = () => undefined
  const journal = await readJournal(blobs, findings, onProgress)
  const rebuilt = await rebuild({ metadata, blobs, journal, deep, findings, onProgress })
  return { metadata, file, journal, rebuilt, findings: findings.all }
}

/** All that the journal promises to bring back. */
const promised: Readonly<Record<string, string>> = {
  settings: "select value from settings where key = 'installation-id'",
  repositories: `select id, name, visibility, description, created_at, created_by, deleted_at, deleted_by,
    deleted_name from repositories where deleted_at is null or deleted_at > 0 order by id`,
  manifests: `select repository_id, digest, media_type, size, hex(content) as content, subject, artifact_type,
    annotations, pushed_at, pushed_by, provenance from manifests where repository_id in (select id from
    repositories where deleted_at is null or deleted_at > 0) order by repository_id, digest`,
  needs: 'select * from manifest_blobs order by repository_id, manifest, blob',
  children: 'select * from manifest_children order by repository_id, manifest, child',
  tags: 'select * from tags order by repository_id, name',
  history: 'select * from tag_changes order by id',
  bin: `select repository_id, digest, media_type, size, hex(content) as content, subject, artifact_type, annotations,
    provenance, pushed_at, pushed_by, tags, deleted_at, deleted_by, reason, purge_after
    from deleted_manifests order by repository_id, digest`,
  binContents: `select d.repository_id, d.digest, c.digest as holds from deleted_manifest_contents c
    join deleted_manifests d on d.id = c.deleted_id order by 1, 2, 3`,
  blobs: `select distinct b.digest, b.size, hex(b.content) as content, b.storage_key, b.damaged_at from blobs b where
    digest in (select blob from manifest_blobs) or digest in (select digest from deleted_manifest_contents)
    order by b.digest`,
}

export function tellAll(file: string): Readonly<Record<string, readonly unknown[]>> {
  const db = new DatabaseSync(file)
  try {
    const told: Record<string, readonly unknown[]> = {}
    for (const [name, sql] of Object.entries(promised)) {
      told[name] = db
        .prepare(sql)
        .all()
        .map((row) => ({ ...row }))
    }
    return told
  } finally {
    db.close()
  }
}
