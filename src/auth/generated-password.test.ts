import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generatedPasswordBits, generatePassword } from './generated-password.ts'
import { words } from './word-list.ts'

test('the word list holds at least 512 different short words in lower case', () => {
  assert.ok(words.length >= 512)
  assert.equal(new Set(words).size, words.length)
  for (const word of words) assert.match(word, /^[a-z]{3,8}$/)
})

test('a generated password holds at least 60 bits', () => {
  assert.ok(generatedPasswordBits() >= 60, `${generatedPasswordBits()} bits`)
  // Counted again from what is really generated: five words of the list and one of 900 numbers.
  const bits = 5 * Math.log2(words.length) + Math.log2(900)
  assert.equal(generatedPasswordBits(), bits)
})

test('a generated password is five words of the list around a number of three digits', () => {
  for (let round = 0; round < 200; round++) {
    const parts = generatePassword().split('-')
    assert.equal(parts.length, 6)
    assert.match(parts[2] ?? '', /^[1-9][0-9]{2}$/)
    for (const part of [...parts.slice(0, 2), ...parts.slice(3)]) assert.ok(words.includes(part))
  }
})

test('generated passwords do not repeat and use the whole list', () => {
  const seen = new Set<string>()
  const used = new Set<string>()
  for (let round = 0; round < 2000; round++) {
    const password = generatePassword()
    seen.add(password)
    for (const part of password.split('-')) used.add(part)
  }
  assert.equal(seen.size, 2000)
  // 10,000 draws leave a word of 1,500 unused with a chance of about one in 800.
  assert.ok([...words].filter((word) => used.has(word)).length > words.length * 0.98)
  assert.ok(used.has(words[0] ?? '') || used.has(words[1] ?? ''))
})
