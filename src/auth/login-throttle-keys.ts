// Whose attempts are counted together. Keys have one length whatever strangers send, and hold no names and passwords.
import { hash } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'

const groups = 8
const groupsOfNetwork = 4
const longestName = 512

export interface ThrottleKeys {
  readonly address: string
  readonly account: string
  readonly client: string
}

export function throttleKeys(account: string, address: string): ThrottleKeys {
  const network = clientNetwork(address)
  const name = foldedName(account)
  return {
    address: `address ${network}`,
    account: `account ${hash('sha256', name, 'base64url')}`,
    // A network has no blank, so no other pair gives the same text.
    client: `client ${hash('sha256', `${network} ${name}`, 'base64url')}`,
  }
}

/**
 * What one client has to itself: an IPv4 address, or the /64 of an IPv6 address, in one spelling. This is what
 * known_clients holds.
 */
export function clientNetwork(address: string): string {
  if (isIPv4(address)) return address
  const [plain = ''] = address.split('%')
  if (!isIPv6(plain)) return 'unknown'
  const numbers = readGroups(plain)
  // ::ffff:a.b.c.d is how a socket for both families tells an IPv4 address.
  if (numbers.slice(0, 5).every((number) => number === 0) && numbers[5] === 0xffff) {
    return numbers
      .slice(6)
      .flatMap((number) => [number >> 8, number & 255])
      .join('.')
  }
  const network = numbers.slice(0, groupsOfNetwork).map((number) => number.toString(16))
  return `${network.join(':')}::/64`
}

/** The eight numbers of a valid IPv6 address. */
function readGroups(address: string): readonly number[] {
  const [left = '', right] = withoutDots(address).split('::')
  const before = numbersOf(left)
  if (right === undefined) return before
  const after = numbersOf(right)
  const zeros = Array.from({ length: groups - before.length - after.length }, () => 0)
  return [...before, ...zeros, ...after]
}

/** An IPv4 address at the end (::ffff:127.0.0.1) is two groups. */
function withoutDots(address: string): string {
  const end = address.lastIndexOf(':') + 1
  const [a, b, c, d] = address.slice(end).split('.').map(Number)
  if (a === undefined || b === undefined || c === undefined || d === undefined) return address
  return `${address.slice(0, end)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

function numbersOf(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

/**
 * Some directories take a name in any case, width and spacing: its variants must not each have a budget. That two
 * accounts of ours may share one by this does no harm.
 */
function foldedName(account: string): string {
  const text = account.slice(0, longestName).normalize('NFKC').toLowerCase()
  return text.replace(/\s+/g, ' ').trim()
}
