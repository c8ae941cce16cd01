// Blobs that collection has taken away and whose bytes are still there: until they are purged they can be put back.
// `purge_after` 0: their object is being deleted, and nothing brings them back any more.
import type { Digest } from '../oci/digest.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import { trashMs } from './reviews.ts'

export interface TrashedBlob {
  readonly id: number
  readonly digest: Digest
  readonly size: number
  readonly storageKey: string | undefined
  /** Its object is being deleted. */
  readonly isGoing: boolean
  /** Ids of the repositories that had it. */
  readonly links: readonly number[]
  readonly purgeAfter: number
}

const copy = query<{ digest: string; links: string; now: number; purgeAfter: number }>()((db, p) =>
  db
    .insertInto('blob_trash')
    .columns(['digest', 'size', 'storage_key', 'content', 'links', 'trashed_at', 'purge_after'])
    .expression((from) =>
      from
        .selectFrom('blobs')
        .select((of) => [
          'digest',
          'size',
          'storage_key',
          'content',
          of.cast<string>(of.val(p.links), 'text').as('links'),
          of.cast<number>(of.val(p.now), 'bigint').as('trashed_at'),
          of.cast<number>(of.val(p.purgeAfter), 'bigint').as('purge_after'),
        ])
        .where('digest', '=', p.digest),
    ),
)
const dropBlob = query<{ digest: string }>()((db, p) =>
  db.deleteFrom('blobs').where('digest', '=', p.digest),
)

/** The caller has made sure that nothing needs the blob, and removed the last of its links. */
export async function trashBlob(
  tx: Transaction,
  blob: { readonly digest: Digest; readonly links: readonly number[]; readonly now: number },
): Promise<void> {
  const { digest, now } = blob
  await tx.run(copy, { digest, links: JSON.stringify(blob.links), now, purgeAfter: now + trashMs })
  await tx.run(dropBlob, { digest })
}

const columns = [
  'id',
  'digest',
  'size',
  'storage_key as storageKey',
  'links',
  'purge_after as purgeAfter',
] as const

interface RawTrash {
  readonly id: number
  readonly digest: string
  readonly size: number
  readonly storageKey: string | null
  readonly links: string
  readonly purgeAfter: number
}

const due = query<{ limitAt: number; limit: number }>()((db, p) =>
  db
    .selectFrom('blob_trash')
    .select(columns)
    .where('purge_after', '<=', p.limitAt)
    .orderBy('purge_after')
    .limit(p.limit),
)

/** What can go for good, and what was going when somebody stopped. */
export async function listDueTrash(
  reader: Reader,
  place: { readonly limitAt: number; readonly limit: number },
): Promise<readonly TrashedBlob[]> {
  return (await reader.all(due, place)).map(rowOf)
}

const after = query<{ after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('blob_trash')
    .select(columns)
    .where('purge_after', '>', 0)
    .where('id', '>', p.after)
    .orderBy('id')
    .limit(p.limit),
)

/** What can be put back, in order of ids, a page at a time. */
export async function listTrash(
  reader: Reader,
  place: { readonly after: number; readonly limit: number },
): Promise<readonly TrashedBlob[]> {
  return (await reader.all(after, place)).map(rowOf)
}

const byDigest = query<{ digest: string }>()((db, p) =>
  db
    .selectFrom('blob_trash')
    .select(columns)
    .where('digest', '=', p.digest)
    .where('purge_after', '>', 0)
    .orderBy('id', 'desc')
    .limit(1),
)

export async function findInTrash(
  reader: Reader,
  digest: Digest,
): Promise<TrashedBlob | undefined> {
  const row = await reader.one(byDigest, { digest })
  return row && rowOf(row)
}

function rowOf({ storageKey, links, digest, ...row }: RawTrash): TrashedBlob {
  return {
    ...row,
    digest: digest as Digest,
    storageKey: storageKey ?? undefined,
    isGoing: row.purgeAfter === 0,
    links: JSON.parse(links) as readonly number[],
  }
}

