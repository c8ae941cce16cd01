// A snapshot becomes an installation again: blobs, each hashed; the schema as it was then, and the rows; the steps since;
// the files; and last, everything is checked as fsck does. The database gets its name, or its transaction, at the end:
// a restore that was cut short has made no installation.
import { markLost } from '../metadata/import.ts'
import { requestJournalBase } from '../metadata/journal-state.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { StorageDriver } from '../storage/driver.ts'
import type { Archive } from './archive.ts'
import { BackupError } from './backup-error.ts'
import type { Progress } from './create.ts'
import { restoreFiles } from './data-files.ts'
import { restoreBlobs, type LostBlob, type RestoredBlobs } from './restored-blobs.ts'
import type { Digest } from '../oci/digest.ts'
import { loadRows, type LoadedRows } from './restored-rows.ts'
import type { Snapshot } from './snapshot.ts'

export interface RestoreDeps {
  readonly archive: Archive
  readonly storage: Pick<StorageDriver, 'write'>
  readonly dataDir: string
  /** The empty database, its schema brought up to this step; without one, up to date. */
  readonly openDatabase: (step?: string) => Promise<MetadataStore>
  /** Steps that this version knows. */
  readonly knownSteps: readonly string[]
  readonly nameOfFile: (path: string) => string | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export interface Restored {
  readonly blobs: number
  readonly bytes: number
  readonly rows: number
  readonly files: number
  readonly lost: readonly LostBlob[]
  /** Counted as damaged already when the snapshot was made. */
  readonly damagedBefore: readonly Digest[]
}

/** @throws {BackupError} invalid, for a snapshot of a newer version @throws {DamagedObjectError} of tables and files */
export async function restoreSnapshot(deps: RestoreDeps, snapshot: Snapshot): Promise<Restored> {
  requireKnown(deps.knownSteps, snapshot)
  const blobs = await blobStep(deps, snapshot)
  const { rows, absent, damagedBefore } = await rowStep(deps, snapshot, blobs)
  const lost = [...blobs.lost, ...absent.map((digest) => ({ digest, why: neverCopied }))]
  await forwardStep(deps, lost)
  const { archive, dataDir, nameOfFile } = deps
  const files = await restoreFiles(archive, snapshot, dataDir, nameOfFile)
  return { blobs: blobs.count, bytes: blobs.bytes, rows, files, lost, damagedBefore }
}

const neverCopied = 'It could not be copied when the snapshot was made.'

function requireKnown(known: readonly string[], { schema, carrel }: Snapshot): void {
  const unknown = schema.find((step) => !known.includes(step))
  if (unknown === undefined) return
  throw new BackupError('invalid', `this snapshot was made by Carrel ${carrel}, a newer version`, {
    why: `its database has the schema step ${unknown}, which this version does not know`,
    fix: `restore it with Carrel ${carrel} or a newer one`,
  })
}

async function blobStep(deps: RestoreDeps, snapshot: Snapshot): Promise<RestoredBlobs> {
  const { archive, storage, signal, onProgress } = deps
  let done = 0
  const onBytes = (count: number): void => {
    done += count
    const total = Math.max(snapshot.counts.bytes, done)
    onProgress?.({ phase: 'blobs', done, total, unit: 'bytes' })
  }
  return restoreBlobs({ archive, storage, signal, onBytes }, snapshot)
}

async function rowStep(
  deps: RestoreDeps,
  snapshot: Snapshot,
  blobs: RestoredBlobs,
): Promise<LoadedRows> {
  await using metadata = await deps.openDatabase(snapshot.schema.at(-1))
  const { archive, signal, onProgress } = deps
  const loading = { archive, snapshot, blobs, signal, onProgress }
  if (metadata.dialect === 'postgres') {
    // One transaction: nobody ever sees half of it. Nobody else writes here, so nobody waits.
    return await metadata.write(async (tx) => loadRows(loading, async (work) => work(tx)))
  }
  let batches = 0
  // The file has another name until all is there.
  const rows = await loadRows(loading, async (work) => {
    await metadata.write(work, { durable: false })
    batches += 1
    if (batches % batchesPerCheckpoint === 0) await metadata.maintain()
  })
  await metadata.write(async () => undefined)
  await metadata.maintain()
  return rows
}

const batchesPerCheckpoint = 20

/** The steps since the snapshot; then what the backup could not give counts as damaged. */
async function forwardStep(
  { openDatabase }: RestoreDeps,
  lost: readonly LostBlob[],
): Promise<void> {
  await using metadata = await openDatabase()
  await metadata.write(async (tx) => {
    await markLost(
      tx,
      lost.map(({ digest }) => digest),
    )
    // The journal lies in the storage, and this one is new.
    await requestJournalBase(tx)
  })
}
