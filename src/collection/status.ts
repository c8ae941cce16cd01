// What collection is going to give back, what it waits for, and why each thing is kept until then. For people; nothing
// is changed.
import { countTrash, listTrash } from '../metadata/blob-trash.ts'
import { listBin } from '../metadata/bin-lists.ts'
import {
  bytesOfManifest,
  countWaiting,
  nameOfRepository,
  sumOfUnneededBlobs,
  type Sum,
  type Waiting,
} from '../metadata/collection-totals.ts'
import { listDueBlobs, listDueManifests } from '../metadata/collection.ts'
import { isRepositoryLive, listDeletedRepositories } from '../metadata/deleted-repositories.ts'
import { findLease } from '../metadata/leases.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import {
  collectedBinMs,
  deletedBinMs,
  reviewDelayMs,
  trashMs as trashWrittenMs,
} from '../metadata/reviews.ts'
import type { Digest } from '../oci/digest.ts'
import { judgeManifest } from './judge-manifest.ts'
import { findLastRun, type LastRun } from './last-run.ts'
import { isUnneeded } from './preview.ts'
import type { CollectionDelays } from './run.ts'

export interface CollectionStatus {
  readonly last: LastRun | undefined
  /** Somebody collects at this moment. */
  readonly running: boolean
  /** A backup is being made, until whose end nothing is purged. */
  readonly heldByBackup: boolean
  /** What comes back when nothing is restored or used until then; the trash is in it. */
  readonly reclaimable: Sum
  readonly trash: Sum
  readonly waiting: readonly WaitingKind[]
}

export interface WaitingKind {
  readonly kind:
    | 'deleted-repositories'
    | 'deleted-manifests'
    | 'collected-manifests'
    | 'trashed-blobs'
    | 'manifest-reviews'
    | 'blob-reviews'
  readonly count: number
  /** When the first of them is due; undefined: never, or there is none. */
  readonly next: number | undefined
}

export async function collectionStatus(
  reader: Reader,
  delays: CollectionDelays,
): Promise<CollectionStatus> {
  const { untaggedMs, unreferencedMs, trashMs, deletedMs } = delays
  const trash = await countTrash(reader)
  const unneeded = await sumOfUnneededBlobs(reader)
  const counts = await countWaiting(reader)
  const kind = (name: WaitingKind['kind'], { count, next }: Waiting, moreMs: number) => ({
    kind: name,
    count,
    next: dueAt(next, moreMs),
  })
  return {
    last: await findLastRun(reader),
    running: (await findLease(reader, 'collection')) !== undefined,
    heldByBackup: (await findLease(reader, 'backup')) !== undefined,
    reclaimable: { count: trash.count + unneeded.count, bytes: trash.bytes + unneeded.bytes },
    trash: { count: trash.count, bytes: trash.bytes },
    waiting: [
      kind('deleted-repositories', counts.deletedRepositories, deletedMs),
      kind('deleted-manifests', counts.deletedManifests, deletedMs - deletedBinMs),
      kind('collected-manifests', counts.collectedManifests, trashMs - collectedBinMs),
      kind(
        'trashed-blobs',
        { count: trash.count, next: trash.nextPurge },
        trashMs - trashWrittenMs,
      ),
      kind('manifest-reviews', counts.manifestReviews, untaggedMs - reviewDelayMs),
      kind('blob-reviews', counts.blobReviews, unreferencedMs - reviewDelayMs),
    ],
  }
}

function dueAt(written: number | undefined, moreMs: number): number | undefined {
  return written === undefined || !Number.isFinite(moreMs) ? undefined : written + moreMs
}

export interface WaitingThing {
  readonly kind: 'repository' | 'image' | 'blob'
  /** The repository; of a blob there is none. */
  readonly repository: string | undefined
  readonly digest: Digest | undefined
  readonly tags: readonly string[]
  readonly bytes: number
  readonly reason: 'deleted' | 'collected' | 'untagged' | 'unreferenced' | 'in the trash'
  readonly deletedBy: string | undefined
  /** When its next step is due: out of the bin or the trash for good, or into it. Undefined: never. */
  readonly due: number | undefined
}

