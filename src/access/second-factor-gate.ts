// Stands before every code of a second factor: six digits are few, so codes are counted as passwords are, by account and
// by client, under a name of their own: guesses at the code do not use up those at the password.
import type { Client } from '../auth/sign-in.ts'
import { clientNetwork } from '../auth/login-throttle-keys.ts'
import { createLoginThrottle } from '../auth/login-throttle.ts'
import type { AuditEntry } from '../metadata/audit.ts'
import { isKnownClient } from '../metadata/login-attempts.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { OciError } from '../oci/errors.ts'
import { checkSecondFactor } from './totp-account.ts'

export interface SecondFactorGateDeps {
  readonly metadata: MetadataStore
  /** What seals the secrets at rest; asked for when it is first needed. */
  readonly totpKey: () => Promise<Uint8Array>
  readonly audit: (entry: AuditEntry) => void
}

export interface SecondFactorGate {
  /**
   * Which of the principal's second factors the code was, which uses it up; undefined for a wrong or used one.
   *
   * @throws {OciError} TOOMANYREQUESTS
   */
  check(
    principal: { readonly id: number; readonly name: string },
    code: string,
    client: Client,
  ): Promise<'totp' | 'recovery' | undefined>
}

export function createSecondFactorGate(deps: SecondFactorGateDeps): SecondFactorGate {
  const { metadata, audit } = deps
  const throttle = createLoginThrottle({ metadata })

  return {
    async check({ id, name }, code, { address }) {
      const network = clientNetwork(address)
      const knownClient = await isKnownClient(metadata, { account: name, network })
      const attempt = { account: `code of ${name}`, address, knownClient }
      const reservation = await throttle.reserve(attempt)
      const entry = { actor: { id, name }, subject: name, address, detail: { with: 'code' } }
      if (!reservation.allowed) {
        audit({ ...entry, event: 'login.throttled' })
        throw tooMany(reservation.retryAfterSeconds)
      }
      try {
        const totpKey = await deps.totpKey()
        const factor = await checkSecondFactor({ metadata, totpKey }, id, code)
        if (factor === undefined) audit({ ...entry, event: 'login.failed' })
        else await reservation.succeeded()
        return factor
      } catch (error) {
        await reservation.withdrawn()
        throw error
      }
    },
  }
}

function tooMany(retryAfterSeconds: number): OciError {
  return new OciError('TOOMANYREQUESTS', {
    message: `Too many wrong codes for this account or from this address. Wait ${retryAfterSeconds} seconds, then try again.`,
    detail: { retryAfterSeconds },
  })
}
