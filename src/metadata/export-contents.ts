// What one repository holds, for writing it elsewhere: pages in order, with all that a copy is to keep.
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { Reader } from './metadata-store.ts'
import { query } from './query.ts'

export interface ContentCounts {
  readonly blobs: number
  readonly manifests: number
  readonly tags: number
}

const counts = query<{ repositoryId: number }>()((db, p) =>
  db
    .selectFrom('repositories')
    .where('id', '=', p.repositoryId)
    .select((of) => [
      of
        .selectFrom('repository_blobs')
        .select((b) => b.fn.countAll<number>().as('value'))
        .where('repository_id', '=', p.repositoryId)
        .as('blobs'),
      of
        .selectFrom('manifests')
        .select((m) => m.fn.countAll<number>().as('value'))
        .where('repository_id', '=', p.repositoryId)
        .as('manifests'),
      of
        .selectFrom('tags')
        .select((t) => t.fn.countAll<number>().as('value'))
        .where('repository_id', '=', p.repositoryId)
        .as('tags'),
    ]),
)

export async function countContents(reader: Reader, repositoryId: number): Promise<ContentCounts> {
  const row = await reader.one(counts, { repositoryId })
  return {
    blobs: Number(row?.blobs ?? 0),
    manifests: Number(row?.manifests ?? 0),
    tags: Number(row?.tags ?? 0),
  }
}

export interface KeptManifest {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly content: Uint8Array
  readonly subject: Digest | undefined
  readonly artifactType: string | undefined
  /** As JSON text. */
  readonly annotations: string | undefined
  readonly pushedAt: number
}

interface Page {
  readonly repositoryId: number
  readonly after: string
  readonly limit: number
}

const manifests = query<Page>()((db, p) =>
  db
    .selectFrom('manifests')
    .select([
      'digest',
      'media_type as mediaType',
      'size',
      'content',
      'subject',
      'artifact_type as artifactType',
      'annotations',
      'pushed_at as pushedAt',
    ])
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '>', p.after)
    .orderBy('digest')
    .limit(p.limit),
)

export async function pageOfKeptManifests(
  reader: Reader,
  page: Page,
): Promise<readonly KeptManifest[]> {
  return (await reader.all(manifests, page)).map((row) => ({
    ...row,
    digest: row.digest as Digest,
    subject: (row.subject ?? undefined) as Digest | undefined,
    artifactType: row.artifactType ?? undefined,
    annotations: row.annotations ?? undefined,
  }))
}

export interface KeptBlob {
  readonly digest: Digest
  readonly size: number
  /** Neither: it is lost or damaged. */
  readonly storageKey: string | undefined
  readonly content: Uint8Array | undefined
  readonly createdAt: number
  readonly linkedAt: number
}

const blobs = query<Page>()((db, p) =>
  db
    .selectFrom('repository_blobs')
    .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
    .select([
      'blobs.digest',
      'blobs.size',
      'blobs.storage_key as storageKey',
      'blobs.content',
      'blobs.created_at as createdAt',
      'repository_blobs.linked_at as linkedAt',
    ])
    .where('repository_blobs.repository_id', '=', p.repositoryId)
    .where('repository_blobs.digest', '>', p.after)
    .orderBy('repository_blobs.digest')
    .limit(p.limit),
)

export async function pageOfKeptBlobs(reader: Reader, page: Page): Promise<readonly KeptBlob[]> {
  return (await reader.all(blobs, page)).map((row) => ({
    ...row,
    digest: row.digest as Digest,
    storageKey: row.storageKey ?? undefined,
    content: row.content ?? undefined,
  }))
}

export interface KeptChange {
  readonly id: number
  readonly tag: Tag
  readonly digest: Digest | undefined
  readonly changedAt: number
}

const changes = query<{ repositoryId: number; tag: string; id: number; limit: number }>()((db, p) =>
  db
    .selectFrom('tag_changes')
    .select(['id', 'tag', 'digest', 'changed_at as changedAt'])
    .where('repository_id', '=', p.repositoryId)
    .where((of) =>
      of.or([of('tag', '>', p.tag), of.and([of('tag', '=', p.tag), of('id', '>', p.id)])]),
    )
    .orderBy('tag')
    .orderBy('id')
    .limit(p.limit),
)

/** The history of all tags, tag by tag, oldest first. */
export async function pageOfKeptChanges(
  reader: Reader,
  page: {
    readonly repositoryId: number
    readonly after: { readonly tag: string; readonly id: number }
    readonly limit: number
  },
): Promise<readonly KeptChange[]> {
  const { repositoryId, after, limit } = page
  return (await reader.all(changes, { repositoryId, ...after, limit })).map((row) => ({
    ...row,
    tag: row.tag as Tag,
    digest: (row.digest ?? undefined) as Digest | undefined,
  }))
}
