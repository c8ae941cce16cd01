// Manifests whose review is due: needed, or to the recycle bin with all that they hang together with.
import type { Digest } from '../oci/digest.ts'
import { listDueManifests, type DueManifest } from '../metadata/collection.ts'
import { isRepositoryLive } from '../metadata/deleted-repositories.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { limitOf, reviewDelayMs, reviewDueIn, setManifestReview } from '../metadata/reviews.ts'
import { moveToBin } from '../registry/recycle-bin.ts'
import { judgeManifest } from './judge-manifest.ts'
import { runStage, type Counts, type Run } from './run.ts'

const hourMs = 60 * 60 * 1000

export async function reviewManifests(run: Run): Promise<boolean> {
  const { deps, delays, now } = run
  const { untaggedMs } = delays
  if (!Number.isFinite(untaggedMs)) return false
  const limitAt = limitOf(now, untaggedMs, reviewDelayMs)
  return runStage<DueManifest>(run, {
    fetch: async (limit) => listDueManifests(deps.metadata, { limitAt, limit }),
    keyOf: ({ repositoryId, digest }) => `${repositoryId}@${digest}`,
    work: async (tx, item) => reviewManifest(tx, item, { limitAt, now, untaggedMs }),
    putOff: async (tx, { repositoryId, digest, reviewAfter: seen }) =>
      setManifestReview(tx, repositoryId, {
        digest,
        seen,
        reviewAfter: reviewDueIn(now, hourMs, untaggedMs),
      }),
  })
}

async function reviewManifest(
  tx: Transaction,
  { repositoryId, digest, reviewAfter: seen }: DueManifest,
  { limitAt, now, untaggedMs }: { limitAt: number; now: number; untaggedMs: number },
): Promise<Partial<Counts>> {
  const setReview = async (reviewAfter: number | undefined) =>
    setManifestReview(tx, repositoryId, { digest, seen, reviewAfter })
  if (!(await isRepositoryLive(tx, repositoryId))) {
    // Everything in a deleted repository stays as it is, and is looked at when that may be back.
    await setReview(reviewDueIn(now, untaggedMs + 1, untaggedMs))
    return {}
  }
  const verdict = await judgeManifest(tx, { repositoryId, digest, limitAt, runAt: now })
  if (verdict.kind === 'absent') return {}
  // What was touched itself is looked at again by itself; of all else something else will remind.
  if (verdict.kind === 'needed') {
    const isTouched = verdict.reason.kind === 'touched' && verdict.reason.on === digest
    if (!isTouched) await setReview(undefined)
    return {}
  }
  const moved = await collectManifests(tx, { repositoryId, digests: verdict.all, at: now })
  return { manifests: moved }
}

async function collectManifests(
  tx: Transaction,
  taken: {
    readonly repositoryId: number
    readonly digests: readonly Digest[]
    readonly at: number
  },
): Promise<number> {
  return (await moveToBin(tx, { ...taken, reason: 'collected', by: undefined })).length
}
