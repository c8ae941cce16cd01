// What fsck asks about things that nobody is served any more and that are kept all the same: deleted repositories, the
// recycle bin, the trash, the quarantine.
import type { Digest } from '../oci/digest.ts'
import type { Reader } from './metadata-store.ts'
import { query } from './query.ts'

export interface InspectedRepository {
  readonly id: number
  /** What it is or was called. */
  readonly name: string
  readonly isDeleted: boolean
}

const repositories = query<{ after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('repositories')
    .select(['id', 'name', 'deleted_name as deletedName', 'deleted_at as deletedAt'])
    // 0: it is being purged, and no longer all there.
    .where((of) => of.or([of('deleted_at', 'is', null), of('deleted_at', '>', 0)]))
    .where('id', '>', p.after)
    .orderBy('id')
    .limit(p.limit),
)

/** Every repository in order of ids, deleted ones included, a page at a time. */
export async function inspectRepositories(
  reader: Reader,
  page: { readonly after: number; readonly limit: number },
): Promise<readonly InspectedRepository[]> {
  const rows = await reader.all(repositories, page)
  return rows.map(({ id, name, deletedName, deletedAt }) => ({
    id,
    name: deletedName ?? name,
    isDeleted: deletedAt !== null,
  }))
}

export interface InspectedDeletedManifest {
  readonly id: number
  readonly repository: string
  readonly digest: Digest
  readonly size: number
  readonly content: Uint8Array
}

const deletedManifests = query<{ after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('deleted_manifests')
    .innerJoin('repositories', 'repositories.id', 'deleted_manifests.repository_id')
    .select((of) => [
      'deleted_manifests.id',
      'deleted_manifests.digest',
      'deleted_manifests.size',
      'deleted_manifests.content',
      of.fn.coalesce('repositories.deleted_name', 'repositories.name').as('repository'),
    ])
    .where('deleted_manifests.id', '>', p.after)
    .orderBy('deleted_manifests.id')
    .limit(p.limit),
)

/** The manifests of the recycle bin in order of ids, a page at a time. */
export async function inspectDeletedManifests(
  reader: Reader,
  page: { readonly after: number; readonly limit: number },
): Promise<readonly InspectedDeletedManifest[]> {
  const rows = await reader.all(deletedManifests, page)
  return rows.map((row) => ({ ...row, digest: row.digest as Digest }))
}

const lostContents = query<{ limit: number }>()((db, p) =>
  db
    .selectFrom('deleted_manifest_contents as held')
    .innerJoin('deleted_manifests as holder', 'holder.id', 'held.deleted_id')
    .innerJoin('repositories', 'repositories.id', 'holder.repository_id')
    .leftJoin('blobs', 'blobs.digest', 'held.digest')
    .leftJoin('manifests', (join) =>
      join
        .onRef('manifests.repository_id', '=', 'holder.repository_id')
        .onRef('manifests.digest', '=', 'held.digest'),
    )
    .leftJoin('deleted_manifests as child', (join) =>
      join
        .onRef('child.repository_id', '=', 'holder.repository_id')
        .onRef('child.digest', '=', 'held.digest'),
    )
    .select((of) => [
      'holder.digest as manifest',
      'held.digest',
      of.fn.coalesce('repositories.deleted_name', 'repositories.name').as('repository'),
    ])
    .where('blobs.digest', 'is', null)
    .where('manifests.digest', 'is', null)
    .where('child.digest', 'is', null)
    .where((of) =>
      of.or([of('repositories.deleted_at', 'is', null), of('repositories.deleted_at', '>', 0)]),
    )
    .orderBy('held.digest')
    .limit(p.limit),
)

export interface LostContent {
  readonly repository: string
  readonly manifest: Digest
  readonly digest: Digest
}

/** What a manifest of the recycle bin needs and nothing has any more. */
export async function listLostContents(
  reader: Reader,
  limit: number,
): Promise<readonly LostContent[]> {
  return (await reader.all(lostContents, { limit })) as readonly LostContent[]
}

const keys = query<{ from: string; to: string }>()((db, p) =>
  db
    .selectFrom('blobs')
    .select('storage_key as key')
    .where('digest', '>=', p.from)
    .where('digest', '<=', p.to)
    .where('storage_key', 'is not', null)
    .unionAll(
      db
        .selectFrom('blob_trash')
        .select('storage_key as key')
        .where('digest', '>=', p.from)
        .where('digest', '<=', p.to)
        .where('storage_key', 'is not', null),
    )
    .unionAll(
      db
        .selectFrom('quarantine')
        .select('storage_key as key')
        .where('digest', '>=', p.from)
        .where('digest', '<=', p.to),
    ),
)

/** Storage keys of blobs, trash and quarantine whose digests lie between these two, both included. */
export async function keysInUseBetween(
  reader: Reader,
  from: Digest,
  to: Digest,
): Promise<ReadonlySet<string>> {
  const rows = await reader.all(keys, { from, to })
  return new Set(rows.map((row) => row.key ?? ''))
}
