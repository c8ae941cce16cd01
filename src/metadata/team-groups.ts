// Groups of sign-in providers that fill teams. At each login membership by a provider becomes exactly what its groups
// say: who has left a group has left the team.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import { removeMember, setMember } from './team-members.ts'

export interface TeamGroup {
  /** `oidc:NAME` or `ldap:NAME`: also the source of the memberships. */
  readonly provider: string
  readonly group: string
}

const ofTeam = query<{ teamId: number }>()((db, p) =>
  db
    .selectFrom('team_groups')
    .select(['provider', 'group_name as group'])
    .where('team_id', '=', p.teamId)
    .orderBy('provider')
    .orderBy('group_name'),
)

export async function listTeamGroups(
  reader: Reader,
  teamId: number,
): Promise<readonly TeamGroup[]> {
  const rows = await reader.all(ofTeam, { teamId })
  return rows.map(({ provider, group }) => ({ provider, group }))
}

type Mapping = TeamGroup & { readonly teamId: number }

const insert = query<Mapping>()((db, p) =>
  db
    .insertInto('team_groups')
    .values({ team_id: p.teamId, provider: p.provider, group_name: p.group })
    .onConflict((conflict) => conflict.doNothing()),
)

export async function insertTeamGroup(tx: Transaction, mapping: Mapping): Promise<void> {
  await tx.run(insert, mapping)
}

const remove = query<Mapping>()((db, p) =>
  db
    .deleteFrom('team_groups')
    .where('team_id', '=', p.teamId)
    .where('provider', '=', p.provider)
    .where('group_name', '=', p.group),
)

export async function removeTeamGroup(tx: Transaction, mapping: Mapping): Promise<void> {
  await tx.run(remove, mapping)
}

// All that the provider's groups are mapped to, which is far less than the groups of a person may be.
const ofProvider = query<{ provider: string }>()((db, p) =>
  db
    .selectFrom('team_groups as g')
    .innerJoin('teams as t', 't.id', 'g.team_id')
    .select(['t.id', 't.name', 'g.group_name as group'])
    .where('g.provider', '=', p.provider),
)

const bySource = query<{ principalId: number; source: string }>()((db, p) =>
  db
    .selectFrom('team_members as m')
    .innerJoin('teams as t', 't.id', 'm.team_id')
    .select(['t.id', 't.name'])
    .where('m.principal_id', '=', p.principalId)
    .where('m.source', '=', p.source),
)

export interface TeamName {
  readonly id: number
  readonly name: string
}

export interface MembershipChange {
  readonly added: readonly TeamName[]
  readonly removed: readonly TeamName[]
}

/**
 * Membership by that source becomes exactly the teams that these groups are mapped to; memberships by other sources
 * stay as they are. Returns what changed, in the byte order of names.
 */
export async function replaceGroupMembership(
  tx: Transaction,
  {
    principalId,
    source,
    groups,
  }: { readonly principalId: number; readonly source: string; readonly groups: readonly string[] },
): Promise<MembershipChange> {
  const present = new Set(groups)
  const wanted = new Map<number, TeamName>()
  for (const { id, name, group } of await tx.all(ofProvider, { provider: source })) {
    if (present.has(group)) wanted.set(id, { id, name })
  }
  const held = new Map<number, TeamName>()
  for (const { id, name } of await tx.all(bySource, { principalId, source })) {
    held.set(id, { id, name })
  }
  const added = missingIn(held, wanted)
  const removed = missingIn(wanted, held)
  for (const { id } of removed) await removeMember(tx, { teamId: id, principalId, source })
  for (const { id } of added) {
    const membership = { teamId: id, principalId, source }
    await setMember(tx, { ...membership, maintainer: false, addedBy: undefined })
  }
  return { added, removed }
}

/** Those of `from` that are not in `other`. */
function missingIn(
  other: ReadonlyMap<number, TeamName>,
  from: ReadonlyMap<number, TeamName>,
): readonly TeamName[] {
  return [...from.values()]
    .filter(({ id }) => !other.has(id))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
