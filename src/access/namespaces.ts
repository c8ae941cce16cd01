// Namespaces: who owns one is told by the grants on it, whoever's name it bears. A name that is used again inherits
// nothing: with a namespace go its grants, and a user who comes later does not own what is there already.
import { actions, readActions, type GrantedAction } from '../auth/action.ts'
import { isExpired } from '../auth/held-grant.ts'
import type { Place } from '../auth/place.ts'
import { appendAudit } from '../metadata/audit.ts'
import { listGrants, type GrantSubject } from '../metadata/grant-rows.ts'
import { insertGrant, removeGrantsInNamespace } from '../metadata/grants.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import {
  deleteNamespace,
  findNamespace,
  hasRepositories,
  insertNamespace,
  updateNamespace,
  type NamespaceRow,
} from '../metadata/namespaces.ts'
import { findPrincipalByName } from '../metadata/principals.ts'
import type { Visibility } from '../metadata/repositories.ts'
import { isRepositoryName } from '../oci/reference.ts'
import type { Actor } from './actor.ts'
import { longestDescription, requireOneLine } from './one-line.ts'
import { Refusal } from './refusal.ts'
import { findSubject, formatSubject } from './subjects.ts'

export interface NamespacesDeps {
  readonly metadata: MetadataStore
}

export interface Namespace {
  readonly name: string
  readonly description: string
  /** Of repositories that a first push makes in it. */
  readonly defaultVisibility: Visibility
  readonly repositories: number
  readonly createdAt: number
}

export interface NamespaceWithOwners extends Namespace {
  /** Those who administer it by a grant on the whole of it: `user:ann`, `team:web`. */
  readonly owners: readonly string[]
}

const mostOwners = 1000

/** @throws {Refusal} not-found */
export async function showNamespace(
  { metadata }: { readonly metadata: Pick<MetadataStore, 'read'> },
  name: string,
): Promise<NamespaceWithOwners> {
  return metadata.read(async (tx) => withOwners(tx, await requireNamespace(tx, name)))
}

export interface NewNamespace {
  readonly name: string
  readonly description?: string | undefined
  readonly defaultVisibility?: Visibility | undefined
  /** As in `user:ann`: gets the role owner in it. */
  readonly owner?: string | undefined
}

/** Repositories may be in it already. @throws {Refusal} invalid, exists, not-found for the owner */
export async function createNamespace(
  { metadata }: NamespacesDeps,
  actor: Actor,
  { name, description = '', defaultVisibility, owner }: NewNamespace,
): Promise<NamespaceWithOwners> {
  requireNamespaceName(name)
  requireOneLine(description, { what: 'description', longest: longestDescription })
  return metadata.write(async (tx) => {
    const holder = owner === undefined ? undefined : await findOwner(tx, owner)
    await requireOwnName(tx, name, holder)
    const namespace = { name, description, defaultVisibility, createdBy: actor.id }
    if (!(await insertNamespace(tx, namespace))) {
      throw new Refusal('exists', `there is a namespace ${name} already`, {
        fix: `carrel namespace show ${name}`,
      })
    }
    await appendAudit(tx, {
      event: 'namespace.created',
      actor,
      subject: `${name}/`,
      detail: { defaultVisibility: defaultVisibility ?? 'private' },
    })
    if (holder !== undefined) await giveOwner(tx, actor, holder, name)
    return withOwners(tx, await requireNamespace(tx, name))
  })
}

export interface NamespaceChange {
  readonly name: string
  readonly description?: string | undefined
  readonly defaultVisibility?: Visibility | undefined
  readonly expect?: ((current: NamespaceWithOwners) => void) | undefined
}

/** What is left out stays. @throws {Refusal} not-found, invalid */
export async function editNamespace(
  { metadata }: NamespacesDeps,
  actor: Actor,
  { name, description, defaultVisibility, expect }: NamespaceChange,
): Promise<NamespaceWithOwners> {
  if (description !== undefined) {
    requireOneLine(description, { what: 'description', longest: longestDescription })
  }
  return metadata.write(async (tx) => {
    const before = await requireNamespace(tx, name)
    expect?.(await withOwners(tx, before))
    const after = {
      id: before.id,
      description: description ?? before.description,
      defaultVisibility: defaultVisibility ?? before.defaultVisibility,
    }
    await updateNamespace(tx, after)
    const detail = { description, defaultVisibility }
    await appendAudit(tx, { event: 'namespace.changed', actor, subject: `${name}/`, detail })
    return withOwners(tx, { ...before, ...after })
  })
}

/** All grants on it and in it go too. @throws {Refusal} not-found, denied while there are repositories in it */
export async function removeNamespace(
  { metadata }: NamespacesDeps,
  actor: Actor,
  {
    name,
    expect,
  }: { readonly name: string; readonly expect?: (current: NamespaceWithOwners) => void },
): Promise<{ readonly grants: number }> {
  return metadata.write(async (tx) => {
    const found = await requireNamespace(tx, name)
    expect?.(await withOwners(tx, found))
    if (found.repositories > 0) {
      throw new Refusal('denied', `the namespace ${name} is not empty`, {
        why: `${found.repositories} ${found.repositories === 1 ? 'repository is' : 'repositories are'} in it`,
        fix: `carrel repo ls ${name}/`,
      })
    }
    const grants = await removeGrantsInNamespace(tx, name)
    await deleteNamespace(tx, found.id)
    const detail = { grants }
    await appendAudit(tx, { event: 'namespace.removed', actor, subject: `${name}/`, detail })
    return { grants }
  })
}

