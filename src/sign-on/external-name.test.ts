import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { toUserName, withProvider } from './external-name.ts'

const userName = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/

test('a name of a provider becomes a user name', () => {
  const cases: readonly (readonly [external: string, name: string | undefined])[] = [
    ['ann', 'ann'],
    ['Ann.Lee', 'ann.lee'],
    ['ann@example.com', 'ann'],
    ['ann+ci@example.com', 'ann-ci'],
    ['"a@b"@example.com', 'a-b'],
    ['@ann', 'ann'],
    ['CORP\\ann', 'corp-ann'],
    ['ann lee', 'ann-lee'],
    ['ann__lee', 'ann-lee'],
    ['ann.-lee', 'ann-lee'],
    ['.ann_', 'ann'],
    ['Jörg Müller', 'jorg-muller'],
    ['JO\u0308RG', 'jorg'],
    ['İpek', 'ipek'],
    ['a/b', 'a-b'],
    ['../admin', 'admin'],
    ['ann\u0000lee', 'ann-lee'],
    ['ann\n', 'ann'],
    ['李雷', undefined],
    ['李雷7', '7'],
    ['@', undefined],
    ['', undefined],
    ['---', undefined],
  ]
  for (const [external, name] of cases) assert.equal(toUserName(external), name, external)
})

test('a long name is cut to 64 characters and does not end in a separator', () => {
  assert.equal(toUserName('a'.repeat(100)), 'a'.repeat(64))
  assert.equal(toUserName(`${'a'.repeat(63)}.b`), 'a'.repeat(63))
  assert.equal(toUserName(`${'é'.repeat(1000)}x`), 'e'.repeat(64))
})

test('every result is a user name and stays what it is', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.string({
      unit: fc.constantFrom('a', 'B', '7', '.', '_', '-', '@', ' ', 'é', '\0'),
      maxLength: 90,
    }),
  )
  fc.assert(
    fc.property(text, (external) => {
      const name = toUserName(external)
      if (name === undefined) return
      assert.match(name, userName)
      assert.ok(name.length <= 64)
      assert.equal(toUserName(name), name)
    }),
  )
})

test("the provider's name makes a taken name another one", () => {
  assert.equal(withProvider('ann', 'corp'), 'ann.corp')
  assert.equal(withProvider('a'.repeat(64), 'corp'), `${'a'.repeat(59)}.corp`)
  assert.equal(withProvider(`${'a'.repeat(58)}.bcdef`, 'corp'), `${'a'.repeat(58)}.corp`)
})

test('a name with its provider is a user name too', () => {
  const provider = fc.stringMatching(/^[a-z0-9]{1,10}(-[a-z0-9]{1,10}){0,1}$/)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), provider, (external, name) => {
      const user = toUserName(external)
      if (user === undefined) return
      const full = withProvider(user, name)
      assert.match(full, userName)
      assert.ok(full.length <= 64)
    }),
  )
})
