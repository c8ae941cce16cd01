// What collection is going to give back, for people who ask: sums over what is waiting, never over all that is kept.
import { sql, type Kysely } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { Reader } from './metadata-store.ts'
import { query } from './query.ts'
import type { Schema } from './schema.ts'

const used = query<{ digest: string }>()((db, p) =>
  db
    .selectFrom('repository_blobs as l')
    .select('l.repository_id')
    .where('l.digest', '=', p.digest)
    .where((of) =>
      of.or([
        of.exists(
          of
            .selectFrom('manifest_blobs as u')
            .select('u.manifest')
            .where('u.blob', '=', p.digest)
            .whereRef('u.repository_id', '=', 'l.repository_id'),
        ),
        of.exists(
          of
            .selectFrom('deleted_manifest_contents as c')
            .select('c.deleted_id')
            .where('c.digest', '=', p.digest)
            .whereRef('c.repository_id', '=', 'l.repository_id'),
        ),
      ]),
    )
    .limit(1),
)

/** Whether a manifest, or a deleted one, of a repository that has the blob needs it. */
export async function isBlobUsed(reader: Reader, digest: Digest): Promise<boolean> {
  return (await reader.one(used, { digest })) !== undefined
}

// What waits for a review, what images hold that may go, what the recycle bin holds, and what deleted repositories have;
// of that, what no manifest needs that stays. One that somebody looks at soon stays when it has a tag, when an index
// holds it, or when its subject is there.
const waiting = query<object>()((db) =>
  db
    .with('candidates', (cte) =>
      cte
        .selectFrom('blobs')
        .select('digest')
        .where('review_after', 'is not', null)
        .union(
          cte
            .selectFrom('manifests as m')
            .innerJoin('manifest_blobs as u', (join) =>
              join
                .onRef('u.repository_id', '=', 'm.repository_id')
                .onRef('u.manifest', '=', 'm.digest'),
            )
            .select('u.blob as digest')
            .where('m.review_after', 'is not', null),
        )
        .union(cte.selectFrom('deleted_manifest_contents').select('digest'))
        .union(
          cte
            .selectFrom('repositories as r')
            .innerJoin('repository_blobs as l', 'l.repository_id', 'r.id')
            .select('l.digest')
            .where('r.deleted_at', 'is not', null),
        ),
    )
    .selectFrom('candidates')
    .innerJoin('blobs', 'blobs.digest', 'candidates.digest')
    .select((of) => [
      of.fn.countAll<number>().as('count'),
      of.fn.sum<number | string>('blobs.size').as('bytes'),
    ])
    .where((of) =>
      of.not(of.exists(usersThatStay(db).where('l.digest', '=', sql.ref<string>('blobs.digest')))),
    ),
)

function usersThatStay(db: Kysely<Schema>) {
  return db
    .selectFrom('repository_blobs as l')
    .innerJoin('repositories as r', 'r.id', 'l.repository_id')
    .innerJoin('manifest_blobs as u', (join) =>
      join.onRef('u.repository_id', '=', 'l.repository_id').onRef('u.blob', '=', 'l.digest'),
    )
    .innerJoin('manifests as m', (join) =>
      join.onRef('m.repository_id', '=', 'u.repository_id').onRef('m.digest', '=', 'u.manifest'),
    )
    .select('l.digest')
    .where('r.deleted_at', 'is', null)
    .where((of) =>
      of.or([
        of('m.review_after', 'is', null),
        of.exists(
          of
            .selectFrom('tags')
            .select('tags.name')
            .whereRef('tags.repository_id', '=', 'm.repository_id')
            .whereRef('tags.digest', '=', 'm.digest'),
        ),
        of.exists(
          of
            .selectFrom('manifest_children as i')
            .select('i.manifest')
            .whereRef('i.repository_id', '=', 'm.repository_id')
            .whereRef('i.child', '=', 'm.digest'),
        ),
        of.exists(
          of
            .selectFrom('manifests as s')
            .select('s.digest')
            .whereRef('s.repository_id', '=', 'm.repository_id')
            .whereRef('s.digest', '=', 'm.subject'),
        ),
      ]),
    )
}

export interface Sum {
  readonly count: number
  readonly bytes: number
}

/** Blobs that no manifest needs that stays. */
export async function sumOfUnneededBlobs(reader: Reader): Promise<Sum> {
  const row = await reader.one(waiting, {})
  return { count: Number(row?.count), bytes: Number(row?.bytes) }
}

const bin = query<object>()((db) =>
  db
    .selectFrom('deleted_manifests')
    .select((of) => [
      'reason',
      of.fn.countAll<number>().as('count'),
      of.fn.min('purge_after').as('next'),
    ])
    .groupBy('reason'),
)
const deletedRepositories = query<object>()((db) =>
  db
    .selectFrom('repositories')
    .select((of) => [of.fn.countAll<number>().as('count'), of.fn.min('deleted_at').as('next')])
    .where('deleted_at', '>', 0),
)
const pendingManifests = query<object>()((db) =>
  db
    .selectFrom('manifests')
    .select((of) => [of.fn.countAll<number>().as('count'), of.fn.min('review_after').as('next')])
    .where('review_after', 'is not', null),
)
const pendingBlobs = query<object>()((db) =>
  db
    .selectFrom('blobs')
    .select((of) => [of.fn.countAll<number>().as('count'), of.fn.min('review_after').as('next')])
    .where('review_after', 'is not', null),
)

/** How many, and the time in the row of the one that comes first. */
export interface Waiting {
  readonly count: number
  readonly next: number | undefined
}

export interface WaitingCounts {
  readonly deletedRepositories: Waiting
  readonly deletedManifests: Waiting
  readonly collectedManifests: Waiting
  readonly manifestReviews: Waiting
  readonly blobReviews: Waiting
}

export async function countWaiting(reader: Reader): Promise<WaitingCounts> {
  const inBin = await reader.all(bin, {})
  const ofReason = (reason: string) => inBin.find((row) => row.reason === reason)
  return {
    deletedRepositories: waitingOf(await reader.one(deletedRepositories, {})),
    deletedManifests: waitingOf(ofReason('deleted')),
    collectedManifests: waitingOf(ofReason('collected')),
    manifestReviews: waitingOf(await reader.one(pendingManifests, {})),
    blobReviews: waitingOf(await reader.one(pendingBlobs, {})),
  }
}

function waitingOf(
  row: { readonly count: number | string; readonly next: number | null } | undefined,
): Waiting {
  return { count: Number(row?.count ?? 0), next: row?.next ?? undefined }
}

const repositoryName = query<{ id: number }>()((db, p) =>
  db
    .selectFrom('repositories')
    .select(['name', 'deleted_name as deletedName'])
    .where('id', '=', p.id),
)

/** For people: as it is called, or was. */
export async function nameOfRepository(reader: Reader, id: number): Promise<string> {
  const row = await reader.one(repositoryName, { id })
  return row?.deletedName ?? row?.name ?? `~${id}`
}

const size = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select((of) => [
      'size',
      of
        .selectFrom('manifest_blobs')
        .innerJoin('blobs', 'blobs.digest', 'manifest_blobs.blob')
        .select((b) => b.fn.sum<number | string>('blobs.size').as('value'))
        .where('manifest_blobs.repository_id', '=', p.repositoryId)
        .where('manifest_blobs.manifest', '=', p.digest)
        .as('held'),
    ])
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

/** Bytes of a manifest and the blobs that it holds. */
export async function bytesOfManifest(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<number> {
  const row = await reader.one(size, { repositoryId, digest })
  return Number(row?.size ?? 0) + Number(row?.held ?? 0)
}
