// Where no request may ever go, in every spelling, and what a DNS server says that lies.
import type { OutboundErrorKind } from '../outbound-error.ts'

export interface SsrfPlaces {
  /** The port of the canary. */
  readonly port: number
  /** The URL of an allowed server that redirects there with the status, whatever is appended to it. */
  redirectTo(location: string, status?: number): string
}

export interface SsrfTarget {
  readonly name: string
  readonly url: (places: SsrfPlaces) => string
  readonly kinds: readonly OutboundErrorKind[]
}

const publicAddress = '93.184.215.14'

/** What the lying DNS server answers; the last answer is given again and again. */
export const ssrfNames: Readonly<Record<string, readonly (readonly string[])[]>> = {
  localhost: [['127.0.0.1']],
  'public.ssrf.test': [[publicAddress]],
  'loopback.ssrf.test': [['127.0.0.1']],
  'loopback2.ssrf.test': [['127.255.255.254']],
  'loopback6.ssrf.test': [['::1']],
  'mapped.ssrf.test': [['::ffff:127.0.0.1']],
  'mapped-hex.ssrf.test': [['::ffff:7f00:1']],
  'mapped-long.ssrf.test': [['0000:0000:0000:0000:0000:ffff:7f00:0001']],
  'compatible.ssrf.test': [['::127.0.0.1']],
  'translated.ssrf.test': [['::ffff:0:127.0.0.1']],
  'nat64.ssrf.test': [['64:ff9b::7f00:1']],
  'nat64-private.ssrf.test': [['64:ff9b::10.0.0.1']],
  'nat64-local.ssrf.test': [['64:ff9b:1::7f00:1']],
  'six-to-four.ssrf.test': [['2002:7f00:1::1']],
  'teredo.ssrf.test': [['2001:0:7f00:1::1']],
  'unspecified.ssrf.test': [['0.0.0.0']],
  'unspecified6.ssrf.test': [['::']],
  'this-network.ssrf.test': [['0.1.2.3']],
  'ten.ssrf.test': [['10.0.0.1']],
  'seventeen-two.ssrf.test': [['172.31.255.254']],
  'one-nine-two.ssrf.test': [['192.168.1.1']],
  'carrier.ssrf.test': [['100.64.0.1']],
  'link-local.ssrf.test': [['169.254.1.1']],
  'metadata.ssrf.test': [['169.254.169.254']],
  'metadata-azure.ssrf.test': [['168.63.129.16']],
  'metadata-alibaba.ssrf.test': [['100.100.100.200']],
  'metadata6.ssrf.test': [['fd00:ec2::254']],
  'unique-local.ssrf.test': [['fd12:3456::1']],
  'link-local6.ssrf.test': [['fe80::1']],
  'zone.ssrf.test': [['fe80::1%lo']],
  'mapped-zone.ssrf.test': [['::ffff:127.0.0.1%lo']],
  'multicast.ssrf.test': [['224.0.0.1']],
  'broadcast.ssrf.test': [['255.255.255.255']],
  'documentation6.ssrf.test': [['2001:db8::1']],
  'public-then-loopback.ssrf.test': [[publicAddress, '127.0.0.1']],
  'loopback-then-public.ssrf.test': [['127.0.0.1', publicAddress]],
  'mixed-families.ssrf.test': [[publicAddress, '::ffff:127.0.0.1']],
  'short.ssrf.test': [['127.1']],
  'number.ssrf.test': [['2130706433']],
  'not-an-address.ssrf.test': [['localhost']],
  'nothing.ssrf.test': [[]],
  // The first answer may be connected to and nothing is there; whoever asks DNS again comes to the canary.
  'rebinding.ssrf.test': [['::1'], ['127.0.0.1']],
  'rebinding-slowly.ssrf.test': [['::1'], ['::1'], ['127.0.0.1']],
}

const address = ['refused-address'] as const
const url = ['bad-url'] as const
const either = ['refused-address', 'bad-url'] as const
const redirect = ['redirect', 'refused-address', 'bad-url'] as const
const there = '/latest/meta-data/'

function literal(host: string, kinds: readonly OutboundErrorKind[] = address): SsrfTarget {
  return { name: `the host ${host}`, url: ({ port }) => `https://${host}:${port}${there}`, kinds }
}

/** The words of a text: lists of addresses are easier to read so. */
export function words(list: string): readonly string[] {
  return list.trim().split(/\s+/)
}

function text(given: string, kinds: readonly OutboundErrorKind[]): SsrfTarget {
  return { name: given, url: ({ port }) => given.replaceAll('PORT', String(port)), kinds }
}

function redirecting(name: string, to: (places: SsrfPlaces) => string): SsrfTarget {
  return { name, url: (places) => places.redirectTo(to(places)), kinds: redirect }
}

