// What a repository or a tag amounts to: counts, sizes, times. For people and lists, not for the hot paths.
import type { Kysely } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { RepositoryName, Tag } from '../oci/reference.ts'
import type { Reader } from './metadata-store.ts'
import { query } from './query.ts'
import type { RepositoryRow } from './repositories.ts'
import type { Schema } from './schema.ts'

export interface RepositoryStatistics extends RepositoryRow {
  readonly tags: number
  readonly manifests: number
  /** Of its manifests and of the blobs that are linked to it, each once. */
  readonly bytes: number
  /** The last time a manifest came or a tag moved. */
  readonly pushedAt: number | undefined
}

interface RawStatistics {
  readonly id: number
  readonly name: string
  readonly visibility: string
  readonly description: string
  readonly createdAt: number
  readonly tags: number | null
  readonly taggedAt: number | null
  readonly manifests: number | null
  readonly manifestBytes: number | string | null
  readonly manifestAt: number | null
  readonly blobBytes: number | string | null
}

function statistics(db: Kysely<Schema>) {
  return db.selectFrom('repositories').select((of) => [
    'repositories.id',
    'repositories.name',
    'repositories.visibility',
    'repositories.description',
    'repositories.created_at as createdAt',
    of
      .selectFrom('tags')
      .select((t) => t.fn.countAll<number>().as('value'))
      .whereRef('tags.repository_id', '=', 'repositories.id')
      .as('tags'),
    of
      .selectFrom('tags')
      .select((t) => t.fn.max('tags.updated_at').as('value'))
      .whereRef('tags.repository_id', '=', 'repositories.id')
      .as('taggedAt'),
    of
      .selectFrom('manifests')
      .select((m) => m.fn.countAll<number>().as('value'))
      .whereRef('manifests.repository_id', '=', 'repositories.id')
      .as('manifests'),
    of
      .selectFrom('manifests')
      .select((m) => m.fn.sum<number | string>('manifests.size').as('value'))
      .whereRef('manifests.repository_id', '=', 'repositories.id')
      .as('manifestBytes'),
    of
      .selectFrom('manifests')
      .select((m) => m.fn.max('manifests.pushed_at').as('value'))
      .whereRef('manifests.repository_id', '=', 'repositories.id')
      .as('manifestAt'),
    of
      .selectFrom('repository_blobs')
      .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
      .select((b) => b.fn.sum<number | string>('blobs.size').as('value'))
      .whereRef('repository_blobs.repository_id', '=', 'repositories.id')
      .as('blobBytes'),
  ])
}

const oneRepository = query<{ name: string }>()((db, p) =>
  statistics(db).where('repositories.name', '=', p.name),
)

export async function findRepositoryStatistics(
  reader: Reader,
  name: RepositoryName,
): Promise<RepositoryStatistics | undefined> {
  const raw = await reader.one(oneRepository, { name })
  return raw && statisticsOf(raw)
}

const repositoryPage = query<{ after: string; limit: number }>()((db, p) =>
  statistics(db)
    .where('repositories.name', '>', p.after)
    .where('repositories.deleted_at', 'is', null)
    .orderBy('repositories.name')
    .limit(p.limit),
)

/** All repositories in ASCII order, a page at a time. */
export async function listRepositoryStatistics(
  reader: Reader,
  page: { readonly after: string; readonly limit: number },
): Promise<readonly RepositoryStatistics[]> {
  return (await reader.all(repositoryPage, page)).map(statisticsOf)
}

/** PostgreSQL gives sums as text. */
function statisticsOf(raw: RawStatistics): RepositoryStatistics {
  const pushedAt = Math.max(raw.taggedAt ?? 0, raw.manifestAt ?? 0)
  return {
    id: raw.id,
    name: raw.name as RepositoryName,
    visibility: raw.visibility as RepositoryRow['visibility'],
    description: raw.description,
    createdAt: raw.createdAt,
    tags: Number(raw.tags),
    manifests: Number(raw.manifests),
    bytes: Number(raw.manifestBytes) + Number(raw.blobBytes),
    pushedAt: pushedAt === 0 ? undefined : pushedAt,
  }
}

export interface TagStatistics {
  readonly name: Tag
  readonly digest: Digest
  readonly mediaType: string
  /** Of the manifest and all that it names and that is kept here, each once. */
  readonly bytes: number
  readonly updatedAt: number
  /** Name of the principal, while there is one. */
  readonly updatedBy: string | undefined
}

const tagPage = query<{ repositoryId: number; after: string; limit: number }>()((db, p) =>
  db
    .withRecursive('page', (cte) =>
      cte
        .selectFrom('tags')
        .select(['tags.name', 'tags.digest', 'tags.updated_at', 'tags.updated_by'])
        .where('tags.repository_id', '=', p.repositoryId)
        .where('tags.name', '>', p.after)
        .orderBy('tags.name')
        .limit(p.limit),
    )
    // An index leads to its manifests, which may be indexes again.
    .withRecursive('reach(name, digest)', (cte) =>
      cte
        .selectFrom('page')
        .select(['page.name as name', 'page.digest as digest'])
        .union(
          cte
            .selectFrom('reach')
            .innerJoin('manifest_children', (join) =>
              join
                .onRef('manifest_children.manifest', '=', 'reach.digest')
                .on('manifest_children.repository_id', '=', p.repositoryId),
            )
            .select(['reach.name as name', 'manifest_children.child as digest']),
        ),
    )
    .withRecursive('held(name, digest, size)', (cte) =>
      cte
        .selectFrom('reach')
        .innerJoin('manifests', (join) =>
          join
            .onRef('manifests.digest', '=', 'reach.digest')
            .on('manifests.repository_id', '=', p.repositoryId),
        )
        .select(['reach.name as name', 'manifests.digest as digest', 'manifests.size as size'])
        .union(
          cte
            .selectFrom('reach')
            .innerJoin('manifest_blobs', (join) =>
              join
                .onRef('manifest_blobs.manifest', '=', 'reach.digest')
                .on('manifest_blobs.repository_id', '=', p.repositoryId),
            )
            .innerJoin('blobs', 'blobs.digest', 'manifest_blobs.blob')
            .select(['reach.name as name', 'blobs.digest as digest', 'blobs.size as size']),
        ),
    )
    .withRecursive('totals', (cte) =>
      cte
        .selectFrom('held')
        .select((of) => ['held.name as name', of.fn.sum<number | string>('held.size').as('bytes')])
        .groupBy('held.name'),
    )
    .selectFrom('page')
    .leftJoin('totals', 'totals.name', 'page.name')
    .leftJoin('manifests', (join) =>
      join
        .onRef('manifests.digest', '=', 'page.digest')
        .on('manifests.repository_id', '=', p.repositoryId),
    )
    .leftJoin('principals', 'principals.id', 'page.updated_by')
    .select([
      'page.name as name',
      'page.digest as digest',
      'manifests.media_type as mediaType',
      'totals.bytes as bytes',
      'page.updated_at as updatedAt',
      'principals.name as updatedBy',
    ])
    .orderBy('page.name'),
)

/** The tags of a repository in ASCII order, a page at a time. */
export async function listTagStatistics(
  reader: Reader,
  repositoryId: number,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly TagStatistics[]> {
  const rows = await reader.all(tagPage, { repositoryId, after, limit })
  return rows.map((row) => ({
    name: row.name as Tag,
    digest: row.digest as Digest,
    mediaType: row.mediaType ?? '',
    bytes: Number(row.bytes),
    updatedAt: row.updatedAt,
    updatedBy: row.updatedBy ?? undefined,
  }))
}
