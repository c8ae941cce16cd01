// Blobs whose review is due: links that no manifest of their repository needs go, and a blob without links goes to the
// trash. Its bytes stay where they are until the trash is purged.
import type { Digest } from '../oci/digest.ts'
import { trashBlob } from '../metadata/blob-trash.ts'
import { unlinkBlob } from '../metadata/blobs.ts'
import {
  findBlobNeed,
  listDueBlobs,
  listUnusedLinks,
  type DueBlob,
} from '../metadata/collection.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { limitOf, reviewDelayMs, reviewDueIn, setBlobReview } from '../metadata/reviews.ts'
import { runStage, type Counts, type Run } from './run.ts'

const hourMs = 60 * 60 * 1000
const linksAtOnce = 500

export async function reviewBlobs(run: Run): Promise<boolean> {
  const { deps, delays, now } = run
  const { unreferencedMs } = delays
  if (!Number.isFinite(unreferencedMs)) return false
  const limitAt = limitOf(now, unreferencedMs, reviewDelayMs)
  return runStage<DueBlob>(run, {
    fetch: async (limit) => listDueBlobs(deps.metadata, { limitAt, limit }),
    keyOf: ({ digest }) => digest,
    work: async (tx, item) => reviewBlob(tx, item, { limitAt, now, unreferencedMs }),
    putOff: async (tx, { digest, reviewAfter: seen }) =>
      setBlobReview(tx, { digest, seen, reviewAfter: reviewDueIn(now, hourMs, unreferencedMs) }),
  })
}

interface Limits {
  readonly limitAt: number
  readonly now: number
  readonly unreferencedMs: number
}

async function reviewBlob(
  tx: Transaction,
  { digest, reviewAfter: seen }: DueBlob,
  { limitAt, now, unreferencedMs }: Limits,
): Promise<Partial<Counts>> {
  const before = await findBlobNeed(tx, digest)
  if (before?.reviewAfter === undefined || before.reviewAfter > limitAt) return {}
  const { links, youngest } = await unlinkUnused(tx, digest, now - unreferencedMs)
  const after = await findBlobNeed(tx, digest)
  if (after?.linkedIn === undefined && after?.binOf === undefined) {
    await trashBlob(tx, { digest, links, now })
    return { blobs: 1 }
  }
  const reviewAfter = youngest === undefined ? undefined : youngest + reviewDelayMs
  await setBlobReview(tx, { digest, seen, reviewAfter })
  return {}
}

/** Returns the repositories that lost it, and when the oldest of the links was made that are too young to go. */
async function unlinkUnused(
  tx: Transaction,
  digest: Digest,
  madeBefore: number,
): Promise<{ readonly links: readonly number[]; readonly youngest: number | undefined }> {
  const links: number[] = []
  for (;;) {
    const unused = await listUnusedLinks(tx, digest, linksAtOnce)
    const old = unused.filter(({ linkedAt }) => linkedAt <= madeBefore)
    for (const { repositoryId } of old) {
      await unlinkBlob(tx, repositoryId, digest)
      links.push(repositoryId)
    }
    if (old.length > 0 && unused.length === linksAtOnce) continue
    const young = unused.filter(({ linkedAt }) => linkedAt > madeBefore)
    const times = young.map(({ linkedAt }) => linkedAt)
    return { links, youngest: times.length === 0 ? undefined : Math.min(...times) }
  }
}
