import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clientNetwork, throttleKeys } from './login-throttle-keys.ts'

test('an IPv4 address is one client, in whatever form a socket tells it', () => {
  for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '::ffff:c000:207', '::FFFF:C000:0207']) {
    assert.equal(clientNetwork(address), '192.0.2.7', address)
  }
  assert.notEqual(clientNetwork('192.0.2.8'), clientNetwork('192.0.2.7'))
  assert.equal(clientNetwork('::ffff:255.255.255.255'), '255.255.255.255')
})

test('an IPv6 client is its /64, in whatever spelling', () => {
  const same = [
    '2001:db8:0:12::1',
    '2001:0DB8:0000:0012:0000:0000:0000:0001',
    '2001:db8:0:12:ffff:ffff:ffff:ffff',
    '2001:db8::12:1:2:3:4',
    '2001:db8:0:12:1:2:192.0.2.7',
  ]
  for (const address of same) assert.equal(clientNetwork(address), '2001:db8:0:12::/64', address)
  assert.equal(clientNetwork('2001:db8:0:13::1'), '2001:db8:0:13::/64')
  assert.equal(clientNetwork('fe80::1%eth0'), 'fe80:0:0:0::/64')
  assert.equal(clientNetwork('::1'), '0:0:0:0::/64')
  assert.equal(clientNetwork('::'), '0:0:0:0::/64')
})

test('whatever has no address is one client', () => {
  for (const address of ['', 'unix', '1.2.3', '1.2.3.4.5', 'localhost', '::1::2', 'x%eth0', '%']) {
    assert.equal(clientNetwork(address), 'unknown', address)
  }
})

test('the spelling of an IPv6 address makes no difference, and the first 64 bits make all of it', () => {
  const group = fc.oneof(fc.constant(0), fc.nat({ max: 0xffff }))
  const address = fc.array(group, { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(address, address, fc.nat({ max: 3 }), (one, other, at) => {
      fc.pre(one.slice(0, 4).some((number) => number !== 0))
      const long = one.map((number) => number.toString(16).padStart(4, '0')).join(':')
      // The parser of URLs writes the shortest form.
      const short = new URL(`http://[${long}]/`).hostname.slice(1, -1)
      assert.equal(clientNetwork(short), clientNetwork(long))
      const near = [...one.slice(0, 4), ...other.slice(4)].map((number) => number.toString(16))
      assert.equal(clientNetwork(near.join(':')), clientNetwork(long))
      const far = one.map((number, place) => (place === at ? number ^ 1 : number).toString(16))
      assert.notEqual(clientNetwork(far.join(':')), clientNetwork(long))
    }),
  )
})

test('variants of a name that some directory takes for the same share their counters', () => {
  const variants = [
    'alice smith',
    'Alice Smith',
    'ALICE SMITH',
    ' alice  smith ',
    'ａｌｉｃｅ smith',
    'alice\tsmith',
  ]
  const keys = new Set(variants.map((name) => JSON.stringify(throttleKeys(name, '192.0.2.7'))))
  assert.equal(keys.size, 1)
  assert.notEqual(
    throttleKeys('alic', '192.0.2.7').account,
    throttleKeys('alice', '192.0.2.7').account,
  )
})

test('a key is short whatever was typed, and shows nothing of it', () => {
  for (const name of ['', 'alice', 'x'.repeat(20_000), 'a\0b', '\ud800', "'; drop table"]) {
    const keys = throttleKeys(name, '2001:db8:1111:2222:3333::1')
    for (const key of [keys.address, keys.account, keys.client]) {
      assert.match(key, /^(address|account|client) [\w:./-]{1,50}$/)
      assert.equal(name.length > 3 && key.includes(name), false)
    }
  }
})

test('no two pairs of account and network share a counter of their own', () => {
  const pairs = [
    ['alice', '192.0.2.1'],
    ['alice', '192.0.2.11'],
    ['1 alice', '192.0.2.1'],
    ['bob', '192.0.2.1'],
    ['alice', '2001:db8::1'],
  ] as const
  const clients = new Set(pairs.map(([name, address]) => throttleKeys(name, address).client))
  assert.equal(clients.size, pairs.length)
})
