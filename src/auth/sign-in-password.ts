// Signing in with user name and password: local, htpasswd, or checked by a directory.
import type { CheckPassword } from './check-password.ts'
import type { Basic } from './credentials.ts'
import type { Identity } from './identity.ts'
import type { PrincipalRecord } from './principal.ts'
import type { PrincipalStates } from './principal-states.ts'
import { identityOf, needsToken, wrongCredentials, type Client, type SignIn } from './sign-in.ts'
import type { VerifiedCredential, VerifiedCredentials } from './verified-credentials.ts'

export interface PasswordSignInDeps {
  readonly states: PrincipalStates
  readonly remembered: VerifiedCredentials
  readonly check: CheckPassword
  /** Whether the password alone opens the door of somebody with a second factor: where a code is asked for next. */
  readonly secondFactorFollows: boolean
}

export function passwordSignIn(deps: PasswordSignInDeps): SignIn<Basic> {
  const { states, remembered, check } = deps

  /** Whether the password that was found right is still the principal's. */
  function confirm(
    user: string,
    verified: VerifiedCredential,
    record: PrincipalRecord | undefined,
  ): Identity | undefined {
    if (record === undefined || record.name !== (verified.name ?? user)) return undefined
    if (states.passwordHashOf(record) !== verified.storedHash) return undefined
    if (record.secondFactor && !deps.secondFactorFollows) throw needsToken()
    return identityOf(record)
  }

  async function signIn({ user, password }: Basic, client: Client): Promise<Identity> {
    // Remembered, but the principal's state was not: nothing to hash unless that has changed.
    const known = remembered.recall(user, password)
    const still = known && confirm(user, known, await states.get(known.principalId))
    if (still !== undefined) return still
    const verified = await remembered.verifyOnce(user, password, () =>
      check(user, password, client),
    )
    if (verified === undefined) throw wrongCredentials()
    const identity = confirm(user, verified, await states.get(verified.principalId))
    if (identity !== undefined) return identity
    // The remembered state may be the one of before a change that the check has seen.
    states.forget(verified.principalId)
    const afresh = confirm(user, verified, await states.get(verified.principalId))
    if (afresh === undefined) throw wrongCredentials()
    return afresh
  }

  return {
    recall({ user, password }) {
      const verified = remembered.recall(user, password)
      const record = verified && states.peek(verified.principalId)
      // Who needs a second factor is told so by signIn.
      if (record?.secondFactor === true && !deps.secondFactorFollows) return undefined
      return verified && confirm(user, verified, record)
    },
    signIn,
  }
}
