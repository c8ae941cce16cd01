// The second half of a rebuild (rebuilding.ts): blobs, and what manifests need of them.
import type { Digest } from '../oci/digest.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

const putBlob = query<RebuiltBlob>()((db, p) =>
  db
    .insertInto('blobs')
    .values({
      digest: p.digest,
      size: p.size,
      storage_key: p.storageKey,
      content: p.content,
      created_at: p.createdAt,
      review_after: p.reviewAfter,
      verified_at: p.verifiedAt,
      damaged_at: p.damagedAt,
    })
    .onConflict((conflict) => conflict.column('digest').doNothing()),
)

export interface RebuiltBlob {
  readonly digest: string
  readonly size: number
  readonly storageKey: string | null
  readonly content: Uint8Array | null
  readonly createdAt: number
  readonly reviewAfter: number
  readonly verifiedAt: number
  /** Set: there are no bytes. */
  readonly damagedAt: number | null
}

/** Returns false when there is one of this digest already. */
export async function rebuildBlob(tx: Transaction, blob: RebuiltBlob): Promise<boolean> {
  return (await tx.run(putBlob, blob)) === 1
}

const replaceBlob = query<RebuiltBlob>()((db, p) =>
  db
    .updateTable('blobs')
    .set({
      size: p.size,
      storage_key: p.storageKey,
      content: p.content,
      verified_at: p.verifiedAt,
      damaged_at: p.damagedAt,
    })
    .where('digest', '=', p.digest),
)

export async function replaceRebuiltBlob(tx: Transaction, blob: RebuiltBlob): Promise<void> {
  await tx.run(replaceBlob, blob)
}

const holdInBin = query<{ deletedId: number; repositoryId: number; digest: string }>()((db, p) =>
  db
    .insertInto('deleted_manifest_contents')
    .values({ deleted_id: p.deletedId, repository_id: p.repositoryId, digest: p.digest })
    .onConflict((conflict) => conflict.columns(['deleted_id', 'digest']).doNothing()),
)

export async function rebuildBinContents(
  tx: Transaction,
  key: { readonly deletedId: number; readonly repositoryId: number },
  contents: readonly Digest[],
): Promise<void> {
  for (const digest of contents) await tx.run(holdInBin, { ...key, digest })
}

const oneBlob = query<{ digest: string }>()((db, p) =>
  db
    .selectFrom('blobs')
    .select(['size', 'storage_key as storageKey', 'damaged_at as damagedAt'])
    .where('digest', '=', p.digest),
)

/** What the database has of a blob by now. */
export async function findRebuiltBlob(tx: Transaction, digest: Digest) {
  return tx.one(oneBlob, { digest })
}

const ids = query<object>()((db) =>
  db
    .selectFrom('repositories')
    .select(['id', 'deleted_at as deletedAt', 'name', 'deleted_name as deletedName'])
    .orderBy('id'),
)

/** Every repository there is; the whole list, as it is asked for once. */
export async function listRebuiltRepositories(reader: Reader) {
  return reader.all(ids, {})
}

const counts = query<object>()((db) =>
  db.selectNoFrom((of) => [
    of
      .selectFrom('repositories')
      .select((r) => r.fn.countAll<number>().as('value'))
      .where('deleted_at', 'is', null)
      .as('repositories'),
    of
      .selectFrom('repositories')
      .select((r) => r.fn.countAll<number>().as('value'))
      .where('deleted_at', 'is not', null)
      .as('deletedRepositories'),
    of
      .selectFrom('tags')
      .select((t) => t.fn.countAll<number>().as('value'))
      .as('tags'),
    of
      .selectFrom('manifests')
      .select((m) => m.fn.countAll<number>().as('value'))
      .as('manifests'),
    of
      .selectFrom('deleted_manifests')
      .select((m) => m.fn.countAll<number>().as('value'))
      .as('deletedManifests'),
    of
      .selectFrom('tag_changes')
      .select((c) => c.fn.countAll<number>().as('value'))
      .as('tagChanges'),
    of
      .selectFrom('principals')
      .select((p) => p.fn.countAll<number>().as('value'))
      .where('disabled_at', 'is not', null)
      .as('principals'),
  ]),
)

export async function countRebuilt(reader: Reader) {
  const row = await reader.one(counts, {})
  return {
    repositories: Number(row?.repositories),
    deletedRepositories: Number(row?.deletedRepositories),
    tags: Number(row?.tags),
    manifests: Number(row?.manifests),
    deletedManifests: Number(row?.deletedManifests),
    tagChanges: Number(row?.tagChanges),
    principals: Number(row?.principals),
  }
}
