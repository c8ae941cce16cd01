// Grants: who may do what where. What a place or an action means is not known here: they are text, and a place's text
// is compared whole or by a range of bytes, never as a pattern.
import type { Kysely } from 'kysely'
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import type { Schema } from './schema.ts'

/** As much of a grant as it takes to decide by it. */
export interface HeldGrantRow {
  readonly id: number
  readonly placeKind: string
  readonly place: string
  /** For a place of kind repository: the one that is meant; undefined while there is none of that name. */
  readonly repositoryId: number | undefined
  /** With commas between. */
  readonly actions: string
  readonly expiresAt: number | undefined
}

/** Who holds a grant, without names. */
export type GrantHolder =
  | { readonly kind: 'principal'; readonly id: number }
  | { readonly kind: 'team'; readonly id: number }
  | { readonly kind: 'signed-in' }
  | { readonly kind: 'anonymous' }

const heldColumns = [
  'grants.id',
  'grants.place_kind as placeKind',
  'grants.place',
  'grants.repository_id as repositoryId',
  'grants.actions',
  'grants.expires_at as expiresAt',
] as const

interface RawHeldGrant {
  readonly id: number
  readonly placeKind: string
  readonly place: string
  readonly repositoryId: number | null
  readonly actions: string
  readonly expiresAt: number | null
}

/** What was granted to nobody by name. */
function ofEverybody(db: Kysely<Schema>, kinds: readonly ('signed-in' | 'anonymous')[]) {
  return db.selectFrom('grants').select(heldColumns).where('subject_kind', 'in', kinds)
}

// Each part finds its rows by an index of its own, which one condition with "or" would not always.
const ofPrincipal = query<{ principalId: number }>()((db, p) =>
  db
    .selectFrom('grants')
    .select(heldColumns)
    .where('principal_id', '=', p.principalId)
    .unionAll(
      db
        .selectFrom('grants')
        .select(heldColumns)
        .where('team_id', 'in', (teams) =>
          teams
            .selectFrom('team_members')
            .select('team_id')
            .where('team_members.principal_id', '=', p.principalId),
        ),
    )
    .unionAll(ofEverybody(db, ['signed-in', 'anonymous'])),
)

/** Its own, those of its teams, and those of everybody; expired ones too, until they are removed. */
export async function grantsOfPrincipal(
  reader: Reader,
  principalId: number,
): Promise<readonly HeldGrantRow[]> {
  return heldRows(await reader.all(ofPrincipal, { principalId }))
}

const ofTeam = query<{ teamId: number }>()((db, p) =>
  db
    .selectFrom('grants')
    .select(heldColumns)
    .where('team_id', '=', p.teamId)
    .unionAll(ofEverybody(db, ['signed-in', 'anonymous'])),
)

/** What any member holds: the team's, and those of everybody. */
export async function grantsOfTeam(
  reader: Reader,
  teamId: number,
): Promise<readonly HeldGrantRow[]> {
  return heldRows(await reader.all(ofTeam, { teamId }))
}

const ofSignedIn = query<object>()((db) => ofEverybody(db, ['signed-in', 'anonymous']))

/** What whoever is signed in holds, were there nothing of their own. */
export async function grantsOfSignedIn(reader: Reader): Promise<readonly HeldGrantRow[]> {
  return heldRows(await reader.all(ofSignedIn, {}))
}

const ofAnybody = query<object>()((db) => ofEverybody(db, ['anonymous']))

/** What anybody at all holds, signed in or not. */
export async function grantsOfAnybody(reader: Reader): Promise<readonly HeldGrantRow[]> {
  return heldRows(await reader.all(ofAnybody, {}))
}

function heldRows(raws: readonly RawHeldGrant[]): readonly HeldGrantRow[] {
  return raws.map(({ id, placeKind, place, repositoryId, actions, expiresAt }) => ({
    id,
    placeKind,
    place,
    repositoryId: repositoryId ?? undefined,
    actions,
    expiresAt: expiresAt ?? undefined,
  }))
}

const bind = query<{ repositoryId: number; name: string }>()((db, p) =>
  db
    .updateTable('grants')
    .set({ repository_id: p.repositoryId })
    .where('place_kind', '=', 'repository')
    .where('place', '=', p.name)
    .where('repository_id', 'is', null),
)

/** Gives the grants that wait for a repository of this name to it; returns how many. */
export async function bindGrants(
  tx: Transaction,
  { repositoryId, name }: { readonly repositoryId: number; readonly name: string },
): Promise<number> {
  return tx.run(bind, { repositoryId, name })
}

