import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalAddress, localNames } from './local-names.ts'

test('a machine without network is still reached as localhost and by its own name', () => {
  assert.deepEqual(localNames({ host: 'Shelf', interfaces: {} }), {
    dnsNames: ['host.docker.internal', 'localhost', 'shelf', 'shelf.local'],
    addresses: ['127.0.0.1', '::1'],
  })
})

test('a fully qualified host name also gives its first label and that label in mDNS', () => {
  const { dnsNames } = localNames({ host: 'shelf.example.com', interfaces: {} })
  assert.deepEqual(dnsNames, [
    'host.docker.internal',
    'localhost',
    'shelf',
    'shelf.example.com',
    'shelf.local',
  ])
})

test('a host name that no certificate can hold is left out', () => {
  for (const host of ["Ann's Mac", '10.0.0.7', '', 'a..b', 'x'.repeat(64)]) {
    const { dnsNames } = localNames({ host, interfaces: {} })
    assert.deepEqual(dnsNames, ['host.docker.internal', 'localhost'], host)
  }
})

test('interface addresses are taken, except loopback and IPv6 link-local ones', () => {
  const interfaces = {
    lo: [anAddress('127.0.0.2', { internal: true })],
    eth0: [anAddress('192.168.1.10'), anAddress('fe80::1'), anAddress('fd00:0::0:2')],
    wlan0: [anAddress('192.168.1.10')],
    down: undefined,
  }
  const { addresses } = localNames({ host: 'shelf', interfaces })
  assert.deepEqual(addresses, ['127.0.0.1', '192.168.1.10', '::1', 'fd00::2'])
})

test('extra names are lower-cased, cleaned of brackets and final dots, and sorted in', () => {
  const { dnsNames, addresses } = localNames({
    host: 'localhost',
    interfaces: {},
    extra: ['Registry.Example.COM.', '*.lan', 'bücher.example', 'my_host', '[2001:DB8::1]', '::1'],
  })
  assert.deepEqual(dnsNames, [
    '*.lan',
    'host.docker.internal',
    'localhost',
    'my_host',
    'registry.example.com',
    'xn--bcher-kva.example',
  ])
  assert.deepEqual(addresses, ['127.0.0.1', '2001:db8::1', '::1'])
})

test('an extra name that is no name is refused with the text that was given', () => {
  const wrong = [
    '',
    'a b',
    'https://x',
    'x:5443',
    'a/b',
    '-a',
    'a..b',
    '1.2.3',
    '*',
    '*.*.a',
    'fe80::1%eth0',
  ]
  for (const text of wrong) {
    assert.throws(
      () => localNames({ host: 'shelf', interfaces: {}, extra: [text] }),
      (error: Error) => error.message.startsWith(JSON.stringify(text)),
      text,
    )
  }
  const many = Array.from({ length: 51 }, (_, index) => `n${index}.example.com`)
  assert.throws(() => localNames({ extra: many }), /51 extra names/)
})

test('with hundreds of interfaces the sum stays at 100 and no given name is lost', () => {
  const interfaces = {
    many: Array.from({ length: 300 }, (_, index) => anAddress(`fd00::${index + 1}`)),
    eth0: [anAddress('192.168.1.10')],
  }
  const extra = Array.from({ length: 50 }, (_, index) => `n${index}.example.com`)
  const { dnsNames, addresses } = localNames({ host: 'shelf', interfaces, extra })
  assert.equal(dnsNames.length + addresses.length, 100)
  assert.ok(extra.every((name) => dnsNames.includes(name)))
  assert.ok(addresses.includes('192.168.1.10'), 'IPv4 comes before the flood of IPv6')
})

test('all spellings of one address become one', () => {
  assert.equal(canonicalAddress('0:0:0:0:0:0:0:1'), '::1')
  assert.equal(canonicalAddress('::ffff:192.0.2.7'), '::ffff:c000:207')
  assert.equal(canonicalAddress('localhost'), undefined)
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      const canonical = canonicalAddress(address)
      assert.ok(canonical !== undefined && isIP(canonical) === isIP(address))
      assert.equal(canonicalAddress(canonical), canonical)
    }),
  )
})

test('the names of this very machine can be read', () => {
  const { dnsNames, addresses } = localNames()
  assert.ok(dnsNames.includes('localhost') && addresses.includes('127.0.0.1'))
})

function anAddress(address: string, { internal = false } = {}): NetworkInterfaceInfo {
  const common = { address, netmask: '', mac: '00:00:00:00:00:00', internal, cidr: null }
  return isIP(address) === 4
    ? { ...common, family: 'IPv4' }
    : { ...common, family: 'IPv6', scopeid: 0 }
}