/**
 * The namespace of a user who was made in this very transaction. Returns false where there is one of that name
 * already, or something in it: whose that is, is for others to say.
 */
export async function makeOwnNamespace(
  tx: Transaction,
  { id, name }: { readonly id: number; readonly name: string },
): Promise<boolean> {
  if (!isNamespaceName(name) || (await hasRepositories(tx, name))) return false
  if (!(await insertNamespace(tx, { name, createdBy: id }))) return false
  await insertGrant(tx, {
    holder: { kind: 'principal', id },
    placeKind: 'namespace',
    place: `${name}/`,
    repositoryId: undefined,
    actions: actions.join(','),
    reason: 'own namespace',
    grantedBy: undefined,
    expiresAt: undefined,
  })
  return true
}

/**
 * Sees to it that there is a namespace for a grant to hold in.
 *
 * @throws {Refusal} invalid where it would be a user's own, and the grant is somebody else's
 */
export async function ensureNamespace(
  tx: Transaction,
  actor: Actor,
  { name, subject }: { readonly name: string; readonly subject: GrantSubject },
): Promise<void> {
  if ((await findNamespace(tx, name)) !== undefined) return
  await requireOwnName(tx, name, subject)
  await insertNamespace(tx, { name, createdBy: actor.id })
  await appendAudit(tx, { event: 'namespace.created', actor, subject: `${name}/` })
}

function isNamespaceName(name: string): boolean {
  return isRepositoryName(name) && !name.includes('/')
}

function requireNamespaceName(name: string): void {
  if (isNamespaceName(name)) return
  const shown = JSON.stringify(name.slice(0, 100))
  throw new Refusal('invalid', `${shown} cannot be the name of a namespace`, {
    why: 'a namespace is the first part of names: lower-case letters and digits, with single . _ - between them',
  })
}

/** Somebody else's namespace must not bear a user's name: pushes to it would look like the user's. */
async function requireOwnName(
  reader: Reader,
  name: string,
  owner: GrantSubject | undefined,
): Promise<void> {
  const namesake = await findPrincipalByName(reader, name)
  if (namesake?.kind !== 'user') return
  if (owner?.kind === 'principal' && owner.id === namesake.id) return
  throw new Refusal('invalid', `the namespace ${name} would bear the name of a user`, {
    why: 'such a namespace is made for that user first',
    fix: `carrel namespace create ${name} --owner user:${name}`,
  })
}

async function findOwner(reader: Reader, who: string): Promise<GrantSubject> {
  const subject = await findSubject(reader, who)
  if (subject.kind === 'principal' || subject.kind === 'team') return subject
  throw new Refusal('invalid', `${who} cannot own a namespace`, {
    why: 'an owner gives rights away, so it must be somebody with a name',
    fix: '--owner user:NAME',
  })
}

async function giveOwner(
  tx: Transaction,
  actor: Actor,
  owner: GrantSubject,
  name: string,
): Promise<void> {
  if (owner.kind !== 'principal' && owner.kind !== 'team') return
  const place: Place = { kind: 'namespace', text: `${name}/` }
  const [held] = await listGrants(tx, { holder: owner, place: place.text }, { after: 0, limit: 1 })
  if (held !== undefined) return
  const reason = 'owner from the start'
  const grant = await insertGrant(tx, {
    holder: { kind: owner.kind, id: owner.id },
    placeKind: place.kind,
    place: place.text,
    repositoryId: undefined,
    actions: actions.join(','),
    reason,
    grantedBy: actor.id,
    expiresAt: undefined,
  })
  await appendAudit(tx, {
    event: 'grant.added',
    actor,
    subject: formatSubject(owner),
    detail: { grant, where: place.text, actions: actions.join(','), reason },
  })
}

async function requireNamespace(reader: Reader, name: string): Promise<NamespaceRow> {
  const found = await findNamespace(reader, name)
  if (found !== undefined) return found
  const isUsed = isNamespaceName(name) && (await hasRepositories(reader, name))
  throw new Refusal('not-found', `there is no namespace ${name}`, {
    ...(isUsed && { why: 'there are repositories in it, but nobody has set it up yet' }),
    ...(isUsed && { fix: `carrel namespace create ${name}` }),
  })
}

async function withOwners(reader: Reader, row: NamespaceRow): Promise<NamespaceWithOwners> {
  const page = { after: 0, limit: mostOwners }
  const admin: GrantedAction = 'admin'
  const owners: string[] = []
  for (const grant of await listGrants(reader, { place: `${row.name}/` }, page)) {
    if (isExpired(grant, Date.now()) || !readActions(grant.actions).includes(admin)) continue
    owners.push(formatSubject(grant.subject))
  }
  return { ...namespaceOf(row), owners }
}

export function namespaceOf(row: NamespaceRow): Namespace {
  const { name, description, defaultVisibility, repositories, createdAt } = row
  return { name, description, defaultVisibility, repositories, createdAt }
}
