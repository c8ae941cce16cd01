// Whoever is told that something is there counts on it for a while: a client that asks for a blob skips its upload. When
// its review is near, it is put off. Far from a review, which is almost always, nothing is written.
import type { Digest } from '../oci/digest.ts'
import { putOffBlob, putOffManifest } from '../metadata/collection.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { limitOf, reviewDelayMs, reviewDueIn } from '../metadata/reviews.ts'

/** How long at least what a client was told is there stays, unless things stay for less anyway. */
const leaseMs = 60 * 60 * 1000

export interface UseLeases {
  /** Whether it is still there: a collection may have been faster. */
  blob(digest: Digest, reviewAfter: number | null | undefined): Promise<boolean>
  manifest(
    repositoryId: number,
    digest: Digest,
    reviewAfter: number | null | undefined,
  ): Promise<boolean>
}

export interface UseDelays {
  readonly untaggedMs: number
  readonly unreferencedMs: number
}

export function createUseLeases(
  metadata: MetadataStore,
  { untaggedMs, unreferencedMs }: UseDelays,
): UseLeases {
  return {
    async blob(digest, reviewAfter) {
      const times = timesOf(reviewAfter, unreferencedMs)
      if (times === undefined) return true
      // Put off by another one meanwhile, or gone: whoever asked looks again.
      return isDone(metadata.write(async (tx) => putOffBlob(tx, { digest, ...times }), weak))
    },
    async manifest(repositoryId, digest, reviewAfter) {
      const times = timesOf(reviewAfter, untaggedMs)
      if (times === undefined) return true
      const lease = { repositoryId, digest, ...times }
      return isDone(metadata.write(async (tx) => putOffManifest(tx, lease), weak))
    },
  }
}

/** After a power loss the client begins anew as well. */
const weak = { durable: false }

/** Undefined: the review is far. */
function timesOf(
  reviewAfter: number | null | undefined,
  delayMs: number,
): { readonly before: number; readonly reviewAfter: number } | undefined {
  if (reviewAfter === null || reviewAfter === undefined || !Number.isFinite(delayMs)) {
    return undefined
  }
  const now = Date.now()
  const lengthMs = Math.min(leaseMs, delayMs)
  const before = limitOf(now, delayMs, reviewDelayMs) + lengthMs
  if (reviewAfter >= before) return undefined
  return { before, reviewAfter: reviewDueIn(now, lengthMs, delayMs) }
}

/** A full disk must not keep anybody from reading: then nothing is collected either, or the push is repeated. */
async function isDone(lease: Promise<boolean>): Promise<boolean> {
  return lease.catch(() => true)
}
