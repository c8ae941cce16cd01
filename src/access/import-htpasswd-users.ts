// Users that another registry knows by a bcrypt hash become local users with that hash: they sign in with the password
// that they have, and the first sign-in makes an argon2id hash of it.
import { bcryptCost } from '../auth/password-hash.ts'
import { appendAudit } from '../metadata/audit.ts'
import type { Reader, Transaction } from '../metadata/metadata-store.ts'
import { findPrincipalByName, insertPrincipal } from '../metadata/principals.ts'
import { isRepositoryName } from '../oci/reference.ts'
import type { Actor } from './actor.ts'
import { makeOwnNamespace } from './namespaces.ts'
import { whyReserved } from './principal-names.ts'

export interface ForeignUser {
  readonly name: string
  /** Whatever the other registry compares passwords with. */
  readonly hash: string | undefined
}

export interface ImportedUser {
  readonly name: string
  /** exists: left as it is. refused: not made. */
  readonly outcome: 'added' | 'exists' | 'refused'
  readonly reason: string | undefined
}

export interface PlannedUser extends ImportedUser {
  readonly hash: string | undefined
}

// As in installation/users.ts, which this folder cannot see.
const longestName = 64
const firstAdministrator = 'admin'

/** Changes nothing. */
export async function planUsers(
  reader: Reader,
  users: readonly ForeignUser[],
): Promise<readonly PlannedUser[]> {
  const planned: PlannedUser[] = []
  for (const user of users) planned.push(await planUser(reader, user))
  return planned
}

async function planUser(reader: Reader, { name, hash }: ForeignUser): Promise<PlannedUser> {
  const there = isUserName(name) ? await findPrincipalByName(reader, name) : undefined
  if (there !== undefined) {
    const reason =
      there.kind === 'user'
        ? `There is a user ${name} already, who signs in with ${signInOf(there.provider)}.`
        : `There is a ${there.kind === 'robot' ? 'robot' : 'trust rule'} of that name.`
    return { name, hash, outcome: there.kind === 'user' ? 'exists' : 'refused', reason }
  }
  const reason = problemOfName(name) ?? problemOfHash(hash)
  return { name, hash, outcome: reason === undefined ? 'added' : 'refused', reason }
}

/** Makes those that are planned as added, in the transaction in which that was planned. */
export async function addPlannedUsers(
  tx: Transaction,
  actor: Actor,
  planned: readonly PlannedUser[],
  source: string,
): Promise<readonly ImportedUser[]> {
  const done: ImportedUser[] = []
  for (const user of planned) done.push(await addPlannedUser(tx, actor, user, source))
  return done
}

async function addPlannedUser(
  tx: Transaction,
  actor: Actor,
  { name, hash, outcome, reason }: PlannedUser,
  source: string,
): Promise<ImportedUser> {
  if (outcome !== 'added') return { name, outcome, reason }
  const more = { passwordHash: hash, createdBy: actor.id }
  await insertPrincipal(tx, { name, provider: 'local', admin: false, ...more })
  const made = await findPrincipalByName(tx, name)
  if (made === undefined) throw new Error(`the user ${name} was not made`)
  const owns = await makeOwnNamespace(tx, made)
  const detail = { admin: false, from: source }
  await appendAudit(tx, { event: 'user.created', actor, subject: name, detail })
  const taken = `There is a namespace ${name} already; whose it is, its grants say.`
  return { name, outcome, reason: owns ? undefined : taken }
}

function signInOf(provider: string): string {
  if (provider === 'local') return 'a password of Carrel'
  return provider === 'htpasswd' ? 'the htpasswd file' : provider
}

function isUserName(name: string): boolean {
  return name.length <= longestName && isRepositoryName(name) && !name.includes('/')
}

function problemOfName(name: string): string | undefined {
  const reserved = whyReserved(name)
  if (reserved !== undefined) return `${reserved[0]?.toUpperCase()}${reserved.slice(1)}.`
  if (name === firstAdministrator) {
    return 'It is the name of the first administrator. Make that one first: carrel admin reset-password'
  }
  if (isUserName(name)) return undefined
  if (name.length > longestName) return `Names of users have at most ${longestName} characters.`
  return (
    'A user has a namespace of that name, so it is made of lower-case letters and digits, ' +
    'with single . _ - between them.'
  )
}

const otherHashes: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^\$2[abxy]?\$/, 'bcrypt of a cost outside of 4 to 15, or not whole'],
  [/^\$apr1\$|^\$1\$/, 'MD5'],
  [/^\{SHA\}/, 'SHA-1'],
  [/^\$[56]\$/, 'SHA-crypt'],
  [/^\$argon2/, 'Argon2'],
]

function problemOfHash(hash: string | undefined): string | undefined {
  if (hash === undefined || hash === '') return 'No password is asked of this user there.'
  if (bcryptCost(hash) !== undefined) return undefined
  const [, kind] = otherHashes.find(([pattern]) => pattern.test(hash)) ?? []
  return (
    `The password is ${kind ?? 'neither bcrypt nor another known hash'}, and only bcrypt is taken. ` +
    'Set it again with: htpasswd -B FILE NAME'
  )
}