const bindStray = query<object>()((db) =>
  db
    .updateTable('grants')
    .from('repositories')
    .set((row) => ({ repository_id: row.ref('repositories.id') }))
    .where('grants.place_kind', '=', 'repository')
    .where('grants.repository_id', 'is', null)
    .whereRef('grants.place', '=', 'repositories.name'),
)

/**
 * On PostgreSQL a grant and its repository that were made at the same moment have not seen each other: gives those to
 * each other. Returns how many there were.
 */
export async function bindStrayGrants(tx: Transaction): Promise<number> {
  return tx.run(bindStray, {})
}

const anyStray = query<object>()((db) =>
  db
    .selectFrom('grants')
    .innerJoin('repositories', 'repositories.name', 'grants.place')
    .select('grants.id')
    .where('grants.place_kind', '=', 'repository')
    .where('grants.repository_id', 'is', null)
    .limit(1),
)

/** Whether bindStrayGrants has anything to do. */
export async function hasStrayGrants(reader: Reader): Promise<boolean> {
  return (await reader.one(anyStray, {})) !== undefined
}

export interface NewGrant {
  readonly holder: GrantHolder
  readonly placeKind: string
  readonly place: string
  readonly repositoryId: number | undefined
  readonly actions: string
  readonly reason: string
  readonly grantedBy: number | undefined
  readonly expiresAt: number | undefined
}

const insert = query<{
  subjectKind: string
  principalId: number
  teamId: number
  placeKind: string
  place: string
  repositoryId: number
  actions: string
  reason: string
  now: number
  grantedBy: number
  expiresAt: number
}>()((db, p) =>
  db
    .insertInto('grants')
    .values({
      subject_kind: p.subjectKind,
      principal_id: p.principalId,
      team_id: p.teamId,
      place_kind: p.placeKind,
      place: p.place,
      repository_id: p.repositoryId,
      actions: p.actions,
      reason: p.reason,
      granted_at: p.now,
      granted_by: p.grantedBy,
      expires_at: p.expiresAt,
      actions_used: '',
      changed_at: p.now,
    })
    .returning('id'),
)

/** Returns its id. The caller has looked that the holder has none on this place. */
export async function insertGrant(tx: Transaction, grant: NewGrant): Promise<number> {
  const { holder, ...more } = grant
  const made = await tx.one(insert, {
    ...more,
    subjectKind: holder.kind,
    principalId: (holder.kind === 'principal' ? holder.id : undefined) as number,
    teamId: (holder.kind === 'team' ? holder.id : undefined) as number,
    repositoryId: grant.repositoryId as number,
    grantedBy: grant.grantedBy as number,
    expiresAt: grant.expiresAt as number,
    now: Date.now(),
  })
  if (made === undefined) throw new Error('the database did not tell the id of a new grant')
  return made.id
}

const change = query<{
  id: number
  actions: string
  reason: string
  expiresAt: number
  now: number
}>()((db, p) =>
  db
    .updateTable('grants')
    .set({ actions: p.actions, reason: p.reason, expires_at: p.expiresAt, changed_at: p.now })
    .where('id', '=', p.id),
)

/** Returns whether there is such a grant. */
export async function changeGrant(
  tx: Transaction,
  grant: {
    readonly id: number
    readonly actions: string
    readonly reason: string
    readonly expiresAt: number | undefined
  },
): Promise<boolean> {
  const expiresAt = grant.expiresAt as number
  return (await tx.run(change, { ...grant, expiresAt, now: Date.now() })) === 1
}

const remove = query<{ id: number }>()((db, p) => db.deleteFrom('grants').where('id', '=', p.id))

/** Returns whether there was such a grant. */
export async function removeGrant(tx: Transaction, id: number): Promise<boolean> {
  return (await tx.run(remove, { id })) === 1
}

const removeUnder = query<{ from: string; to: string }>()((db, p) =>
  db.deleteFrom('grants').where('place', '>=', p.from).where('place', '<=', p.to),
)

/** All on a namespace and on names in it, patterns that begin with it too; returns how many. */
export async function removeGrantsInNamespace(tx: Transaction, namespace: string): Promise<number> {
  return tx.run(removeUnder, placesUnder(`${namespace}/`))
}

/** The texts that begin with `prefix`. No place has a character after `~`. */
export function placesUnder(prefix: string): { readonly from: string; readonly to: string } {
  return { from: prefix, to: `${prefix}~` }
}