/** Each leads where nobody may go, in one spelling or another that URLs know: full-width digits are digits, too. */
const hosts = words(`
  127.0.0.1 127.1 127.0.1 127.255.255.254 2130706433 017700000001 0x7f000001 0x7F.0.0.1
  0177.0.0.1 0177.0x0.0.1 0x7f.1 127.0.0.01 127.0.0.1.
  １２７.0.0.1 127。0。0。1 %31%32%37.0.0.1 ①②⑦.0.0.1
  0.0.0.0 0 0.0.0.1 10.0.0.1 10.255.255.255 167772161 0xa000001
  172.16.0.1 172.31.255.255 192.168.0.1 3232235521 100.64.0.1 100.127.255.255
  169.254.169.254 2852039166 0xa9fea9fe 169.254.1.1 168.63.129.16 192.0.0.192
  192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 192.88.99.1
  224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
  [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [::127.0.0.1]
  [::ffff:0:127.0.0.1] [::ffff:10.0.0.1] [::ffff:a9fe:a9fe]
  [64:ff9b::127.0.0.1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2001:0:7f00:1::]
  [fc00::1] [fd00:ec2::254] [fe80::1] [fec0::1] [ff02::1]
  [100::1] [2001:db8::1] [3fff::1] [5f00::1] [4000::1]
`)

export const ssrfTargets: readonly SsrfTarget[] = [
  ...hosts.map((host) => literal(host)),
  text(`https://[::1]${there}`, address),
  text(`https://[0:0:0:0:0:0:0:1]${there}`, address),
  ...Object.keys(ssrfNames)
    .filter((name) => name !== 'public.ssrf.test' && !/nothing|rebinding/.test(name))
    .map((name) => text(`https://${name}:${name.includes('loopback6') ? 443 : 'PORT'}/`, address)),
  text('https://LOCALHOST:PORT/', address),
  text('https://ⓛocalhost:PORT/', address),
  text('https://nothing.ssrf.test:PORT/', ['unreachable']),
  text('http://rebinding.ssrf.test:PORT/', ['unreachable', 'refused-address']),
  text('https://rebinding.ssrf.test:PORT/', ['unreachable', 'refused-address']),
  text('https://rebinding-slowly.ssrf.test:PORT/', ['unreachable', 'refused-address']),
  text('http://127.0.0.1:PORT/', either),
  text('http:127.0.0.1:PORT/', either),
  text('http:\\\\127.0.0.1:PORT\\', either),
  text('HTTP://127.0.0.1:PORT/', either),
  text('ht\ntp://127.0.0.1:PORT/', either),
  text(' https://127.0.0.1:PORT/ ', address),
  text('https://127.0.\t0.1:PORT/', address),
  text('https:/127.0.0.1:PORT/', address),
  text('https:///127.0.0.1:PORT/', address),
  text('https://public.ssrf.test@127.0.0.1:PORT/', url),
  text('https://user:secret@127.0.0.1:PORT/', url),
  text('https://user:secret@public.ssrf.test:PORT/', url),
  text('https://127.0.0.1:PORT\\@public.ssrf.test/', address),
  text('https://127.0.0.1:PORT#@public.ssrf.test/', address),
  text('https://127.0.0.1:PORT?@public.ssrf.test/', address),
  text('https://localhost.:PORT/', url),
  text('https://localhost%2e:PORT/', url),
  text('https://[fe80::1%25lo]:PORT/', url),
  text('https://256.0.0.1:PORT/', url),
  text('https://127.0.0.1.1:PORT/', url),
  text('https://127.0.0.1%00.public.ssrf.test:PORT/', url),
  text('http://public.ssrf.test:PORT/', url),
  text('//127.0.0.1:PORT/', url),
  text('127.0.0.1:PORT', url),
  text('localhost:PORT', url),
  text('ftp://127.0.0.1:PORT/', url),
  text('file:///etc/passwd', url),
  text('file://127.0.0.1:PORT/etc/passwd', url),
  text('gopher://127.0.0.1:PORT/_GET%20/', url),
  text('dict://127.0.0.1:PORT/', url),
  text('ws://127.0.0.1:PORT/', url),
  text('data:application/json,{}', url),
  text('javascript:fetch("http://127.0.0.1:PORT/")', url),
  text('blob:http://127.0.0.1:PORT/x', url),
  text('unix:///var/run/docker.sock', url),
  text('', url),
  redirecting('a redirect to the canary', ({ port }) => `http://127.0.0.1:${port}/`),
  redirecting('a redirect to the canary over TLS', ({ port }) => `https://127.0.0.1:${port}/`),
  redirecting('a redirect without a scheme', ({ port }) => `//127.0.0.1:${port}/`),
  redirecting('a redirect to a name', ({ port }) => `https://loopback.ssrf.test:${port}/`),
  redirecting('a redirect to an IPv6 form', ({ port }) => `https://[::ffff:7f00:1]:${port}/`),
  redirecting('a redirect to a decimal form', ({ port }) => `http://2130706433:${port}/`),
  redirecting('a redirect to the metadata', () => `http://169.254.169.254${there}`),
  redirecting('a redirect with a password', ({ port }) => `http://a:b@127.0.0.1:${port}/`),
  redirecting('a redirect to a file', () => 'file:///etc/passwd'),
  redirecting('a redirect to a chain', ({ port, redirectTo }) =>
    redirectTo(`http://127.0.0.1:${port}/`, 307),
  ),
  redirecting('a redirect to a long chain', ({ port, redirectTo }) =>
    redirectTo(redirectTo(redirectTo(`http://127.0.0.1:${port}/`), 308), 303),
  ),
  ...[300, 301, 303, 307, 308].map((status) => ({
    name: `a redirect with the status ${status}`,
    url: ({ port, redirectTo }: SsrfPlaces) => redirectTo(`http://127.0.0.1:${port}/`, status),
    kinds: redirect,
  })),
]
