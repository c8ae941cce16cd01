// Teams: principals that hold grants together. A membership has a source: made by hand ('local'), or by the groups of
// a sign-in provider, which may take it away again. One principal may be in a team by several.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export interface TeamRow {
  readonly id: number
  readonly name: string
  readonly description: string
  readonly createdAt: number
  readonly createdBy: number | undefined
  /** How many principals are in it. */
  readonly members: number
}

const insert = query<{ name: string; description: string; now: number; createdBy: number }>()(
  (db, p) =>
    db
      .insertInto('teams')
      .values({
        name: p.name,
        description: p.description,
        created_at: p.now,
        created_by: p.createdBy,
      })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .returning('id'),
)

/** Returns its id; undefined when the name is taken. */
export async function insertTeam(
  tx: Transaction,
  team: {
    readonly name: string
    readonly description: string
    readonly createdBy: number | undefined
  },
): Promise<number | undefined> {
  const made = await tx.one(insert, {
    ...team,
    createdBy: team.createdBy as number,
    now: Date.now(),
  })
  return made?.id
}

const columns = [
  'id',
  'name',
  'description',
  'created_at as createdAt',
  'created_by as createdBy',
] as const

const byName = query<{ name: string }>()((db, p) =>
  db
    .selectFrom('teams')
    .select(columns)
    .select((team) =>
      team
        .selectFrom('team_members')
        .select((of) => of.fn.count<number>('principal_id').distinct().as('value'))
        .whereRef('team_members.team_id', '=', 'teams.id')
        .as('members'),
    )
    .where('name', '=', p.name),
)

export async function findTeam(reader: Reader, name: string): Promise<TeamRow | undefined> {
  // No team has such a name, and PostgreSQL cannot even be asked for it.
  if (name.includes('\0') || !name.isWellFormed()) return undefined
  const raw = await reader.one(byName, { name })
  return raw === undefined ? undefined : rowOf(raw)
}

const page = query<{ after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('teams')
    .select(columns)
    .select((team) =>
      team
        .selectFrom('team_members')
        .select((of) => of.fn.count<number>('principal_id').distinct().as('value'))
        .whereRef('team_members.team_id', '=', 'teams.id')
        .as('members'),
    )
    .where('name', '>', p.after)
    .orderBy('name')
    .limit(p.limit),
)

/** At most `limit` teams after the name `after` ('' for the first page), in byte order. */
export async function listTeams(
  reader: Reader,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly TeamRow[]> {
  return (await reader.all(page, { after, limit })).map(rowOf)
}

interface RawTeam {
  readonly id: number
  readonly name: string
  readonly description: string
  readonly createdAt: number
  readonly createdBy: number | null
  readonly members: number | null
}

function rowOf({ createdBy, members, ...rest }: RawTeam): TeamRow {
  return { ...rest, createdBy: createdBy ?? undefined, members: members ?? 0 }
}

const update = query<{ id: number; description: string }>()((db, p) =>
  db.updateTable('teams').set({ description: p.description }).where('id', '=', p.id),
)

export async function updateTeam(
  tx: Transaction,
  team: { readonly id: number; readonly description: string },
): Promise<void> {
  await tx.run(update, { id: team.id, description: team.description })
}

const remove = query<{ id: number }>()((db, p) => db.deleteFrom('teams').where('id', '=', p.id))

/** Its members, groups and grants go with it. */
export async function deleteTeam(tx: Transaction, id: number): Promise<void> {
  await tx.run(remove, { id })
}

const countGrants = query<{ id: number }>()((db, p) =>
  db
    .selectFrom('grants')
    .select((of) => of.fn.countAll<number>().as('count'))
    .where('team_id', '=', p.id),
)

export async function countGrantsOfTeam(reader: Reader, id: number): Promise<number> {
  return Number((await reader.one(countGrants, { id }))?.count ?? 0)
}
