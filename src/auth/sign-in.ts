// What the ways to sign in have in common: how each looks things up, and how a record becomes an identity.
import { OciError } from '../oci/errors.ts'
import type { CarriedToken, Identity, PrincipalIdentity, TokenAccess } from './identity.ts'
import type { PrincipalRecord } from './principal.ts'

/** From where somebody asks; loopback where nobody says. */
export interface Client {
  readonly address: string
}

export interface SignIn<T> {
  /** What is known already, at once. Undefined says nothing but "ask signIn". */
  recall(credentials: T): Identity | undefined
  /** @throws {OciError} UNAUTHORIZED, TOOMANYREQUESTS */
  signIn(credentials: T, client: Client): Promise<Identity>
}

export interface Presented {
  readonly token?: CarriedToken | undefined
  readonly provenance?: string | undefined
  readonly limits?: readonly TokenAccess[] | undefined
}

export function identityOf(record: PrincipalRecord, presented: Presented = {}): PrincipalIdentity {
  const { id, name, kind, provider, admin, grants } = record
  const { token, provenance, limits } = presented
  return {
    kind: 'principal',
    id,
    name,
    principalKind: kind,
    provider,
    admin,
    grants,
    ...(token !== undefined && { token }),
    ...(provenance !== undefined && { provenance }),
    ...(limits !== undefined && { limits }),
  }
}

/** The same for unknown users, disabled ones and wrong passwords. */
export function wrongCredentials(): OciError {
  return new OciError('UNAUTHORIZED', {
    message: 'The user name or the password is wrong. Check both and sign in again.',
  })
}

export function invalidToken(): OciError {
  return new OciError('UNAUTHORIZED', {
    message: 'The token is not valid or no longer valid. Ask for a new one, or sign in again.',
    detail: { bearer: 'invalid_token' },
  })
}

export function needsToken(): OciError {
  return new OciError('UNAUTHORIZED', {
    message:
      'This account has a second factor, so its password alone is not enough here. Make a token with: carrel token create.',
  })
}
