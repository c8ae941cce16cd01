// What an IP address is, before anything connects to it: IANA's special-purpose registries for IPv4 and IPv6
// (RFC 6890 and its successors), and the places where clouds keep the credentials of a machine.
import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * How far an address leads. `internal`: this machine and private networks. `special`: never a web server.
 * `metadata`: answers with credentials of the machine that asks.
 */
export type Reach = 'public' | 'internal' | 'special' | 'metadata'

export interface AddressKind {
  readonly reach: Reach
  /** "a loopback address" */
  readonly words: string
}

const publicKind: AddressKind = { reach: 'public', words: 'a public address' }
const notGlobal: AddressKind = { reach: 'special', words: 'an address outside the public internet' }

/** The first that holds an address tells what it is. */
const ranges: readonly (readonly [string, Reach, readonly string[]])[] = [
  [
    'where a cloud keeps the credentials of this machine',
    'metadata',
    [
      '169.254.169.254/32',
      '169.254.170.2/32',
      '169.254.170.23/32',
      '168.63.129.16/32',
      '100.100.100.200/32',
      '192.0.0.192/32',
      'fd00:ec2::254/128',
      'fd00:ec2::23/128',
      'fd20:ce::254/128',
    ],
  ],
  ['a loopback address', 'internal', ['127.0.0.0/8', '::1/128']],
  [
    'a private address',
    'internal',
    ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10'],
  ],
  ['an address of a provider-wide private network', 'internal', ['100.64.0.0/10']],
  ['a link-local address', 'special', ['169.254.0.0/16', 'fe80::/10']],
  ['the unspecified address, which means this machine', 'special', ['0.0.0.0/8', '::/128']],
  ['a multicast address', 'special', ['224.0.0.0/4', 'ff00::/8']],
  [
    'a reserved address',
    'special',
    [
      '192.0.0.0/24',
      '192.0.2.0/24',
      '192.88.99.0/24',
      '198.18.0.0/15',
      '198.51.100.0/24',
      '203.0.113.0/24',
      '240.0.0.0/4',
      '2001::/23',
      '2001:db8::/32',
      '3fff::/20',
    ],
  ],
  ['an address of a tunnel (6to4), which can lead anywhere', 'special', ['2002::/16']],
]

const lists = ranges.map(([words, reach, networks]) => {
  const list = new BlockList()
  for (const network of networks) addNetwork(list, network)
  return { list, kind: { reach, words } }
})

// IPv6 hands out nothing else to the public internet; what is not in it is refused unseen.
const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** Of anything that is not an IP address in one of its usual spellings: undefined. A zone (`%eth0`) is not usual. */
export function kindOfAddress(address: string): AddressKind | undefined {
  const plain = plainAddress(address)
  if (plain === undefined) return undefined
  const family = isIPv4(plain) ? 'ipv4' : 'ipv6'
  const found = lists.find(({ list }) => list.check(plain, family))
  if (found !== undefined) return found.kind
  return family === 'ipv4' || globalUnicast.check(plain, 'ipv6') ? publicKind : notGlobal
}

/**
 * The IPv4 address that an IPv6 address really leads to: `::ffff:127.0.0.1` (mapped, RFC 4291 2.5.5.2) and
 * `64:ff9b::127.0.0.1` (NAT64, RFC 6052) are 127.0.0.1. Any other address comes back as it is.
 */
export function plainAddress(address: string): string | undefined {
  if (isIPv4(address)) return address
  if (!isIPv6(address) || address.includes('%')) return undefined
  const groups = groupsOf(address)
  const prefix = groups.slice(0, 6).join(':')
  if (prefix !== mappedPrefix && prefix !== nat64Prefix) return address
  const [high = 0, low = 0] = groups.slice(6)
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`
}

const mappedPrefix = [0, 0, 0, 0, 0, 0xffff].join(':')
const nat64Prefix = [0x64, 0xff9b, 0, 0, 0, 0].join(':')

/** `network` is ADDRESS/BITS. */
export function addNetwork(list: BlockList, network: string): void {
  const [address = '', bits] = network.split('/')
  list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6')
}

/** The eight numbers of a valid IPv6 address without a zone. */
function groupsOf(address: string): readonly number[] {
  const [head = '', tail] = withoutDots(address).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16))
}

/** `::ffff:127.0.0.1` as `::ffff:7f00:1`. */
function withoutDots(address: string): string {
  const colon = address.lastIndexOf(':')
  const last = address.slice(colon + 1)
  if (!last.includes('.')) return address
  const [a = 0, b = 0, c = 0, d = 0] = last.split('.').map(Number)
  const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  return address.slice(0, colon + 1) + hex
}
