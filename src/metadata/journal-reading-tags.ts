// The rest of what the journal tells of (journal-reading.ts): tags with their history, and people.
import type { HighestIds } from './journal-state.ts'
import type { Reader } from './metadata-store.ts'
import { query } from './query.ts'

interface PageById {
  readonly after: number
  readonly limit: number
}

interface PageInRepository {
  readonly repositoryId: number
  readonly after: string
  readonly limit: number
}

export interface JournalTag {
  readonly repositoryId: number
  readonly tag: string
  readonly digest: string
  readonly at: number
  readonly by: number | null
}

const tagColumns = [
  'repository_id as repositoryId',
  'name as tag',
  'digest',
  'updated_at as at',
  'updated_by as by',
] as const

const tag = query<{ repositoryId: number; tag: string }>()((db, p) =>
  db
    .selectFrom('tags')
    .select(tagColumns)
    .where('repository_id', '=', p.repositoryId)
    .where('name', '=', p.tag),
)

export async function readTag(
  reader: Reader,
  repositoryId: number,
  name: string,
): Promise<JournalTag | undefined> {
  return reader.one(tag, { repositoryId, tag: name })
}

const tags = query<PageInRepository>()((db, p) =>
  db
    .selectFrom('tags')
    .select(tagColumns)
    .where('repository_id', '=', p.repositoryId)
    .where('name', '>', p.after)
    .orderBy('name')
    .limit(p.limit),
)

export async function pageOfTags(
  reader: Reader,
  page: PageInRepository,
): Promise<readonly JournalTag[]> {
  return reader.all(tags, page)
}

export interface JournalTagChange {
  readonly id: number
  readonly repositoryId: number
  readonly tag: string
  readonly digest: string | null
  readonly at: number
  readonly by: number | null
}

const changeColumns = [
  'id',
  'repository_id as repositoryId',
  'tag',
  'digest',
  'changed_at as at',
  'changed_by as by',
] as const

const changesOfTag = query<{ repositoryId: number; tag: string; after: number; since: number }>()(
  (db, p) =>
    db
      .selectFrom('tag_changes')
      .select(changeColumns)
      .where('repository_id', '=', p.repositoryId)
      .where('tag', '=', p.tag)
      .where('id', '>', p.after)
      .where('changed_at', '>=', p.since)
      .orderBy('id'),
)

export async function readChangesOfTag(
  reader: Reader,
  place: {
    readonly repositoryId: number
    readonly tag: string
    /** An id. */
    readonly after: number
    /** A time. */
    readonly since: number
  },
): Promise<readonly JournalTagChange[]> {
  return reader.all(changesOfTag, place)
}

const changes = query<PageById>()((db, p) =>
  db
    .selectFrom('tag_changes')
    .select(changeColumns)
    .where('id', '>', p.after)
    .where('repository_id', 'not in', (of) =>
      of.selectFrom('repositories').select('id').where('deleted_at', '=', 0),
    )
    .orderBy('id')
    .limit(p.limit),
)

export async function pageOfTagChanges(
  reader: Reader,
  page: PageById,
): Promise<readonly JournalTagChange[]> {
  return reader.all(changes, page)
}

/** Who somebody is. Nothing by which they could sign in. */
export interface JournalPrincipal {
  readonly id: number
  readonly kind: string
  readonly provider: string
  readonly subject: string
  readonly name: string
  readonly displayName: string | null
}

const principalColumns = [
  'id',
  'kind',
  'provider',
  'subject',
  'name',
  'display_name as displayName',
] as const

const principal = query<{ id: number }>()((db, p) =>
  db.selectFrom('principals').select(principalColumns).where('id', '=', p.id),
)

export async function readPrincipal(
  reader: Reader,
  id: number,
): Promise<JournalPrincipal | undefined> {
  return reader.one(principal, { id })
}

const principals = query<PageById>()((db, p) =>
  db
    .selectFrom('principals')
    .select(principalColumns)
    .where('id', '>', p.after)
    .orderBy('id')
    .limit(p.limit),
)

export async function pageOfPrincipals(
  reader: Reader,
  page: PageById,
): Promise<readonly JournalPrincipal[]> {
  return reader.all(principals, page)
}

const highest = query<object>()((db) =>
  db.selectFrom('repositories').select((of) => [
    of.fn.max('repositories.id').as('repository'),
    of
      .selectFrom('principals')
      .select((p) => p.fn.max('principals.id').as('value'))
      .as('principal'),
  ]),
)

/** Of those that are there now. */
export async function readHighestIds(reader: Reader): Promise<HighestIds> {
  const row = await reader.one(highest, {})
  return { repository: row?.repository ?? 0, principal: row?.principal ?? 0 }
}
