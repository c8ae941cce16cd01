// What has been in the recycle bin for long enough goes for good, and what it held is looked at soon after.
import { listDueInBin, type BinDue } from '../metadata/bin-lists.ts'
import { purgeDeletedManifest } from '../metadata/deleted-manifests.ts'
import { collectedBinMs, deletedBinMs, limitOf, reviewDueIn } from '../metadata/reviews.ts'
import { runStage, type Run } from './run.ts'

const hourMs = 60 * 60 * 1000

/**
 * When to look at what a purge has left behind: at once, but for the hour within which a client may count on what it
 * was just told is there.
 */
export function reviewAfterPurge({ delays, now }: Run): {
  readonly blobs: number
  readonly manifests: number
} {
  const { unreferencedMs, untaggedMs } = delays
  return {
    blobs: reviewDueIn(now, Math.min(hourMs, unreferencedMs), unreferencedMs),
    manifests: reviewDueIn(now, Math.min(hourMs, untaggedMs), untaggedMs),
  }
}

export async function purgeBin(run: Run): Promise<boolean> {
  const { deletedMs, trashMs } = run.delays
  const collected = await purgeFor(run, 'collected', {
    afterMs: trashMs,
    writtenMs: collectedBinMs,
  })
  const deleted = await purgeFor(run, 'deleted', { afterMs: deletedMs, writtenMs: deletedBinMs })
  return collected || deleted
}

async function purgeFor(
  run: Run,
  reason: 'deleted' | 'collected',
  { afterMs, writtenMs }: { readonly afterMs: number; readonly writtenMs: number },
): Promise<boolean> {
  if (!Number.isFinite(afterMs)) return false
  const limitAt = limitOf(run.now, afterMs, writtenMs)
  const review = { limitAt, ...reviewAfterPurge(run) }
  return runStage<BinDue>(run, {
    fetch: async (limit) => listDueInBin(run.deps.metadata, { reason, limitAt, limit }),
    keyOf: ({ repositoryId, digest }) => `${repositoryId}@${digest}`,
    work: async (tx, item) =>
      (await purgeDeletedManifest(tx, item, review)) ? { purgedManifests: 1 } : {},
  })
}
