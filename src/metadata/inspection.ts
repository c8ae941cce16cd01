// What fsck and doctor ask of the database. Foreign keys make most of the answers empty; these queries are for the
// day on which something went past them.
import type { Digest } from '../oci/digest.ts'
import type { Reader } from './metadata-store.ts'
import { query } from './query.ts'

export interface Totals {
  readonly repositories: number
  readonly tags: number
  readonly manifests: number
  readonly blobs: number
  readonly blobBytes: number
}

const totals = query<object>()((db) =>
  db.selectFrom('blobs').select((of) => [
    of.fn.countAll<number>().as('blobs'),
    of.fn.sum<number | string>('blobs.size').as('blobBytes'),
    of
      .selectFrom('repositories')
      .select((r) => r.fn.countAll<number>().as('value'))
      .as('repositories'),
    of
      .selectFrom('tags')
      .select((t) => t.fn.countAll<number>().as('value'))
      .as('tags'),
    of
      .selectFrom('manifests')
      .select((m) => m.fn.countAll<number>().as('value'))
      .as('manifests'),
  ]),
)

export async function findTotals(reader: Reader): Promise<Totals> {
  const row = await reader.one(totals, {})
  return {
    repositories: Number(row?.repositories),
    tags: Number(row?.tags),
    manifests: Number(row?.manifests),
    blobs: Number(row?.blobs),
    blobBytes: Number(row?.blobBytes),
  }
}

export interface DanglingTag {
  readonly repository: string
  readonly tag: string
  readonly digest: Digest
}

const danglingTags = query<{ limit: number }>()((db, p) =>
  db
    .selectFrom('tags')
    .innerJoin('repositories', 'repositories.id', 'tags.repository_id')
    .leftJoin('manifests', (join) =>
      join
        .onRef('manifests.repository_id', '=', 'tags.repository_id')
        .onRef('manifests.digest', '=', 'tags.digest'),
    )
    .select(['repositories.name as repository', 'tags.name as tag', 'tags.digest'])
    .where('manifests.digest', 'is', null)
    .orderBy('repositories.name')
    .orderBy('tags.name')
    .limit(p.limit),
)

/** Tags whose manifest is not in their repository. */
export async function listDanglingTags(
  reader: Reader,
  limit: number,
): Promise<readonly DanglingTag[]> {
  return (await reader.all(danglingTags, { limit })) as readonly DanglingTag[]
}

const danglingLinks = query<{ limit: number }>()((db, p) =>
  db
    .selectFrom('repository_blobs')
    .innerJoin('repositories', 'repositories.id', 'repository_blobs.repository_id')
    .leftJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
    .select(['repositories.name as repository', 'repository_blobs.digest'])
    .where('blobs.digest', 'is', null)
    .orderBy('repositories.name')
    .orderBy('repository_blobs.digest')
    .limit(p.limit),
)

/** Links to blobs of which the installation knows nothing. */
export async function listDanglingLinks(
  reader: Reader,
  limit: number,
): Promise<readonly { readonly repository: string; readonly digest: Digest }[]> {
  return (await reader.all(danglingLinks, { limit })) as readonly {
    readonly repository: string
    readonly digest: Digest
  }[]
}

const orphans = query<object>()((db) =>
  db
    .selectFrom('tags')
    .leftJoin('repositories', 'repositories.id', 'tags.repository_id')
    .where('repositories.id', 'is', null)
    .select((of) => [
      of.fn.countAll<number>().as('tags'),
      of
        .selectFrom('manifests')
        .leftJoin('repositories', 'repositories.id', 'manifests.repository_id')
        .where('repositories.id', 'is', null)
        .select((m) => m.fn.countAll<number>().as('value'))
        .as('manifests'),
      of
        .selectFrom('repository_blobs')
        .leftJoin('repositories', 'repositories.id', 'repository_blobs.repository_id')
        .where('repositories.id', 'is', null)
        .select((b) => b.fn.countAll<number>().as('value'))
        .as('links'),
      of
        .selectFrom('manifest_blobs')
        .leftJoin('manifests', (join) =>
          join
            .onRef('manifests.repository_id', '=', 'manifest_blobs.repository_id')
            .onRef('manifests.digest', '=', 'manifest_blobs.manifest'),
        )
        .where('manifests.digest', 'is', null)
        .select((b) => b.fn.countAll<number>().as('value'))
        .as('blobUses'),
      of
        .selectFrom('manifest_children')
        .leftJoin('manifests', (join) =>
          join
            .onRef('manifests.repository_id', '=', 'manifest_children.repository_id')
            .onRef('manifests.digest', '=', 'manifest_children.manifest'),
        )
        .where('manifests.digest', 'is', null)
        .select((c) => c.fn.countAll<number>().as('value'))
        .as('childUses'),
    ]),
)

/** How many rows belong to a repository or manifest that is not there. */
export async function countOrphans(reader: Reader): Promise<number> {
  const row = await reader.one(orphans, {})
  if (row === undefined) return 0
  let count = 0
  for (const rows of [row.tags, row.manifests, row.links, row.blobUses, row.childUses]) {
    count += Number(rows)
  }
  return count
}

const unlinked = query<object>()((db) =>
  db
    .selectFrom('blobs')
    .leftJoin('repository_blobs', 'repository_blobs.digest', 'blobs.digest')
    .select((of) => [
      of.fn.countAll<number>().as('count'),
      of.fn.sum<number | string>('blobs.size').as('bytes'),
    ])
    .where('repository_blobs.digest', 'is', null),
)

