// Tags: movable names of manifests, unique in their repository, listed in byte order.
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export interface TagRow {
  readonly name: Tag
  readonly digest: Digest
  readonly updatedAt: number
}

const one = query<{ repositoryId: number; tag: string }>()((db, p) =>
  db
    .selectFrom('tags')
    .select(['name', 'digest', 'updated_at as updatedAt'])
    .where('repository_id', '=', p.repositoryId)
    .where('name', '=', p.tag),
)

export async function findTag(
  reader: Reader,
  repositoryId: number,
  tag: Tag,
): Promise<TagRow | undefined> {
  return (await reader.one(one, { repositoryId, tag })) as TagRow | undefined
}

const set = query<{
  repositoryId: number
  tag: string
  digest: string
  updatedAt: number
  updatedBy: number
}>()((db, p) =>
  db
    .insertInto('tags')
    .values({
      repository_id: p.repositoryId,
      name: p.tag,
      digest: p.digest,
      updated_at: p.updatedAt,
      updated_by: p.updatedBy,
    })
    .onConflict((conflict) =>
      conflict.columns(['repository_id', 'name']).doUpdateSet({
        digest: p.digest,
        updated_at: p.updatedAt,
        updated_by: p.updatedBy,
      }),
    ),
)

export async function setTag(
  tx: Transaction,
  tag: {
    readonly repositoryId: number
    readonly tag: Tag
    readonly digest: Digest
    readonly updatedBy: number | undefined
  },
): Promise<void> {
  await tx.run(set, { ...tag, updatedAt: Date.now(), updatedBy: tag.updatedBy as number })
}

const remove = query<{ repositoryId: number; tag: string }>()((db, p) =>
  db.deleteFrom('tags').where('repository_id', '=', p.repositoryId).where('name', '=', p.tag),
)

/** Returns whether there was such a tag. */
export async function deleteTag(tx: Transaction, repositoryId: number, tag: Tag): Promise<boolean> {
  return (await tx.run(remove, { repositoryId, tag })) > 0
}

const namesOf = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db
    .selectFrom('tags')
    .select('name')
    .where('repository_id', '=', p.repositoryId)
    .where('digest', '=', p.digest)
    .orderBy('name'),
)

const removeOf = query<{ repositoryId: number; digest: string }>()((db, p) =>
  db.deleteFrom('tags').where('repository_id', '=', p.repositoryId).where('digest', '=', p.digest),
)

/** Removes all tags of a manifest, and returns their names. */
export async function deleteTagsOf(
  tx: Transaction,
  repositoryId: number,
  digest: Digest,
): Promise<readonly Tag[]> {
  const names = await tx.all(namesOf, { repositoryId, digest })
  if (names.length > 0) await tx.run(removeOf, { repositoryId, digest })
  return names.map(({ name }) => name as Tag)
}

const page = query<{ repositoryId: number; after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('tags')
    .select(['name', 'digest', 'updated_at as updatedAt'])
    .where('repository_id', '=', p.repositoryId)
    .where('name', '>', p.after)
    .orderBy('name')
    .limit(p.limit),
)

/** At most `limit` tags after the tag `after` ('' for the first page). */
export async function listTags(
  reader: Reader,
  repositoryId: number,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly TagRow[]> {
  return (await reader.all(page, { repositoryId, after, limit })) as readonly TagRow[]
}

const pageOfNames = query<{ repositoryId: number; after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('tags')
    .select('name')
    .where('repository_id', '=', p.repositoryId)
    .where('name', '>', p.after)
    .orderBy('name')
    .limit(p.limit),
)

/** As listTags, the names alone: pages of them are long. */
export async function listTagNames(
  reader: Reader,
  repositoryId: number,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<string[]> {
  const rows = await reader.all(pageOfNames, { repositoryId, after, limit })
  return rows.map(({ name }) => name)
}
