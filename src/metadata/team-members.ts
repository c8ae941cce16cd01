// Who is in which team, and by which source.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

/** What was done by hand. */
export const localSource = 'local'

export interface MemberRow {
  readonly id: number
  readonly name: string
  readonly kind: 'user' | 'robot' | 'federated'
  /** Disabled, or expired. */
  readonly disabled: boolean
  readonly maintainer: boolean
  /** `local` or sign-in providers, in byte order. */
  readonly sources: readonly string[]
  readonly addedAt: number
}

export interface Membership {
  readonly teamId: number
  readonly principalId: number
  /** `local`, or the sign-in provider. */
  readonly source: string
}

const set = query<Membership & { maintainer: number; now: number; addedBy: number }>()((db, p) =>
  db
    .insertInto('team_members')
    .values({
      team_id: p.teamId,
      principal_id: p.principalId,
      source: p.source,
      maintainer: p.maintainer,
      added_at: p.now,
      added_by: p.addedBy,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['team_id', 'principal_id', 'source'])
        .doUpdateSet({ maintainer: p.maintainer }),
    ),
)

/** Adds it, or changes whether it is a maintainer's. */
export async function setMember(
  tx: Transaction,
  member: Membership & { readonly maintainer: boolean; readonly addedBy: number | undefined },
): Promise<void> {
  await tx.run(set, {
    ...member,
    maintainer: member.maintainer ? 1 : 0,
    addedBy: member.addedBy as number,
    now: Date.now(),
  })
}

const remove = query<Membership>()((db, p) =>
  db
    .deleteFrom('team_members')
    .where('team_id', '=', p.teamId)
    .where('principal_id', '=', p.principalId)
    .where('source', '=', p.source),
)

/** Returns whether there was such a membership. */
export async function removeMember(tx: Transaction, member: Membership): Promise<boolean> {
  return (await tx.run(remove, member)) === 1
}

const removeFrom = query<{ teamId: number; source: string }>()((db, p) =>
  db.deleteFrom('team_members').where('team_id', '=', p.teamId).where('source', '=', p.source),
)

/** All memberships of the team by that source; returns how many. */
export async function removeMembersFrom(
  tx: Transaction,
  { teamId, source }: { readonly teamId: number; readonly source: string },
): Promise<number> {
  return tx.run(removeFrom, { teamId, source })
}

interface RawMember {
  readonly id: number
  readonly name: string
  readonly kind: string
  readonly disabledAt: number | null
  readonly expiresAt: number | null
  readonly source: string
  readonly maintainer: number
  readonly addedAt: number
}

const memberColumns = [
  'p.id',
  'p.name',
  'p.kind',
  'p.disabled_at as disabledAt',
  'p.expires_at as expiresAt',
  'm.source',
  'm.maintainer',
  'm.added_at as addedAt',
] as const

const page = query<{ teamId: number; after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('team_members as m')
    .innerJoin('principals as p', 'p.id', 'm.principal_id')
    .select(memberColumns)
    .where('m.team_id', '=', p.teamId)
    .where('m.principal_id', 'in', (inner) =>
      inner
        .selectFrom('team_members')
        .select('principal_id')
        .distinct()
        .where('team_id', '=', p.teamId)
        .where('principal_id', '>', p.after)
        .orderBy('principal_id')
        .limit(p.limit),
    )
    .orderBy('m.principal_id')
    .orderBy('m.source'),
)

/** At most `limit` members after the principal's id `after` (0 for the first page), by id. */
export async function listMembers(
  reader: Reader,
  teamId: number,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly MemberRow[]> {
  return membersOf(await reader.all(page, { teamId, after, limit }))
}

const one = query<{ teamId: number; principalId: number }>()((db, p) =>
  db
    .selectFrom('team_members as m')
    .innerJoin('principals as p', 'p.id', 'm.principal_id')
    .select(memberColumns)
    .where('m.team_id', '=', p.teamId)
    .where('m.principal_id', '=', p.principalId)
    .orderBy('m.source'),
)

export async function findMember(
  reader: Reader,
  teamId: number,
  principalId: number,
): Promise<MemberRow | undefined> {
  return membersOf(await reader.all(one, { teamId, principalId }))[0]
}

/** One member for the rows of one principal, which follow each other. */
function membersOf(raws: readonly RawMember[]): readonly MemberRow[] {
  const members: MemberRow[] = []
  for (const raw of raws) {
    const last = members.at(-1)
    const other = last?.id === raw.id ? last : undefined
    if (other !== undefined) members.pop()
    members.push({
      id: raw.id,
      name: raw.name,
      kind: raw.kind as MemberRow['kind'],
      disabled: raw.disabledAt !== null || (raw.expiresAt !== null && raw.expiresAt <= Date.now()),
      maintainer: raw.maintainer === 1 || other?.maintainer === true,
      sources: [...(other?.sources ?? []), raw.source],
      addedAt: Math.min(raw.addedAt, other?.addedAt ?? raw.addedAt),
    })
  }
  return members
}

export interface TeamOfPrincipal {
  readonly id: number
  readonly name: string
  readonly description: string
  readonly maintainer: boolean
  readonly sources: readonly string[]
}

const teamsOf = query<{ principalId: number }>()((db, p) =>
  db
    .selectFrom('team_members as m')
    .innerJoin('teams as t', 't.id', 'm.team_id')
    .select(['t.id', 't.name', 't.description', 'm.source', 'm.maintainer'])
    .where('m.principal_id', '=', p.principalId)
    .orderBy('t.name')
    .orderBy('m.source'),
)

/** In the byte order of their names. */
export async function listTeamsOf(
  reader: Reader,
  principalId: number,
): Promise<readonly TeamOfPrincipal[]> {
  const teams: TeamOfPrincipal[] = []
  for (const { maintainer, source, ...team } of await reader.all(teamsOf, { principalId })) {
    const last = teams.at(-1)
    const other = last?.id === team.id ? last : undefined
    if (other !== undefined) teams.pop()
    teams.push({
      ...team,
      maintainer: maintainer === 1 || other?.maintainer === true,
      sources: [...(other?.sources ?? []), source],
    })
  }
  return teams
}

const standing = query<{ team: string; principalId: number }>()((db, p) =>
  db
    .selectFrom('team_members as m')
    .innerJoin('teams as t', 't.id', 'm.team_id')
    .select((of) => [
      of.fn.countAll<number>().as('memberships'),
      of.fn.max('m.maintainer').as('maintainer'),
    ])
    .where('t.name', '=', p.team)
    .where('m.principal_id', '=', p.principalId),
)

/** How the principal stands to the team of that name; nothing when there is no such team. */
export async function findStanding(
  reader: Reader,
  { team, principalId }: { readonly team: string; readonly principalId: number },
): Promise<{ readonly member: boolean; readonly maintainer: boolean }> {
  if (team.includes('\0') || !team.isWellFormed()) return { member: false, maintainer: false }
  const row = await reader.one(standing, { team, principalId })
  return { member: Number(row?.memberships ?? 0) > 0, maintainer: Number(row?.maintainer) === 1 }
}
