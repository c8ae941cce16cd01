// From a URL to the addresses that may be connected to. A name is resolved once and every address that it has is
// looked at; the connection then goes to these addresses, so what the name says a moment later cannot matter.
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { kindOfAddress } from './address.ts'
import { withoutBrackets } from './allow-list.ts'
import type { AllowList } from './allow-list.ts'
import { OutboundError, outboundSettings } from './outbound-error.ts'
import { untilAborted } from './deadline.ts'

/** All addresses of a name. Throws, or returns none, when there are none. */
export type Resolve = (host: string) => Promise<readonly string[]>

export interface Target {
  readonly url: URL
  /** An IPv6 address is without its brackets. */
  readonly host: string
  readonly port: number
  /** At least one, and each of them checked. */
  readonly addresses: readonly string[]
}

export interface TargetRules {
  readonly allow: AllowList
  readonly resolve: Resolve
}

const maxUrlCharacters = 8192

/** The system's own resolver: it knows /etc/hosts and the names of a container network. */
export async function resolveHost(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

/** @throws {OutboundError} bad-url, when no address could make this URL a good one */
export function parseUrl(text: string): URL {
  const url = text.length > maxUrlCharacters ? null : URL.parse(text)
  if (url === null) {
    throw badUrl('The URL cannot be asked', 'it is not a URL', 'Give a whole one: https://HOST.')
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    const why = `it begins with ${url.protocol.slice(0, 20)}`
    throw badUrl('The URL cannot be asked', why, 'Give one that begins with https://.')
  }
  const what = `${shown(url)} cannot be asked`
  if (url.username !== '' || url.password !== '') {
    throw badUrl(what, 'it has a user name or password in it', 'Give it without.')
  }
  if (url.hostname.endsWith('.')) {
    throw badUrl(what, 'its host ends with a dot', 'Write the host without the last dot.')
  }
  if (url.port === '0') throw badUrl(what, 'no server has the port 0', 'Correct the port.')
  return url
}

/**
 * Resolves the host and decides. All addresses must be good: a name with a public and a private one is refused.
 * @throws {OutboundError} refused-address, unreachable, bad-url; or the reason of `signal`
 */
export async function checkTarget(
  url: URL,
  { allow, resolve }: TargetRules,
  signal: AbortSignal,
): Promise<Target> {
  const host = withoutBrackets(url.hostname)
  const port = url.port === '' ? defaultPort(url) : Number(url.port)
  const isAllowedHost = allow.allowsHost(host, port)
  const addresses = isIP(host) === 0 ? await addressesOf(url, host, resolve, signal) : [host]
  let isOpened = true
  for (const address of addresses) {
    const { reach, words } = kindOfAddress(address) ?? unknownKind
    const isNamed = allow.allowsAddress(address, port, reach)
    if (!isNamed) isOpened = false
    const isGood = reach === 'public' || isNamed || (isAllowedHost && reach === 'internal')
    if (!isGood) throw refused(url, host, { address, words, isAllowedHost })
  }
  if (url.protocol === 'http:' && !isAllowedHost && !isOpened) {
    const fix = `Use https, or add ${url.host} to ${outboundSettings.allow}.`
    throw badUrl(`${shown(url)} cannot be asked`, 'http can be read and changed on its way', fix)
  }
  return { url, host, port, addresses }
}

const unknownKind = { reach: 'special', words: 'not an address that can be judged' } as const

function defaultPort(url: URL): number {
  return url.protocol === 'https:' ? 443 : 80
}

// What a resolver says of itself is its own words; only the code is taken.
async function addressesOf(
  url: URL,
  host: string,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<readonly string[]> {
  let addresses: readonly string[] = []
  let cause: unknown
  try {
    addresses = await untilAborted(resolve(host), signal)
  } catch (error) {
    if (signal.aborted) throw error
    cause = error
  }
  if (addresses.length > 0) return addresses
  throw new OutboundError(
    'unreachable',
    {
      what: `${shown(url)} cannot be asked`,
      why: `the name ${host} has no address here`,
      fix: 'Check the spelling and the DNS server of this machine.',
    },
    cause,
  )
}

interface RefusedAddress {
  readonly address: string
  readonly words: string
  readonly isAllowedHost: boolean
}

function refused(url: URL, host: string, { address, words, isAllowedHost }: RefusedAddress): Error {
  const is = host === address ? `it is ${words}` : `${host} is at ${address}, ${words}`
  // Opened as a host already: what it is at now is not what a host entry opens.
  const entry = isAllowedHost ? address : url.host
  return new OutboundError('refused-address', {
    what: `${shown(url)} is not asked`,
    why: is,
    fix: `If that is meant, an administrator adds ${entry} to ${outboundSettings.allow}.`,
  })
}

function badUrl(what: string, why: string, fix: string): OutboundError {
  return new OutboundError('bad-url', { what, why, fix })
}

/** Scheme, host and port: a path or query may be a secret, a password surely is one. */
export function shown(url: URL): string {
  return `${url.protocol}//${url.host}`
}
