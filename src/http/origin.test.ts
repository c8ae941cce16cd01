import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { HttpError } from './http-error.ts'
import { createProvenance, type OriginOptions } from './origin.ts'

interface Incoming {
  readonly from?: string
  readonly encrypted?: boolean
  readonly headers?: Readonly<Record<string, string>>
  readonly host?: string | readonly string[]
}

/** What Node makes of a request: the first of several hosts is in `headers`, all are in `rawHeaders`. */
function incoming({
  from = '192.0.2.7',
  encrypted = false,
  headers = {},
  host = 'registry.test',
}: Incoming) {
  const hosts = typeof host === 'string' ? [host] : host
  return {
    socket: { remoteAddress: from, encrypted },
    headers: { ...(hosts[0] !== undefined && { host: hosts[0] }), ...headers },
    rawHeaders: hosts.flatMap((one) => ['Host', one]),
  } as unknown as IncomingMessage
}

const direct: OriginOptions = { trustedProxies: [], publicOrigin: undefined }
const behindProxy: OriginOptions = {
  trustedProxies: [
    { address: '10.0.0.0', prefix: 8 },
    { address: 'fd00::', prefix: 8 },
    { address: '127.0.0.1', prefix: 32 },
  ],
  publicOrigin: undefined,
}

const forwarded = {
  'x-forwarded-for': '203.0.113.5',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'public.test',
}

test('without proxies a request is from the other end of its socket, and headers say nothing', () => {
  const provenanceOf = createProvenance(direct)
  for (const [from, address, loopback] of [
    ['192.0.2.7', '192.0.2.7', false],
    ['127.0.0.1', '127.0.0.1', true],
    ['127.8.9.1', '127.8.9.1', true],
    ['::1', '::1', true],
    ['::ffff:127.0.0.1', '127.0.0.1', true],
    ['::ffff:192.0.2.7', '192.0.2.7', false],
    ['2001:db8::1', '2001:db8::1', false],
  ] as const) {
    for (const encrypted of [true, false]) {
      const found = provenanceOf(incoming({ from, encrypted, headers: forwarded }))
      assert.deepEqual(found, {
        peer: { address, loopback, secure: encrypted },
        origin: `${encrypted ? 'https' : 'http'}://registry.test`,
        proxied: false,
      })
    }
  }
})

test('a declared proxy is believed, whoever else is not', () => {
  const provenanceOf = createProvenance(behindProxy)
  for (const from of ['10.1.2.3', '::ffff:10.1.2.3', 'fd00::1', '127.0.0.1']) {
    assert.deepEqual(provenanceOf(incoming({ from, headers: forwarded })), {
      peer: { address: '203.0.113.5', loopback: false, secure: true },
      origin: 'https://public.test',
      proxied: true,
    })
  }
  for (const from of ['11.0.0.1', 'fe80::1', '127.0.0.2', '']) {
    const found = provenanceOf(incoming({ from, headers: forwarded }))
    assert.equal(found.proxied, false)
    assert.equal(found.origin, 'http://registry.test')
  }
})

test('of the addresses that a request passed, the one that our own proxy wrote counts', () => {
  const provenanceOf = createProvenance(behindProxy)
  const addressOf = (text: string) =>
    provenanceOf(incoming({ from: '10.0.0.1', headers: { 'x-forwarded-for': text } })).peer
  assert.equal(addressOf('127.0.0.1, 203.0.113.5').address, '203.0.113.5')
  assert.equal(addressOf('127.0.0.1, 203.0.113.5').loopback, false)
  assert.equal(addressOf('203.0.113.5, ::ffff:127.0.0.1').loopback, true)
  assert.equal(addressOf('2001:db8::1').address, '2001:db8::1')
  // What is no address says nothing: then it is the proxy itself.
  for (const text of ['', 'unknown', '127.0.0.1.evil.test', '203.0.113.5:99', '"x"']) {
    assert.equal(addressOf(text).address, '10.0.0.1', text)
  }
})

test('a proxy that does not say how its client came is taken for what its own connection is', () => {
  const provenanceOf = createProvenance(behindProxy)
  const plain = provenanceOf(incoming({ from: '10.0.0.1' }))
  assert.deepEqual([plain.peer.secure, plain.origin], [false, 'http://registry.test'])
  const secure = provenanceOf(incoming({ from: '10.0.0.1', encrypted: true }))
  assert.deepEqual([secure.peer.secure, secure.origin], [true, 'https://registry.test'])
  const other = { 'x-forwarded-proto': 'gopher' }
  assert.equal(provenanceOf(incoming({ from: '10.0.0.1', headers: other })).peer.secure, false)
})

test('a public origin is used whatever the client wrote', () => {
  const provenanceOf = createProvenance({ ...direct, publicOrigin: 'https://images.example' })
  assert.equal(provenanceOf(incoming({})).origin, 'https://images.example')
})

test('a host is a name or an address, with a port or without', () => {
  const provenanceOf = createProvenance(direct)
  for (const host of [
    'localhost',
    'localhost:5000',
    'a-b.example.:443',
    '127.0.0.1:1',
    '[::1]',
    '[::1]:65535',
    'under_score',
  ]) {
    assert.equal(provenanceOf(incoming({ host })).origin, `http://${host}`)
  }
})

test('a host that is none, or two of them, is refused', () => {
  const provenanceOf = createProvenance(direct)
  const hosts = [
    '',
    'a b',
    'a"b',
    'a/b',
    'a@b',
    'a\\b',
    'a,b',
    'ä.test',
    'x:',
    'x:y',
    'x:123456',
    'x:65536',
    '999.999.999.999',
    '[::1',
    '[zz]',
    '::1',
    'x'.repeat(300),
  ]
  for (const host of [...hosts, [], ['a', 'b'], ['a', 'a'], ['registry.test', 'x']]) {
    assert.throws(
      () => provenanceOf(incoming({ host })),
      (error) => error instanceof HttpError && error.status === 400,
      JSON.stringify(host),
    )
  }
  // After a good one, too.
  provenanceOf(incoming({}))
  assert.throws(() => provenanceOf(incoming({ host: ['registry.test', 'registry.test'] })))
  const header = { 'x-forwarded-host': 'a"b' }
  const proxied = createProvenance(behindProxy)
  assert.throws(() => proxied(incoming({ from: '10.0.0.1', headers: header })), HttpError)
})
