// Bulk inserts for taking over a volume of registry:2. Every row may be there already, from an adoption that was cut
// short: then it stays as it is.
import type { Digest } from '../oci/digest.ts'
import type { RepositoryName, Tag } from '../oci/reference.ts'
import { blocks, runBlocks, type Slots } from './many-rows.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

/** Rows of a few repositories; each is named by its repository. Times are milliseconds since 1970. */
export interface AdoptedRows {
  readonly repositories: readonly { readonly name: RepositoryName; readonly createdAt: number }[]
  readonly blobs: readonly AdoptedBlob[]
  readonly links: readonly InRepository<{ readonly digest: Digest; readonly linkedAt: number }>[]
  readonly manifests: readonly InRepository<AdoptedManifest>[]
  readonly uses: readonly InRepository<{ readonly manifest: Digest; readonly blob: Digest }>[]
  readonly children: readonly InRepository<{
    readonly manifest: Digest
    readonly child: Digest
  }>[]
  readonly tags: readonly InRepository<{
    readonly tag: Tag
    readonly digest: Digest
    readonly updatedAt: number
  }>[]
  readonly changes: readonly InRepository<{
    readonly tag: Tag
    readonly digest: Digest | undefined
    readonly changedAt: number
  }>[]
}

export type InRepository<T> = T & { readonly repository: RepositoryName }

export interface AdoptedBlob {
  readonly digest: Digest
  readonly size: number
  /** Undefined: it is lost, and counts as absent until it is pushed again. */
  readonly storageKey: string | undefined
  readonly createdAt: number
  readonly damagedAt: number | undefined
  readonly reviewAfter: number | undefined
}

export interface AdoptedManifest {
  readonly digest: Digest
  readonly mediaType: string
  readonly content: Uint8Array
  readonly subject: Digest | undefined
  readonly artifactType: string | undefined
  /** As JSON text. */
  readonly annotations: string | undefined
  readonly pushedAt: number
}

const number = (row: Slots, name: string) => row[name] as number
const text = (row: Slots, name: string) => row[name] as string

const insertRepositories = blocks((db, rows) =>
  db
    .insertInto('repositories')
    .values(
      rows.map((row) => ({
        name: text(row, 'name'),
        visibility: 'private',
        description: '',
        created_at: number(row, 'createdAt'),
      })),
    )
    .onConflict((conflict) => conflict.column('name').doNothing()),
)

const insertBlobs = blocks((db, rows) =>
  db
    .insertInto('blobs')
    .values(
      rows.map((row) => ({
        digest: text(row, 'digest'),
        size: number(row, 'size'),
        storage_key: text(row, 'storageKey'),
        created_at: number(row, 'createdAt'),
        // Its bytes were never read here: scrubbing begins with it.
        verified_at: 0,
        damaged_at: number(row, 'damagedAt'),
        review_after: number(row, 'reviewAfter'),
      })),
    )
    .onConflict((conflict) => conflict.column('digest').doNothing()),
)

const insertLinks = blocks((db, rows) =>
  db
    .insertInto('repository_blobs')
    .values(
      rows.map((row) => ({
        repository_id: number(row, 'repositoryId'),
        digest: text(row, 'digest'),
        linked_at: number(row, 'linkedAt'),
      })),
    )
    .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doNothing()),
)

const insertManifests = blocks((db, rows) =>
  db
    .insertInto('manifests')
    .values(
      rows.map((row) => ({
        repository_id: number(row, 'repositoryId'),
        digest: text(row, 'digest'),
        media_type: text(row, 'mediaType'),
        size: number(row, 'size'),
        content: row['content'] as Uint8Array,
        subject: text(row, 'subject'),
        artifact_type: text(row, 'artifactType'),
        annotations: text(row, 'annotations'),
        pushed_at: number(row, 'pushedAt'),
      })),
    )
    .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doNothing()),
)

const insertUses = blocks((db, rows) =>
  db
    .insertInto('manifest_blobs')
    .values(
      rows.map((row) => ({
        repository_id: number(row, 'repositoryId'),
        manifest: text(row, 'manifest'),
        blob: text(row, 'blob'),
      })),
    )
    .onConflict((conflict) => conflict.columns(['repository_id', 'manifest', 'blob']).doNothing()),
)

