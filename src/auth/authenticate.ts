// Who is asking: from the Authorization header to an identity. Bearer tokens and Basic are taken everywhere alike.
// Wrong credentials are an error and never anonymous: `docker login` with a wrong password must not seem to succeed.
import { OciError } from '../oci/errors.ts'
import type { TokenIssuer } from './bearer.ts'
import { createCheckPassword } from './check-password.ts'
import type { CheckPassword, CheckPasswordDeps } from './check-password.ts'
import { readCredentials } from './credentials.ts'
import type { Basic, Credentials } from './credentials.ts'
import type { Identity, TokenAccess } from './identity.ts'
import type { PrincipalRecord } from './principal.ts'
import { createPrincipalStates } from './principal-states.ts'
import type { PrincipalStates } from './principal-states.ts'
import { createVerifiedCredentials } from './verified-credentials.ts'
import type { VerifiedCredential, VerifiedCredentials } from './verified-credentials.ts'

export interface AuthenticatorDeps extends CheckPasswordDeps {
  readonly tokens: Pick<TokenIssuer, 'verify' | 'recall'>
  /** Milliseconds on any clock that does not jump. */
  readonly now?: () => number
}

export interface Authenticator {
  /**
   * No header, or Basic with nothing in it, is anonymous.
   *
   * @throws {OciError} UNAUTHORIZED, with the detail `{ bearer: 'invalid_token' }` for a token;
   *   TOOMANYREQUESTS when too many passwords wait to be checked
   */
  authenticate(authorization: string | undefined): Promise<Identity>
  /**
   * The same for what is known already, at once: a Map lookup or two. Undefined says nothing but "ask authenticate".
   */
  recall(authorization: string | undefined): Identity | undefined
  /** To be called after a principal was changed or removed, so that this process knows at once and not in seconds. */
  forgetPrincipal(id: number): void
}

const anonymous: Identity = { kind: 'anonymous' }

export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const clock = deps.now === undefined ? {} : { now: deps.now }
  const states = createPrincipalStates(deps, clock)
  const tokens = tokenSignIn(deps.tokens, states)
  const passwords = passwordSignIn({
    states,
    remembered: createVerifiedCredentials(clock),
    check: createCheckPassword(deps),
  })

  function recall(credentials: Credentials): Identity | undefined {
    switch (credentials.scheme) {
      case 'none':
        return anonymous
      case 'bearer':
        return tokens.recall(credentials.token)
      case 'basic':
        return passwords.recall(credentials)
      case 'malformed':
        return undefined
    }
  }

  return {
    async authenticate(authorization) {
      const credentials = readCredentials(authorization)
      const recalled = recall(credentials)
      if (recalled !== undefined) return recalled
      if (credentials.scheme === 'bearer') return await tokens.signIn(credentials.token)
      if (credentials.scheme === 'basic') return await passwords.signIn(credentials)
      throw malformedHeader()
    },
    recall: (authorization) => recall(readCredentials(authorization)),
    forgetPrincipal: (id) => states.forget(id),
  }
}

interface SignIn<T> {
  /** What is known already. */
  recall(credentials: T): Identity | undefined
  signIn(credentials: T): Promise<Identity>
}

function tokenSignIn(tokens: AuthenticatorDeps['tokens'], states: PrincipalStates): SignIn<string> {
  return {
    recall(token) {
      const verified = tokens.recall(token)
      if (verified === undefined) return undefined
      if (verified.principalId === undefined) return anonymousWith(verified.access)
      const record = states.peek(verified.principalId)
      if (record === undefined || !states.isActive(record)) return undefined
      return identityOf(record, verified.access)
    },
    async signIn(token) {
      const verified = await tokens.verify(token)
      if (verified === undefined) throw invalidToken()
      if (verified.principalId === undefined) return anonymousWith(verified.access)
      const record = await states.get(verified.principalId)
      if (record === undefined || !states.isActive(record)) throw invalidToken()
      return identityOf(record, verified.access)
    },
  }
}

interface PasswordSignInDeps {
  readonly states: PrincipalStates
  readonly remembered: VerifiedCredentials
  readonly check: CheckPassword
}

function passwordSignIn({ states, remembered, check }: PasswordSignInDeps): SignIn<Basic> {
  /** Whether the password that was found right is still the principal's. */
  function confirm(
    user: string,
    verified: VerifiedCredential,
    record: PrincipalRecord | undefined,
  ): Identity | undefined {
    if (record === undefined || record.name !== user) return undefined
    if (states.passwordHashOf(record) !== verified.storedHash) return undefined
    return identityOf(record, undefined)
  }

  return {
    recall({ user, password }) {
      const verified = remembered.recall(user, password)
      return verified && confirm(user, verified, states.peek(verified.principalId))
    },
    async signIn({ user, password }) {
      // Remembered, but the principal's state was not: nothing to hash unless that has changed.
      const known = remembered.recall(user, password)
      const still = known && confirm(user, known, await states.get(known.principalId))
      if (still !== undefined) return still
      const verified = await remembered.verifyOnce(user, password, () => check(user, password))
      if (verified === undefined) throw wrongCredentials()
      const identity = confirm(user, verified, await states.get(verified.principalId))
      if (identity !== undefined) return identity
      // The remembered state may be the one of before a change that the check has seen.
      states.forget(verified.principalId)
      const afresh = confirm(user, verified, await states.get(verified.principalId))
      if (afresh === undefined) throw wrongCredentials()
      return afresh
    },
  }
}

function anonymousWith(limits: readonly TokenAccess[]): Identity {
  return { kind: 'anonymous', limits }
}

function identityOf(record: PrincipalRecord, limits: readonly TokenAccess[] | undefined): Identity {
  const { id, name, provider, admin } = record
  if (limits === undefined) return { kind: 'principal', id, name, provider, admin }
  return { kind: 'principal', id, name, provider, admin, limits }
}

/** The same for unknown users, disabled ones and wrong passwords. */
function wrongCredentials(): OciError {
  return new OciError('UNAUTHORIZED', {
    message: 'The user name or the password is wrong. Check both and sign in again.',
  })
}

function invalidToken(): OciError {
  return new OciError('UNAUTHORIZED', {
    message: 'The token is not valid or no longer valid. Ask for a new one, or sign in again.',
    detail: { bearer: 'invalid_token' },
  })
}

function malformedHeader(): OciError {
  return new OciError('UNAUTHORIZED', {
    message:
      'The Authorization header cannot be read. Send Basic with user and password, or Bearer with a token.',
  })
}
