// What the journal tells of: rows as they are now, one by one for what has changed, and in pages for a base. Each look
// is a moment of its own: what changes afterwards is in the queue by then.
import type { Digest } from '../oci/digest.ts'
import type { Reader } from './metadata-store.ts'
import { query } from './query.ts'

const repositoryColumns = [
  'id',
  'name',
  'visibility',
  'description',
  'created_at as createdAt',
  'created_by as createdBy',
  'deleted_at as deletedAt',
  'deleted_by as deletedBy',
  'deleted_name as deletedName',
] as const

export interface JournalRepository {
  readonly id: number
  readonly name: string
  readonly visibility: string
  readonly description: string
  readonly createdAt: number
  readonly createdBy: number | null
  readonly deletedAt: number | null
  readonly deletedBy: number | null
  readonly deletedName: string | null
}

const repository = query<{ id: number }>()((db, p) =>
  db.selectFrom('repositories').select(repositoryColumns).where('id', '=', p.id),
)

export async function readRepository(
  reader: Reader,
  id: number,
): Promise<JournalRepository | undefined> {
  return reader.one(repository, { id })
}

interface PageById {
  readonly after: number
  readonly limit: number
}

const repositories = query<PageById>()((db, p) =>
  db
    .selectFrom('repositories')
    .select(repositoryColumns)
    .where('id', '>', p.after)
    .where((of) => of.or([of('deleted_at', 'is', null), of('deleted_at', '>', 0)]))
    .orderBy('id')
    .limit(p.limit),
)

/** Those in the recycle bin as well, and not what is being purged. */
export async function pageOfRepositories(
  reader: Reader,
  page: PageById,
): Promise<readonly JournalRepository[]> {
  return reader.all(repositories, page)
}

const manifestColumns = [
  'repository_id as repositoryId',
  'digest',
  'media_type as mediaType',
  'content',
  'pushed_at as pushedAt',
  'pushed_by as pushedBy',
  'provenance',
] as const

export interface JournalManifest {
  readonly repositoryId: number
  readonly digest: string
  readonly mediaType: string
  readonly content: Uint8Array
  readonly pushedAt: number
  readonly pushedBy: number | null
  readonly provenance: string | null
}

const manifest = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select(manifestColumns)
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

export async function readManifest(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<JournalManifest | undefined> {
  return reader.one(manifest, { repositoryId, digest })
}

interface PageInRepository {
  readonly repositoryId: number
  readonly after: string
  readonly limit: number
}

const manifests = query<PageInRepository>()((db, p) =>
  db
    .selectFrom('manifests')
    .select(manifestColumns)
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '>', p.after)
    .orderBy('digest')
    .limit(p.limit),
)

export async function pageOfManifests(
  reader: Reader,
  page: PageInRepository,
): Promise<readonly JournalManifest[]> {
  return reader.all(manifests, page)
}

const deletedColumns = [
  'id',
  ...manifestColumns,
  'tags',
  'deleted_at as deletedAt',
  'deleted_by as deletedBy',
  'reason',
  'purge_after as purgeAfter',
] as const

export interface JournalDeletedManifest extends JournalManifest {
  readonly id: number
  /** JSON. */
  readonly tags: string
  readonly deletedAt: number
  readonly deletedBy: number | null
  readonly reason: string
  readonly purgeAfter: number
}

const deletedManifest = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('deleted_manifests')
    .select(deletedColumns)
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

export async function readDeletedManifest(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<JournalDeletedManifest | undefined> {
  return reader.one(deletedManifest, { repositoryId, digest })
}

const deletedManifests = query<PageById>()((db, p) =>
  db
    .selectFrom('deleted_manifests')
    .select(deletedColumns)
    .where('id', '>', p.after)
    .where('repository_id', 'not in', (of) =>
      of.selectFrom('repositories').select('id').where('deleted_at', '=', 0),
    )
    .orderBy('id')
    .limit(p.limit),
)

export async function pageOfDeletedManifests(
  reader: Reader,
  page: PageById,
): Promise<readonly JournalDeletedManifest[]> {
  return reader.all(deletedManifests, page)
}

export interface JournalBlob {
  readonly digest: string
  readonly content: Uint8Array
}

const smallContents = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('manifest_blobs')
    .innerJoin('blobs', 'blobs.digest', 'manifest_blobs.blob')
    .select(['blobs.digest', 'blobs.content'])
    .where('manifest_blobs.repository_id', '=', p.repositoryId)
    .where('manifest_blobs.manifest', '=', p.digest)
    .where('blobs.content', 'is not', null),
)

/** Content that lies in the database and that the manifest needs. */
export async function smallContentsOf(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<readonly JournalBlob[]> {
  return (await reader.all(smallContents, { repositoryId, digest })) as readonly JournalBlob[]
}

const smallContentsInBin = query<{ deletedId: number }>()((db, p) =>
  db
    .selectFrom('deleted_manifest_contents')
    .innerJoin('blobs', 'blobs.digest', 'deleted_manifest_contents.digest')
    .select(['blobs.digest', 'blobs.content'])
    .where('deleted_manifest_contents.deleted_id', '=', p.deletedId)
    .where('blobs.content', 'is not', null),
)

/** The same of a manifest in the recycle bin. */
export async function smallContentsInBinOf(
  reader: Reader,
  deletedId: number,
): Promise<readonly JournalBlob[]> {
  return (await reader.all(smallContentsInBin, { deletedId })) as readonly JournalBlob[]
}

const smallBlobs = query<{ after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('blobs')
    .select(['digest', 'content'])
    .where('digest', '>', p.after)
    .where('content', 'is not', null)
    .orderBy('digest')
    .limit(p.limit),
)

export async function pageOfSmallBlobs(
  reader: Reader,
  page: { readonly after: string; readonly limit: number },
): Promise<readonly JournalBlob[]> {
  return (await reader.all(smallBlobs, page)) as readonly JournalBlob[]
}

const usedBlobs = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('manifest_blobs')
    .select('blob')
    .where('repository_id', '=', p.repositoryId)
    .where('manifest', '=', p.digest),
)

/** All blobs that the manifest is known to need, foreign layers that were pushed included. */
export async function blobsUsedBy(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<readonly Digest[]> {
  const rows = await reader.all(usedBlobs, { repositoryId, digest })
  return rows.map(({ blob }) => blob as Digest)
}
