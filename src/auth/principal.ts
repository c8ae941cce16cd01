// What authentication asks of the place that keeps the principals.
import type { Provider } from './identity.ts'

export interface PrincipalRecord {
  /** Immutable and never given out twice. */
  readonly id: number
  readonly name: string
  readonly kind: 'user'
  readonly provider: Provider
  readonly admin: boolean
  readonly disabled: boolean
  /** argon2id in PHC form; undefined for htpasswd users, whose hash is in the file. */
  readonly passwordHash: string | undefined
}

export interface PrincipalDirectory {
  /** The principal that signs in under this name; a local user comes before an htpasswd user. */
  findByName(name: string): Promise<PrincipalRecord | undefined>
  findById(id: number): Promise<PrincipalRecord | undefined>
  /** Finds the htpasswd principal of that name, or makes it. Never answers with a principal of another provider. */
  ensureHtpasswdUser(name: string): Promise<PrincipalRecord>
}
