// Where a request comes from and under which name the client knows us. Headers of proxies count only when the peer is a
// declared proxy.
import { BlockList, isIP } from 'node:net'
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { HttpError } from './http-error.ts'
import type { Peer } from './request.ts'

export interface AddressRange {
  readonly address: string
  readonly prefix: number
}

export interface OriginOptions {
  readonly trustedProxies: readonly AddressRange[]
  /** Without a final slash. */
  readonly publicOrigin: string | undefined
}

export interface Provenance {
  readonly peer: Peer
  readonly origin: string
  /** The socket's other end is a declared proxy. */
  readonly proxied: boolean
}

const hostPattern = /^(?:[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/

export function createProvenance(options: OriginOptions) {
  const proxies = rangesOf(options.trustedProxies)
  // Nearly every request has the same one.
  let knownHost: string | undefined

  return (request: IncomingMessage): Provenance => {
    const { socket, headers } = request
    const address = plainAddress(socket.remoteAddress ?? '')
    const encrypted = (socket as TLSSocket).encrypted === true
    const proxied = options.trustedProxies.length > 0 && contains(proxies, address)
    const host = hostOf(proxied ? firstOf(headers['x-forwarded-host']) : undefined, request)
    if (host !== knownHost) {
      requireHost(host)
      knownHost = host
    }
    const forwardedProto = proxied ? firstOf(headers['x-forwarded-proto']) : undefined
    const secure = forwardedProto === undefined ? encrypted : forwardedProto === 'https'
    const client = proxied ? (lastOf(headers['x-forwarded-for']) ?? address) : address
    return {
      peer: { address: client, loopback: isLoopback(client), secure },
      origin: options.publicOrigin ?? `${secure ? 'https' : 'http'}://${host}`,
      proxied,
    }
  }
}

/** @throws {HttpError} 400 when there is more than one */
function hostOf(forwarded: string | undefined, { rawHeaders, headers }: IncomingMessage): string {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  if (hosts > 1) throw new HttpError(400, 'The request has more than one Host header.')
  return forwarded ?? headers.host ?? ''
}

/** @throws {HttpError} 400 when it is none, or no address can be made of it */
function requireHost(host: string): void {
  if (hostPattern.test(host) && URL.canParse(`http://${host}`)) return
  throw new HttpError(400, 'The Host header is missing or malformed.')
}

function rangesOf(ranges: readonly AddressRange[]): BlockList {
  const list = new BlockList()
  for (const { address, prefix } of ranges) {
    list.addSubnet(address, prefix, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

function contains(list: BlockList, address: string): boolean {
  const family = isIP(address)
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** IPv4 addresses that arrive on an IPv6 socket look like `::ffff:127.0.0.1`. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return listOf(header)[0]
}

/** The entry that our own proxy wrote; those before it are the client's word. */
function lastOf(header: string | string[] | undefined): string | undefined {
  const last = listOf(header).at(-1)
  return last !== undefined && isIP(last) !== 0 ? plainAddress(last) : undefined
}

function listOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return []
  const text = Array.isArray(header) ? header.join(',') : header
  return text.split(',').map((entry) => entry.trim())
}
