// The one authorisation function. Every route of every API asks it; nothing else decides. It is pure: the caller
// looks up the facts. What no rule allows is refused. Effective right = union of the grants that the identity holds,
// intersected with what its token carries.
import type { RepositoryName } from '../oci/reference.ts'
import { actions } from './action.ts'
import { findGrant, findGrantOnPlace, isExpired, type HeldGrant } from './held-grant.ts'
import type { Identity } from './identity.ts'
import type { Action, Permission, RefusalReason } from './permission.ts'
import { messageFor } from './refusal-message.ts'
import { isWithinLimits, isWithinScopes } from './token-limits.ts'

export type { Action, Permission, RefusalReason, Resource } from './permission.ts'

export interface RepositoryRecord {
  /** Immutable and never given out twice. */
  readonly id: number
  readonly name: RepositoryName
  readonly visibility: 'private' | 'internal' | 'public'
}

/** Undefined is: there is none of that name. Only what the permission's resource speaks of is looked at. */
export interface Facts {
  /** The repository that the permission names, as it is now. */
  readonly repository: RepositoryRecord | undefined
  /** How the caller stands to the team that the permission names. */
  readonly team?: { readonly member: boolean; readonly maintainer: boolean } | undefined
  /** The principal that the permission names. */
  readonly principal?:
    | { readonly id: number; readonly kind: string; readonly createdBy: number | undefined }
    | undefined
}

export type Decision = Allowance | Refusal

export interface Allowance {
  readonly allowed: true
  /** The grant that allows it; undefined where a role or the visibility of the repository does. */
  readonly grant?: HeldGrant
}

export interface Refusal {
  readonly allowed: false
  readonly reason: RefusalReason
  /** For people: what was refused, why, and what to do. */
  readonly message: string
}

const allowed: Allowance = { allowed: true }

/** @throws {Error} when the facts are those of another repository: a fault of the caller */
export function decide(
  identity: Identity,
  wanted: Permission,
  facts: Facts,
  now: number = Date.now(),
): Decision {
  const right = rightTo(identity, wanted, facts, now)
  if (right === undefined) return refuse(identity, wanted, reasonOf(identity, wanted, facts, now))
  const token = identity.kind === 'principal' ? identity.token : undefined
  if (token?.scopes !== undefined && !isWithinScopes(token.scopes, wanted)) {
    return refuse(identity, wanted, 'forbidden')
  }
  if (identity.limits !== undefined && !isWithinLimits(identity.limits, wanted, facts.repository)) {
    return refuse(identity, wanted, 'insufficient-scope')
  }
  return right
}

function rightTo(
  identity: Identity,
  wanted: Permission,
  facts: Facts,
  now: number,
): Allowance | undefined {
  const { resource, action } = wanted
  switch (resource.type) {
    case 'nothing':
      return allowed
    case 'base':
      return when(identity.kind !== 'anonymous' || identity.limits !== undefined)
    case 'signed-in':
      return when(identity.kind === 'principal' || identity.kind === 'operator')
    case 'self':
      return when(identity.kind === 'principal')
    case 'installation':
      return administratorRight(identity, now)
    case 'catalog':
      return when(action === 'pull' && identity.kind !== 'anonymous')
    case 'repository':
      return repositoryRight(identity, action, { name: resource.name, facts }, now)
    case 'place':
      return placeRight(identity, resource, facts, now)
    case 'team':
      return (
        when(
          facts.team?.maintainer === true || (action === 'pull' && facts.team?.member === true),
        ) ?? administratorRight(identity, now)
      )
    case 'principal':
      return when(isOwnPrincipal(identity, facts)) ?? administratorRight(identity, now)
    case 'robots':
      return anyAdministration(identity, now) ?? administratorRight(identity, now)
  }
}

function when(condition: boolean): Allowance | undefined {
  return condition ? allowed : undefined
}

