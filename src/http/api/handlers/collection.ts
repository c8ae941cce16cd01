// /api/v1/collection, for administrators.
import { collect } from '../../../collection/collect.ts'
import { previewCollection } from '../../../collection/preview.ts'
import type { LastRun } from '../../../collection/last-run.ts'
import { collectionStatus, listWaiting, type WaitingThing } from '../../../collection/status.ts'
import { undoCollection } from '../../../collection/undo.ts'
import type { OperationOf } from '../../../contract/operations.ts'
import { appendAudit } from '../../../metadata/audit.ts'
import type { Sum } from '../../../metadata/collection-totals.ts'
import { findLease } from '../../../metadata/leases.ts'
import { given } from '../given.ts'
import {
  installationAdmin,
  type ApiDeps,
  type CollectionAccess,
  type Handlers,
} from '../handler.ts'
import { iso, times } from '../moment.ts'
import { ProblemError } from '../problem-error.ts'

/** Clients and proxies give up when nothing comes for a minute. */
const longestMs = 20_000

const subject = 'collection'

export const collectionHandlers: Handlers<OperationOf<'collection'>> = {
  'collection.status': {
    needs: installationAdmin,
    async run({ deps, input: { limit } }) {
      const { keep } = accessOf(deps)
      const { last, waiting, reclaimable, trash, ...state } = await collectionStatus(
        deps.metadata,
        keep,
      )
      const { things, more } = await listWaiting(deps.metadata, keep, limit)
      const seconds = (ms: number) => (Number.isFinite(ms) ? Math.round(ms / 1000) : null)
      return {
        keep: {
          untagged: seconds(keep.untaggedMs),
          unreferenced: seconds(keep.unreferencedMs),
          trash: seconds(keep.trashMs),
          deleted: seconds(keep.deletedMs),
        },
        ...state,
        ...given({ last: last && lastOf(last) }),
        reclaimable: sumOf(reclaimable),
        trash: sumOf(trash),
        waiting: waiting.map(({ kind, count, next }) => ({ kind, count, ...times({ next }) })),
        things: things.map(thingOf),
        more,
      }
    },
  },
  'collection.run': {
    needs: installationAdmin,
    async run({ deps, actor, input: { dryRun } }) {
      const { metadata } = deps
      const { blobs, keep } = accessOf(deps)
      if (dryRun) {
        const preview = await previewCollection(metadata, keep)
        return { ...preview, busy: false, errors: 0, errorMessages: [] }
      }
      const report = await collect({ metadata, blobs }, { ...keep, forMs: longestMs })
      const { manifests, blobs: trashed, bytes } = report
      if (!report.busy) {
        const detail = { manifests, blobs: trashed, bytes }
        await metadata.write(async (tx) =>
          appendAudit(tx, { event: 'collection.run', actor, subject, detail }),
        )
      }
      const heldByBackup = (await findLease(metadata, 'backup')) !== undefined
      return { ...doneOf(report), busy: report.busy, heldByBackup }
    },
  },
  'collection.undo': {
    needs: installationAdmin,
    async run({ deps: { metadata }, actor }) {
      const done = await undoCollection(metadata, { event: 'collection.undone', actor, subject })
      return done
    },
  },
}

function accessOf({ collection }: ApiDeps): CollectionAccess {
  if (collection !== undefined) return collection
  throw new ProblemError('not-served', 'Nothing is collected here.')
}

function sumOf({ count, bytes }: Sum) {
  return { blobs: count, bytes }
}

function doneOf(report: Omit<LastRun, 'totalBytes'>) {
  const { repositories, manifests, purgedManifests, blobs, purgedBlobs, bytes, complete } = report
  const { errors, errorMessages } = report
  const counts = { repositories, manifests, purgedManifests, blobs, purgedBlobs, bytes }
  return { ...counts, complete, errors, errorMessages }
}

function lastOf(last: LastRun) {
  return { startedAt: iso(last.startedAt), endedAt: iso(last.endedAt), ...doneOf(last) }
}

function thingOf({ kind, tags, bytes, reason, due, repository, digest, deletedBy }: WaitingThing) {
  const named = given({ repository, digest, deletedBy })
  return { kind, tags, bytes, reason, ...named, ...times({ due }) }
}
