import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseAllowList } from './allow-list.ts'
import { words } from './test-support/ssrf-targets.ts'

suite('what an administrator opens', () => {
  test('a host is opened on every port, a host with a port on that one', () => {
    const list = parseAllowList(['IDP.Internal', 'ldap.internal:8443', 'bücher.internal'])
    assert.equal(list.allowsHost('idp.internal', 1), true)
    assert.equal(list.allowsHost('ldap.internal', 8443), true)
    assert.equal(list.allowsHost('ldap.internal', 443), false)
    assert.equal(list.allowsHost('xn--bcher-kva.internal', 443), true)
    for (const host of ['a.idp.internal', 'internal', 'idp.internal.', 'idp.internal.test', '']) {
      assert.equal(list.allowsHost(host, 443), false, host)
    }
  })

  test('an address is opened in each of its spellings', () => {
    const list = parseAllowList(['127.0.0.1:9000', '[FD00:0::1]:9000', 'fd00::2', '10.0.0.1'])
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1', 'fd00:0:0::1']) {
      assert.equal(list.allowsAddress(address, 9000, 'internal'), true, address)
      assert.equal(list.allowsAddress(address, 9001, 'internal'), false, address)
    }
    assert.equal(list.allowsAddress('fd00::0002', 1, 'internal'), true)
    assert.equal(list.allowsAddress('10.0.0.1', 1, 'internal'), true)
    assert.equal(list.allowsAddress('10.0.0.2', 1, 'internal'), false)
    assert.equal(list.allowsAddress('127.1', 9000, 'internal'), false)
  })

  test('a network opens what is in it, from its first address to its last', () => {
    const list = parseAllowList(['10.1.0.0/16', 'fd00:1::/32', '192.168.1.7/32'])
    const inside = ['10.1.0.0', '10.1.255.255', 'fd00:1::', 'fd00:1:ffff::1', '192.168.1.7']
    const outside = ['10.0.255.255', '10.2.0.0', 'fd00:2::', 'fd00::1', '192.168.1.6', '::1']
    for (const address of inside) {
      assert.equal(list.allowsAddress(address, 1, 'internal'), true, address)
    }
    for (const address of outside) {
      assert.equal(list.allowsAddress(address, 1, 'internal'), false, address)
    }
  })

  test('an IPv6 network never opens an IPv4 address', () => {
    const list = parseAllowList(['::/8', '::ffff:0:0/96', '::/128'])
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '10.0.0.1']) {
      assert.equal(list.allowsAddress(address, 1, 'internal'), false, address)
    }
  })

  test('the metadata address is opened by its own entry and by no network', () => {
    const network = parseAllowList(['169.254.0.0/16'])
    assert.equal(network.allowsAddress('169.254.1.1', 80, 'special'), true)
    assert.equal(network.allowsAddress('169.254.169.254', 80, 'metadata'), false)
    const own = parseAllowList(['169.254.169.254:80'])
    assert.equal(own.allowsAddress('169.254.169.254', 80, 'metadata'), true)
  })

  test('an entry that is none, or opens nearly everything, is refused by name', () => {
    const wrong = words(`
      * *.internal https://idp.internal idp.internal/path a@b idp.internal: idp.internal:0
      idp.internal:65536 idp.internal:x a..b a. [::1 ::1] [::1]:0 fe80::1%lo 10.0.0.0/
      10.0.0.0/33 10.0.0/8 /8 10.0.0.0/-1 10.0.0.0/1e1 ::/129 idp.internal/8 [fd00::]/8
      0.0.0.0/0 ::/0 0.0.0.0/7 2000::/3 ::/6 a#b a?b
    `)
    const alsoWrong = ['', ' ', 'a b', '10.0.0.0/8 ', 'a\\b']
    for (const entry of [...wrong, ...alsoWrong]) {
      assert.throws(
        () => parseAllowList(['idp.internal', entry]),
        (error: Error) =>
          error.message.startsWith(`outboundAllow: ${JSON.stringify(entry)} `) &&
          error.message.endsWith('.'),
        entry,
      )
    }
  })
})
