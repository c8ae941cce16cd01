// Who is asking: from the Authorization header to an identity. Bearer tokens and Basic are taken everywhere alike.
// Wrong credentials are an error and never anonymous: `docker login` with a wrong password must not seem to succeed.
import { OciError } from '../oci/errors.ts'
import type { TokenIssuer } from './bearer.ts'
import { createCheckPassword } from './check-password.ts'
import type { CheckPasswordDeps } from './check-password.ts'
import { readCredentials } from './credentials.ts'
import type { Basic, Credentials } from './credentials.ts'
import type { Identity } from './identity.ts'
import { createPrincipalStates } from './principal-states.ts'
import type { PrincipalStates } from './principal-states.ts'
import { readSecret } from './secret-format.ts'
import { identityOf, type Client, type SignIn } from './sign-in.ts'
import { passwordSignIn } from './sign-in-password.ts'
import { registryTokenSignIn, secretSignIn } from './sign-in-token.ts'
import { identityTokenSignIn, looksLikeJwt, type Federate } from './sign-in-federated.ts'
import { createVerifiedCredentials } from './verified-credentials.ts'

export interface AuthenticatorDeps extends CheckPasswordDeps {
  readonly tokens: Pick<TokenIssuer, 'verify' | 'recall'>
  /** For identity tokens of CI jobs; undefined where there are no trust rules to ask. */
  readonly federate?: Federate | undefined
  /** Milliseconds on any clock that does not jump. */
  readonly now?: () => number
}

export interface Authenticator {
  /**
   * No header, or Basic with nothing in it, is anonymous.
   *
   * @throws {OciError} UNAUTHORIZED, with the detail `{ bearer: 'invalid_token' }` for a token;
   *   TOOMANYREQUESTS when too many passwords wait to be checked, or too many were wrong
   */
  authenticate(authorization: string | undefined, client?: Client): Promise<Identity>
  /**
   * The same for what is known already, at once: a Map lookup or two. Undefined says nothing but "ask authenticate".
   */
  recall(authorization: string | undefined): Identity | undefined
  /** Name and password where a code is asked for next: at the sign-in page. */
  checkPassword(credentials: Basic, client: Client): Promise<Identity>
  /** The identity of a principal that a session stands for; undefined when it may do nothing any more. */
  identify(principalId: number): Promise<Identity | undefined>
  /** To be called after a principal was changed or removed, so that this process knows at once and not in seconds. */
  forgetPrincipal(id: number): void
  forgetToken(id: number): void
}

const nowhere: Client = { address: '127.0.0.1' }

export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const clock = deps.now === undefined ? {} : { now: deps.now }
  const states = createPrincipalStates(deps, clock)
  const signIns = createSignIns(deps, states)

  function recall(credentials: Credentials): Identity | undefined {
    switch (credentials.scheme) {
      case 'none': {
        const grants = states.anybody.peek(0)
        return grants && { kind: 'anonymous', grants }
      }
      case 'bearer':
        return signIns.bearer(credentials.token).recall()
      case 'basic':
        return signIns.basic(credentials).recall()
      case 'malformed':
        return undefined
    }
  }

  return {
    async authenticate(authorization, client = nowhere) {
      const credentials = readCredentials(authorization)
      const recalled = recall(credentials)
      if (recalled !== undefined) return recalled
      if (credentials.scheme === 'none') {
        return { kind: 'anonymous', grants: (await states.anybody.get(0)) ?? [] }
      }
      if (credentials.scheme === 'bearer') return signIns.bearer(credentials.token).signIn(client)
      if (credentials.scheme === 'basic') return signIns.basic(credentials).signIn(client)
      throw malformedHeader()
    },
    recall: (authorization) => recall(readCredentials(authorization)),
    checkPassword: (credentials, client) => signIns.page.signIn(credentials, client),
    async identify(principalId) {
      const record = await states.get(principalId)
      if (record === undefined || !states.isActive(record)) return undefined
      return signIns.identify(record)
    },
    forgetPrincipal: (id) => states.forget(id),
    forgetToken: (id) => states.forgetToken(id),
  }
}

/** A way to sign in, with what was presented. */
interface Chosen {
  recall(): Identity | undefined
  signIn(client: Client): Promise<Identity>
}

function choose<T>(way: SignIn<T>, credentials: T): Chosen {
  return {
    recall: () => way.recall(credentials),
    signIn: async (client) => way.signIn(credentials, client),
  }
}

function createSignIns(deps: AuthenticatorDeps, states: PrincipalStates) {
  const clock = deps.now === undefined ? {} : { now: deps.now }
  const remembered = createVerifiedCredentials(clock)
  const check = createCheckPassword(deps)
  const registryToken = registryTokenSignIn(deps.tokens, states)
  const secret = secretSignIn(states)
  const password = passwordSignIn({ states, remembered, check, secondFactorFollows: false })
  // A sign-in that lasts is checked each time, so that each one is counted and its client is noted.
  const forgotten = createVerifiedCredentials({ ...clock, lifetimeMs: 0 })
  const page = passwordSignIn({
    states,
    remembered: forgotten,
    check,
    secondFactorFollows: true,
  })
  const job = deps.federate === undefined ? undefined : identityTokenSignIn(deps.federate, states)

  return {
    page,
    identify: identityOf,
    bearer(token: string): Chosen {
      if (readSecret(token) === undefined) return choose(registryToken, token)
      return choose(secret, { user: undefined, password: token })
    },
    basic(credentials: Basic): Chosen {
      if (readSecret(credentials.password) !== undefined) return choose(secret, credentials)
      if (job !== undefined && looksLikeJwt(credentials.password)) return choose(job, credentials)
      return choose(password, credentials)
    },
  }
}

function malformedHeader(): OciError {
  return new OciError('UNAUTHORIZED', {
    message:
      'The Authorization header cannot be read. Send Basic with user and password, or Bearer with a token.',
  })
}
