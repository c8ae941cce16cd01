// Namespaces: the first components of names. A row holds what is said of one; who owns it is told by grants.
import { sql, type Kysely } from 'kysely'
import type { RepositoryName } from '../oci/reference.ts'
import { namespaceOf } from '../oci/reference.ts'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import type { Visibility } from './repositories.ts'
import type { Schema } from './schema.ts'

export interface NamespaceRow {
  readonly id: number
  readonly name: string
  readonly description: string
  readonly defaultVisibility: Visibility
  readonly createdAt: number
  /** How many repositories are in it. */
  readonly repositories: number
}

const insert = query<{
  name: string
  description: string
  defaultVisibility: string
  now: number
  createdBy: number
}>()((db, p) =>
  db
    .insertInto('namespaces')
    .values({
      name: p.name,
      description: p.description,
      default_visibility: p.defaultVisibility,
      created_at: p.now,
      created_by: p.createdBy,
    })
    .onConflict((conflict) => conflict.column('name').doNothing()),
)

/** Returns whether it was made now; false when there is one of that name. */
export async function insertNamespace(
  tx: Transaction,
  namespace: {
    readonly name: string
    readonly description?: string | undefined
    readonly defaultVisibility?: Visibility | undefined
    readonly createdBy: number | undefined
  },
): Promise<boolean> {
  const { name, description = '', defaultVisibility = 'private', createdBy } = namespace
  const changed = await tx.run(insert, {
    name,
    description,
    defaultVisibility,
    createdBy: createdBy as number,
    now: Date.now(),
  })
  return changed === 1
}

function rows(db: Kysely<Schema>) {
  return db.selectFrom('namespaces').select((of) => [
    'id',
    'name',
    'description',
    'default_visibility as defaultVisibility',
    'created_at as createdAt',
    of
      .selectFrom('repositories as r')
      .select((repository) => repository.fn.countAll<number>().as('value'))
      // What begins with "web/": '0' is the character after '/'.
      .where('r.name', '>', sql<string>`${of.ref('namespaces.name')} || '/'`)
      .where('r.name', '<', sql<string>`${of.ref('namespaces.name')} || '0'`)
      .as('repositories'),
  ])
}

const byName = query<{ name: string }>()((db, p) => rows(db).where('name', '=', p.name))

export async function findNamespace(
  reader: Reader,
  name: string,
): Promise<NamespaceRow | undefined> {
  // None has such a name, and PostgreSQL cannot even be asked for it.
  if (name.includes('\0') || !name.isWellFormed()) return undefined
  const raw = await reader.one(byName, { name })
  return raw === undefined ? undefined : rowOf(raw)
}

const page = query<{ after: string; limit: number }>()((db, p) =>
  rows(db).where('name', '>', p.after).orderBy('name').limit(p.limit),
)

/** At most `limit` namespaces after the name `after` ('' for the first page), in byte order. */
export async function listNamespaces(
  reader: Reader,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly NamespaceRow[]> {
  return (await reader.all(page, { after, limit })).map(rowOf)
}

const pageOfNames = query<{ after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('namespaces')
    .select('name')
    .where('name', '>', p.after)
    .orderBy('name')
    .limit(p.limit),
)

/** As listNamespaces, the names alone. */
export async function listNamespaceNames(
  reader: Reader,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly string[]> {
  return (await reader.all(pageOfNames, { after, limit })).map(({ name }) => name)
}

interface RawNamespace {
  readonly id: number
  readonly name: string
  readonly description: string
  readonly defaultVisibility: string
  readonly createdAt: number
  readonly repositories: number | null
}

function rowOf({ defaultVisibility, repositories, ...rest }: RawNamespace): NamespaceRow {
  return {
    ...rest,
    defaultVisibility: defaultVisibility as Visibility,
    repositories: repositories ?? 0,
  }
}

const update = query<{ id: number; description: string; defaultVisibility: string }>()((db, p) =>
  db
    .updateTable('namespaces')
    .set({ description: p.description, default_visibility: p.defaultVisibility })
    .where('id', '=', p.id),
)

export async function updateNamespace(
  tx: Transaction,
  namespace: {
    readonly id: number
    readonly description: string
    readonly defaultVisibility: Visibility
  },
): Promise<void> {
  await tx.run(update, namespace)
}

const remove = query<{ id: number }>()((db, p) =>
  db.deleteFrom('namespaces').where('id', '=', p.id),
)

export async function deleteNamespace(tx: Transaction, id: number): Promise<void> {
  await tx.run(remove, { id })
}

const anyRepository = query<{ from: string; to: string }>()((db, p) =>
  db
    .selectFrom('repositories')
    .select('id')
    .where('name', '>', p.from)
    .where('name', '<', p.to)
    .limit(1),
)

/** Whether there are repositories in it, were there no row of it. */
export async function hasRepositories(reader: Reader, namespace: string): Promise<boolean> {
  const range = { from: `${namespace}/`, to: `${namespace}0` }
  return (await reader.one(anyRepository, range)) !== undefined
}

const visibility = query<{ name: string }>()((db, p) =>
  db.selectFrom('namespaces').select('default_visibility as visibility').where('name', '=', p.name),
)

/** What a new repository of this name is, unless somebody says otherwise. */
export async function defaultVisibilityFor(
  reader: Reader,
  name: RepositoryName,
): Promise<Visibility> {
  const namespace = namespaceOf(name)
  if (namespace === undefined) return 'private'
  const row = await reader.one(visibility, { name: namespace })
  return (row?.visibility as Visibility | undefined) ?? 'private'
}
