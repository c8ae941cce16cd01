// Takes the users and the ACL of a docker_auth configuration over: all of it, or nothing. What an entry comes to is
// worked out in import-docker-auth-plan.ts.
import { sortActions } from '../auth/action.ts'
import { namespaceOfPlace, type Place } from '../auth/place.ts'
import { listGrants, type GrantRow, type GrantSubject } from '../metadata/grant-rows.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import { findNamespace } from '../metadata/namespaces.ts'
import { findPrincipalByName } from '../metadata/principals.ts'
import type { Actor } from './actor.ts'
import { giveFirstGrants } from './first-grants.ts'
import { readDockerAuth, type DockerAuthFile } from './import-docker-auth-file.ts'
import { readAccount } from './import-docker-auth-patterns.ts'
import {
  planEntries,
  type PlannedEntry,
  type PlannedGrant,
  type PlannedSubject,
} from './import-docker-auth-plan.ts'
import {
  addPlannedUsers,
  planUsers,
  type ImportedUser,
  type PlannedUser,
} from './import-htpasswd-users.ts'
import { subjectOf } from './subjects.ts'

export interface DockerAuthImport {
  readonly users: readonly ImportedUser[]
  readonly entries: readonly PlannedEntry[]
  /** What somebody should know who relies on it, a sentence each. */
  readonly notes: readonly string[]
  /** False after a dry run, and when something could not be taken over: then nothing was. */
  readonly imported: boolean
}

export interface DockerAuthOptions {
  readonly dryRun?: boolean
  /** Leaves out the users that are refused and the entries that cannot be translated. */
  readonly skipUntranslatable?: boolean
}

/** @throws {Refusal} invalid when the file cannot be read */
export async function importDockerAuth(
  { metadata }: { readonly metadata: MetadataStore },
  actor: Actor,
  text: string,
  { dryRun = false, skipUntranslatable = false }: DockerAuthOptions = {},
): Promise<DockerAuthImport> {
  const file = readDockerAuth(text)
  const notes = notesOn(file)
  const planned = await metadata.read(async (tx) => planImport(tx, file))
  if (dryRun || (!skipUntranslatable && !isWhole(planned))) {
    return { ...planned, users: planned.users.map(withoutHash), notes, imported: false }
  }
  return metadata.write(async (tx) => {
    const plan = await planImport(tx, file)
    // Somebody may have made a grant or a robot of that name meanwhile.
    if (!skipUntranslatable && !isWhole(plan)) {
      return { ...plan, users: plan.users.map(withoutHash), notes, imported: false }
    }
    const users = await addPlannedUsers(tx, actor, plan.users, 'docker_auth')
    for (const grant of mergeGrants(plan.entries)) await addPlannedGrant(tx, actor, grant)
    return { users, entries: plan.entries, notes, imported: true }
  })
}

interface Plan {
  readonly users: readonly PlannedUser[]
  readonly entries: readonly PlannedEntry[]
}

function isWhole({ users, entries }: Plan): boolean {
  return (
    users.every(({ outcome }) => outcome !== 'refused') &&
    entries.every(({ outcome }) => outcome !== 'untranslatable')
  )
}

async function planImport(reader: Reader, file: DockerAuthFile): Promise<Plan> {
  const users = await planUsers(
    reader,
    file.users.map(({ name, password }) => ({ name, hash: password })),
  )
  const names = new Set<string>()
  for (const { name, outcome } of users) if (outcome !== 'refused') names.add(name)
  for (const name of namedAccounts(file)) {
    const there = await findPrincipalByName(reader, name)
    if (there?.kind === 'user') names.add(name)
  }
  const planned = planEntries(file, (name) => names.has(name))
  const entries: PlannedEntry[] = []
  for (const entry of planned) entries.push(await checkAgainstGrants(reader, entry))
  return { users, entries }
}

function namedAccounts(file: DockerAuthFile): ReadonlySet<string> {
  const names = file.acl.flatMap(({ account }) => {
    const who = readAccount(account)
    return who.kind === 'users' ? who.names : []
  })
  return new Set(names.filter((name) => name.isWellFormed()))
}

