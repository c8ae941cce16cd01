// Lists of what is in the recycle bin: for collection what can go, for people all of it.
import type { Digest } from '../oci/digest.ts'
import type { BinReason } from './deleted-manifests.ts'
import { labelOf } from './deleted-repositories.ts'
import type { Reader } from './metadata-store.ts'
import { query } from './query.ts'

// One that another one holds stays as long as that one.
const due = query<{ reason: string; limitAt: number; limit: number }>()((db, p) =>
  db
    .selectFrom('deleted_manifests as d')
    .select(['d.id', 'd.repository_id as repositoryId', 'd.digest', 'd.size'])
    .where('d.reason', '=', p.reason)
    .where('d.purge_after', '<=', p.limitAt)
    .where((of) =>
      of.not(
        of.exists(
          of
            .selectFrom('deleted_manifest_contents as c')
            .select('c.deleted_id')
            .whereRef('c.digest', '=', 'd.digest')
            .whereRef('c.repository_id', '=', 'd.repository_id'),
        ),
      ),
    )
    .orderBy('d.purge_after')
    .limit(p.limit),
)

export interface BinDue {
  readonly id: number
  readonly repositoryId: number
  readonly digest: Digest
  readonly size: number
}

/** What can go for good: put there so that `purge_after` is not after `limitAt`, and held by no other in the bin. */
export async function listDueInBin(
  reader: Reader,
  place: { readonly reason: BinReason; readonly limitAt: number; readonly limit: number },
): Promise<readonly BinDue[]> {
  return (await reader.all(due, place)) as readonly BinDue[]
}

const newest = query<{ before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('deleted_manifests as d')
    .innerJoin('repositories as r', 'r.id', 'd.repository_id')
    .leftJoin('principals', 'principals.id', 'd.deleted_by')
    .select([
      'd.id',
      'd.repository_id as repositoryId',
      'r.name as repository',
      'r.deleted_name as deletedName',
      'd.digest',
      'd.size',
      'd.tags',
      'd.reason',
      'd.deleted_at as deletedAt',
      'd.purge_after as purgeAfter',
      'principals.name as deletedBy',
    ])
    .where('d.id', '<', p.before)
    .orderBy('d.id', 'desc')
    .limit(p.limit),
)

export interface BinRow {
  readonly id: number
  readonly repositoryId: number
  readonly repository: string
  readonly digest: Digest
  readonly size: number
  readonly tags: readonly string[]
  readonly reason: BinReason
  readonly deletedAt: number
  readonly purgeAfter: number
  readonly deletedBy: string | undefined
}

/** All that is in the bin, the latest first; `before` is the id of the last one seen. */
export async function listBin(
  reader: Reader,
  { before = Number.MAX_SAFE_INTEGER, limit }: { readonly before?: number; readonly limit: number },
): Promise<readonly BinRow[]> {
  const rows = await reader.all(newest, { before, limit })
  return rows.map(({ deletedName, deletedBy, tags, ...row }) => ({
    ...row,
    repository: labelOf(row.repository, deletedName),
    digest: row.digest as Digest,
    tags: JSON.parse(tags) as readonly string[],
    reason: row.reason as BinReason,
    deletedBy: deletedBy ?? undefined,
  }))
}

/** For the test that it reads no whole table. */
export const dueInBinQuery = due
