// Repositories: immutable id, name, visibility. Names are listed in byte order, page by key. Those in the recycle bin
// (deleted-repositories.ts) are left out of every list and count here.
import type { Kysely } from 'kysely'
import type { RepositoryName } from '../oci/reference.ts'
import { bindGrants } from './grants.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import type { Schema } from './schema.ts'

export type Visibility = 'private' | 'internal' | 'public'

export interface RepositoryRow {
  readonly id: number
  readonly name: RepositoryName
  readonly visibility: Visibility
  readonly description: string
  readonly createdAt: number
}

/** Which repositories a listing may show: a row is shown when any of these says so. */
export interface CatalogFilter {
  readonly all: boolean
  readonly internal: boolean
  /** The namespace that is the caller's own. */
  readonly ownNamespace: string | undefined
}

const columns = ['id', 'name', 'visibility', 'description', 'created_at as createdAt'] as const

const byName = query<{ name: string }>()((db, p) =>
  db.selectFrom('repositories').select(columns).where('name', '=', p.name),
)

export async function findRepository(
  reader: Reader,
  name: RepositoryName,
): Promise<RepositoryRow | undefined> {
  return (await reader.one(byName, { name })) as RepositoryRow | undefined
}

const insert = query<{
  name: string
  visibility: string
  description: string
  createdAt: number
  createdBy: number
}>()((db, p) =>
  db
    .insertInto('repositories')
    .values({
      name: p.name,
      visibility: p.visibility,
      description: p.description,
      created_at: p.createdAt,
      created_by: p.createdBy,
    })
    .onConflict((conflict) => conflict.column('name').doNothing()),
)

/** Returns whether it was made now; false when the name is taken. */
export async function insertRepository(
  tx: Transaction,
  repository: {
    readonly name: RepositoryName
    readonly visibility: Visibility
    readonly description?: string
    readonly createdBy: number | undefined
  },
): Promise<boolean> {
  const { name, visibility, description = '', createdBy } = repository
  const changed = await tx.run(insert, {
    name,
    visibility,
    description,
    createdAt: Date.now(),
    createdBy: createdBy as number,
  })
  if (changed !== 1) return false
  // Grants that waited for a repository of this name hold for this one, and for none that comes after it.
  const made = await findRepository(tx, name)
  if (made !== undefined) await bindGrants(tx, { repositoryId: made.id, name })
  return true
}

const update = query<{ id: number; visibility: string; description: string }>()((db, p) =>
  db
    .updateTable('repositories')
    .set({ visibility: p.visibility, description: p.description })
    .where('id', '=', p.id),
)

export async function updateRepository(
  tx: Transaction,
  repository: {
    readonly id: number
    readonly visibility: Visibility
    readonly description: string
  },
): Promise<void> {
  await tx.run(update, repository)
}

const remove = query<{ id: number }>()((db, p) =>
  db.deleteFrom('repositories').where('id', '=', p.id),
)

/** For good. The caller has removed tags, manifests and links before. */
export async function deleteRepository(tx: Transaction, id: number): Promise<void> {
  await tx.run(remove, { id })
}

interface CatalogPage {
  readonly after: string
  readonly limit: number
  readonly all: number
  readonly internal: number
  readonly ownFrom: string
  readonly ownTo: string
}

const page = query<CatalogPage>()((db, p) => visiblePage(db, p).select(columns))

const pageOfNames = query<CatalogPage>()((db, p) => visiblePage(db, p).select('name'))

function visiblePage(db: Kysely<Schema>, p: CatalogPage) {
  return db
    .selectFrom('repositories')
    .where('name', '>', p.after)
    .where('deleted_at', 'is', null)
    .where((or) =>
      or.or([
        or(or.val(p.all), '=', or.lit(1)),
        or('visibility', '=', 'public'),
        or.and([or(or.val(p.internal), '=', or.lit(1)), or('visibility', '=', 'internal')]),
        or.and([or('name', '>', p.ownFrom), or('name', '<', p.ownTo)]),
      ]),
    )
    .orderBy('name')
    .limit(p.limit)
}

/** At most `limit` repositories after the name `after` ('' for the first page) that the filter lets through. */
export async function listRepositories(
  reader: Reader,
  filter: CatalogFilter,
  place: { readonly after: string; readonly limit: number },
): Promise<readonly RepositoryRow[]> {
  return (await reader.all(page, catalogPage(filter, place))) as readonly RepositoryRow[]
}

/** As listRepositories, the names alone: pages of them are long. */
export async function listRepositoryNames(
  reader: Reader,
  filter: CatalogFilter,
  place: { readonly after: string; readonly limit: number },
): Promise<string[]> {
  const rows = await reader.all(pageOfNames, catalogPage(filter, place))
  return rows.map(({ name }) => name)
}

function catalogPage(
  { all, internal, ownNamespace: own }: CatalogFilter,
  place: { readonly after: string; readonly limit: number },
): CatalogPage {
  return {
    ...place,
    all: all ? 1 : 0,
    internal: internal ? 1 : 0,
    // Everything that begins with "own/": '0' is the character after '/'.
    ownFrom: own === undefined ? '' : `${own}/`,
    ownTo: own === undefined ? '' : `${own}0`,
  }
}

const range = query<{ after: string; limit: number; from: string; to: string }>()((db, p) =>
  db
    .selectFrom('repositories')
    .select(columns)
    .where('name', '>', p.after)
    .where('name', '>=', p.from)
    .where('name', '<', p.to)
    .where('deleted_at', 'is', null)
    .orderBy('name')
    .limit(p.limit),
)

/** As listRepositories: those whose names are in the range, `to` left out, whoever may see them. */
export async function listRepositoriesInRange(
  reader: Reader,
  place: {
    readonly from: string
    readonly to: string
    readonly after: string
    readonly limit: number
  },
): Promise<readonly RepositoryRow[]> {
  return (await reader.all(range, place)) as readonly RepositoryRow[]
}

// Few are deleted, so their tags are taken off, and not all tags looked up.
const counts = query<object>()((db) =>
  db
    .selectFrom('repositories')
    .where('deleted_at', 'is', null)
    .select((of) => [
      of.fn.countAll<number>().as('repositories'),
      of
        .selectFrom('tags')
        .select((tag) => tag.fn.countAll<number>().as('value'))
        .as('tags'),
      of
        .selectFrom('repositories as gone')
        .innerJoin('tags', 'tags.repository_id', 'gone.id')
        .where('gone.deleted_at', 'is not', null)
        .select((tag) => tag.fn.countAll<number>().as('value'))
        .as('deletedTags'),
    ]),
)

/** Of the whole installation. */
export async function countRepositories(
  reader: Reader,
): Promise<{ readonly repositories: number; readonly tags: number }> {
  const row = await reader.one(counts, {})
  return {
    repositories: Number(row?.repositories),
    tags: Number(row?.tags) - Number(row?.deletedTags),
  }
}
