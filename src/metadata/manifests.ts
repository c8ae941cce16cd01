// Manifests with their bytes, and what they refer to.
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import { reviewTime } from './reviews.ts'

export interface ManifestHead {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
}

export interface ManifestRow extends ManifestHead {
  readonly content: Uint8Array
  /** When somebody looks whether it is needed; by digest alone, and null when nobody will. */
  readonly reviewAfter?: number | null
}

export interface NewManifest extends ManifestRow {
  readonly repositoryId: number
  readonly subject: Digest | undefined
  readonly artifactType: string | undefined
  /** As JSON text. */
  readonly annotations: string | undefined
  readonly pushedBy: number | undefined
  /** JSON of what is known of the CI job that pushed it. */
  readonly provenance?: string | undefined
  /** Without a tag it is due for review. */
  readonly tagged: boolean
  readonly blobs: readonly Digest[]
  readonly children: readonly Digest[]
}

export interface Referrer extends ManifestHead {
  readonly artifactType: string | undefined
  readonly annotations: string | undefined
}

const byTag = query<{ repositoryId: number; tag: string }>()((db, p) =>
  db
    .selectFrom('tags')
    .innerJoin('manifests', (join) =>
      join
        .onRef('manifests.repository_id', '=', 'tags.repository_id')
        .onRef('manifests.digest', '=', 'tags.digest'),
    )
    .select([
      'manifests.digest',
      'manifests.media_type as mediaType',
      'manifests.size',
      'manifests.content',
    ])
    .where('tags.repository_id', '=', p.repositoryId)
    .where('tags.name', '=', p.tag),
)

export async function findManifestByTag(
  reader: Reader,
  repositoryId: number,
  tag: Tag,
): Promise<ManifestRow | undefined> {
  return (await reader.one(byTag, { repositoryId, tag })) as ManifestRow | undefined
}

const byDigest = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select(['digest', 'media_type as mediaType', 'size', 'content', 'review_after as reviewAfter'])
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

export async function findManifest(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<ManifestRow | undefined> {
  return (await reader.one(byDigest, { repositoryId, digest })) as ManifestRow | undefined
}

const exists = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select('size')
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

/** Bytes of the manifest, when the repository has it. */
export async function manifestSize(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<number | undefined> {
  return (await reader.one(exists, { repositoryId, digest }))?.size
}

const insert = query<{
  repositoryId: number
  digest: string
  mediaType: string
  size: number
  content: Uint8Array
  subject: string
  artifactType: string
  annotations: string
  pushedAt: number
  pushedBy: number
  reviewAfter: number
  provenance: string
}>()((db, p) =>
  db
    .insertInto('manifests')
    .values({
      repository_id: p.repositoryId,
      digest: p.digest,
      media_type: p.mediaType,
      size: p.size,
      content: p.content,
      subject: p.subject,
      artifact_type: p.artifactType,
      annotations: p.annotations,
      pushed_at: p.pushedAt,
      pushed_by: p.pushedBy,
      review_after: p.reviewAfter,
      provenance: p.provenance,
    })
    .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doNothing()),
)

const insertUse = query<{ repositoryId: number; manifest: string; blob: string }>()((db, p) =>
  db
    .insertInto('manifest_blobs')
    .values({ repository_id: p.repositoryId, manifest: p.manifest, blob: p.blob })
    .onConflict((conflict) => conflict.columns(['repository_id', 'manifest', 'blob']).doNothing()),
)

const insertChild = query<{ repositoryId: number; manifest: string; child: string }>()((db, p) =>
  db
    .insertInto('manifest_children')
    .values({ repository_id: p.repositoryId, manifest: p.manifest, child: p.child })
    .onConflict((conflict) => conflict.columns(['repository_id', 'manifest', 'child']).doNothing()),
)

/** Returns false when the repository has this manifest already; then nothing changes. */
export async function insertManifest(tx: Transaction, manifest: NewManifest): Promise<boolean> {
  const { repositoryId, digest } = manifest
  const inserted = await tx.run(insert, {
    repositoryId,
    digest,
    mediaType: manifest.mediaType,
    size: manifest.size,
    content: manifest.content,
    subject: manifest.subject as string,
    artifactType: manifest.artifactType as string,
    annotations: manifest.annotations as string,
    pushedAt: Date.now(),
    pushedBy: manifest.pushedBy as number,
    reviewAfter: (manifest.tagged ? undefined : reviewTime()) as number,
    provenance: manifest.provenance as string,
  })
  if (inserted === 0) return false
  await insertNeeds(tx, { repositoryId, manifest: digest }, manifest)
  return true
}

/** The manifest needs these, so they stay; the blobs are linked to its repository and the children are in it. */
export async function insertNeeds(
  tx: Transaction,
  key: { readonly repositoryId: number; readonly manifest: Digest },
  { blobs, children }: { readonly blobs: readonly Digest[]; readonly children: readonly Digest[] },
): Promise<void> {
  for (const blob of blobs) await tx.run(insertUse, { ...key, blob })
  for (const child of children) await tx.run(insertChild, { ...key, child })
}

const remove = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .deleteFrom('manifests')
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

/** For good. The caller has removed its tags and made sure that no index holds it. */
export async function deleteManifest(
  tx: Transaction,
  repositoryId: number,
  digest: Digest,
): Promise<boolean> {
  return (await tx.run(remove, { repositoryId, digest })) > 0
}

const parent = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('manifest_children')
    .select('manifest')
    .where('repository_id', '=', p.repositoryId)
    .where('child', '=', p.digest)
    .limit(1),
)

/** An index of the repository that holds this manifest. */
export async function indexHolding(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<Digest | undefined> {
  return (await reader.one(parent, { repositoryId, digest }))?.manifest as Digest | undefined
}

const referring = query<{ repositoryId: number; subject: string }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select([
      'digest',
      'media_type as mediaType',
      'size',
      'artifact_type as artifactType',
      'annotations',
    ])
    .where('repository_id', '=', p.repositoryId)
    .where('subject', '=', p.subject)
    .orderBy('pushed_at')
    .orderBy('digest'),
)

/** The manifests whose subject is this digest, oldest first. */
export async function listReferrers(
  reader: Reader,
  repositoryId: number,
  subject: Digest,
): Promise<readonly Referrer[]> {
  const rows = await reader.all(referring, { repositoryId, subject })
  return rows.map((row) => ({
    digest: row.digest as Digest,
    mediaType: row.mediaType,
    size: row.size,
    artifactType: row.artifactType ?? undefined,
    annotations: row.annotations ?? undefined,
  }))
}

const page = query<{ repositoryId: number; after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('manifests')
    .select(['digest', 'media_type as mediaType', 'size', 'content'])
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '>', p.after)
    .orderBy('digest')
    .limit(p.limit),
)

/** All manifests of a repository in order of digest, a page at a time. */
export async function listManifests(
  reader: Reader,
  repositoryId: number,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly ManifestRow[]> {
  return (await reader.all(page, { repositoryId, after, limit })) as readonly ManifestRow[]
}
