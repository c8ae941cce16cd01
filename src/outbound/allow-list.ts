// What an administrator opens beyond the public internet. Entries are exact on purpose: there is no switch that opens
// everything, and none of them opens more than what it names.
//
//   idp.internal, idp.internal:8443   a host, with one port or all: its private and loopback addresses
//   10.1.2.3, [fd00::1]:8443          an address, with one port or all: whatever kind of address it is
//   10.1.0.0/16, fd00:1::/32          a network: all but the metadata addresses in it
import { BlockList, isIP, isIPv4 } from 'node:net'
import { addNetwork, plainAddress } from './address.ts'
import type { Reach } from './address.ts'
import { outboundSettings } from './outbound-error.ts'

export interface AllowList {
  /** `host` as URLs have it: in lower case, an IPv6 address without its brackets. */
  allowsHost(host: string, port: number): boolean
  /** An entry of its own or a network names this address. */
  allowsAddress(address: string, port: number, reach: Reach): boolean
}

const smallestPrefix = { ipv4: 8, ipv6: 7 } as const

/** @throws {Error} that names the entry which is wrong */
export function parseAllowList(entries: readonly string[]): AllowList {
  const hosts = new Set<string>()
  // Two lists: BlockList takes an IPv4 address for a mapped one and finds it in IPv6 networks.
  const networks = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const entry of entries) {
    if (entry.includes('/')) addNetwork(networks[familyOfNetwork(entry)], entry)
    else hosts.add(hostOf(entry))
  }

  function allowsHost(host: string, port: number): boolean {
    return hosts.has(host) || hosts.has(`${host} ${port}`)
  }

  function allowsAddress(address: string, port: number, reach: Reach): boolean {
    const plain = plainAddress(address)
    if (plain === undefined) return false
    if (allowsHost(isIPv4(plain) ? plain : inOneSpelling(plain), port)) return true
    if (reach === 'metadata') return false
    const family = isIPv4(plain) ? 'ipv4' : 'ipv6'
    return networks[family].check(plain, family)
  }

  return { allowsHost, allowsAddress }
}

function familyOfNetwork(entry: string): 'ipv4' | 'ipv6' {
  const [, address = '', bits = ''] = /^([\da-f:.]+)\/(\d{1,3})$/i.exec(entry) ?? []
  const version = isIP(address)
  if (version === 0) throw wrong(entry, 'is not a network like 10.1.0.0/16')
  const family = version === 4 ? 'ipv4' : 'ipv6'
  const prefix = Number(bits)
  if (prefix > (version === 4 ? 32 : 128)) throw wrong(entry, `has more bits than an address`)
  if (prefix < smallestPrefix[family]) {
    throw wrong(entry, 'opens far more than a network of yours: name the networks that are meant')
  }
  return family
}

/** The host in a URL's spelling; with a port, `HOST PORT`, which no host can be. */
function hostOf(entry: string): string {
  if (isIP(entry) === 6 && !entry.includes('%')) return addressOf(entry)
  const [, name = '', digits] = /^(.+?)(?::(\d{1,5}))?$/.exec(entry) ?? []
  const host = addressOf(hostInUrl(name) ?? '')
  if (!isHost(host)) throw wrong(entry, 'is not a host, HOST:PORT, an address or a network')
  if (digits === undefined) return host
  const port = Number(digits)
  if (port < 1 || port > 65_535) throw wrong(entry, 'has a port that does not exist')
  return `${host} ${port}`
}

function isHost(text: string): boolean {
  return isIP(text) !== 0 || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(text)
}

/** `IDP.Internal` as `idp.internal`, `[FD00::0001]` as `fd00::1`. */
function hostInUrl(name: string): string | undefined {
  const url = URL.parse(`http://${name}`)
  if (url === null || /[/\\@?#]|:$/.test(name)) return undefined
  return withoutBrackets(url.hostname)
}

export function withoutBrackets(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

/** An address that leads to an IPv4 address is that address; all else is as it was, in a URL's spelling. */
function addressOf(host: string): string {
  const plain = plainAddress(host)
  if (plain === undefined) return host
  return isIPv4(plain) ? plain : inOneSpelling(plain)
}

function inOneSpelling(ipv6: string): string {
  return hostInUrl(`[${ipv6}]`) ?? ipv6
}

function wrong(entry: string, what: string): Error {
  return new Error(`${outboundSettings.allow}: ${JSON.stringify(entry)} ${what}.`)
}
