// Sign-in through an OpenID Connect provider: authorization code flow (OpenID Connect Core 1.0 section
// 3.1) with PKCE (RFC 7636), state, nonce and the issuer in the answer (RFC 9207). The ID token's
// signature is checked against the provider's published keys, although it comes over TLS.
//
// `begin` gives a check, which the caller keeps at the server, bound to the browser, and takes away when
// the answer comes: so an answer counts once. `finish` accepts the answer to that check alone.
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  ClientSecretBasic,
  ClientSecretPost,
  clockSkew,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client'
import type {
  ClientAuth,
  Configuration,
  CustomFetch,
  IDToken,
  TokenEndpointResponse,
} from 'openid-client'
import type { Outbound } from '../outbound/outbound.ts'
import { lacksClaims, providerId, toIdentity } from './oidc-claims.ts'
import type { Claims } from './oidc-claims.ts'
import { throwExplained, wrongIssuer } from './oidc-errors.ts'
import { SignOnError, SignOnUnavailableError } from './providers-outcome.ts'
import type { ExternalIdentity, ProviderId } from './providers-outcome.ts'
import type { OidcSettings } from './providers-settings.ts'

export interface OidcDependencies {
  /** Decides which hosts may be asked, and whether without TLS; follows no redirects. */
  readonly outbound: Pick<Outbound, 'fetch'>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** What `finish` needs to know of `begin`: plain JSON, secret, to be used once. */
export interface OidcCheck {
  readonly provider: ProviderId
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

export interface OidcBegin {
  /** Where the provider sends the browser back to, exactly as it is registered there. */
  readonly redirectUri: string
  readonly loginHint?: string
}

export interface OidcProvider {
  readonly id: ProviderId
  /**
   * Where to send the browser.
   *
   * @throws {SignOnUnavailableError} @throws {SignOnError} configuration
   */
  begin(request: OidcBegin): Promise<{ readonly url: URL; readonly check: OidcCheck }>
  /**
   * Who came back. Of `currentUrl` only the query counts, so it may be what a proxy made of it.
   *
   * @throws {SignOnError} @throws {SignOnUnavailableError}
   */
  finish(currentUrl: URL, check: OidcCheck): Promise<ExternalIdentity>
}

const checkLifetimeMs = 10 * 60_000
const discoveryLifetimeMs = 60 * 60_000
const requestTimeoutS = 10

export function createOidcProvider(
  settings: OidcSettings,
  { outbound, now = Date.now }: OidcDependencies,
): OidcProvider {
  const id = providerId(settings)
  const configuration = cached(async () => await discover(settings, outbound, now), now)

  return {
    id,
    async begin({ redirectUri, loginHint }) {
      const codeVerifier = randomPKCECodeVerifier()
      const check: OidcCheck = {
        provider: id,
        redirectUri,
        state: randomState(),
        nonce: randomNonce(),
        codeVerifier,
        expiresAt: now() + checkLifetimeMs,
      }
      const url = await explained(settings, async () =>
        buildAuthorizationUrl(await configuration(), {
          redirect_uri: redirectUri,
          scope: settings.scopes.join(' '),
          state: check.state,
          nonce: check.nonce,
          code_challenge: await calculatePKCECodeChallenge(codeVerifier),
          code_challenge_method: 'S256',
          ...(loginHint === undefined ? {} : { login_hint: loginHint }),
        }),
      )
      return { url, check }
    },

    async finish(currentUrl, check) {
      requireMatch(currentUrl, check, { id, title: settings.title, now })
      const callback = new URL(check.redirectUri)
      callback.search = currentUrl.search
      return await explained(settings, async () => {
        const config = await configuration()
        const tokens = await authorizationCodeGrant(config, callback, {
          expectedState: check.state,
          expectedNonce: check.nonce,
          pkceCodeVerifier: check.codeVerifier,
          idTokenExpected: true,
        })
        return toIdentity(await allClaims(config, tokens, settings), settings)
      })
    },
  }
}

/** Before anything is sent to the provider: an answer to another question is not passed on. */
function requireMatch(
  currentUrl: URL,
  check: OidcCheck,
  own: { readonly id: ProviderId; readonly title: string; now(): number },
): void {
  const states = currentUrl.searchParams.getAll('state')
  const isAnswer = check.provider === own.id && states.length === 1 && states[0] === check.state
  if (!isAnswer) {
    throw new SignOnError(
      'mismatch',
      `This answer of ${own.title} does not belong to a sign-in that was begun here. Sign in again.`,
    )
  }
  if (check.expiresAt <= own.now()) {
    throw new SignOnError('expired', 'The sign-in took longer than 10 minutes. Sign in again.')
  }
}

async function allClaims(
  config: Configuration,
  tokens: TokenEndpointResponse & { claims(): IDToken | undefined },
  settings: OidcSettings,
): Promise<Claims> {
  const claims: Claims = tokens.claims() ?? {}
  const hasUserinfo = config.serverMetadata().userinfo_endpoint !== undefined
  if (!lacksClaims(claims, settings) || !hasUserinfo) return claims
  // Refused unless it is about the same subject; what is signed comes first.
  const userinfo = await fetchUserInfo(config, tokens.access_token, String(claims.sub))
  return { ...userinfo, ...claims }
}

async function discover(
  settings: OidcSettings,
  outbound: OidcDependencies['outbound'],
  now: () => number,
): Promise<Configuration> {
  const { issuer, clientId, revealClientSecret } = settings
  // The outbound client decides about plain http; an issuer with https never gets to use it.
  const isPlain = new URL(issuer).protocol === 'http:'
  const config = await discovery(
    new URL(issuer),
    clientId,
    { [clockSkew]: Math.round((now() - Date.now()) / 1000) },
    authenticationWith(revealClientSecret?.()),
    {
      [customFetch]: fetchThrough(outbound, settings),
      timeout: requestTimeoutS,
      execute: [enableNonRepudiationChecks, ...(isPlain ? [allowInsecureRequests] : [])],
    },
  )
  // The library forgives a slash, and issuers with a placeholder for every customer of Entra ID.
  const itself = config.serverMetadata().issuer
  if (itself === issuer) return config
  const { problem, message } = wrongIssuer(settings, itself)
  throw new SignOnError(problem, message)
}

function fetchThrough(
  outbound: OidcDependencies['outbound'],
  { title }: OidcSettings,
): CustomFetch {
  return async (url, { body = null, signal = null, ...init }) => {
    try {
      return await outbound.fetch(url, { ...init, body, signal })
    } catch (error) {
      const isLate = error instanceof DOMException && error.name === 'TimeoutError'
      const reason = isLate ? 'It did not answer in time.' : messageOf(error)
      const options = { cause: error }
      throw new SignOnUnavailableError(`${title} cannot be asked now. ${reason}`, options)
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'No connection could be made.'
}

/** Basic unless the provider offers only the other way (OpenID Connect Discovery 1.0 section 3). */
function authenticationWith(secret: string | undefined): ClientAuth {
  if (secret === undefined) return None()
  const basic = ClientSecretBasic(secret)
  const post = ClientSecretPost(secret)
  return (server, client, body, headers) => {
    const offered = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    const isPostOnly =
      offered.includes('client_secret_post') && !offered.includes('client_secret_basic')
    const authenticate = isPostOnly ? post : basic
    return authenticate(server, client, body, headers)
  }
}

/** The value of one call for an hour, shared by those that ask meanwhile; failures are not kept. */
function cached<T>(make: () => Promise<T>, now: () => number): () => Promise<T> {
  let current: { readonly until: number; readonly value: Promise<T> } | undefined
  return async () => {
    if (current !== undefined && current.until > now()) return await current.value
    const mine = { until: now() + discoveryLifetimeMs, value: make() }
    current = mine
    try {
      return await mine.value
    } catch (error) {
      if (current === mine) current = undefined
      throw error
    }
  }
}

async function explained<T>(settings: OidcSettings, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    return throwExplained(error, settings)
  }
}
