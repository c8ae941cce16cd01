// Blobs, and the rows that make one visible in a repository.
import type { Digest } from '../oci/digest.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import { reviewTime } from './reviews.ts'
import { healDamaged } from './verification.ts'

/** Either `storageKey` says where the bytes lie, or `content` holds them; of a damaged blob there is neither. */
export interface BlobRow {
  readonly digest: Digest
  readonly size: number
  readonly storageKey: string | undefined
  readonly content: Uint8Array | undefined
  /** There, and true, when its bytes were found to be lost or wrong (verification.ts). */
  readonly isDamaged?: true
  /** Of a blob as a repository sees it: when somebody looks whether it is needed. */
  readonly reviewAfter?: number
}

interface RawBlob {
  readonly digest: string
  readonly size: number
  readonly storageKey: string | null
  readonly content: Uint8Array | null
  readonly damagedAt?: number | null
  readonly reviewAfter?: number | null
}

const linked = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('repository_blobs')
    .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
    .select([
      'blobs.digest',
      'blobs.size',
      'blobs.storage_key as storageKey',
      'blobs.content',
      'blobs.review_after as reviewAfter',
    ])
    .where('repository_blobs.repository_id', '=', p.repositoryId)
    .where('repository_blobs.digest', '=', p.digest)
    .where('blobs.damaged_at', 'is', null),
)

/** The blob as this repository sees it: undefined when it is not linked here, wherever else it may be, or is damaged. */
export async function findLinkedBlob(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<BlobRow | undefined> {
  return rowOf(await reader.one(linked, { repositoryId, digest }))
}

const linkedSize = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('repository_blobs')
    .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
    .select('blobs.size')
    .where('repository_blobs.repository_id', '=', p.repositoryId)
    .where('repository_blobs.digest', '=', p.digest)
    .where('blobs.damaged_at', 'is', null),
)

/** Bytes of the blob, when it is linked to this repository and not damaged. */
export async function linkedBlobSize(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<number | undefined> {
  return (await reader.one(linkedSize, { repositoryId, digest }))?.size
}

const byDigest = query<{ digest: string }>()((db, p) =>
  db
    .selectFrom('blobs')
    .select(['digest', 'size', 'storage_key as storageKey', 'content', 'damaged_at as damagedAt'])
    .where('digest', '=', p.digest),
)

/** The blob, whichever repositories have it. For upkeep only: a request reaches blobs through a repository. */
export async function findBlob(reader: Reader, digest: Digest): Promise<BlobRow | undefined> {
  return rowOf(await reader.one(byDigest, { digest }))
}

const insert = query<{
  digest: string
  size: number
  storageKey: string
  content: Uint8Array
  createdAt: number
  reviewAfter: number
}>()((db, p) =>
  db
    .insertInto('blobs')
    .values({
      digest: p.digest,
      size: p.size,
      storage_key: p.storageKey,
      content: p.content,
      created_at: p.createdAt,
      // Nothing becomes a blob whose bytes were not hashed on their way in.
      verified_at: p.createdAt,
      review_after: p.reviewAfter,
    })
    .onConflict((conflict) => conflict.column('digest').doNothing()),
)

/**
 * Returns false when the installation holds these bytes already; then the row that is there stays as it is, and the
 * caller puts its review off (reviewBlob). A row that is new, or was damaged and takes these bytes, is due for review
 * by itself: nothing refers to it yet.
 */
export async function insertBlob(tx: Transaction, blob: BlobRow): Promise<boolean> {
  const changed = await tx.run(insert, {
    digest: blob.digest,
    size: blob.size,
    storageKey: blob.storageKey as string,
    content: blob.content as Uint8Array,
    createdAt: Date.now(),
    reviewAfter: reviewTime(),
  })
  return changed === 1 || (await healDamaged(tx, blob))
}

const link = query<{ repositoryId: number; digest: string; linkedAt: number }>()((db, p) =>
  db
    .insertInto('repository_blobs')
    .values({ repository_id: p.repositoryId, digest: p.digest, linked_at: p.linkedAt })
    .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doNothing()),
)

export async function linkBlob(
  tx: Transaction,
  repositoryId: number,
  digest: Digest,
  linkedAt: number = Date.now(),
): Promise<void> {
  await tx.run(link, { repositoryId, digest, linkedAt })
}

const unlink = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .deleteFrom('repository_blobs')
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest),
)

/** Returns whether it was linked. The caller has made sure that no manifest uses it. */
export async function unlinkBlob(
  tx: Transaction,
  repositoryId: number,
  digest: Digest,
): Promise<boolean> {
  return (await tx.run(unlink, { repositoryId, digest })) > 0
}

const user = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('manifest_blobs')
    .select('manifest')
    .where('repository_id', '=', p.repositoryId)
    .where('blob', '=', p.digest)
    .limit(1),
)

/** A manifest of the repository that needs the blob. */
export async function manifestUsingBlob(
  reader: Reader,
  repositoryId: number,
  digest: Digest,
): Promise<Digest | undefined> {
  return (await reader.one(user, { repositoryId, digest }))?.manifest as Digest | undefined
}

const page = query<{ after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('blobs')
    .select(['digest', 'size', 'storage_key as storageKey', 'content', 'damaged_at as damagedAt'])
    .where('digest', '>', p.after)
    .orderBy('digest')
    .limit(p.limit),
)

/** All blobs of the installation in order of digest, a page at a time. */
export async function listBlobs(
  reader: Reader,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly BlobRow[]> {
  const rows: BlobRow[] = []
  for (const raw of await reader.all(page, { after, limit })) rows.push(rowOf(raw) as BlobRow)
  return rows
}

function rowOf(raw: RawBlob | undefined): BlobRow | undefined {
  if (raw === undefined) return undefined
  return {
    digest: raw.digest as Digest,
    size: raw.size,
    storageKey: raw.storageKey ?? undefined,
    content: raw.content ?? undefined,
    ...(typeof raw.damagedAt === 'number' && { isDamaged: true }),
    ...(typeof raw.reviewAfter === 'number' && { reviewAfter: raw.reviewAfter }),
  }
}
