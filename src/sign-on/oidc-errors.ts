// Errors of the OpenID Connect library as ours, with a sentence that says what to do. What the library
// attaches to its errors (tokens, claims, requests) is left behind: errors end up in logs.
import {
  AuthorizationResponseError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import { SignOnError, SignOnUnavailableError } from './providers-outcome.ts'
import type { OidcSettings } from './providers-settings.ts'

/** Always throws: what the library threw, translated. */
export function throwExplained(error: unknown, settings: OidcSettings): never {
  const causes = causesOf(error)
  const own = causes.find(isOurs)
  if (own !== undefined) throw own
  const options = { cause: new Error(causes.map((cause) => describe(cause)).join(': ')) }
  const status = statusOf(causes)
  if (status !== undefined && status >= 500) {
    const message = `${settings.title} cannot be asked now: it answered with the status ${status}. Try again later.`
    throw new SignOnUnavailableError(message, options)
  }
  const known = explainError(error, settings) ?? explainCode(causes, settings)
  if (known !== undefined) throw new SignOnError(known.problem, known.message, options)
  const reason = status === undefined ? '' : ` (status ${status})`
  throw new SignOnError(
    'answer',
    `The answer of ${settings.title} is of no use${reason}. ` +
      'Try again; if it stays so, an administrator finds the reason in the log.',
    options,
  )
}

type Explained = Pick<SignOnError, 'problem' | 'message'>

function explainError(error: unknown, { title }: OidcSettings): Explained | undefined {
  if (error instanceof AuthorizationResponseError) {
    if (error.error === 'access_denied') {
      return { problem: 'denied', message: `${title} did not let you sign in, or you cancelled.` }
    }
    return {
      problem: 'answer',
      message: `${title} ended the sign-in with an error${shownCode(error.error)}. Try again.`,
    }
  }
  // With Basic authentication a wrong secret is answered with a challenge (RFC 6749 section 5.2).
  const isChallenge = error instanceof WWWAuthenticateChallengeError && error.status === 401
  const code = error instanceof ResponseBodyError ? error.error : undefined
  if (isChallenge || code === 'invalid_client' || code === 'unauthorized_client') {
    return {
      problem: 'configuration',
      message:
        `${title} does not accept this registry as its client. ` +
        'An administrator corrects clientId and clientSecret in single-sign-on.yaml.',
    }
  }
  if (code === 'invalid_grant') {
    return {
      problem: 'expired',
      message: `This sign-in at ${title} was used already or is too old. Sign in again.`,
    }
  }
  if (code !== undefined) {
    return {
      problem: 'configuration',
      message:
        `${title} refused to finish the sign-in with an error${shownCode(code)}. ` +
        'An administrator compares the settings here and at the provider.',
    }
  }
  return undefined
}

function explainCode(causes: readonly Error[], settings: OidcSettings): Explained | undefined {
  const { title } = settings
  const codes = new Set(causes.map((cause) => codeOf(cause)))
  if (codes.has('OAUTH_JWT_TIMESTAMP_CHECK_FAILED')) {
    return {
      problem: 'clock',
      message:
        `The clocks of ${title} and of this registry are too far apart. ` +
        'An administrator corrects the clock of this machine (NTP).',
    }
  }
  if (codes.has('OAUTH_JWT_CLAIM_COMPARISON_FAILED')) {
    return {
      problem: 'mismatch',
      message: `What ${title} sent was made for another sign-in or another program. Sign in again.`,
    }
  }
  if (codes.has('OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED')) return wrongIssuer(settings)
  if (codes.has('OAUTH_KEY_SELECTION_FAILED') || codes.has('OAUTH_UNSUPPORTED_OPERATION')) {
    return {
      problem: 'answer',
      message:
        `What ${title} sent is not signed with a key that it publishes. ` +
        'Try again in a minute; if it stays so, tell an administrator.',
    }
  }
  if (codes.has('OAUTH_MISSING_SERVER_METADATA') || codes.has('OAUTH_HTTP_REQUEST_FORBIDDEN')) {
    return {
      problem: 'configuration',
      message:
        `${title} does not publish all addresses that a sign-in needs, or not with https. ` +
        'An administrator checks the issuer in single-sign-on.yaml.',
    }
  }
  return undefined
}

export function wrongIssuer({ title }: OidcSettings, itself?: string): Explained {
  const says = itself === undefined ? '' : ` It calls itself ${itself.slice(0, 200)}`
  return {
    problem: 'configuration',
    message:
      `${title} is not the provider that single-sign-on.yaml names.${says === '' ? '' : `${says}.`} ` +
      'If that is right, an administrator writes it as the issuer, letter by letter.',
  }
}

function isOurs(error: Error): error is SignOnError | SignOnUnavailableError {
  return error instanceof SignOnError || error instanceof SignOnUnavailableError
}

const maxCauses = 8

function causesOf(error: unknown): readonly Error[] {
  const causes: Error[] = []
  for (let at = error; at instanceof Error && causes.length < maxCauses; at = at.cause) {
    causes.push(at)
  }
  return causes
}

/** The library gives the whole response as the cause when its status is not the expected one. */
function statusOf(causes: readonly Error[]): number | undefined {
  const last = causes.at(-1)?.cause
  return last instanceof Response ? last.status : undefined
}

function describe(error: Error): string {
  const isProviders =
    error instanceof AuthorizationResponseError || error instanceof ResponseBodyError
  if (!isProviders) return error.message
  const words = `${error.error} ${error.error_description ?? ''}`.trim()
  return `${error.message} (${JSON.stringify(words.slice(0, 300))})`
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined
}

/** Error codes have no other characters (RFC 6749 section 4.1.2.1); whatever has is not repeated. */
function shownCode(code: string): string {
  return /^[a-z_]{1,60}$/.test(code) ? ` (${code})` : ''
}
