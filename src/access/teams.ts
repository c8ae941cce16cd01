// Teams: made, described, mapped to groups of sign-in providers, removed with their grants.
import { appendAudit } from '../metadata/audit.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import {
  insertTeamGroup,
  listTeamGroups,
  removeTeamGroup,
  type TeamGroup,
} from '../metadata/team-groups.ts'
import { listTeamsOf, localSource, removeMembersFrom } from '../metadata/team-members.ts'
import {
  countGrantsOfTeam,
  deleteTeam,
  findTeam,
  insertTeam,
  listTeams as listTeamRows,
  updateTeam,
  type TeamRow,
} from '../metadata/teams.ts'
import type { Actor } from './actor.ts'
import { longestDescription, requireOneLine } from './one-line.ts'
import { requirePrincipalName } from './principal-names.ts'
import { Refusal } from './refusal.ts'

export interface TeamsDeps {
  readonly metadata: MetadataStore
}

export interface Team {
  readonly name: string
  readonly description: string
  /** How many principals are in it. */
  readonly members: number
  /** Whoever is in one of these joins at sign-in, and leaves when no longer. */
  readonly groups: readonly TeamGroup[]
  readonly createdAt: number
}

const longestGroup = 300
const mostGroups = 50

export interface NewTeam {
  readonly name: string
  readonly description?: string | undefined
  readonly groups?: readonly TeamGroup[] | undefined
}

/** @throws {Refusal} invalid, exists */
export async function createTeam(
  { metadata }: TeamsDeps,
  actor: Actor,
  { name, description = '', groups = [] }: NewTeam,
): Promise<Team> {
  requirePrincipalName(name, 'team')
  requireOneLine(description, { what: 'description', longest: longestDescription })
  requireGroups(groups)
  return metadata.write(async (tx) => {
    const id = await insertTeam(tx, { name, description, createdBy: actor.id })
    if (id === undefined) {
      throw new Refusal('exists', `there is a team ${name} already`, {
        fix: `carrel team show ${name}`,
      })
    }
    for (const group of groups) await insertTeamGroup(tx, { ...group, teamId: id })
    const detail = { ...(groups.length > 0 && { groups: groups.map(formatGroup) }) }
    await appendAudit(tx, { event: 'team.created', actor, subject: `team:${name}`, detail })
    return teamOf(tx, await requireTeam(tx, name))
  })
}

/** @throws {Refusal} not-found */
export async function showTeam(
  { metadata }: { readonly metadata: Pick<MetadataStore, 'read'> },
  name: string,
): Promise<Team> {
  return metadata.read(async (tx) => teamOf(tx, await requireTeam(tx, name)))
}

export interface TeamPage {
  /** Those that this principal is in: all when left out. */
  readonly of?: number | undefined
  /** A name; '' for the first page. */
  readonly after: string
  readonly limit: number
}

/** In byte order. */
export async function listTeams(
  { metadata }: { readonly metadata: Pick<MetadataStore, 'read'> },
  { of: principalId, after, limit }: TeamPage,
): Promise<readonly Team[]> {
  return metadata.read(async (tx) => {
    const rows =
      principalId === undefined
        ? await listTeamRows(tx, { after, limit })
        : await teamsOfPrincipal(tx, principalId, { after, limit })
    const teams: Team[] = []
    for (const row of rows) teams.push(await teamOf(tx, row))
    return teams
  })
}

