// The names under which this machine is reached without any configuration: what the certificate
// of the first start must cover. Interface addresses come last, so that only they are ever cut.

import { hostname, networkInterfaces } from 'node:os'
import type { NetworkInterfaceInfo } from 'node:os'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

export interface LocalNames {
  readonly dnsNames: readonly string[]
  readonly addresses: readonly string[]
}

export interface LocalNamesOptions {
  /** Names and addresses that the operator gave: host names, `*.` wildcards, IPv4, IPv6. */
  readonly extra?: readonly string[]
  /** The machine's own name; only tests give another than the real one. */
  readonly host?: string
  /** The machine's interfaces; only tests give others than the real ones. */
  readonly interfaces?: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>
}

const maxNames = 100
const maxExtraNames = 50
/** Labels of letters, digits, hyphens and underscores (which compose and Windows names carry). */
const dnsNamePattern =
  /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/
const internationalPattern = /^(?=.*[^\p{ASCII}])[\p{L}\p{M}\p{N}.-]+$/u
const numericLastLabelPattern = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/

/**
 * Sorted, without duplicates, at most 100 in sum.
 * @throws {Error} when one of `extra` is neither a host name nor an address, or there are over 50.
 */
export function localNames(options: LocalNamesOptions = {}): LocalNames {
  const { extra = [], host = hostname(), interfaces = networkInterfaces() } = options
  if (extra.length > maxExtraNames) {
    throw new Error(
      `${extra.length} extra names were given for the certificate, but it holds at most ` +
        `${maxExtraNames}: give fewer names, or one wildcard such as *.example.com.`,
    )
  }
  const names = new Set(['localhost', '127.0.0.1', '::1', 'host.docker.internal'])
  for (const text of extra) names.add(parseName(text))
  for (const name of hostNames(host)) names.add(name)
  for (const address of interfaceAddresses(interfaces)) {
    if (names.size >= maxNames) break
    names.add(address)
  }
  const all = [...names].toSorted()
  return {
    dnsNames: all.filter((name) => isIP(name) === 0),
    addresses: all.filter((name) => isIP(name) !== 0),
  }
}

/** One spelling for each address (`0:0:0:0:0:0:0:1` is `::1`), or undefined for anything else. */
export function canonicalAddress(text: string): string | undefined {
  const family = isIP(text)
  if (family === 4) return text
  // A zone (`fe80::1%eth0`) has a meaning on one machine only, so it cannot stand in a certificate.
  if (family !== 6 || text.includes('%')) return undefined
  // URL writes hexadecimal throughout; `::ffff:192.0.2.7` is a spelling that not all encoders know.
  return new URL(`http://[${text}]`).hostname.slice(1, -1)
}

function parseName(text: string): string {
  const name = asAddress(text) ?? asDnsName(text)
  if (name !== undefined) return name
  throw new Error(
    `${JSON.stringify(text)} is neither a host name nor an IP address, so no certificate can be ` +
      'made for it: write it as registry.example.com or 192.0.2.7, without scheme, port or path.',
  )
}

function asAddress(text: string): string | undefined {
  return canonicalAddress(/^\[(.*)\]$/.exec(text)?.[1] ?? text)
}

function asDnsName(text: string): string | undefined {
  const wildcard = text.startsWith('*.') ? '*.' : ''
  const rest = text.slice(wildcard.length).replace(/\.$/, '').toLowerCase()
  // Asked only for words of other alphabets: of `a/b` it would make `a` without a word.
  const ascii = internationalPattern.test(rest) ? domainToASCII(rest) : rest
  const name = wildcard + ascii
  // `1.2.3` or `0x7f` as a last label is what browsers read as an IPv4 address.
  if (numericLastLabelPattern.test(ascii) || name.length > 253) return undefined
  return dnsNamePattern.test(name) ? name : undefined
}

/** The host's name as it is, its first label alone, and that label in mDNS. Odd names give none. */
function hostNames(host: string): readonly string[] {
  const name = isIP(host) === 0 ? asDnsName(host) : undefined
  if (name === undefined || name.startsWith('*.')) return []
  const label = name.split('.', 1)[0] ?? name
  if (label === 'localhost') return [name]
  return [name, label, `${label}.local`]
}

function interfaceAddresses(
  interfaces: NonNullable<LocalNamesOptions['interfaces']>,
): readonly string[] {
  const addresses = new Set<string>()
  for (const entries of Object.values(interfaces)) {
    for (const { address, internal } of entries ?? []) {
      // Link-local IPv6 is left out: nobody can write it in an image name without its zone, and on
      // a container host each virtual interface brings another one with every container.
      if (internal || /^fe[89ab]/i.test(address)) continue
      const canonical = canonicalAddress(address)
      if (canonical !== undefined) addresses.add(canonical)
    }
  }
  // IPv4 first: when there are too many, these are the ones that people type.
  return [...addresses].toSorted((a, b) => isIP(a) - isIP(b) || (a < b ? -1 : 1))
}
