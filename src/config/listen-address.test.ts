import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { InvalidValue } from './invalid-value.ts'
import { formatAddress, isLoopbackHost, parseListenAddress } from './listen-address.ts'

const good: readonly (readonly [string, string, number])[] = [
  ['127.0.0.1:5443', '127.0.0.1', 5443],
  ['[::1]:5443', '::1', 5443],
  ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
  [':5000', '', 5000],
  ['*:5000', '', 5000],
  ['localhost:0', 'localhost', 0],
  ['registry.example.com:443', 'registry.example.com', 443],
]

for (const [text, host, port] of good) {
  test(`${text} is an address to listen on`, () => {
    assert.deepEqual(parseListenAddress(text), { host, port })
  })
}

const bad: readonly (readonly [string, RegExp])[] = [
  ['foo', /port is missing/],
  ['5000', /127\.0\.0\.1:5000/],
  ['::1', /\[::1\]:5443/],
  ['::1:x', /no port/],
  ['fe80::zz:80', /brackets/],
  ['[127.0.0.1]:80', /no IPv6 address/],
  ['localhost:', /no port/],
  ['localhost:70000', /0 to 65535/],
  ['localhost:-1', /no port/],
  ['300.1.1.1:80', /no address/],
  ['a b:80', /no address/],
  ['http://localhost:80', /brackets|no address/],
]

for (const [text, message] of bad) {
  test(`${text} is refused with a reason`, () => {
    assert.throws(
      () => parseListenAddress(text),
      (error: unknown) => {
        assert.ok(error instanceof InvalidValue)
        assert.match(error.message, message)
        return true
      },
    )
  })
}

test('a formatted address parses to the same address', () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.constant(''))
  fc.assert(
    fc.property(host, fc.nat(65_535), (name, port) => {
      const address = { host: name, port }
      assert.deepEqual(parseListenAddress(formatAddress(address)), address)
    }),
    { numRuns: 200 },
  )
})

test('only hosts of this machine are loopback', () => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost', 'app.localhost']) {
    assert.equal(isLoopbackHost(host), true, host)
  }
  for (const host of ['', '0.0.0.0', '::', '10.0.0.1', 'localhost.example.com', '128.0.0.1']) {
    assert.equal(isLoopbackHost(host), false, host)
  }
})
