// Who is in a team. What groups of a sign-in provider say is theirs to change; the rest is done by hand.
import { appendAudit } from '../metadata/audit.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import { findPrincipalByName, type PrincipalRow } from '../metadata/principals.ts'
import {
  findMember,
  listMembers,
  localSource,
  removeMember,
  setMember,
  type MemberRow,
} from '../metadata/team-members.ts'
import type { Actor } from './actor.ts'
import { Refusal } from './refusal.ts'
import { requireTeam, type TeamsDeps } from './teams.ts'

export type TeamMember = MemberRow

/** At most `limit` members after the principal's id `after` (0 for the first page). @throws {Refusal} not-found */
export async function listTeamMembers(
  { metadata }: { readonly metadata: Pick<MetadataStore, 'read'> },
  { team, after, limit }: { readonly team: string; readonly after: number; readonly limit: number },
): Promise<readonly TeamMember[]> {
  return metadata.read(async (tx) => {
    const { id } = await requireTeam(tx, team)
    return listMembers(tx, id, { after, limit })
  })
}

/**
 * Puts a user or a robot into the team, or changes whether it is a maintainer. Whoever is in by groups stays by hand,
 * too, when the groups go.
 *
 * @throws {Refusal} not-found, invalid
 */
export async function addTeamMember(
  { metadata }: TeamsDeps,
  actor: Actor,
  {
    team,
    member: name,
    maintainer = false,
  }: { readonly team: string; readonly member: string; readonly maintainer?: boolean },
): Promise<TeamMember> {
  return metadata.write(async (tx) => {
    const { id: teamId } = await requireTeam(tx, team)
    const principal = await requireMember(tx, name)
    const before = await findMember(tx, teamId, principal.id)
    const isSame =
      before?.sources.includes(localSource) === true && before.maintainer === maintainer
    if (isSame) return before
    const membership = { teamId, principalId: principal.id, source: localSource }
    await setMember(tx, { ...membership, maintainer, addedBy: actor.id })
    await appendAudit(tx, {
      event: 'team.member-added',
      actor,
      subject: `team:${team}`,
      detail: { member: `${principal.kind}:${name}`, maintainer },
    })
    const after = await findMember(tx, teamId, principal.id)
    if (after === undefined) throw new Error(`${name} is not in the team it was just put into`)
    return after
  })
}

/** @throws {Refusal} not-found; denied for whom only groups have put here */
export async function removeTeamMember(
  { metadata }: TeamsDeps,
  actor: Actor,
  { team, member: name }: { readonly team: string; readonly member: string },
): Promise<{ /** Those that keep the member here still. */ readonly sources: readonly string[] }> {
  return metadata.write(async (tx) => {
    const { id: teamId } = await requireTeam(tx, team)
    const principal = await findPrincipalByName(tx, name)
    const member = principal && (await findMember(tx, teamId, principal.id))
    if (principal === undefined || member === undefined) {
      throw new Refusal('not-found', `${name.slice(0, 100)} is not in the team ${team}`)
    }
    const sources = member.sources.filter((source) => source !== localSource)
    if (sources.length === member.sources.length) throw byGroups(name, team, sources)
    await removeMember(tx, { teamId, principalId: principal.id, source: localSource })
    await appendAudit(tx, {
      event: 'team.member-removed',
      actor,
      subject: `team:${team}`,
      detail: {
        member: `${principal.kind}:${name}`,
        ...(sources.length > 0 && { stillBy: sources }),
      },
    })
    return { sources }
  })
}

async function requireMember(reader: Reader, name: string): Promise<PrincipalRow> {
  const principal = await findPrincipalByName(reader, name)
  if (principal === undefined) {
    throw new Refusal('not-found', `there is no user or robot ${name.slice(0, 100)}`)
  }
  if (principal.kind !== 'federated') return principal
  throw new Refusal('invalid', `${name} cannot be in a team`, {
    why: 'it is a trust rule for CI jobs, which is given what it needs and no more',
    fix: `carrel grant add federated:${name} WHERE writer`,
  })
}

function byGroups(name: string, team: string, sources: readonly string[]): Refusal {
  return new Refusal('denied', `${name} cannot be taken out of the team ${team} by hand`, {
    why: `groups of ${sources.join(' and ')} put ${name} there, and would again at the next sign-in`,
    fix: `carrel team edit ${team}`,
  })
}
