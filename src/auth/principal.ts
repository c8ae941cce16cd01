// What authentication asks of the place that keeps the principals.
import type { HeldGrant } from './held-grant.ts'
import type { CarriedToken, PrincipalKind, Provider } from './identity.ts'

export interface PrincipalRecord {
  /** Immutable and never given out twice. */
  readonly id: number
  readonly name: string
  readonly kind: PrincipalKind
  readonly provider: Provider
  readonly admin: boolean
  readonly disabled: boolean
  /** Milliseconds since 1970; from then on it is as if disabled. */
  readonly expiresAt: number | undefined
  /** argon2id in PHC form, or bcrypt that was imported; undefined where the password is kept elsewhere. */
  readonly passwordHash: string | undefined
  /** A password alone is not enough for it. */
  readonly secondFactor: boolean
  /** Its own, those of its teams, and those of everybody. */
  readonly grants: readonly HeldGrant[]
}

export interface TokenRecord extends CarriedToken {
  readonly principalId: number
  readonly revoked: boolean
}

export interface SecretRecord {
  readonly tokenId: number
  /** SHA-256 in hexadecimal. */
  readonly hash: string
}

export interface PrincipalDirectory {
  /** The principal that signs in under this name; a local user comes before an htpasswd user. */
  findByName(name: string): Promise<PrincipalRecord | undefined>
  findById(id: number): Promise<PrincipalRecord | undefined>
  /** What was granted to anybody at all. */
  grantsOfAnybody(): Promise<readonly HeldGrant[]>
  /** Finds the htpasswd principal of that name, or makes it. Never answers with a principal of another provider. */
  ensureHtpasswdUser(name: string): Promise<PrincipalRecord>
  /** By the hash of a secret that still counts: one that was replaced and is no longer used does not. */
  findSecret(hash: string): Promise<SecretRecord | undefined>
  findToken(id: number): Promise<TokenRecord | undefined>
  /** A bcrypt hash of somebody that was imported, while there is any. */
  findImportedHash(): Promise<string | undefined>
  /** A better hash of the password that was just found right. */
  replacePasswordHash(id: number, from: string, to: string): Promise<void>
}
