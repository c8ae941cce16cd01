// The one authorisation function. Every route of every API asks it; nothing else decides. It is pure: the caller
// looks up the facts. What no rule allows is refused. Effective right = rights of the identity, computed anew from
// the facts each time, intersected with what the token carries.
import { namespaceOf } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { Identity, TokenAccess } from './identity.ts'
import type { Action, Permission, RefusalReason } from './permission.ts'
import { messageFor } from './refusal-message.ts'

export type { Action, Permission, RefusalReason, Resource } from './permission.ts'

export interface RepositoryRecord {
  /** Immutable and never given out twice. */
  readonly id: number
  readonly name: RepositoryName
  readonly visibility: 'private' | 'internal' | 'public'
}

export interface Facts {
  /** The repository that the permission names, as it is now; undefined when there is none. */
  readonly repository: RepositoryRecord | undefined
}

export type Decision = { readonly allowed: true } | Refusal

export interface Refusal {
  readonly allowed: false
  readonly reason: RefusalReason
  /** For people: what was refused, why, and what to do. */
  readonly message: string
}

const allowed: Decision = { allowed: true }

/** @throws {Error} when the facts are those of another repository: a fault of the caller */
export function decide(identity: Identity, wanted: Permission, facts: Facts): Decision {
  if (!hasRight(identity, wanted, facts)) {
    return refuse(identity, wanted, reasonOf(identity, wanted, facts))
  }
  if (identity.limits === undefined || isWithin(identity.limits, wanted, facts)) return allowed
  return refuse(identity, wanted, 'insufficient-scope')
}

function hasRight(identity: Identity, wanted: Permission, facts: Facts): boolean {
  const { resource } = wanted
  switch (resource.type) {
    case 'nothing':
      return true
    case 'base':
      return identity.kind !== 'anonymous' || identity.limits !== undefined
    case 'self':
      return identity.kind === 'principal'
    case 'installation':
      return isAdministrator(identity)
    case 'catalog':
      return isAdministrator(identity) || (mayListCatalog(identity) && wanted.action === 'pull')
    case 'repository':
      return hasRepositoryRight(identity, wanted.action, resource.name, facts)
    default:
      return false
  }
}

function isAdministrator(identity: Identity): boolean {
  return identity.kind === 'principal' && identity.admin
}

function mayListCatalog(identity: Identity): boolean {
  return identity.kind === 'principal' || identity.kind === 'open'
}

function hasRepositoryRight(
  identity: Identity,
  action: Action,
  name: RepositoryName,
  facts: Facts,
): boolean {
  const { repository } = facts
  if (repository !== undefined && repository.name !== name) {
    throw new Error(`facts of repository ${repository.name} used for a decision on ${name}`)
  }
  if (identity.kind === 'open' || isAdministrator(identity)) return true
  if (identity.kind === 'principal' && isOwner(identity.name, name)) return true
  if (action !== 'pull' || repository === undefined) return false
  if (repository.visibility === 'public') return true
  return repository.visibility === 'internal' && identity.kind === 'principal'
}

/** Names of one component are in no namespace, so no user's name makes anybody their owner. */
function isOwner(userName: string, repositoryName: RepositoryName): boolean {
  const namespace = namespaceOf(repositoryName)
  return namespace !== undefined && namespace === userName
}

/** A registry token is for repositories and the catalog; nothing else can be done with one. */
function isWithin(limits: readonly TokenAccess[], wanted: Permission, facts: Facts): boolean {
  const { resource, action } = wanted
  switch (resource.type) {
    case 'nothing':
    case 'base':
      return true
    case 'catalog':
      return limits.some(
        ({ type, name, actions }) =>
          type === 'registry' && name === 'catalog' && actions.includes('*'),
      )
    case 'repository': {
      // Whoever may push to a name may make the repository of that name by it.
      const carried = action === 'create' ? 'push' : action
      return limits.some(
        (access) =>
          access.type === 'repository' &&
          access.name === resource.name &&
          (access.repositoryId === undefined || access.repositoryId === facts.repository?.id) &&
          access.actions.includes(carried),
      )
    }
    default:
      return false
  }
}

function reasonOf(identity: Identity, wanted: Permission, facts: Facts): RefusalReason {
  const { resource, action } = wanted
  if (identity.kind === 'anonymous') return 'unauthenticated'
  if (resource.type !== 'repository') {
    return identity.kind === 'open' ? 'unauthenticated' : 'forbidden'
  }
  // A push may be told that it is refused: the answer is the same whether or not there is such a repository.
  if (action === 'push' || action === 'create') return 'forbidden'
  return hasRepositoryRight(identity, 'pull', resource.name, facts) ? 'forbidden' : 'hidden'
}

function refuse(identity: Identity, wanted: Permission, reason: RefusalReason): Refusal {
  return { allowed: false, reason, message: messageFor(identity, wanted, reason) }
}
