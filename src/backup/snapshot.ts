// One snapshot: all rows of one moment, the blobs that they need, and the files beside the database.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { ObjectNotFoundError } from '../storage/driver.ts'
import { getSmall, parseJson, type Archive } from './archive.ts'
import { BackupError, DamagedObjectError } from './backup-error.ts'
import { snapshotIdOf, snapshotIdPattern, snapshotKey, snapshotsFolder } from './layout.ts'

const count = z.int().min(0)
const name = z.string().regex(/^[a-z_]{1,60}$/)
const stored = { bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) }

const tableSchema = z.object({
  name,
  columns: z.array(z.object({ name, kind: z.enum(['text', 'integer', 'bytes']) })).min(1),
  rows: count,
  ...stored,
})

/** Below the data folder; nothing that leads out of it, and nothing hidden. */
const relativePath = z.string().regex(/^[A-Za-z0-9_-][\w.-]*(?:\/[A-Za-z0-9_-][\w.-]*)*$/)

const fileSchema = z.object({
  path: relativePath,
  /** Its object is files/<id>.<number>. */
  number: count,
  mode: z.int().min(0).max(0o777),
  ...stored,
})

const snapshotSchema = z.object({
  format: z.literal(1),
  id: z.string().regex(snapshotIdPattern),
  installation: z.string(),
  /** The version of Carrel that made it. */
  carrel: z.string(),
  createdAt: z.string(),
  finishedAt: z.string(),
  dialect: z.enum(['sqlite', 'postgres']),
  /** The steps that the schema had. */
  schema: z.array(z.string()).min(1),
  counts: z.object({
    repositories: count,
    tags: count,
    manifests: count,
    blobs: count,
    /** Of all its blobs. */
    bytes: count,
  }),
  /** In an order in which they can be written again. */
  tables: z.array(tableSchema),
  /** The highest id that each table has given out. */
  counters: z.record(name, count),
  files: z.array(fileSchema),
  /** The list of blobs that lie in the backup. */
  blobList: z.object(stored),
  /** False: blobs are missing; the first of them are named. */
  complete: z.boolean(),
  missing: z.array(z.string()),
  missingCount: count,
})

export type Snapshot = z.infer<typeof snapshotSchema>
export type SnapshotTable = z.infer<typeof tableSchema>
export type SnapshotFile = z.infer<typeof fileSchema>

const largestSnapshot = 16 * 1024 * 1024

export async function writeSnapshot(archive: Archive, snapshot: Snapshot): Promise<void> {
  await archive.put(snapshotKey(snapshot.id), [Buffer.from(textOf(snapshot))])
}

/** @throws {BackupError} not-found; invalid, when this version does not understand it @throws {DamagedObjectError} */
export async function readSnapshot(archive: Archive, id: string): Promise<Snapshot> {
  const key = snapshotKey(id)
  const bytes = await getSmall(archive, key, largestSnapshot).catch((error: unknown) => {
    throw error instanceof ObjectNotFoundError ? noSnapshot(id) : error
  })
  const text = bytes.toString()
  const { snapshot } = (parseJson(text) ?? {}) as { readonly snapshot?: unknown }
  if (snapshot === undefined || textOf(snapshot) !== text) {
    throw new DamagedObjectError(key, 'is damaged, or was changed')
  }
  const parsed = snapshotSchema.safeParse(snapshot)
  if (!parsed.success) {
    throw new BackupError('invalid', `the snapshot ${id} cannot be understood`, {
      why: 'it was written by a newer version of Carrel, or is damaged',
      fix: 'use the version that wrote it, or choose another: carrel backup ls',
    })
  }
  if (parsed.data.id === id) return parsed.data
  throw new DamagedObjectError(key, `says that it is ${parsed.data.id}`)
}

/** With the hash of what is in it, so that a change of any byte is seen. */
function textOf(snapshot: unknown): string {
  const sha256 = createHash('sha256').update(JSON.stringify(snapshot)).digest('hex')
  return `${JSON.stringify({ snapshot, sha256 }, undefined, 1)}\n`
}

function noSnapshot(id: string): BackupError {
  return new BackupError('not-found', `there is no snapshot ${id}`, { fix: 'carrel backup ls' })
}

/** Ids, oldest first. */
export async function listSnapshotIds({ target }: Archive): Promise<readonly string[]> {
  const ids: string[] = []
  for await (const { key } of target.list(snapshotsFolder)) {
    const id = snapshotIdOf(key)
    if (id !== undefined) ids.push(id)
  }
  return ids.toSorted()
}

/** The newest, complete ones before others. @throws {BackupError} not-found, when there is none */
export async function newestSnapshot(archive: Archive): Promise<Snapshot> {
  let newest: Snapshot | undefined
  for (const id of (await listSnapshotIds(archive)).toReversed()) {
    const snapshot = await readSnapshot(archive, id)
    if (snapshot.complete) return snapshot
    newest ??= snapshot
  }
  if (newest !== undefined) return newest
  throw new BackupError('not-found', 'there is no snapshot in this backup', {
    fix: 'make one: carrel backup create',
  })
}
