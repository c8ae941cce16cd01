// Users: one function for each thing that is done to them.
import type { PasswordPool } from '../auth/password-pool.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import {
  countAdministrators,
  deletePrincipal,
  findPrincipalByName,
  insertPrincipal,
  listPrincipals,
  lockAdministrators,
  setPasswordHash,
  type PrincipalRow,
} from '../metadata/principals.ts'
import { deleteSetupLinks } from '../metadata/settings.ts'
import { isRepositoryName } from '../oci/reference.ts'
import { firstAdministrator, noteSetUp, restoreFirstAdministrator } from './first-administrator.ts'
import { requireGoodPassword } from './password-policy.ts'
import { Refusal } from './refusal.ts'

export interface UsersDeps {
  readonly metadata: MetadataStore
  readonly passwords: Pick<PasswordPool, 'hash'>
}

export interface User {
  readonly name: string
  readonly admin: boolean
  readonly disabled: boolean
  readonly provider: 'local' | 'htpasswd'
  readonly createdAt: Date
}

const longestName = 64
const usersAtOnce = 500

/** In ASCII order. */
export async function listUsers(metadata: MetadataStore): Promise<readonly User[]> {
  const users: User[] = []
  for (let after = ''; ;) {
    const page = await listPrincipals(metadata, { after, limit: usersAtOnce })
    users.push(...page.map(userOf))
    const last = page.at(-1)
    if (last === undefined) return users
    after = last.name
  }
}

/** @throws {Refusal} invalid, exists, policy */
export async function createUser(
  { metadata, passwords }: UsersDeps,
  user: { readonly name: string; readonly password: string; readonly admin: boolean },
): Promise<User> {
  const { name, password, admin } = user
  requireUserName(name)
  if (name === firstAdministrator && !admin) {
    throw new Refusal('invalid', `${name} is the name of the first administrator`, {
      why: 'a user of that name without the rights of one would keep the first administrator from being made',
      fix: `carrel admin reset-password`,
    })
  }
  requireGoodPassword(password, name)
  await requireFreeName(metadata, name)
  const passwordHash = await passwords.hash(password)
  const made = await metadata.write(async (tx) => {
    const isNew = await insertPrincipal(tx, { name, provider: 'local', admin, passwordHash })
    if (isNew && name === firstAdministrator) await noteSetUp(tx, 'by command')
    return isNew ? findPrincipalByName(tx, name) : undefined
  })
  if (made === undefined) throw taken(name)
  return userOf(made)
}

/** Setup links of the user no longer work afterwards. @throws {Refusal} not-found, invalid, policy */
export async function setPassword(
  { metadata, passwords }: UsersDeps,
  name: string,
  password: string,
): Promise<void> {
  const { provider } = await requireUser(metadata, name)
  if (provider !== 'local') {
    throw new Refusal('invalid', `the password of ${name} is not kept here`, {
      why: `${name} signs in with the htpasswd file`,
      fix: `htpasswd -B FILE ${name}`,
    })
  }
  requireGoodPassword(password, name)
  const passwordHash = await passwords.hash(password)
  await metadata.write(async (tx) => {
    const { id } = await requireUser(tx, name)
    await setPasswordHash(tx, id, passwordHash)
    await deleteSetupLinks(tx, id)
    if (name === firstAdministrator) await noteSetUp(tx, 'by command')
  })
}

/**
 * Sets the password of `admin`, which afterwards is there, enabled and an administrator, whatever was before.
 *
 * @throws {Refusal} policy
 */
export async function resetAdministrator(
  { metadata, passwords }: UsersDeps,
  password: string,
): Promise<User> {
  requireGoodPassword(password, firstAdministrator)
  const passwordHash = await passwords.hash(password)
  return metadata.write(async (tx) => {
    const { id } = await restoreFirstAdministrator(tx)
    await setPasswordHash(tx, id, passwordHash)
    await deleteSetupLinks(tx, id)
    await noteSetUp(tx, 'by command')
    return userOf(await requireUser(tx, firstAdministrator))
  })
}

/** What the user pushed stays. @throws {Refusal} not-found, denied for the last administrator who can sign in */
export async function removeUser(metadata: MetadataStore, name: string): Promise<void> {
  await metadata.write(async (tx) => {
    await lockAdministrators(tx)
    const { id, admin } = await requireUser(tx, name)
    if (admin && (await countAdministrators(tx, id)) === 0) {
      throw new Refusal('denied', `${name} is the last administrator`, {
        why: 'nobody could manage this installation any more',
        fix: 'carrel user create OTHER --admin',
      })
    }
    await deletePrincipal(tx, id)
  })
}

function requireUserName(name: string): void {
  if (name.length <= longestName && isRepositoryName(name) && !name.includes('/')) return
  throw new Refusal(
    'invalid',
    `${JSON.stringify(name.slice(0, 100))} cannot be the name of a user`,
    {
      why: nameRule(name),
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

async function requireFreeName(reader: Reader, name: string): Promise<void> {
  if ((await findPrincipalByName(reader, name)) !== undefined) throw taken(name)
}

function taken(name: string): Refusal {
  return new Refusal('exists', `there is a user ${name} already`, {
    fix: `carrel user passwd ${name}`,
  })
}

async function requireUser(reader: Reader, name: string): Promise<PrincipalRow> {
  const found = await findPrincipalByName(reader, name)
  if (found === undefined) throw new Refusal('not-found', `there is no user ${name}`)
  return found
}

function userOf({ name, admin, disabled, provider, createdAt }: PrincipalRow): User {
  return { name, admin, disabled, provider, createdAt: new Date(createdAt) }
}
