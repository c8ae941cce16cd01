// HOST:PORT as people write it: `127.0.0.1:5443`, `[::1]:5443`, `registry.local:443`, `:5000`.
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'

import { InvalidValue } from './invalid-value.ts'

export interface ListenAddress {
  /** `''` means all addresses of both families, which is how node:net takes it too. */
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

const hostName = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\.?$/i

/** @throws {InvalidValue} when the text is no address to listen on */
export function parseListenAddress(text: string): ListenAddress {
  if (/^\d+$/.test(text)) {
    throw new InvalidValue(`a host is missing; write 127.0.0.1:${text}, or :${text} for all`)
  }
  if (isIPv6(text))
    throw new InvalidValue(`an IPv6 address needs brackets and a port: [${text}]:5443`)
  const colon = text.lastIndexOf(':')
  if (colon < 0)
    throw new InvalidValue('a port is missing; write HOST:PORT, such as 127.0.0.1:5443')
  const port = parsePort(text.slice(colon + 1))
  return { host: parseHost(text.slice(0, colon)), port }
}

/** The address as a person writes it, and as it stands in a URL. */
export function formatAddress({ host, port }: ListenAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** True when only this machine can reach the host. */
export function isLoopbackHost(host: string): boolean {
  const address = host.replace(/%.*$/, '')
  if (isIP(address) === 0) return /^(?:.*\.)?localhost\.?$/i.test(address)
  return loopback().check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}

function loopback(): BlockList {
  const list = new BlockList()
  list.addSubnet('127.0.0.0', 8)
  list.addAddress('::1', 'ipv6')
  return list
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Infinity
  if (port > 65_535) throw new InvalidValue(`"${text}" is no port; ports are 0 to 65535`)
  return port
}

function parseHost(text: string): string {
  if (text === '' || text === '*') return ''
  if (text.startsWith('[') && text.endsWith(']')) {
    const inside = text.slice(1, -1)
    if (isIPv6(inside)) return inside
    throw new InvalidValue(`"${inside}" is no IPv6 address`)
  }
  if (text.includes(':'))
    throw new InvalidValue(`an IPv6 address needs brackets, such as [::1]:5443`)
  const looksNumeric = /^[\d.]+$/.test(text)
  if (looksNumeric ? isIPv4(text) : hostName.test(text)) return text
  throw new InvalidValue(`"${text}" is no address and no host name`)
}