/** Blobs that no repository has any more. */
export async function countUnlinkedBlobs(
  reader: Reader,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const row = await reader.one(unlinked, {})
  return { count: Number(row?.count), bytes: Number(row?.bytes) }
}

export interface InspectedManifest {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly content: Uint8Array
  readonly subject: Digest | undefined
}

/** What the rows say that a manifest needs; `size` is undefined when the repository does not have it. */
export interface Use {
  readonly manifest: Digest
  readonly digest: Digest
  readonly size: number | undefined
}

export interface ManifestBatch {
  readonly manifests: readonly InspectedManifest[]
  readonly blobs: readonly Use[]
  readonly children: readonly Use[]
}

interface Range {
  readonly repositoryId: number
  readonly from: string
  readonly to: string
}

const manifestPage = query<{ repositoryId: number; after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select(['digest', 'media_type as mediaType', 'size', 'content', 'subject'])
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '>', p.after)
    .orderBy('digest')
    .limit(p.limit),
)

const blobUses = query<Range>()((db, p) =>
  db
    .selectFrom('manifest_blobs')
    .leftJoin('repository_blobs', (join) =>
      join
        .onRef('repository_blobs.repository_id', '=', 'manifest_blobs.repository_id')
        .onRef('repository_blobs.digest', '=', 'manifest_blobs.blob'),
    )
    .leftJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
    .select(['manifest_blobs.manifest', 'manifest_blobs.blob as digest', 'blobs.size'])
    .where('manifest_blobs.repository_id', '=', p.repositoryId)
    .where('manifest_blobs.manifest', '>=', p.from)
    .where('manifest_blobs.manifest', '<=', p.to),
)

const childUses = query<Range>()((db, p) =>
  db
    .selectFrom('manifest_children')
    .leftJoin('manifests', (join) =>
      join
        .onRef('manifests.repository_id', '=', 'manifest_children.repository_id')
        .onRef('manifests.digest', '=', 'manifest_children.child'),
    )
    .select(['manifest_children.manifest', 'manifest_children.child as digest', 'manifests.size'])
    .where('manifest_children.repository_id', '=', p.repositoryId)
    .where('manifest_children.manifest', '>=', p.from)
    .where('manifest_children.manifest', '<=', p.to),
)

/** Manifests of a repository in order of digest, with what the rows say about them; of one snapshot inside `read`. */
export async function loadManifestBatch(
  reader: Reader,
  repositoryId: number,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<ManifestBatch> {
  const rows = await reader.all(manifestPage, { repositoryId, after, limit })
  const range = { repositoryId, from: rows[0]?.digest ?? '', to: rows.at(-1)?.digest ?? '' }
  return {
    manifests: rows.map((row) => ({
      ...row,
      digest: row.digest as Digest,
      subject: (row.subject ?? undefined) as Digest | undefined,
    })),
    blobs: (await reader.all(blobUses, range)).map(useOf),
    children: (await reader.all(childUses, range)).map(useOf),
  }
}

function useOf(row: { manifest: string; digest: string; size: number | null }): Use {
  return {
    manifest: row.manifest as Digest,
    digest: row.digest as Digest,
    size: row.size ?? undefined,
  }
}

const holders = query<{ digest: string; limit: number }>()((db, p) =>
  db
    .selectFrom('repository_blobs')
    .innerJoin('repositories', 'repositories.id', 'repository_blobs.repository_id')
    .select((of) => of.fn.coalesce('repositories.deleted_name', 'repositories.name').as('name'))
    .where('repository_blobs.digest', '=', p.digest)
    .orderBy('repositories.name')
    .limit(p.limit),
)

/** Names of repositories that have the blob; of deleted ones those that they had. */
export async function repositoriesHolding(
  reader: Reader,
  digest: Digest,
  limit: number,
): Promise<readonly string[]> {
  return (await reader.all(holders, { digest, limit })).map((row) => row.name)
}

export interface StoredPart {
  readonly key: string
  readonly size: number
}

const storedParts = query<{ after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('upload_parts')
    .select(['storage_key as key', 'size'])
    .where('storage_key', '>', p.after)
    .orderBy('storage_key')
    .limit(p.limit),
)

/** Parts of unfinished uploads that lie in the storage, in order of their keys, a page at a time. */
export async function listStoredParts(
  reader: Reader,
  page: { readonly after: string; readonly limit: number },
): Promise<readonly StoredPart[]> {
  const rows = await reader.all(storedParts, page)
  return rows.map((row) => ({ key: row.key ?? '', size: row.size }))
}

const partByKey = query<{ key: string }>()((db, p) =>
  db.selectFrom('upload_parts').select('size').where('storage_key', '=', p.key),
)

/** Bytes of the part that is said to lie there, when an unfinished upload has it. */
export async function storedPartSize(reader: Reader, key: string): Promise<number | undefined> {
  return (await reader.one(partByKey, { key }))?.size
}

const latest = query<object>()((db) =>
  db.selectFrom('blobs').select((of) => [
    of.fn.max('blobs.created_at').as('blob'),
    of
      .selectFrom('manifests')
      .select((m) => m.fn.max('manifests.pushed_at').as('value'))
      .as('manifest'),
    of
      .selectFrom('repositories')
      .select((r) => r.fn.max('repositories.created_at').as('value'))
      .as('repository'),
  ]),
)

/** The latest moment that anything here was written at; undefined when there is nothing. */
export async function latestMoment(reader: Reader): Promise<Date | undefined> {
  const row = await reader.one(latest, {})
  const at = Math.max(row?.blob ?? 0, row?.manifest ?? 0, row?.repository ?? 0)
  return at === 0 ? undefined : new Date(at)
}
