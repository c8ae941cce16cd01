// Why somebody may do something to a repository, or may not, and what would let them. The answer is that of the one
// function that decides (auth/authorize.ts), asked for the one that is meant.
import { isAction, parseActions, roleNames, roles, type GrantedAction } from '../auth/action.ts'
import { decide, type Action, type Allowance, type RepositoryRecord } from '../auth/authorize.ts'
import { findGrant, isExpired } from '../auth/held-grant.ts'
import type { Identity } from '../auth/identity.ts'
import { placeAround } from '../auth/place.ts'
import { findGrantById, listGrants, type GrantSubject } from '../metadata/grant-rows.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import { findPrincipalById } from '../metadata/principals.ts'
import { findRepository } from '../metadata/repositories.ts'
import { listTeamsOf } from '../metadata/team-members.ts'
import { isRepositoryName, type RepositoryName } from '../oci/reference.ts'
import { nameOfHolder, phraseOf, quoted, sentenceOfGrant } from './explain-words.ts'
import { grantOf, type Grant } from './grant-view.ts'
import { identityOfSubject } from './identity-of.ts'
import { Refusal } from './refusal.ts'
import { findSubject, formatSubject } from './subjects.ts'

export interface AccessQuestion {
  /** As in `user:ann`; of a team, what any member gets by it. */
  readonly who: string
  readonly repository: string
  readonly action: string
}

/** One thing that allows it; or, where nothing does, one thing that was looked at. */
export interface Way {
  readonly kind: 'grant' | 'administrator' | 'visibility' | 'disabled' | 'nothing'
  /** A sentence. */
  readonly message: string
  /** Who holds the grant, where that is not the one asked about: `team:web`, `signed-in`. */
  readonly via?: string | undefined
  readonly grant?: Grant | undefined
}

export interface NeededGrant {
  readonly where: string
  /** A role, or actions with commas between. */
  readonly role: string
  /** The line to type. */
  readonly command: string
}

export interface Explanation {
  readonly who: string
  readonly repository: string
  readonly action: Action
  /** Whether there is a repository of that name. */
  readonly exists: boolean
  readonly allowed: boolean
  /** What counts as used when it is done. */
  readonly by: Grant | 'administrator' | 'visibility' | undefined
  /** A sentence. */
  readonly because: string
  /** Every way that leads there; or what was looked at, when none does. */
  readonly ways: readonly Way[]
  /** The narrowest first; none when it is allowed, or when no grant would help. */
  readonly needed: readonly NeededGrant[]
  /** The line to type so that it is allowed. */
  readonly fix: string | undefined
  readonly memberships: readonly Membership[]
}

export interface Membership {
  readonly team: string
  readonly maintainer: boolean
  /** `local`, or the sign-in providers whose groups say so. */
  readonly sources: readonly string[]
}

/** All that there is to look at for one question. */
interface Case {
  readonly subject: GrantSubject
  readonly who: string
  readonly name: RepositoryName
  readonly action: Action
  readonly repository: RepositoryRecord | undefined
  readonly identity: Identity
  readonly now: number
}

/** @throws {Refusal} invalid, not-found for who */
export async function explainAccess(
  { metadata }: { readonly metadata: Pick<MetadataStore, 'read'> },
  question: AccessQuestion,
): Promise<Explanation> {
  const name = requireName(question.repository)
  const action = requireAction(question.action)
  return metadata.read(async (tx) => {
    const subject = await findSubject(tx, question.who)
    const repository = await findRepository(tx, name)
    const identity = await identityOfSubject(tx, subject)
    const who = formatSubject(subject)
    const one: Case = { subject, who, name, action, repository, identity, now: Date.now() }
    const memberships = await membershipsOf(tx, subject)
    const asked = { who, repository: name, action, exists: repository !== undefined, memberships }
    const stopped = await stoppedBy(tx, subject, one.now)
    if (stopped !== undefined) return { ...asked, ...stopped }
    const resource = { type: 'repository', name } as const
    const decision = decide(identity, { action, resource }, { repository }, one.now)
    const answer = decision.allowed ? await whyAllowed(tx, one, decision) : await whyNot(tx, one)
    return { ...asked, ...answer }
  })
}

const mostWays = 100

type Answer = Pick<Explanation, 'allowed' | 'by' | 'because' | 'ways' | 'needed' | 'fix'>

/** What keeps the principal from doing anything at all. */
async function stoppedBy(
  reader: Reader,
  subject: GrantSubject,
  now: number,
): Promise<Answer | undefined> {
  if (subject.kind !== 'principal') return undefined
  const principal = await findPrincipalById(reader, subject.id)
  if (principal === undefined) return undefined
  const { name, kind, disabled, expiresAt } = principal
  const isOver = expiresAt !== undefined && expiresAt <= now
  if (!disabled && !isOver) return undefined
  const because = disabled
    ? `${name} is disabled, so nothing is allowed, whatever was granted.`
    : `${name} expired on ${new Date(expiresAt ?? 0).toISOString()}, so nothing is allowed, whatever was granted.`
  const noun = kind === 'federated' ? 'federation' : kind
  return {
    allowed: false,
    by: undefined,
    because,
    ways: [{ kind: 'disabled', message: because }],
    needed: [],
    fix: disabled ? `carrel ${noun} enable ${quoted(name)}` : undefined,
  }
}

