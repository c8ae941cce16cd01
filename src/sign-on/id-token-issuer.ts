// Where an issuer keeps its keys (OpenID Connect Discovery 1.0, 4), and for how long we remember them. Nothing here
// follows a redirect: whoever can redirect a discovery could put keys of his own in place of the issuer's.
import type { Outbound } from '../outbound/outbound.ts'
import { IdTokenError, quoted } from './id-token-error.ts'
import { isObject } from './id-token-format.ts'
import { readKeySet } from './id-token-keys.ts'
import type { IssuerKey } from './id-token-keys.ts'

export interface KeySource {
  readonly issuer: string
  /** Where its keys are, for issuers whose discovery cannot be reached; otherwise discovery tells. */
  readonly jwksUrl?: string | undefined
}

export interface IssuerKeys {
  /**
   * The keys of an issuer, ten minutes old at most; a day, while the issuer cannot be asked.
   * @throws {IdTokenError} issuer, when there are none to be had
   */
  current(source: KeySource): Promise<readonly IssuerKey[]>
  /** As `current`, but asks the issuer again if that has not been done within the last 30 seconds. Never throws. */
  renewed(source: KeySource): Promise<readonly IssuerKey[]>
  /** Asks the issuer now. @throws {IdTokenError} issuer, with what is wrong */
  fetch(source: KeySource): Promise<readonly IssuerKey[]>
}

export interface IssuerKeysOptions {
  readonly outbound: Pick<Outbound, 'getJson'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

interface Remembered {
  keys: readonly IssuerKey[] | undefined
  fetchedAt: number
  askedAt: number
  /** What came of the last attempt, when it failed. */
  failure: IdTokenError | undefined
  pending: Promise<readonly IssuerKey[]> | undefined
}

const freshMs = 10 * 60_000
const staleMs = 24 * 60 * 60_000
const askAgainMs = 30_000
/** Without any keys each login waits for the issuer; it is spared the next ones for so long. */
const failureMs = 5000
const maxIssuers = 200
const maxDocumentBytes = 256 * 1024
const maxIssuerCharacters = 1024

export function createIssuerKeys({ outbound, now }: IssuerKeysOptions): IssuerKeys {
  const issuers = new Map<string, Remembered>()

  async function current(source: KeySource): Promise<readonly IssuerKey[]> {
    const issuer = remember(source)
    const { keys } = issuer
    if (keys !== undefined && isWithin(issuer.fetchedAt, freshMs)) return keys
    if (keys !== undefined && isWithin(issuer.fetchedAt, staleMs)) return await renewed(source)
    if (issuer.failure !== undefined && isWithin(issuer.askedAt, failureMs)) throw issuer.failure
    return await fetch(source)
  }

  async function renewed(source: KeySource): Promise<readonly IssuerKey[]> {
    const issuer = remember(source)
    const { keys = [] } = issuer
    if (issuer.pending === undefined && isWithin(issuer.askedAt, askAgainMs)) return keys
    // Its failure is remembered; until it can be asked again, what it said last holds.
    return await fetch(source).catch(() => keys)
  }

  function fetch(source: KeySource): Promise<readonly IssuerKey[]> {
    const issuer = remember(source)
    issuer.pending ??= ask(issuer, source)
    return issuer.pending
  }

  async function ask(issuer: Remembered, source: KeySource): Promise<readonly IssuerKey[]> {
    issuer.askedAt = now()
    try {
      const keys = await fetchKeys(outbound, source)
      Object.assign(issuer, { keys, fetchedAt: now(), failure: undefined })
      return keys
    } catch (error) {
      if (error instanceof IdTokenError) issuer.failure = error
      throw error
    } finally {
      issuer.pending = undefined
    }
  }

  function remember({ issuer, jwksUrl }: KeySource): Remembered {
    const name = JSON.stringify([issuer, jwksUrl])
    const known = issuers.get(name)
    if (known !== undefined) return known
    const [oldest] = issuers.keys()
    if (issuers.size >= maxIssuers && oldest !== undefined) issuers.delete(oldest)
    const never = Number.NEGATIVE_INFINITY
    const made: Remembered = {
      keys: undefined,
      fetchedAt: never,
      askedAt: never,
      failure: undefined,
      pending: undefined,
    }
    issuers.set(name, made)
    return made
  }

  /** In both directions: a clock that was set back must not make things last for longer. */
  function isWithin(time: number, ms: number): boolean {
    return Math.abs(now() - time) < ms
  }

  return { current, renewed, fetch }
}

async function fetchKeys(
  outbound: Pick<Outbound, 'getJson'>,
  source: KeySource,
): Promise<readonly IssuerKey[]> {
  const { issuer } = source
  try {
    const jwksUrl = source.jwksUrl ?? (await discover(outbound, issuer))
    const document = await outbound.getJson(jwksUrl, { maxBytes: maxDocumentBytes, redirects: 0 })
    const keys = readKeySet(document)
    if (keys === undefined) throw wrong(issuer, 'what it gives for keys is not a key set')
    if (keys.length === 0) throw wrong(issuer, 'none of its keys is one that can be used here')
    return keys
  } catch (error) {
    if (error instanceof IdTokenError) throw error
    throw wrong(issuer, error instanceof Error ? error.message : 'it cannot be asked', error)
  }
}

async function discover(outbound: Pick<Outbound, 'getJson'>, issuer: string): Promise<string> {
  checkIssuer(issuer)
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = await outbound.getJson(url, { maxBytes: maxDocumentBytes, redirects: 0 })
  if (!isObject(document)) throw wrong(issuer, 'its discovery document is not an object')
  const { issuer: own, jwks_uri: jwksUrl } = document
  if (own !== issuer) {
    throw wrong(issuer, `it calls itself ${quoted(own)}, which has to be the same to the letter`)
  }
  if (typeof jwksUrl !== 'string') throw wrong(issuer, 'it does not say where its keys are')
  if (issuer.startsWith('https:') && !/^https:/i.test(jwksUrl)) {
    throw wrong(issuer, 'its keys are not behind https')
  }
  return jwksUrl
}

/** @throws {IdTokenError} issuer. OpenID Connect Core 1.0, 2: no query and no fragment. */
function checkIssuer(issuer: string): void {
  const isUrl = issuer.length <= maxIssuerCharacters && /^https?:\/\/[^?#\s]+$/.test(issuer)
  if (isUrl && URL.canParse(issuer)) return
  throw wrong(issuer, 'it is not a URL with https and without a query')
}

function wrong(issuer: string, why: string, cause?: unknown): IdTokenError {
  const end = why.endsWith('.') ? why : `${why}.`
  return new IdTokenError('issuer', `The issuer ${quoted(issuer)} is of no use: ${end}`, cause)
}
