import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readCredentials } from './credentials.ts'

function basic(text: string | Buffer): string {
  return `Basic ${Buffer.from(text).toString('base64')}`
}

test('no header, an empty one and Basic of nothing are no credentials', () => {
  for (const header of [undefined, '', 'Basic Og==', 'basic Og==']) {
    assert.deepEqual(readCredentials(header), { scheme: 'none' }, header)
  }
})

test('Basic is user, colon, password; the password may have colons, blanks and any letters', () => {
  for (const [user, password] of [
    ['alice', 'pw'],
    ['alice', 'a:b:c'],
    ['alice', ' p w '],
    ['alice', ''],
    ['', 'pw'],
    ['alicé', 'пароль😀'],
  ] as const) {
    const expected = { scheme: 'basic', user, password }
    assert.deepEqual(readCredentials(basic(`${user}:${password}`)), expected)
    assert.deepEqual(readCredentials(basic(`${user}:${password}`).replace('B', 'b')), expected)
  }
})

test('bytes that are no UTF-8 are Latin-1, so that different passwords stay different', () => {
  const read = (byte: number): unknown => readCredentials(basic(Buffer.from([0x61, 0x3a, byte])))
  assert.deepEqual(read(0xe9), { scheme: 'basic', user: 'a', password: 'é' })
  assert.notDeepEqual(read(0xff), read(0xfe))
})

test('Bearer is the token as it stands', () => {
  for (const header of ['Bearer a.b.c', 'bearer a.b.c', 'BEARER   a.b.c ']) {
    assert.deepEqual(readCredentials(header), { scheme: 'bearer', token: 'a.b.c' })
  }
})

test('what we do not understand is malformed and never passes for no credentials', () => {
  for (const header of [
    ' ',
    'Basic',
    'Basic ',
    'Bearer',
    'BasicOg==',
    'Basic !!!!',
    'Basic Og==,Og==',
    `Basic ${'A'.repeat(25_000)}`,
    `Bearer ${'A'.repeat(25_000)}`,
    basic('no colon'),
    'Digest username="x"',
    'Negotiate abc',
    'alice:pw',
  ]) {
    assert.deepEqual(readCredentials(header), { scheme: 'malformed' }, header.slice(0, 40))
  }
})

test('any user without a colon and any password come through unchanged', () => {
  const user = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes(':'))
  fc.assert(
    fc.property(user, fc.string({ unit: 'grapheme' }), (name, password) => {
      fc.pre(name !== '' || password !== '')
      assert.deepEqual(readCredentials(basic(`${name}:${password}`)), {
        scheme: 'basic',
        user: name,
        password,
      })
    }),
  )
})

test('no header makes it throw', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('', 'Basic ', 'Bearer ', 'basic\t'),
      fc.string({ unit: 'binary' }),
      (scheme, rest) => {
        readCredentials(scheme + rest)
      },
    ),
  )
})
