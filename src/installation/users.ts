// Users: one function for each thing that is done to them. That the actor may do it was decided before.
import type { Actor } from '../access/actor.ts'
import { makeOwnNamespace } from '../access/namespaces.ts'
import { requireOneLine } from '../access/one-line.ts'
import { requireFreeName, whyReserved } from '../access/principal-names.ts'
import { Refusal } from '../access/refusal.ts'
import type { PasswordPool } from '../auth/password-pool.ts'
import { appendAudit } from '../metadata/audit.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import {
  changePrincipal,
  countAdministrators,
  deletePrincipal,
  findPrincipalByName,
  insertPrincipal,
  listPrincipals,
  lockAdministrators,
  setPasswordHash,
  type PrincipalRow,
} from '../metadata/principals.ts'
import { endSessionsOf } from '../metadata/sessions.ts'
import { deleteSetupLinks } from '../metadata/settings.ts'
import { isRepositoryName } from '../oci/reference.ts'
import { firstAdministrator, noteSetUp, restoreFirstAdministrator } from './first-administrator.ts'
import { requireGoodPassword } from './password-policy.ts'

export interface UsersDeps {
  readonly metadata: MetadataStore
  readonly passwords: Pick<PasswordPool, 'hash'>
}

export interface User {
  /** Immutable and never given out twice. */
  readonly id: number
  readonly name: string
  readonly displayName: string | undefined
  readonly admin: boolean
  readonly disabled: boolean
  readonly provider: PrincipalRow['provider']
  readonly createdAt: number
  readonly lastSeenAt: number | undefined
  /** Whether a password alone is not enough. */
  readonly secondFactor: boolean
}

const longestName = 64
const longestDisplayName = 200

/** At most `limit` users after the name `after` ('' for the first page), in ASCII order. */
export async function listSomeUsers(
  reader: Reader,
  page: { readonly after: string; readonly limit: number },
): Promise<readonly User[]> {
  return (await listPrincipals(reader, { ...page, kind: 'user' })).map(userOf)
}

/** @throws {Refusal} not-found */
export async function showUser(reader: Reader, name: string): Promise<User> {
  return userOf(await requireUser(reader, name))
}

export interface NewUser {
  readonly name: string
  readonly password: string
  readonly admin: boolean
  readonly displayName?: string | undefined
}

/** The namespace that bears the name is the user's too, unless there is one. @throws {Refusal} invalid, exists, policy */
export async function createUser(
  { metadata, passwords }: UsersDeps,
  actor: Actor,
  { name, password, admin, displayName }: NewUser,
): Promise<User> {
  requireUserName(name)
  if (name === firstAdministrator && !admin) {
    throw new Refusal('invalid', `${name} is the name of the first administrator`, {
      why: 'a user of that name without the rights of one would keep the first administrator from being made',
      fix: `carrel admin reset-password`,
    })
  }
  requireGoodPassword(password, name)
  requireDisplayName(displayName)
  await requireFreeName(metadata, name)
  const passwordHash = await passwords.hash(password)
  return metadata.write(async (tx) => {
    await requireFreeName(tx, name)
    const more = { displayName, createdBy: actor.id }
    await insertPrincipal(tx, { name, provider: 'local', admin, passwordHash, ...more })
    const made = await requireUser(tx, name)
    await makeOwnNamespace(tx, made)
    if (name === firstAdministrator) await noteSetUp(tx, 'by command')
    await appendAudit(tx, { event: 'user.created', actor, subject: name, detail: { admin } })
    return userOf(made)
  })
}

export interface UserChange {
  readonly name: string
  readonly admin?: boolean | undefined
  readonly disabled?: boolean | undefined
  /** null: none. */
  readonly displayName?: string | null | undefined
  readonly expect?: ((current: User) => void) | undefined
}

/**
 * What is left out stays. Who is disabled is signed out everywhere.
 *
 * @throws {Refusal} not-found, invalid, denied for the last administrator who can sign in
 */
export async function changeUser(
  { metadata }: Pick<UsersDeps, 'metadata'>,
  actor: Actor,
  { name, expect, ...change }: UserChange,
): Promise<User> {
  requireDisplayName(change.displayName ?? undefined)
  return metadata.write(async (tx) => {
    await lockAdministrators(tx)
    const before = await requireUser(tx, name)
    expect?.(userOf(before))
    const { admin = before.admin, disabled = before.disabled } = change
    const displayName =
      change.displayName === undefined ? before.displayName : (change.displayName ?? undefined)
    const isLost = before.admin && !before.disabled && (!admin || disabled)
    if (isLost) await requireOtherAdministrator(tx, before)
    await changePrincipal(tx, { ...before, admin, disabled, displayName })
    if (disabled && !before.disabled) await endSessionsOf(tx, before.id)
    await auditChange(tx, actor, before, { admin, disabled, displayName })
    return showUser(tx, name)
  })
}

async function auditChange(
  tx: Transaction,
  actor: Actor,
  before: PrincipalRow,
  after: Pick<PrincipalRow, 'admin' | 'disabled' | 'displayName'>,
): Promise<void> {
  const subject = before.name
  if (after.disabled !== before.disabled) {
    const event = after.disabled ? 'user.disabled' : 'user.enabled'
    await appendAudit(tx, { event, actor, subject })
  }
  const detail = {
    ...(after.admin !== before.admin && { admin: after.admin }),
    ...(after.displayName !== before.displayName && { displayName: after.displayName ?? '' }),
  }
  if (Object.keys(detail).length > 0) {
    await appendAudit(tx, { event: 'user.changed', actor, subject, detail })
  }
}