/** What is kept for a while and why: at most `limit` of each kind; `more`: that was not all. */
export async function listWaiting(
  reader: Reader,
  delays: CollectionDelays,
  limit: number,
): Promise<{ readonly things: readonly WaitingThing[]; readonly more: boolean }> {
  const things: WaitingThing[] = []
  let more = false
  for (const list of [deletedRepositories, inBin, untagged, unreferenced, inTrash]) {
    const some = await list(reader, delays, limit + 1)
    things.push(...some.slice(0, limit))
    more ||= some.length > limit
  }
  return { things, more }
}

const nothing = {
  repository: undefined,
  digest: undefined,
  tags: [],
  deletedBy: undefined,
} as const

async function deletedRepositories(
  reader: Reader,
  { deletedMs }: CollectionDelays,
  limit: number,
): Promise<readonly WaitingThing[]> {
  const rows = await listDeletedRepositories(reader, { after: 0, limit })
  return rows.map(({ name, bytes, deletedAt, deletedBy }) => ({
    ...nothing,
    kind: 'repository',
    repository: name,
    bytes,
    reason: 'deleted',
    deletedBy,
    due: dueAt(deletedAt, deletedMs),
  }))
}

async function inBin(
  reader: Reader,
  { deletedMs, trashMs }: CollectionDelays,
  limit: number,
): Promise<readonly WaitingThing[]> {
  const rows = await listBin(reader, { limit })
  return rows.map(({ repository, digest, tags, size, reason, deletedBy, purgeAfter }) => ({
    kind: 'image',
    repository,
    digest,
    tags,
    bytes: size,
    reason,
    deletedBy,
    due: dueAt(
      purgeAfter,
      reason === 'deleted' ? deletedMs - deletedBinMs : trashMs - collectedBinMs,
    ),
  }))
}

async function untagged(
  reader: Reader,
  { untaggedMs }: CollectionDelays,
  limit: number,
): Promise<readonly WaitingThing[]> {
  const things: WaitingThing[] = []
  const limitAt = Number.MAX_SAFE_INTEGER
  for (const row of await listDueManifests(reader, { limitAt, limit })) {
    const { repositoryId, digest, reviewAfter } = row
    if (!(await isRepositoryLive(reader, repositoryId))) continue
    // That it was touched lately is what it waits for.
    const verdict = await judgeManifest(reader, { repositoryId, digest, limitAt, runAt: -1 })
    if (verdict.kind !== 'unneeded') continue
    things.push({
      ...nothing,
      kind: 'image',
      repository: await nameOfRepository(reader, repositoryId),
      digest,
      bytes: await bytesOfManifest(reader, repositoryId, digest),
      reason: 'untagged',
      due: dueAt(reviewAfter, untaggedMs - reviewDelayMs),
    })
  }
  return things
}

async function unreferenced(
  reader: Reader,
  { unreferencedMs }: CollectionDelays,
  limit: number,
): Promise<readonly WaitingThing[]> {
  const things: WaitingThing[] = []
  const limitAt = Number.MAX_SAFE_INTEGER
  for (const blob of await listDueBlobs(reader, { limitAt, limit })) {
    if (!(await isUnneeded(reader, blob, limitAt))) continue
    things.push({
      ...nothing,
      kind: 'blob',
      digest: blob.digest,
      bytes: blob.size,
      reason: 'unreferenced',
      due: dueAt(blob.reviewAfter, unreferencedMs - reviewDelayMs),
    })
  }
  return things
}

async function inTrash(
  reader: Reader,
  { trashMs }: CollectionDelays,
  limit: number,
): Promise<readonly WaitingThing[]> {
  const rows = await listTrash(reader, { after: 0, limit })
  return rows.map(({ digest, size, purgeAfter }) => ({
    ...nothing,
    kind: 'blob',
    digest,
    bytes: size,
    reason: 'in the trash',
    due: dueAt(purgeAfter, trashMs - trashWrittenMs),
  }))
}
