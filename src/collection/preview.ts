// What a run would do now, without doing it. The same questions are asked as in a run; what one step of a run would make
// due for the next one is not in it.
import { listDueInBin } from '../metadata/bin-lists.ts'
import { listDueTrash } from '../metadata/blob-trash.ts'
import { isBlobUsed } from '../metadata/collection-totals.ts'
import {
  findBlobNeed,
  listDueBlobs,
  listDueManifests,
  listUnusedLinks,
  type DueBlob,
} from '../metadata/collection.ts'
import { isRepositoryLive } from '../metadata/deleted-repositories.ts'
import { findLease } from '../metadata/leases.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { listDueRepositories } from '../metadata/purge-repository.ts'
import {
  collectedBinMs,
  deletedBinMs,
  limitOf,
  reviewDelayMs,
  trashMs as trashWrittenMs,
} from '../metadata/reviews.ts'
import { judgeManifest } from './judge-manifest.ts'
import type { CollectionDelays, Counts } from './run.ts'

export interface Preview extends Readonly<Counts> {
  /** Of the blobs that would go to the trash; they come back when the trash is purged. */
  readonly trashedBytes: number
  /** False: there is more than was looked at, so that each number is "at least". */
  readonly complete: boolean
  /** A backup is being made, until whose end nothing is purged. */
  readonly heldByBackup: boolean
}

/** So many of each kind are looked at. */
const mostLookedAt = 20_000

export async function previewCollection(
  reader: Reader,
  delays: CollectionDelays,
  now: number = Date.now(),
): Promise<Preview> {
  const limit = mostLookedAt
  const { untaggedMs, unreferencedMs, trashMs, deletedMs } = delays
  const manifests = await unneededManifests(reader, { untaggedMs, now })
  const blobs = await unneededBlobs(reader, { unreferencedMs, now })
  const listed = async <T>(delayMs: number, list: () => Promise<readonly T[]>) =>
    Number.isFinite(delayMs) ? list() : []
  const repositories = await listed(deletedMs, async () =>
    listDueRepositories(reader, { limitAt: now - deletedMs, limit }),
  )
  const deleted = await listed(deletedMs, async () =>
    listDueInBin(reader, {
      reason: 'deleted',
      limitAt: limitOf(now, deletedMs, deletedBinMs),
      limit,
    }),
  )
  const collected = await listed(trashMs, async () =>
    listDueInBin(reader, {
      reason: 'collected',
      limitAt: limitOf(now, trashMs, collectedBinMs),
      limit,
    }),
  )
  const trash = await listed(trashMs, async () =>
    listDueTrash(reader, { limitAt: limitOf(now, trashMs, trashWrittenMs), limit }),
  )
  const heldByBackup = (await findLease(reader, 'backup')) !== undefined
  const purged = heldByBackup ? [] : trash
  const all = [manifests.looked, blobs.looked, repositories.length, deleted.length, trash.length]
  return {
    repositories: repositories.length,
    manifests: manifests.count,
    purgedManifests: deleted.length + collected.length,
    blobs: blobs.found.length,
    trashedBytes: sumOf(blobs.found),
    purgedBlobs: purged.length,
    bytes: sumOf(purged),
    complete: all.every((count) => count < limit),
    heldByBackup,
  }
}

function sumOf(all: readonly { readonly size: number }[]): number {
  let sum = 0
  for (const { size } of all) sum += size
  return sum
}

async function unneededManifests(
  reader: Reader,
  { untaggedMs, now }: { readonly untaggedMs: number; readonly now: number },
): Promise<{ readonly count: number; readonly looked: number }> {
  if (!Number.isFinite(untaggedMs)) return { count: 0, looked: 0 }
  const limitAt = limitOf(now, untaggedMs, reviewDelayMs)
  const due = await listDueManifests(reader, { limitAt, limit: mostLookedAt })
  const found = new Set<string>()
  for (const { repositoryId, digest } of due) {
    if (found.has(`${repositoryId}@${digest}`)) continue
    if (!(await isRepositoryLive(reader, repositoryId))) continue
    const verdict = await judgeManifest(reader, { repositoryId, digest, limitAt, runAt: now })
    if (verdict.kind !== 'unneeded') continue
    for (const each of verdict.all) found.add(`${repositoryId}@${each}`)
  }
  return { count: found.size, looked: due.length }
}

async function unneededBlobs(
  reader: Reader,
  { unreferencedMs, now }: { readonly unreferencedMs: number; readonly now: number },
): Promise<{ readonly found: readonly DueBlob[]; readonly looked: number }> {
  if (!Number.isFinite(unreferencedMs)) return { found: [], looked: 0 }
  const limitAt = limitOf(now, unreferencedMs, reviewDelayMs)
  const due = await listDueBlobs(reader, { limitAt, limit: mostLookedAt })
  const found: DueBlob[] = []
  for (const blob of due) {
    if (await isUnneeded(reader, blob, now - unreferencedMs)) found.push(blob)
  }
  return { found, looked: due.length }
}

/** Its links may all go, and the recycle bin does not hold it. `madeBefore`: links made later are too young. */
export async function isUnneeded(
  reader: Reader,
  { digest }: Pick<DueBlob, 'digest'>,
  madeBefore: number,
): Promise<boolean> {
  if (await isBlobUsed(reader, digest)) return false
  if ((await findBlobNeed(reader, digest))?.binOf !== undefined) return false
  const links = await listUnusedLinks(reader, digest, 1000)
  return links.every(({ linkedAt }) => linkedAt <= madeBefore)
}
