// Stands before every password that has to be hashed: asks whether the attempt may be made (auth/login-throttle.ts),
// remembers from where accounts sign in, and tells the audit log what failed.
import type { LoginGate } from '../auth/check-password.ts'
import { clientNetwork } from '../auth/login-throttle-keys.ts'
import { createLoginThrottle, type LoginThrottle } from '../auth/login-throttle.ts'
import type { AuditEntry } from '../metadata/audit.ts'
import { isKnownClient, noteKnownClient } from '../metadata/login-attempts.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { OciError, StorageFullError, StorageUnavailableError } from '../oci/errors.ts'
import { createEmergencyThrottle } from './emergency-throttle.ts'

export interface LoginGateDeps {
  readonly metadata: MetadataStore
  readonly audit: (entry: AuditEntry) => void
}

/** Of refusals, so many a minute are told to the audit log: a flood must not fill it. */
const toldEachMinute = 20

export function createLoginGate({ metadata, audit }: LoginGateDeps): LoginGate {
  const throttle = createLoginThrottle({ metadata })
  const emergency = createEmergencyThrottle()
  const tell = sparingly(audit)

  async function note(client: KnownClient): Promise<void> {
    const known = { ...client, at: Date.now() }
    await unlessStorageFails(async () =>
      metadata.write(async (tx) => noteKnownClient(tx, known), { durable: false }),
    )
  }

  /** On a full disk somebody has to get in and make room: then each process counts for itself. */
  const reserve: LoginThrottle['reserve'] = async (attempt) =>
    (await unlessStorageFails(async () => throttle.reserve(attempt))) ?? emergency.reserve(attempt)

  return {
    async enter(user, { address }, record) {
      const network = clientNetwork(address)
      const knownClient = await isKnownClient(metadata, { account: user, network })
      const reservation = await reserve({ account: user, address, knownClient })
      // What is typed in the place of a name may be a password: only names that somebody has are written down.
      const name = record?.name ?? 'unknown account'
      const actor = { name }
      if (!reservation.allowed) {
        tell({ event: 'login.throttled', actor, subject: name, address })
        throw tooMany(reservation.retryAfterSeconds)
      }
      return {
        async ended(principal) {
          if (principal === undefined) {
            audit({ event: 'login.failed', actor, subject: name, address })
            return
          }
          // Who knows the password alone has not signed in: another guess at the code costs another attempt.
          if (principal.secondFactor === true) return
          await unlessStorageFails(async () => reservation.succeeded())
          if (!knownClient) await note({ principalId: principal.id, network })
        },
        withdrawn: async () => unlessStorageFails(async () => reservation.withdrawn()),
      }
    },
    async completed(user, { address }, { id }) {
      const network = clientNetwork(address)
      const knownClient = await isKnownClient(metadata, { account: user, network })
      await unlessStorageFails(async () =>
        throttle.completed({ account: user, address, knownClient }),
      )
      if (!knownClient) await note({ principalId: id, network })
    },
  }
}

/** Undefined when the database cannot be written. */
async function unlessStorageFails<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StorageFullError || error instanceof StorageUnavailableError) {
      return undefined
    }
    throw error
  }
}

interface KnownClient {
  readonly principalId: number
  readonly network: string
}

function tooMany(retryAfterSeconds: number): OciError {
  return new OciError('TOOMANYREQUESTS', {
    message: `Too many wrong passwords for this account or from this address. Wait ${retryAfterSeconds} seconds, then try again.`,
    detail: { retryAfterSeconds },
  })
}

function sparingly(audit: (entry: AuditEntry) => void): (entry: AuditEntry) => void {
  let minute = 0
  let told = 0
  return (entry) => {
    const now = Math.floor(Date.now() / 60_000)
    if (now !== minute) {
      minute = now
      told = 0
    }
    told += 1
    if (told <= toldEachMinute) audit(entry)
  }
}
