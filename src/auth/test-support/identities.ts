// Identities for tests: what is not said is as harmless as it can be.
import { parseActions } from '../action.ts'
import { holdGrants, type HeldGrant } from '../held-grant.ts'
import type { PrincipalIdentity } from '../identity.ts'
import { parsePlace } from '../place.ts'
import type { PrincipalDirectory, PrincipalRecord } from '../principal.ts'

export interface GrantText {
  readonly where: string
  /** A role or actions. */
  readonly what: string
  readonly repositoryId?: number
  readonly expiresAt?: number
}

/** Ids count from 1. */
export function grantsOf(...texts: readonly GrantText[]): readonly HeldGrant[] {
  return holdGrants(
    texts.map(({ where, what, repositoryId, expiresAt }, index) => ({
      id: index + 1,
      place: parsePlace(where),
      repositoryId,
      actions: parseActions(what),
      expiresAt,
    })),
  )
}

/** A user who owns the namespace of that name, as every user that is made does. */
export function aUser(name: string, more: Partial<PrincipalIdentity> = {}): PrincipalIdentity {
  const hasNamespace = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name)
  return {
    kind: 'principal',
    id: 7,
    name,
    principalKind: 'user',
    provider: 'local',
    admin: false,
    grants: hasNamespace ? grantsOf({ where: `${name}/`, what: 'owner' }) : [],
    ...more,
  }
}

export function aRecord(name: string, more: Partial<PrincipalRecord> = {}): PrincipalRecord {
  return {
    id: 7,
    name,
    kind: 'user',
    provider: 'local',
    admin: false,
    disabled: false,
    expiresAt: undefined,
    passwordHash: undefined,
    secondFactor: false,
    grants: [],
    ...more,
  }
}

/** A directory in which nobody is; tests override what they look at. */
export const aDirectory: PrincipalDirectory = {
  findByName: () => Promise.resolve(undefined),
  findById: () => Promise.resolve(undefined),
  grantsOfAnybody: () => Promise.resolve([]),
  ensureHtpasswdUser: (name) => Promise.resolve(aRecord(name, { provider: 'htpasswd' })),
  findSecret: () => Promise.resolve(undefined),
  findToken: () => Promise.resolve(undefined),
  findImportedHash: () => Promise.resolve(undefined),
  replacePasswordHash: () => Promise.resolve(),
}