/** A second grant of the same on the same place is none, and one that is there is not changed. */
async function checkAgainstGrants(reader: Reader, entry: PlannedEntry): Promise<PlannedEntry> {
  for (const grant of entry.grants) {
    const problem = await problemInDatabase(reader, grant)
    if (problem !== undefined) {
      return { ...entry, outcome: 'untranslatable', reason: problem, grants: [] }
    }
  }
  return entry
}

async function problemInDatabase(
  reader: Reader,
  { subject, place, actions }: PlannedGrant,
): Promise<string | undefined> {
  const holder = await findHolder(reader, subject)
  const held = holder && (await findHeld(reader, holder, place))
  if (held !== undefined && !gives(held, actions)) {
    return (
      `There is a grant for ${nameOf(subject)} on ${place.text} already (${held.id}), which allows something else. ` +
      `Change it first: carrel grant edit ${held.id}`
    )
  }
  if (place.kind !== 'namespace') return undefined
  const name = namespaceOfPlace(place)
  const namesake = await findPrincipalByName(reader, name)
  const isFree = (await findNamespace(reader, name)) === undefined
  if (!isFree || namesake?.kind !== 'user' || holder?.kind === 'principal') return undefined
  return (
    `There is no namespace ${name} yet, and it would be the user ${name}'s. ` +
    `Make it first: carrel namespace create ${name} --owner user:${name}`
  )
}

/** Undefined for a user who is still to be made. */
async function findHolder(
  reader: Reader,
  subject: PlannedSubject,
): Promise<GrantSubject | undefined> {
  if (subject.kind !== 'user') return subject
  const principal = await findPrincipalByName(reader, subject.name)
  return principal && subjectOf(principal)
}

async function findHeld(
  reader: Reader,
  holder: GrantSubject,
  place: Place,
): Promise<GrantRow | undefined> {
  const [held] = await listGrants(reader, { holder, place: place.text }, { after: 0, limit: 1 })
  return held
}

function gives(held: GrantRow, actions: readonly string[]): boolean {
  const own = held.actions.split(',')
  return held.expiresAt === undefined && actions.every((action) => own.includes(action))
}

/** Of two entries for the same holder on the same place, all that both give. */
function mergeGrants(entries: readonly PlannedEntry[]): readonly PlannedGrant[] {
  const merged = new Map<string, PlannedGrant>()
  for (const grant of entries.flatMap((entry) => entry.grants)) {
    const key = `${nameOf(grant.subject)} ${grant.place.text}`
    const actions = sortActions([...(merged.get(key)?.actions ?? []), ...grant.actions])
    merged.set(key, { ...grant, actions })
  }
  return [...merged.values()]
}

const reason = 'from docker_auth'

async function addPlannedGrant(
  tx: Transaction,
  actor: Actor,
  { subject, place, actions }: PlannedGrant,
): Promise<void> {
  const holder = await findHolder(tx, subject)
  if (holder === undefined) throw new Error(`there is no user for a grant on ${place.text}`)
  if ((await findHeld(tx, holder, place)) !== undefined) return
  await giveFirstGrants(tx, actor, { subject: holder, reason }, [{ place, actions }])
}

export function nameOf(subject: PlannedSubject): string {
  return subject.kind === 'user' ? `user:${subject.name}` : subject.kind
}

function withoutHash({ name, outcome, reason: why }: PlannedUser): ImportedUser {
  return { name, outcome, reason: why }
}

function notesOn({ otherUsers, otherRules, users }: DockerAuthFile): readonly string[] {
  const notes: string[] = []
  if (users.length > 0) {
    notes.push('Every user who is made owns the namespace of their name, whatever the ACL says.')
  }
  if (otherUsers.length > 0) {
    notes.push(
      `Users of ${otherUsers.join(', ')} are not in the file. Set such a sign-in up in Carrel; ` +
        'entries for them can be translated once they have signed in.',
    )
  }
  if (otherRules.length > 0) {
    notes.push(`What ${otherRules.join(', ')} allows is not in the file, and is not taken over.`)
  }
  return notes
}