async function teamsOfPrincipal(
  reader: Reader,
  principalId: number,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly TeamRow[]> {
  const names = (await listTeamsOf(reader, principalId)).map(({ name }) => name)
  const rows: TeamRow[] = []
  for (const name of names.filter((one) => one > after).slice(0, limit)) {
    rows.push(await requireTeam(reader, name))
  }
  return rows
}

export interface TeamChange {
  readonly name: string
  readonly description?: string | undefined
  /** All of them, in place of those of now. */
  readonly groups?: readonly TeamGroup[] | undefined
  readonly expect?: ((current: Team) => void) | undefined
}

/**
 * What is left out stays. Where a group is taken away, everybody whom that provider's groups put here leaves: by which
 * of the groups they came is not known. Those who are in another one are back at their next sign-in.
 *
 * @throws {Refusal} not-found, invalid
 */
export async function editTeam(
  { metadata }: TeamsDeps,
  actor: Actor,
  { name, description, groups, expect }: TeamChange,
): Promise<Team & { readonly membersRemoved: number }> {
  if (description !== undefined) {
    requireOneLine(description, { what: 'description', longest: longestDescription })
  }
  if (groups !== undefined) requireGroups(groups)
  return metadata.write(async (tx) => {
    const before = await requireTeam(tx, name)
    expect?.(await teamOf(tx, before))
    if (description !== undefined) await updateTeam(tx, { id: before.id, description })
    const membersRemoved = groups === undefined ? 0 : await replaceGroups(tx, before.id, groups)
    await appendAudit(tx, {
      event: 'team.changed',
      actor,
      subject: `team:${name}`,
      detail: {
        description,
        groups: groups?.map(formatGroup),
        ...(membersRemoved > 0 && { membersRemoved }),
      },
    })
    return { ...(await teamOf(tx, await requireTeam(tx, name))), membersRemoved }
  })
}

/** Returns how many memberships went with groups that were taken away. */
async function replaceGroups(
  tx: Transaction,
  teamId: number,
  groups: readonly TeamGroup[],
): Promise<number> {
  const held = await listTeamGroups(tx, teamId)
  const removed = missingIn(groups, held)
  for (const group of removed) await removeTeamGroup(tx, { ...group, teamId })
  for (const group of missingIn(held, groups)) await insertTeamGroup(tx, { ...group, teamId })
  let members = 0
  for (const source of new Set(removed.map(({ provider }) => provider))) {
    members += await removeMembersFrom(tx, { teamId, source })
  }
  return members
}

/** Those of `from` that are not in `other`. */
function missingIn(other: readonly TeamGroup[], from: readonly TeamGroup[]): readonly TeamGroup[] {
  return from.filter(
    ({ provider, group }) => !other.some((one) => one.provider === provider && one.group === group),
  )
}

/** Its grants go with it. @throws {Refusal} not-found */
export async function removeTeam(
  { metadata }: TeamsDeps,
  actor: Actor,
  { name, expect }: { readonly name: string; readonly expect?: (current: Team) => void },
): Promise<{ readonly grants: number; readonly members: number }> {
  return metadata.write(async (tx) => {
    const row = await requireTeam(tx, name)
    expect?.(await teamOf(tx, row))
    const gone = { grants: await countGrantsOfTeam(tx, row.id), members: row.members }
    await deleteTeam(tx, row.id)
    const subject = `team:${name}`
    await appendAudit(tx, { event: 'team.removed', actor, subject, detail: gone })
    return gone
  })
}

/** @throws {Refusal} not-found */
export async function requireTeam(reader: Reader, name: string): Promise<TeamRow> {
  const found = await findTeam(reader, name)
  if (found !== undefined) return found
  throw new Refusal('not-found', `there is no team ${name.slice(0, 100)}`)
}

async function teamOf(reader: Reader, row: TeamRow): Promise<Team> {
  const { id, name, description, members, createdAt } = row
  return { name, description, members, groups: await listTeamGroups(reader, id), createdAt }
}

function requireGroups(groups: readonly TeamGroup[]): void {
  if (groups.length > mostGroups) {
    throw new Refusal('invalid', `${groups.length} groups are too many`, {
      why: `a team is filled from at most ${mostGroups}`,
    })
  }
  for (const { provider, group } of groups) {
    requireOneLine(group, { what: 'name of a group', longest: longestGroup })
    requireOneLine(provider, { what: 'name of a provider', longest: 100 })
    const isProvider = /^(?:oidc|ldap):./.test(provider)
    if (isProvider && provider !== localSource && group !== '') continue
    throw new Refusal('invalid', `${JSON.stringify(provider)} has no groups`, {
      why: 'groups are those of a sign-in provider, which is written oidc:NAME or ldap:NAME',
      fix: '--group oidc:NAME=GROUP',
    })
  }
}

function formatGroup({ provider, group }: TeamGroup): string {
  return `${provider}=${group}`
}
