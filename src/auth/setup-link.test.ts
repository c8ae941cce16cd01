import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSetupKey, hashSetupKey, verifySetupKey } from './setup-link.ts'

test('a setup key holds at least 80 bits in Crockford base 32', () => {
  const { key } = createSetupKey()
  assert.match(key, /^([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}$/)
  assert.ok(key.replaceAll('-', '').length * 5 >= 80)
})

test('only the hash is for storing, and it does not contain the key', () => {
  const { key, hash } = createSetupKey()
  assert.match(hash, /^[0-9a-f]{64}$/)
  assert.ok(!hash.includes(key.replaceAll('-', '').toLowerCase()))
})

test('a setup key opens what it was made for, and nothing else', () => {
  const mine = createSetupKey()
  const other = createSetupKey()
  assert.notEqual(mine.key, other.key)
  assert.ok(verifySetupKey(mine.key, mine.hash))
  assert.ok(!verifySetupKey(other.key, mine.hash))
})

test('a key typed by hand may lack dashes, be in lower case and mix up O, I and L', () => {
  const typed = '0111-AAAA-BBBB-CCCC-DDDD'
  const hash = hashSetupKey(typed) ?? ''
  for (const variant of [
    '0111AAAABBBBCCCCDDDD',
    'oill-aaaa-bbbb-cccc-dddd',
    ' 0111 aaaa bbbb cccc dddd ',
    'OIL1AAAABBBBCCCCDDDD',
  ]) {
    assert.ok(verifySetupKey(variant, hash), variant)
  }
})

test('what cannot be a key is refused without an error', () => {
  const { key, hash } = createSetupKey()
  const wrong = ['', '-', key.slice(0, -1), `${key}0`, 'U'.repeat(20), key.repeat(100), '\u0000']
  for (const typed of wrong) {
    assert.equal(verifySetupKey(typed, hash), false, JSON.stringify(typed))
    assert.equal(verifySetupKey(typed, ''), false)
  }
  assert.equal(verifySetupKey(key, ''), false)
  assert.equal(verifySetupKey(key, 'é'.repeat(64)), false)
})

test('all characters of the alphabet are drawn', () => {
  const drawn = new Set<string>()
  for (let round = 0; round < 100; round++) {
    for (const character of createSetupKey().key.replaceAll('-', '')) drawn.add(character)
  }
  assert.equal(drawn.size, 32)
})
