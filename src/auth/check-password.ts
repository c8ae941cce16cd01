// One login by user name and password. Unknown user, disabled user, empty and wrong password cost the same work and
// end the same: with undefined. Whether the attempt may be made at all is asked first (auth/login-throttle.ts).
import type { Htpasswd } from './htpasswd.ts'
import { bcryptCost, impossibleBcryptHash, impossibleHash } from './password-hash.ts'
import type { PasswordPool } from './password-pool.ts'
import type { PrincipalDirectory, PrincipalRecord } from './principal.ts'
import { externalMark } from './principal-states.ts'
import { createRemembered } from './remembered.ts'
import type { Client } from './sign-in.ts'
import type { VerifiedCredential } from './verified-credentials.ts'

export interface CheckPasswordDeps {
  readonly principals: PrincipalDirectory
  readonly passwords: Pick<PasswordPool, 'verify'> & Partial<Pick<PasswordPool, 'hash'>>
  readonly htpasswd?: Htpasswd | undefined
  /** Directories that check passwords themselves; `record` is the principal of that name, if there is one. */
  readonly external?: ExternalPasswords | undefined
  readonly gate?: LoginGate | undefined
  readonly warn: (message: string) => void
}

export interface ExternalPasswords {
  /** The principal that the directory says it is, made or brought up to date; undefined when it says no. */
  check(
    user: string,
    password: string,
    record: PrincipalRecord | undefined,
  ): Promise<PrincipalRecord | undefined>
  /** The same work in vain, and nothing of anybody's is sent: so that time does not tell whose password is kept here. */
  checkInVain(): Promise<void>
}

/** Stands before every password that has to be hashed, and hears how it went. */
export interface LoginGate {
  /** @throws {OciError} TOOMANYREQUESTS */
  enter(user: string, client: Client, record: PrincipalRecord | undefined): Promise<LoginAttempt>
  /** The code that follows the password of this principal was right as well: only now the sign-in has succeeded. */
  completed(user: string, client: Client, principal: AdmittedPrincipal): Promise<void>
}

export interface LoginAttempt {
  /** Undefined: the password was wrong. With a second factor nothing is given back before `completed`. */
  ended(principal: AdmittedPrincipal | undefined): Promise<void>
  /** Nothing was evaluated, because something failed. */
  withdrawn(): Promise<void>
}

export interface AdmittedPrincipal {
  readonly id: number
  readonly name: string
  /** A code is asked for next. */
  readonly secondFactor?: boolean
}

export type CheckPassword = (
  user: string,
  password: string,
  client: Client,
) => Promise<VerifiedCredential | undefined>

const maxWarnedNames = 1000
/** A directory is asked again soon: it does not tell when somebody leaves. */
const externalGoodForMs = 45_000

export function createCheckPassword(deps: CheckPasswordDeps): CheckPassword {
  const { principals, passwords, htpasswd, external } = deps
  const unknownHash = impossibleHash()
  const warnOfShadow = warnOnce(deps.warn)
  const costOfBcrypt = bcryptCosts(deps)

  /** Checks against the user's own hash, and, unless that matches, against all other kinds of hash in vain. */
  async function matches(password: string, hash: string | undefined): Promise<boolean> {
    if (hash !== undefined && (await passwords.verify(password, hash))) return true
    const isBcrypt = hash?.startsWith('$2') ?? false
    if (hash === undefined || isBcrypt) await passwords.verify(password, unknownHash)
    const cost = isBcrypt ? undefined : await costOfBcrypt()
    if (cost !== undefined) await passwords.verify(password, impossibleBcryptHash(cost))
    return false
  }

  async function check(
    user: string,
    password: string,
    record: PrincipalRecord | undefined,
  ): Promise<Found | undefined> {
    const fileHash = await htpasswd?.lookup(user)
    if (record?.provider === 'local' && fileHash !== undefined) warnOfShadow(user)
    const isRefused = user === '' || password === '' || record?.disabled === true
    const isKeptHere = record?.kind === 'user' && record.provider === 'local'
    const isOther = record !== undefined && !isKeptHere && record.provider !== 'htpasswd'
    const hash = isKeptHere ? record.passwordHash : isOther ? undefined : fileHash
    const isRight = await matches(password, isRefused ? undefined : hash)
    if (isRight && hash !== undefined) {
      if (record === undefined) return fromFile(user, hash)
      const storedHash = await upgraded(record, password, hash)
      return { record, credential: { principalId: record.id, storedHash } }
    }
    if (external === undefined) return undefined
    if (isRefused || hash !== undefined) {
      await external.checkInVain()
      return undefined
    }
    const found = await external.check(user, password, record)
    if (found === undefined || found.disabled) return undefined
    const credential = {
      principalId: found.id,
      storedHash: externalMark(found.provider),
      name: found.name,
      goodForMs: externalGoodForMs,
    }
    return { record: found, credential }
  }

  async function fromFile(user: string, hash: string): Promise<Found | undefined> {
    const made = await principals.ensureHtpasswdUser(user)
    // Somebody may have made a local user of that name, or disabled this one, meanwhile.
    if (made.provider !== 'htpasswd' || made.name !== user || made.disabled) return undefined
    return { record: made, credential: { principalId: made.id, storedHash: hash } }
  }

  /** Passwords that were imported with their bcrypt hash get ours at the first login. */
  async function upgraded(record: PrincipalRecord, password: string, hash: string) {
    if (record.provider !== 'local' || !hash.startsWith('$2')) return hash
    const better = await passwords.hash?.(password)
    if (better === undefined) return hash
    await principals.replacePasswordHash(record.id, hash, better)
    return better
  }

  return async (user, password, client) => {
    const record = user === '' ? undefined : await principals.findByName(user)
    const attempt = await deps.gate?.enter(user, client, record)
    const found = await check(user, password, record).catch(async (error: unknown) => {
      await attempt?.withdrawn()
      throw error
    })
    await attempt?.ended(found?.record)
    return found?.credential
  }
}

interface Found {
  readonly record: PrincipalRecord
  readonly credential: VerifiedCredential
}

/** Of the bcrypt hashes that a user of this installation may have; undefined when none has one. */
function bcryptCosts({
  htpasswd,
  principals,
}: CheckPasswordDeps): () => Promise<number | undefined> {
  const imported = createRemembered<0, number>(
    async () => bcryptCost((await principals.findImportedHash()) ?? '') ?? 0,
    { lifetimeMs: 60_000 },
  )
  return async () => {
    if (htpasswd !== undefined) return htpasswd.cost()
    const cost = await imported.get(0)
    return cost === 0 ? undefined : cost
  }
}

function warnOnce(warn: (message: string) => void): (name: string) => void {
  const warnedOf = new Set<string>()
  return (name) => {
    if (warnedOf.has(name) || warnedOf.size >= maxWarnedNames) return
    warnedOf.add(name)
    warn(
      `There is a local user ${name} and one of that name in the htpasswd file. Only the local user's password ` +
        'counts. Rename or remove one of them.',
    )
  }
}
