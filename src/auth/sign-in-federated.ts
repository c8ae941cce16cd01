// Signing in with the identity token of a CI job as the password: trust rules say whose it is. What was found is
// remembered by the token's hash for as long as it is good.
import { hash } from 'node:crypto'
import type { Basic } from './credentials.ts'
import type { PrincipalRecord } from './principal.ts'
import type { PrincipalStates } from './principal-states.ts'
import { identityOf, wrongCredentials, type SignIn } from './sign-in.ts'

export interface FederatedLogin {
  /** The principal that the trust rule is. */
  readonly principalId: number
  /** JSON of what the token says of the job. */
  readonly provenance: string
  /** Milliseconds since 1970. */
  readonly goodUntil: number
}

/** Undefined when no rule knows the token. @throws {OciError} UNAUTHORIZED with the reason, where one may be told */
export type Federate = (identityToken: string, user: string) => Promise<FederatedLogin | undefined>

const maxEntries = 10_000
/** A rule that was changed is looked at again within this time. */
const lookAgainMs = 30_000

interface Entry extends FederatedLogin {
  readonly until: number
}

/** Three parts of base64url; passwords of people look otherwise. */
export function looksLikeJwt(text: string): boolean {
  return text.length > 100 && /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(text)
}

export function identityTokenSignIn(federate: Federate, states: PrincipalStates): SignIn<Basic> {
  const entries = new Map<string, Entry>()

  function bearerOf(login: FederatedLogin, record: PrincipalRecord | undefined) {
    if (record === undefined || !states.isActive(record)) return undefined
    return identityOf(record, { provenance: login.provenance })
  }

  return {
    recall(credentials) {
      const entry = entries.get(keyOf(credentials))
      if (entry === undefined || entry.until <= Date.now()) return undefined
      return bearerOf(entry, states.peek(entry.principalId))
    },
    async signIn(credentials) {
      const login = await federate(credentials.password, credentials.user)
      if (login === undefined) throw wrongCredentials()
      const [oldest] = entries.keys()
      if (oldest !== undefined && entries.size >= maxEntries) entries.delete(oldest)
      const key = keyOf(credentials)
      entries.delete(key)
      entries.set(key, { ...login, until: Math.min(login.goodUntil, Date.now() + lookAgainMs) })
      const identity = bearerOf(login, await states.get(login.principalId))
      if (identity === undefined) throw wrongCredentials()
      return identity
    },
  }
}

function keyOf({ user, password }: Basic): string {
  return hash('sha256', `${user.length}:${user}:${password}`, 'base64')
}
