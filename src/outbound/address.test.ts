import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { kindOfAddress, plainAddress } from './address.ts'
import type { Reach } from './address.ts'
import { words } from './test-support/ssrf-targets.ts'

const cases: Readonly<Record<Reach, readonly string[]>> = {
  public: words(`
    1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0
    198.17.255.255 198.20.0.0 223.255.255.255 168.63.129.15 168.63.129.17 ::ffff:1.1.1.1
    64:ff9b::1.1.1.1 64:ff9b::808:808 2001:200::1 2001:4860:4860::8888 2606:4700::1111
    2a00::1 3ffe:ffff::1
  `),
  internal: words(`
    10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.9.9.9 172.16.0.0
    172.31.255.255 192.168.0.0 192.168.255.255 ::1 fc00::
    fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fec0::1 ::ffff:10.0.0.1 ::FFFF:7F00:1
    64:ff9b::192.168.1.1 64:FF9B:0:0:0:0:7f00:0001
  `),
  special: words(`
    0.0.0.0 0.255.255.255 169.254.0.0 192.0.0.1 192.0.2.255 198.18.0.0 198.19.255.255
    198.51.100.7 203.0.113.7 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.255
    192.88.99.1 :: ::2 ::7f00:1 100:: 64:ff9b:1:: 64:ff9b::1:7f00:1 2001:: 2001:1ff:ffff::
    2001:db8:: 2002:: 3fff:fff:: 4000:: 5f00:: e000:: fe80::1 febf::1 ff00::
    ::ffff:0:127.0.0.1 ::ffff:0.0.0.0 ::ffff:224.0.0.1 64:ff9b::0.0.0.0 1fff:ffff::
  `),
  metadata: words(`
    169.254.169.254 169.254.170.2 168.63.129.16 100.100.100.200 192.0.0.192 fd00:ec2::254
    fd20:ce::254 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe
    fd00:0ec2:0000:0000:0000:0000:0000:0254
  `),
}

suite('what an address is', () => {
  for (const [reach, addresses] of Object.entries(cases)) {
    test(`each of ${addresses.length} addresses is ${reach}`, () => {
      for (const address of addresses) assert.equal(kindOfAddress(address)?.reach, reach, address)
    })
  }

  test('what is not an address in a usual spelling is none', () => {
    const wrong = ['', 'localhost', '127.1', '2130706433', '0x7f.0.0.1', '127.0.0.01', '[::1]']
    for (const text of [...wrong, 'fe80::1%lo', '::ffff:127.0.0.1%1', ' 10.0.0.1', '1.1.1.1\n']) {
      assert.equal(kindOfAddress(text), undefined, text)
    }
  })

  test('every IPv4 address is the same in its mapped and NAT64 forms', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (number) => {
        const [high, low] = [Math.floor(number / 65_536), number % 65_536]
        const dotted = `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
        const hex = `${high.toString(16)}:${low.toString(16)}`
        for (const form of [dotted, hex]) {
          for (const prefix of ['::ffff:', '0:0:0:0:0:ffff:', '64:ff9b::', '64:FF9B:0:0:0:0:']) {
            assert.equal(plainAddress(prefix + form), dotted)
            assert.deepEqual(kindOfAddress(prefix + form), kindOfAddress(dotted))
          }
        }
      }),
    )
  })

  test('IPv6 networks are told apart as an arithmetic of 128 bits tells them', () => {
    const networks = ['fc00::/7', 'fec0::/10', 'fe80::/10', 'ff00::/8', '2001::/23', '3fff::/20']
    const edges = [...networks, '2001:db8::/32', '2002::/16'].flatMap((network) => {
      const [first = '', bits = ''] = network.split('/')
      const start = numberOf(first)
      const end = start + (1n << (128n - BigInt(bits)))
      return [
        [start - 1n, start, end - 1n],
        [end, end - 1n, start],
      ]
    })
    for (const [outside = 0n, ...inside] of edges) {
      const kinds = inside.map((number) => kindOfAddress(textOf(number))?.words)
      assert.equal(kinds[0], kinds[1])
      assert.notEqual(kindOfAddress(textOf(outside))?.words, kinds[0], textOf(outside))
    }
  })

  test('an IPv6 address is public only within 2000::/3 or as NAT64', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (number) => {
        const text = textOf(number)
        assert.ok(isIPv6(text))
        const isGlobal = number >> 125n === 1n
        const embeds = number >> 32n === 0xffffn || number >> 32n === numberOf('64:ff9b::') >> 32n
        if (!isGlobal && !embeds) assert.notEqual(kindOfAddress(text)?.reach, 'public', text)
      }),
    )
  })
})

function textOf(number: bigint): string {
  const hex = number.toString(16).padStart(32, '0')
  return hex.match(/.{4}/g)!.join(':')
}

function numberOf(short: string): bigint {
  const groups = short.split('::')[0]!.split(':')
  return BigInt(
    `0x${groups
      .map((group) => group.padStart(4, '0'))
      .join('')
      .padEnd(32, '0')}`,
  )
}