/** Whether the identity administers the whole installation. */
export function isAdministrator(identity: Identity, now: number = Date.now()): boolean {
  return administratorRight(identity, now) !== undefined
}

function administratorRight(identity: Identity, now: number): Allowance | undefined {
  if (identity.kind === 'operator') return allowed
  if (identity.kind !== 'principal') return undefined
  if (identity.admin) return allowed
  // Who may set anybody's password has everything in the end: so it takes every action on everything.
  return by(
    identity.grants.find(
      (grant) =>
        grant.place.kind === 'installation' &&
        grant.actions.length === actions.length &&
        !isExpired(grant, now),
    ),
  )
}

function by(grant: HeldGrant | undefined): Allowance | undefined {
  return grant && { allowed: true, grant }
}

function anyAdministration(identity: Identity, now: number): Allowance | undefined {
  if (identity.kind !== 'principal' || identity.principalKind !== 'user') return undefined
  return by(
    identity.grants.find((grant) => grant.actions.includes('admin') && !isExpired(grant, now)),
  )
}

/** One's own, or a robot that one made. */
function isOwnPrincipal(identity: Identity, { principal }: Facts): boolean {
  if (identity.kind !== 'principal' || principal === undefined) return false
  return (
    principal.id === identity.id ||
    (principal.kind === 'robot' && principal.createdBy === identity.id)
  )
}

function repositoryRight(
  identity: Identity,
  action: Action,
  { name, facts }: { readonly name: RepositoryName; readonly facts: Facts },
  now: number,
): Allowance | undefined {
  const { repository } = facts
  if (repository !== undefined && repository.name !== name) {
    throw new Error(`facts of repository ${repository.name} used for a decision on ${name}`)
  }
  if (identity.kind === 'open' || identity.kind === 'operator') return allowed
  const granted = action === 'create' ? 'push' : action
  const grant = findGrant(identity.grants ?? [], granted, { name, id: repository?.id }, now)
  if (grant !== undefined) return by(grant)
  if (identity.kind === 'principal' && identity.admin) return allowed
  if (action !== 'pull' || repository === undefined) return undefined
  if (repository.visibility === 'public') return allowed
  return when(repository.visibility === 'internal' && identity.kind === 'principal')
}

/** Administering a place, and holding there whatever is handed on, for as long. */
function placeRight(
  identity: Identity,
  resource: PlaceResource,
  { repository }: Facts,
  now: number,
): Allowance | undefined {
  if (identity.kind === 'operator') return allowed
  if (identity.kind !== 'principal') return undefined
  if (identity.admin) return allowed
  const { place, giving, until } = resource
  const asked = { place, repositoryId: repository?.id, until }
  const given = giving.every(
    (action) => findGrantOnPlace(identity.grants, action, asked, now) !== undefined,
  )
  return given ? by(findGrantOnPlace(identity.grants, 'admin', asked, now)) : undefined
}

type PlaceResource = Extract<Permission['resource'], { readonly type: 'place' }>

function reasonOf(
  identity: Identity,
  wanted: Permission,
  facts: Facts,
  now: number,
): RefusalReason {
  const { resource, action } = wanted
  if (identity.kind === 'anonymous') return 'unauthenticated'
  switch (resource.type) {
    case 'repository': {
      // A push may be told that it is refused: the answer is the same whether or not there is such a repository.
      if (action === 'push' || action === 'create' || action === 'overwrite') return 'forbidden'
      const asked = { name: resource.name, facts }
      return repositoryRight(identity, 'pull', asked, now) === undefined ? 'hidden' : 'forbidden'
    }
    case 'team':
      return facts.team?.member === true ? 'forbidden' : 'hidden'
    case 'principal':
      return 'hidden'
    default:
      return identity.kind === 'open' ? 'unauthenticated' : 'forbidden'
  }
}

function refuse(identity: Identity, wanted: Permission, reason: RefusalReason): Refusal {
  return { allowed: false, reason, message: messageFor(identity, wanted, reason) }
}