const mark = query<{ id: number }>()((db, p) =>
  db.updateTable('blob_trash').set({ purge_after: 0 }).where('id', '=', p.id),
)

/** From here on nobody puts it back, so that its object can be deleted. Returns false when it is not there any more. */
export async function markGoing(tx: Transaction, id: number): Promise<boolean> {
  return (await tx.run(mark, { id })) === 1
}

const drop = query<{ id: number }>()((db, p) => db.deleteFrom('blob_trash').where('id', '=', p.id))

export async function dropFromTrash(tx: Transaction, id: number): Promise<void> {
  await tx.run(drop, { id })
}

const putBack = query<{ id: number; now: number; reviewAfter: number }>()((db, p) =>
  db
    .insertInto('blobs')
    .columns([
      'digest',
      'size',
      'storage_key',
      'content',
      'created_at',
      'review_after',
      'verified_at',
    ])
    .expression((from) =>
      from
        .selectFrom('blob_trash')
        .select((of) => [
          'digest',
          'size',
          'storage_key',
          'content',
          of.cast<number>(of.val(p.now), 'bigint').as('created_at'),
          of.cast<number>(of.val(p.reviewAfter), 'bigint').as('review_after'),
          // Scrubbing looks at it first.
          of.cast<number>(of.val(0), 'bigint').as('verified_at'),
        ])
        .where('id', '=', p.id)
        .where('purge_after', '>', 0)
        .where((of) => of.or([of('storage_key', 'is not', null), of('content', 'is not', null)])),
    )
    .onConflict((conflict) => conflict.column('digest').doNothing()),
)

/**
 * Makes it a blob again, without links, due for a review at `reviewAfter`. Returns false when there is one of this
 * digest already, when it was damaged, or when it is going; then the row stays.
 */
export async function putBackBlob(
  tx: Transaction,
  id: number,
  { now, reviewAfter }: { readonly now: number; readonly reviewAfter: number },
): Promise<boolean> {
  if ((await tx.run(putBack, { id, now, reviewAfter })) === 0) return false
  await tx.run(drop, { id })
  return true
}

const blobKey = query<{ digest: string }>()((db, p) =>
  db.selectFrom('blobs').select('storage_key as storageKey').where('digest', '=', p.digest),
)

/** The key of the blob of this digest: null when it has none; undefined when there is no such blob. */
export async function keyOfBlob(
  reader: Reader,
  digest: Digest,
): Promise<string | null | undefined> {
  const row = await reader.one(blobKey, { digest })
  return row && row.storageKey
}

const totals = query<object>()((db) =>
  db
    .selectFrom('blob_trash')
    .select((of) => [
      of.fn.countAll<number>().as('count'),
      of.fn.sum<number | string>('size').as('bytes'),
      of.fn.min('purge_after').as('next'),
    ]),
)

/** `nextPurge`: when the first of them can go, for a collector with the usual delay. */
export async function countTrash(reader: Reader): Promise<{
  readonly count: number
  readonly bytes: number
  readonly nextPurge: number | undefined
}> {
  const row = await reader.one(totals, {})
  return {
    count: Number(row?.count),
    bytes: Number(row?.bytes),
    nextPurge: row?.next ?? undefined,
  }
}

const holder = query<{ digest: string }>()((db, p) =>
  db
    .selectFrom('deleted_manifest_contents')
    .select('repository_id as repositoryId')
    .distinct()
    .where('digest', '=', p.digest)
    .orderBy('repository_id')
    .limit(1000),
)

/** Ids of repositories in whose recycle bin something holds this digest. */
export async function binsHolding(reader: Reader, digest: Digest): Promise<readonly number[]> {
  return (await reader.all(holder, { digest })).map(({ repositoryId }) => repositoryId)
}

/** For the test that none of them reads a whole table. */
export const trashQueries = { copy, dropBlob, due, byDigest, putBack, blobKey, holder } as const
