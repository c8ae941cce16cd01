// The history of tags: every move, and by whom. Written in the transaction of the move.
import type { Kysely } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import type { Schema } from './schema.ts'

export interface TagChange {
  readonly id: number
  readonly tag: Tag
  /** Undefined: the tag was deleted. */
  readonly digest: Digest | undefined
  /** What it pointed to until then; undefined: it was not there. */
  readonly before: Digest | undefined
  readonly changedAt: number
  readonly changedBy: string | undefined
}

const insert = query<{
  repositoryId: number
  tag: string
  digest: string
  changedAt: number
  changedBy: number
}>()((db, p) =>
  db.insertInto('tag_changes').values({
    repository_id: p.repositoryId,
    tag: p.tag,
    digest: p.digest,
    changed_at: p.changedAt,
    changed_by: p.changedBy,
  }),
)

export async function insertTagChange(
  tx: Transaction,
  change: {
    readonly repositoryId: number
    readonly tag: Tag
    readonly digest: Digest | undefined
    readonly changedBy: number | undefined
    readonly changedAt?: number
  },
): Promise<void> {
  await tx.run(insert, {
    repositoryId: change.repositoryId,
    tag: change.tag,
    digest: change.digest as string,
    changedAt: change.changedAt ?? Date.now(),
    changedBy: change.changedBy as number,
  })
}

function changes(db: Kysely<Schema>) {
  return db
    .selectFrom('tag_changes as c')
    .leftJoin('principals', 'principals.id', 'c.changed_by')
    .select((of) => [
      'c.id',
      'c.tag',
      'c.digest',
      'c.changed_at as changedAt',
      'principals.name as changedBy',
      of
        .selectFrom('tag_changes as b')
        .select('b.digest')
        .whereRef('b.repository_id', '=', 'c.repository_id')
        .whereRef('b.tag', '=', 'c.tag')
        .whereRef('b.id', '<', 'c.id')
        .orderBy('b.id', 'desc')
        .limit(1)
        .as('before'),
    ])
}

const ofTag = query<{ repositoryId: number; tag: string; before: number; limit: number }>()(
  (db, p) =>
    changes(db)
      .where('c.repository_id', '=', p.repositoryId)
      .where('c.tag', '=', p.tag)
      .where('c.id', '<', p.before)
      .orderBy('c.id', 'desc')
      .limit(p.limit),
)

const ofRepository = query<{ repositoryId: number; before: number; limit: number }>()((db, p) =>
  changes(db)
    .where('c.repository_id', '=', p.repositoryId)
    .where('c.id', '<', p.before)
    .orderBy('c.id', 'desc')
    .limit(p.limit),
)

/** The latest first; `before` is the id of the last one seen. */
export async function listTagChanges(
  reader: Reader,
  repositoryId: number,
  {
    tag,
    before = Number.MAX_SAFE_INTEGER,
    limit,
  }: { readonly tag?: Tag | undefined; readonly before?: number; readonly limit: number },
): Promise<readonly TagChange[]> {
  const rows =
    tag === undefined
      ? await reader.all(ofRepository, { repositoryId, before, limit })
      : await reader.all(ofTag, { repositoryId, tag, before, limit })
  return rows.map((row) => ({
    id: row.id,
    tag: row.tag as Tag,
    digest: (row.digest ?? undefined) as Digest | undefined,
    before: (row.before ?? undefined) as Digest | undefined,
    changedAt: row.changedAt,
    changedBy: row.changedBy ?? undefined,
  }))
}
