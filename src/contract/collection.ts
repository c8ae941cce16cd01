// Collection of what nothing needs any more: what it will give back, a run of it now, and taking it back.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

const count = z.int().min(0)
const bytes = z.int().min(0)

const sum = z.object({ blobs: count, bytes })

/** Also what a last run has done. */
const counts = {
  repositories: count.describe('Deleted repositories that went for good'),
  manifests: count.describe('Images without a tag that went to the recycle bin'),
  purgedManifests: count.describe('Images that left the recycle bin for good'),
  blobs: count.describe('Blobs that went to the trash'),
  purgedBlobs: count.describe('Blobs that left the trash for good'),
  bytes: bytes.describe('Of those: what came back'),
  complete: z.boolean().describe('False: there is more to do than was done or looked at'),
}

const failed = {
  errors: count.describe('What could not be done, and was kept'),
  errorMessages: z.array(f.text(2000)).describe('The first of them'),
}

const delay = z.int().min(0).nullable().describe('In seconds; null: for ever')

const waiting = z.object({
  kind: z.enum([
    'deleted-repositories',
    'deleted-manifests',
    'collected-manifests',
    'trashed-blobs',
    'manifest-reviews',
    'blob-reviews',
  ]),
  count,
  next: f.time.optional().describe('When the first of them is due'),
})

const thing = z
  .object({
    kind: z.enum(['repository', 'image', 'blob']),
    repository: f.text(300).optional(),
    digest: f.text(200).optional(),
    tags: z.array(f.tagName).describe('That pointed to it'),
    bytes: bytes.describe('Of an image in the recycle bin without its blobs'),
    reason: z
      .enum(['deleted', 'collected', 'untagged', 'unreferenced', 'in the trash'])
      .describe(
        'deleted: somebody did it, and it can be restored; collected: nothing needed it, and it can be restored; ' +
          'untagged: no tag leads to it; unreferenced: no image needs it; in the trash: its bytes are still there',
      ),
    deletedBy: f.principalName.optional(),
    due: f.time.optional().describe('When its next step is due; absent: it stays'),
  })
  .meta({ id: 'WaitingThing' })

const status = z
  .object({
    keep: z.object({ untagged: delay, unreferenced: delay, trash: delay, deleted: delay }),
    running: z.boolean(),
    heldByBackup: z.boolean().describe('A backup is being made; nothing goes for good meanwhile'),
    last: z
      .object({ startedAt: f.time, endedAt: f.time, ...counts, ...failed })
      .optional()
      .describe('The last run'),
    reclaimable: sum.describe('What comes back when nothing is restored until then'),
    trash: sum.describe('Of that, what is in the trash already'),
    waiting: z.array(waiting),
    things: z.array(thing).describe('What is kept for a while, and why'),
    more: z.boolean().describe('There are more things than were asked for'),
  })
  .meta({ id: 'CollectionStatus' })

export const collection = {
  'collection.status': operation({
    method: 'GET',
    path: '/collection',
    summary: 'Tell what collection will give back, and why the rest is kept',
    input: z.strictObject({
      limit: f.queryNumber(0, 10_000).default(20).describe('The most things of each kind to list'),
    }),
    output: status,
    status: 200,
  }),
  'collection.run': operation({
    method: 'POST',
    path: '/collection/run',
    summary: 'Collect now what is due',
    description:
      'The server does it by itself every minute. What is not due stays. A long run is cut short: ask again while ' +
      '`complete` is false.',
    input: z.strictObject({
      dryRun: z.boolean().default(false).describe('Only tell what would be done; nothing changes'),
    }),
    output: z
      .object({
        ...counts,
        ...failed,
        trashedBytes: bytes.optional().describe('With dryRun: of the blobs that would be trashed'),
        busy: z.boolean().describe('Somebody else collects at this moment; nothing was done'),
        heldByBackup: z.boolean(),
      })
      .meta({ id: 'CollectionRun' }),
    status: 200,
  }),
  'collection.undo': operation({
    method: 'POST',
    path: '/collection/undo',
    summary: 'Bring back what was collected and is still in the trash',
    input: z.strictObject({}),
    output: z
      .object({ blobs: count, bytes, manifests: count, ...failed })
      .meta({ id: 'CollectionUndo' }),
    status: 200,
  }),
}