const insertChildren = blocks((db, rows) =>
  db
    .insertInto('manifest_children')
    .values(
      rows.map((row) => ({
        repository_id: number(row, 'repositoryId'),
        manifest: text(row, 'manifest'),
        child: text(row, 'child'),
      })),
    )
    .onConflict((conflict) => conflict.columns(['repository_id', 'manifest', 'child']).doNothing()),
)

const insertTags = blocks((db, rows) =>
  db
    .insertInto('tags')
    .values(
      rows.map((row) => ({
        repository_id: number(row, 'repositoryId'),
        name: text(row, 'tag'),
        digest: text(row, 'digest'),
        updated_at: number(row, 'updatedAt'),
      })),
    )
    .onConflict((conflict) => conflict.columns(['repository_id', 'name']).doNothing()),
)

const insertChanges = blocks((db, rows) =>
  db.insertInto('tag_changes').values(
    rows.map((row) => ({
      repository_id: number(row, 'repositoryId'),
      tag: text(row, 'tag'),
      digest: text(row, 'digest'),
      changed_at: number(row, 'changedAt'),
    })),
  ),
)

const idsBetween = query<{ from: string; to: string }>()((db, p) =>
  db
    .selectFrom('repositories')
    .select(['id', 'name'])
    .where('name', '>=', p.from)
    .where('name', '<=', p.to),
)

/** `names`: of all repositories that the rows name, in order. Changes of tags are added: they must not be there yet. */
export async function insertAdopted(
  tx: Transaction,
  rows: AdoptedRows,
  names: readonly RepositoryName[],
): Promise<void> {
  await runBlocks(tx, insertRepositories, rows.repositories)
  const place = { from: names[0] ?? '', to: names.at(-1) ?? '' }
  const ids = new Map((await tx.all(idsBetween, place)).map(({ id, name }) => [name, id]))
  const inRepository = <T extends { readonly repository: RepositoryName }>(list: readonly T[]) =>
    list.map((row) => ({ ...row, repositoryId: ids.get(row.repository) }))
  await runBlocks(tx, insertBlobs, rows.blobs)
  await runBlocks(tx, insertLinks, inRepository(rows.links))
  await runBlocks(
    tx,
    insertManifests,
    rows.manifests.map((row) => ({
      ...row,
      size: row.content.length,
      repositoryId: ids.get(row.repository),
    })),
  )
  await runBlocks(tx, insertUses, inRepository(rows.uses))
  await runBlocks(tx, insertChildren, inRepository(rows.children))
  await runBlocks(tx, insertTags, inRepository(rows.tags))
  await runBlocks(tx, insertChanges, inRepository(rows.changes))
}

const keep = blocks((db, rows) =>
  db
    .updateTable('blobs')
    .set({ review_after: null })
    .where(
      'digest',
      'in',
      rows.map((row) => text(row, 'digest')),
    ),
)

/** Nothing looks any more whether these are needed. */
export async function keepBlobs(tx: Transaction, digests: readonly Digest[]): Promise<void> {
  await runBlocks(
    tx,
    keep,
    digests.map((digest) => ({ digest })),
  )
}

const clearChanges = query<object>()((db) => db.deleteFrom('tag_changes'))

/** What an adoption that was cut short has added and would add again, as it begins anew. */
export async function clearAdoption(tx: Transaction): Promise<void> {
  await tx.run(clearChanges, {})
}

const anyRepository = query<object>()((db) =>
  db.selectFrom('repositories').select('id').orderBy('id').limit(1),
)

/** Whether there is or was a repository; those in the recycle bin count. */
export async function hasRepositories(reader: Reader): Promise<boolean> {
  return (await reader.one(anyRepository, {})) !== undefined
}

/** JSON of what was taken over, once that is complete. */
export const adoptedSetting = 'adopted'
/** JSON of an adoption that has begun. */
export const adoptionSetting = 'adoption'

const manifestsBetween = query<{ from: string; to: string }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select('digest')
    .where('digest', '>=', p.from)
    .where('digest', '<=', p.to)
    .union(
      db
        .selectFrom('deleted_manifests')
        .select('digest')
        .where('digest', '>=', p.from)
        .where('digest', '<=', p.to),
    ),
)

/** Digests between these two, both included, that are manifests of any repository or in the recycle bin. Looks at all. */
export async function manifestDigestsBetween(
  reader: Reader,
  from: Digest,
  to: Digest,
): Promise<ReadonlySet<Digest>> {
  const rows = await reader.all(manifestsBetween, { from, to })
  return new Set(rows.map(({ digest }) => digest as Digest))
}
