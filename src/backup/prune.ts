// Takes old snapshots away, then the blobs that none of the others lists. Fails closed: when a single snapshot or list
// cannot be read, nothing is deleted that it might need. The caller holds the lock: no run is under way.
import type { Key } from '../storage/driver.ts'
import type { Archive } from './archive.ts'
import { readBlobList } from './blob-list.ts'
import { blobsFolder, filesFolder, ownerOf, snapshotKey, tablesFolder } from './layout.ts'
import { listSnapshotIds, readSnapshot, type Snapshot } from './snapshot.ts'

export interface Pruned {
  readonly snapshots: number
  readonly blobs: number
  readonly bytes: number
}

const deletesAtOnce = 100
/** What a run that was killed was writing. */
const sweptAfterMs = 24 * 3_600_000

/**
 * Keeps the newest `keep` complete snapshots, and as many incomplete ones: those push no complete one out.
 *
 * @throws {BackupError} @throws {DamagedObjectError} when something cannot be read; then nothing was deleted
 */
export async function prune(archive: Archive, keep: number, signal?: AbortSignal): Promise<Pruned> {
  const { kept, dropped } = await sortOut(archive, keep)
  // First of all: what cannot be read must stop everything.
  const needed = await neededBlobs(archive, kept)
  for (const { id } of dropped) {
    signal?.throwIfAborted()
    await archive.target.delete([snapshotKey(id)])
  }
  const keptIds = new Set(kept.map(({ id }) => id))
  for (const folder of [tablesFolder, filesFolder]) {
    await deleteFrom(archive, folder, (key) => !keptIds.has(ownerOf(key) ?? ''), signal)
  }
  const gone = await deleteFrom(
    archive,
    blobsFolder,
    (key) => !needed.has(shortNameOf(key)),
    signal,
  )
  await archive.target.sweep(new Date(Date.now() - sweptAfterMs))
  return { snapshots: dropped.length, blobs: gone.count, bytes: gone.bytes }
}

async function sortOut(
  archive: Archive,
  keep: number,
): Promise<{ readonly kept: readonly Snapshot[]; readonly dropped: readonly Snapshot[] }> {
  const snapshots: Snapshot[] = []
  for (const id of await listSnapshotIds(archive)) snapshots.push(await readSnapshot(archive, id))
  const most = Math.max(1, keep)
  const left = { complete: most, incomplete: most }
  const kept: Snapshot[] = []
  const dropped: Snapshot[] = []
  for (const snapshot of snapshots.toReversed()) {
    const kind = snapshot.complete ? 'complete' : 'incomplete'
    left[kind] -= 1
    if (left[kind] >= 0) kept.push(snapshot)
    else dropped.push(snapshot)
  }
  return { kept, dropped: dropped.toReversed() }
}

/** Names cut to 32 digits, for the memory: two that begin alike are both kept. */
async function neededBlobs(
  archive: Archive,
  snapshots: readonly Snapshot[],
): Promise<ReadonlySet<string>> {
  const needed = new Set<string>()
  for (const snapshot of snapshots) {
    for await (const page of readBlobList(archive, snapshot)) {
      for (const { digest } of page) needed.add(shortNameOf(archive.blobKey(digest)))
    }
  }
  return needed
}

function shortNameOf(key: Key): string {
  const start = key.lastIndexOf('/') + 1
  return key.slice(start, start + 32)
}

async function deleteFrom(
  { target }: Archive,
  folder: Key,
  isGarbage: (key: Key) => boolean,
  signal?: AbortSignal,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const gone = { count: 0, bytes: 0 }
  let keys: Key[] = []
  const flush = async (): Promise<void> => {
    signal?.throwIfAborted()
    await target.delete(keys)
    keys = []
  }
  for await (const { key, size } of target.list(folder)) {
    if (!isGarbage(key)) continue
    keys.push(key)
    gone.count += 1
    gone.bytes += size
    if (keys.length === deletesAtOnce) await flush()
  }
  await flush()
  return gone
}