async function whyAllowed(reader: Reader, one: Case, { grant }: Allowance): Promise<Answer> {
  const ways: Way[] = []
  for (const held of grantsOf(one.identity)) {
    if (ways.length === mostWays) break
    if (findGrant([held], grantedBy(one.action), asked(one), one.now) === undefined) continue
    ways.push(...(await wayOfGrant(reader, one, held.id, 'grant')))
  }
  const { identity, repository, name, action } = one
  if (identity.kind === 'principal' && identity.admin) {
    const message = `${identity.name} is an administrator of this installation.`
    ways.push({ kind: 'administrator', message })
  }
  const visibility = action === 'pull' ? repository?.visibility : undefined
  if (visibility === 'public' || (visibility === 'internal' && identity.kind === 'principal')) {
    const whoever = visibility === 'public' ? 'anybody' : 'whoever is signed in'
    const message = `${name} is ${visibility}: ${whoever} may pull from it.`
    ways.push({ kind: 'visibility', message })
  }
  const by = ways.find((way) => way.grant?.id === grant?.id) ?? ways[0]
  return {
    allowed: true,
    by: by?.grant ?? (by?.kind === 'administrator' ? 'administrator' : 'visibility'),
    because: by?.message ?? '',
    ways,
    needed: [],
    fix: undefined,
  }
}

/** What comes near: grants that hold there, but not for this, or no longer. */
async function whyNot(reader: Reader, one: Case): Promise<Answer> {
  const ways: Way[] = []
  for (const held of grantsOf(one.identity)) {
    if (ways.length === mostWays) break
    if (held.test(one.name)) ways.push(...(await wayOfGrant(reader, one, held.id, 'nothing')))
  }
  const needed = await neededFor(reader, one)
  const holder = nameOfHolder(one.subject)
  const because =
    one.subject.kind === 'anonymous' && one.action !== 'pull'
      ? `Whoever is not signed in may pull at most.`
      : `Nothing lets ${holder} ${phraseOf(one.action, one.name)}${needed.length === 0 ? ', and nothing can' : ''}.`
  return {
    allowed: false,
    by: undefined,
    because,
    ways: [{ kind: 'nothing', message: because }, ...ways],
    needed,
    fix: needed[0]?.command,
  }
}

async function wayOfGrant(
  reader: Reader,
  { subject, who, now }: Case,
  id: number,
  kind: 'grant' | 'nothing',
): Promise<readonly Way[]> {
  const row = await findGrantById(reader, id)
  if (row === undefined) return []
  const grant = grantOf(row, now)
  const message = sentenceOfGrant(subject, { row, grant, now })
  return [{ kind, message, via: grant.who === who ? undefined : grant.who, grant }]
}

/** On the repository alone, and on the place around it. */
async function neededFor(reader: Reader, { subject, who, name, action, now }: Case) {
  const wanted = grantedBy(action)
  if (subject.kind === 'anonymous' && wanted !== 'pull') return []
  if (subject.kind === 'signed-in' && wanted === 'admin') return []
  const role = roleNames.find((one) => roles[one].some((each) => each === wanted)) ?? 'owner'
  const needed: NeededGrant[] = []
  for (const where of [name, placeAround(name).text]) {
    const filter = { holder: subject, place: where }
    const [held] = await listGrants(reader, filter, { after: 0, limit: 1 })
    needed.push(
      // One that is over makes room for another.
      held === undefined || isExpired(held, now)
        ? { where, role, command: `carrel grant add ${quoted(who)} ${where} ${role}` }
        : widened(grantOf(held), role),
    )
  }
  return needed
}

/** Nobody has two grants on one place: what is there is changed, and loses nothing by it. */
function widened({ id, where, actions }: Grant, role: string): NeededGrant {
  const all = parseActions([...actions, ...parseActions(role)].join(','))
  const name = roleNames.find((one) => roles[one].join(',') === all.join(',')) ?? all.join(',')
  return { where, role: name, command: `carrel grant edit ${id} --actions ${name}` }
}

async function membershipsOf(
  reader: Reader,
  subject: GrantSubject,
): Promise<readonly Membership[]> {
  if (subject.kind !== 'principal') return []
  const teams = await listTeamsOf(reader, subject.id)
  return teams.map(({ name, maintainer, sources }) => ({ team: name, maintainer, sources }))
}

function grantsOf(identity: Identity) {
  return identity.kind === 'anonymous' || identity.kind === 'principal'
    ? (identity.grants ?? [])
    : []
}

function asked({ name, repository }: Case) {
  return { name, id: repository?.id }
}

/** Whoever may push to a name may make the repository of that name by it. */
function grantedBy(action: Action): GrantedAction {
  return action === 'create' ? 'push' : action
}

function requireName(name: string): RepositoryName {
  if (isRepositoryName(name)) return name
  throw new Refusal('invalid', `${JSON.stringify(name.slice(0, 100))} is no name of a repository`, {
    why: 'it is asked for one repository, by its whole name, such as team/app',
  })
}

function requireAction(action: string): Action {
  if (isAction(action) || action === 'create') return action
  throw new Refusal(
    'invalid',
    `${JSON.stringify(action.slice(0, 40))} is nothing that can be done`,
    {
      why: 'write pull, push, overwrite, delete, decide, admin or create',
    },
  )
}
