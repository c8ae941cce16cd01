// Remembers for a few minutes that a user name and password were right, so that a client that sends Basic with each
// request costs one password hash and not thousands. What is kept is a keyed hash under a key that only this process
// has. Wrong passwords are not remembered.
import { hash, randomBytes } from 'node:crypto'

export interface VerifiedCredential {
  readonly principalId: number
  /** What the password was checked against: when the principal has another hash now, this no longer counts. */
  readonly storedHash: string
  /** The principal's name, where it is not the one that was signed in with. */
  readonly name?: string
  /** For how long this counts, where that is less than usual. */
  readonly goodForMs?: number
}

export interface VerifiedCredentials {
  /** What these credentials were found to be. The caller compares `storedHash` with the principal's present one. */
  recall(user: string, password: string): VerifiedCredential | undefined
  /**
   * Runs `verify` once for all that ask with the same credentials meanwhile, and remembers what it finds.
   * Undefined, or an error, is passed on and not remembered.
   */
  verifyOnce(
    user: string,
    password: string,
    verify: () => Promise<VerifiedCredential | undefined>,
  ): Promise<VerifiedCredential | undefined>
}

export interface VerifiedCredentialsOptions {
  readonly lifetimeMs?: number
  readonly maxEntries?: number
  /** Milliseconds on any clock that does not jump. */
  readonly now?: () => number
}

interface Entry extends VerifiedCredential {
  readonly until: number
}

export function createVerifiedCredentials(
  options: VerifiedCredentialsOptions = {},
): VerifiedCredentials {
  const { lifetimeMs = 5 * 60_000, maxEntries = 10_000, now = () => performance.now() } = options
  const key = randomBytes(32).toString('base64')
  const entries = new Map<string, Entry>()
  const underway = new Map<string, Promise<VerifiedCredential | undefined>>()

  function remember(name: string, verified: VerifiedCredential): void {
    entries.delete(name)
    const [oldest] = entries.keys()
    if (oldest !== undefined && entries.size >= maxEntries) entries.delete(oldest)
    const keptMs = Math.min(lifetimeMs, verified.goodForMs ?? lifetimeMs)
    entries.set(name, { ...verified, until: now() + keptMs })
  }

  return {
    recall(user, password) {
      const name = nameOf(key, user, password)
      const entry = entries.get(name)
      if (entry === undefined || entry.until > now()) return entry
      entries.delete(name)
      return undefined
    },

    verifyOnce(user, password, verify) {
      const name = nameOf(key, user, password)
      const running = underway.get(name)
      if (running !== undefined) return running
      const run = verify()
        .then((verified) => {
          if (verified !== undefined) remember(name, verified)
          return verified
        })
        .finally(() => underway.delete(name))
      underway.set(name, run)
      return run
    },
  }
}

/**
 * The length of the user name stands first, so that no other pair of user and password gives the same text. The hash
 * never leaves this process, so the key before the text is as good as an HMAC, at a fifth of its cost.
 */
function nameOf(key: string, user: string, password: string): string {
  return hash('sha256', `${key}:${user.length}:${user}:${password}`, 'base64')
}
