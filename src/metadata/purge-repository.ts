// The end of a deleted repository, in steps of a bounded size: each leaves a state from which the next run goes on.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

const due = query<{ limitAt: number; limit: number }>()((db, p) =>
  db
    .selectFrom('repositories')
    .select(['id', 'deleted_at as deletedAt', 'deleted_name as name'])
    .where('deleted_at', '<=', p.limitAt)
    .orderBy('deleted_at')
    .limit(p.limit),
)

export interface RepositoryDue {
  readonly id: number
  /** What it was called. */
  readonly name: string
  /** Begun: it can no longer be restored. */
  readonly isGoing: boolean
}

/** Deleted until `limitAt`, and those whose end has begun already. */
export async function listDueRepositories(
  reader: Reader,
  place: { readonly limitAt: number; readonly limit: number },
): Promise<readonly RepositoryDue[]> {
  const rows = await reader.all(due, place)
  return rows.map(({ id, deletedAt, name }) => ({
    id,
    name: name ?? `~${id}`,
    isGoing: deletedAt === 0,
  }))
}

const begin = query<{ id: number; limitAt: number }>()((db, p) =>
  db
    .updateTable('repositories')
    .set({ deleted_at: 0, deleted_grants: null })
    .where('id', '=', p.id)
    .where('deleted_at', '<=', p.limitAt),
)

/** From here on nobody restores it. Returns false when somebody has, meanwhile. */
export async function beginPurge(tx: Transaction, id: number, limitAt: number): Promise<boolean> {
  return (await tx.run(begin, { id, limitAt })) === 1
}

interface Chunk {
  readonly id: number
  readonly limit: number
}

const tags = query<Chunk>()((db, p) =>
  db
    .deleteFrom('tags')
    .where('repository_id', '=', p.id)
    .where('name', 'in', (of) =>
      of.selectFrom('tags').select('name').where('repository_id', '=', p.id).limit(p.limit),
    ),
)
const indexesLeft = query<Chunk>()((db, p) =>
  db
    .selectFrom('manifest_children')
    .select('manifest')
    .distinct()
    .where('repository_id', '=', p.id)
    .orderBy('manifest')
    .limit(p.limit),
)
const children = query<{ id: number; manifest: string }>()((db, p) =>
  db
    .deleteFrom('manifest_children')
    .where('repository_id', '=', p.id)
    .where('manifest', '=', p.manifest),
)
const manifests = query<Chunk>()((db, p) =>
  db
    .deleteFrom('manifests')
    .where('repository_id', '=', p.id)
    .where('digest', 'in', (of) =>
      of.selectFrom('manifests').select('digest').where('repository_id', '=', p.id).limit(p.limit),
    ),
)
const bin = query<Chunk>()((db, p) =>
  db
    .deleteFrom('deleted_manifests')
    .where('repository_id', '=', p.id)
    .where('digest', 'in', (of) =>
      of
        .selectFrom('deleted_manifests')
        .select('digest')
        .where('repository_id', '=', p.id)
        .limit(p.limit),
    ),
)
const changes = query<Chunk>()((db, p) =>
  db
    .deleteFrom('tag_changes')
    .where('id', 'in', (of) =>
      of.selectFrom('tag_changes').select('id').where('repository_id', '=', p.id).limit(p.limit),
    ),
)
const links = query<Chunk>()((db, p) =>
  db
    .selectFrom('repository_blobs')
    .select('digest')
    .where('repository_id', '=', p.id)
    .orderBy('digest')
    .limit(p.limit),
)
const look = query<{ digest: string; reviewAfter: number }>()((db, p) =>
  db
    .updateTable('blobs')
    .set({ review_after: p.reviewAfter })
    .where('digest', '=', p.digest)
    .where('review_after', 'is', null),
)
const unlink = query<{ id: number; digest: string }>()((db, p) =>
  db
    .deleteFrom('repository_blobs')
    .where('repository_id', '=', p.id)
    .where('digest', '=', p.digest),
)
/** Takes away at most `limit` rows of one kind; returns whether there was anything left to take away. */
export async function purgeSomeOfRepository(
  tx: Transaction,
  id: number,
  { limit, reviewAfter }: { readonly limit: number; readonly reviewAfter: number },
): Promise<boolean> {
  const chunk = { id, limit }
  if ((await tx.run(tags, chunk)) > 0) return true
  // What holds others goes before what is held.
  const indexes = await tx.all(indexesLeft, chunk)
  for (const { manifest } of indexes) await tx.run(children, { id, manifest })
  if (indexes.length > 0) return true
  for (const rows of [manifests, bin, changes]) if ((await tx.run(rows, chunk)) > 0) return true
  const linked = await tx.all(links, chunk)
  for (const { digest } of linked) {
    await tx.run(look, { digest, reviewAfter })
    await tx.run(unlink, { id, digest })
  }
  return linked.length > 0
}

/** For the test that none of them reads a whole table. */
export const purgeQueries = {
  due,
  tags,
  indexesLeft,
  children,
  manifests,
  bin,
  changes,
  links,
  look,
  unlink,
} as const
