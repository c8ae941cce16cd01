// One login by user name and password. Unknown user, disabled user, empty and wrong password cost the same work and
// end the same: with undefined.
import type { Htpasswd } from './htpasswd.ts'
import { impossibleBcryptHash, impossibleHash } from './password-hash.ts'
import type { PasswordPool } from './password-pool.ts'
import type { PrincipalDirectory } from './principal.ts'
import type { VerifiedCredential } from './verified-credentials.ts'

export interface CheckPasswordDeps {
  readonly principals: PrincipalDirectory
  readonly passwords: Pick<PasswordPool, 'verify'>
  readonly htpasswd?: Htpasswd | undefined
  readonly warn: (message: string) => void
}

export type CheckPassword = (
  user: string,
  password: string,
) => Promise<VerifiedCredential | undefined>

const maxWarnedNames = 1000

export function createCheckPassword(deps: CheckPasswordDeps): CheckPassword {
  const unknownHash = impossibleHash()
  const warnedOf = new Set<string>()

  function warnOfShadow(name: string): void {
    if (warnedOf.has(name) || warnedOf.size >= maxWarnedNames) return
    warnedOf.add(name)
    deps.warn(
      `There is a local user ${name} and one of that name in the htpasswd file. Only the local user's password ` +
        'counts. Rename or remove one of them.',
    )
  }

  /** Checks against the user's own hash, and, unless that matches, against all other kinds of hash in vain. */
  async function matches(password: string, hash: string | undefined): Promise<boolean> {
    if (hash !== undefined && (await deps.passwords.verify(password, hash))) return true
    const isBcrypt = hash?.startsWith('$2') ?? false
    if (hash === undefined || isBcrypt) await deps.passwords.verify(password, unknownHash)
    if (deps.htpasswd !== undefined && !isBcrypt) {
      await deps.passwords.verify(password, impossibleBcryptHash(deps.htpasswd.cost()))
    }
    return false
  }

  return async (user, password) => {
    const record = user === '' ? undefined : await deps.principals.findByName(user)
    const fileHash = await deps.htpasswd?.lookup(user)
    if (record?.provider === 'local' && fileHash !== undefined) warnOfShadow(user)
    const isRefused = user === '' || password === '' || record?.disabled === true
    const hash = record?.provider === 'local' ? record.passwordHash : fileHash
    if (!(await matches(password, isRefused ? undefined : hash)) || hash === undefined) {
      return undefined
    }
    if (record !== undefined) return { principalId: record.id, storedHash: hash }
    const made = await deps.principals.ensureHtpasswdUser(user)
    // Somebody may have made a local user of that name, or disabled this one, meanwhile.
    if (made.provider !== 'htpasswd' || made.name !== user || made.disabled) return undefined
    return { principalId: made.id, storedHash: hash }
  }
}