export interface PasswordChange {
  readonly name: string
  readonly password: string
  /** A session that goes on; the others of the user end. */
  readonly keepSession?: number | undefined
}

/**
 * Setup links and sessions of the user no longer work afterwards.
 *
 * @throws {Refusal} not-found, invalid, policy
 */
export async function setPassword(
  { metadata, passwords }: UsersDeps,
  actor: Actor,
  { name, password, keepSession }: PasswordChange,
): Promise<void> {
  requireLocal(await requireUser(metadata, name))
  requireGoodPassword(password, name)
  const passwordHash = await passwords.hash(password)
  await metadata.write(async (tx) => {
    const user = await requireUser(tx, name)
    requireLocal(user)
    await setPasswordHash(tx, user.id, passwordHash)
    await deleteSetupLinks(tx, user.id)
    await endSessionsOf(tx, user.id, keepSession)
    if (name === firstAdministrator) await noteSetUp(tx, 'by command')
    await appendAudit(tx, { event: 'user.password-set', actor, subject: name })
  })
}

function requireLocal({ name, provider }: PrincipalRow): void {
  if (provider === 'local') return
  const isFile = provider === 'htpasswd'
  throw new Refusal('invalid', `the password of ${name} is not kept here`, {
    why: isFile ? `${name} signs in with the htpasswd file` : `${name} signs in with ${provider}`,
    ...(isFile && { fix: `htpasswd -B FILE ${name}` }),
  })
}

/**
 * Sets the password of `admin`, which afterwards is there, enabled and an administrator, whatever was before.
 *
 * @throws {Refusal} policy
 */
export async function resetAdministrator(
  { metadata, passwords }: UsersDeps,
  actor: Actor,
  password: string,
): Promise<User> {
  requireGoodPassword(password, firstAdministrator)
  const passwordHash = await passwords.hash(password)
  return metadata.write(async (tx) => {
    const { id } = await restoreFirstAdministrator(tx)
    await setPasswordHash(tx, id, passwordHash)
    await deleteSetupLinks(tx, id)
    await endSessionsOf(tx, id)
    await noteSetUp(tx, 'by command')
    await appendAudit(tx, { event: 'user.password-set', actor, subject: firstAdministrator })
    return showUser(tx, firstAdministrator)
  })
}

/**
 * Tokens, sessions and grants of the user go too; what the user pushed stays.
 *
 * @throws {Refusal} not-found, denied for the last administrator who can sign in
 */
export async function removeUser(
  { metadata }: Pick<UsersDeps, 'metadata'>,
  actor: Actor,
  {
    name,
    expect,
  }: { readonly name: string; readonly expect?: ((current: User) => void) | undefined },
): Promise<User> {
  return metadata.write(async (tx) => {
    await lockAdministrators(tx)
    const user = await requireUser(tx, name)
    expect?.(userOf(user))
    if (user.admin) await requireOtherAdministrator(tx, user)
    await deletePrincipal(tx, user.id)
    await appendAudit(tx, { event: 'user.removed', actor, subject: name })
    return userOf(user)
  })
}

/** In a transaction that has locked the administrators. */
async function requireOtherAdministrator(tx: Reader, { id, name }: PrincipalRow): Promise<void> {
  if ((await countAdministrators(tx, id)) > 0) return
  throw new Refusal('denied', `${name} is the last administrator`, {
    why: 'nobody could manage this installation any more',
    fix: 'carrel user create OTHER --admin',
  })
}

function requireUserName(name: string): void {
  const isGood = name.length <= longestName && isRepositoryName(name) && !name.includes('/')
  const reserved = whyReserved(name)
  if (isGood && reserved === undefined) return
  throw new Refusal(
    'invalid',
    `${JSON.stringify(name.slice(0, 100))} cannot be the name of a user`,
    {
      why: reserved ?? nameRule(name),
    },
  )
}

function nameRule(name: string): string {
  if (name.length > longestName) {
    return `it has ${name.length} characters, and ${longestName} is the most`
  }
  const rule =
    'a user has a namespace of that name, so it is made of lower-case letters and digits, with single . _ - between them'
  return isRepositoryName(name.toLowerCase()) && !name.includes('/')
    ? `${rule}; ${name.toLowerCase()} would do`
    : rule
}

async function requireUser(reader: Reader, name: string): Promise<PrincipalRow> {
  const found = await findPrincipalByName(reader, name)
  if (found?.kind === 'user') return found
  throw new Refusal('not-found', `there is no user ${name}`)
}

function requireDisplayName(displayName: string | undefined): void {
  if (displayName === undefined) return
  requireOneLine(displayName, { what: 'displayed name', longest: longestDisplayName })
}

function userOf(row: PrincipalRow): User {
  const { id, name, displayName, admin, disabled, provider, createdAt, lastSeenAt } = row
  const { secondFactor } = row
  return {
    id,
    name,
    displayName,
    admin,
    disabled,
    provider,
    createdAt,
    lastSeenAt,
    secondFactor,
  }
}
