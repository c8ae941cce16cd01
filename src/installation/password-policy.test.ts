import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { generatePassword } from '../auth/generated-password.ts'
import { requireGoodPassword, weaknessOf } from './password-policy.ts'
import { refusal } from './test-support.ts'

suite('passwords', () => {
  test('of twelve characters and more are taken, whatever they are made of', () => {
    for (const password of [
      'seven-red-lanterns',
      'kx8Qz!p2mWv#',
      'correct pony battery clip',
      'пароль-из-слов',
      '🦊🦉🐢🦀🐝🦋🐌🐙🦑🐡🐠🦈',
      ' leading and trailing ',
    ]) {
      assert.equal(weaknessOf(password, 'ann'), undefined, password)
    }
  })

  test('that are too short or too long are refused with their length', () => {
    assert.match(weaknessOf('kx8Qz!p2mWv', 'ann') ?? '', /has 11 characters; 12 is the least/)
    assert.match(weaknessOf('🦊🦉🐢🦀🐝🦋', 'ann') ?? '', /has 6 characters/)
    assert.match(weaknessOf('', 'ann') ?? '', /has 0 characters/)
    assert.match(weaknessOf('xy8'.repeat(400), 'ann') ?? '', /1024 is the most/)
  })

  test('that everybody tries first are refused', () => {
    for (const password of [
      'passwordpassword',
      'Password123456',
      'P@ssw0rd-2026!!',
      'administrator',
      'Administrator1!',
      'changemechangeme',
      'correcthorsebatterystaple',
      'correct-horse-battery-staple',
      'iloveyou12345678',
      'letmein-please-1',
      'admin-password-docker',
    ]) {
      assert.match(weaknessOf(password, 'ann') ?? '', /most common/, password)
    }
  })

  test('that are repetitions, rows of keys or the name of the user are refused', () => {
    for (const password of ['aaaaaaaaaaaa', 'abababababab', '202620262026', 'xY8xY8xY8xY8x']) {
      assert.match(weaknessOf(password, 'ann') ?? '', /repeats/, password)
    }
    for (const password of [
      'abcdefghijkl',
      '123456789012',
      'qwertyuiopas',
      '1qaz2wsx3edc',
      'lkjhgfdsapoiuyt',
    ]) {
      assert.match(weaknessOf(password, 'ann') ?? '', /keys of a keyboard/, password)
    }
    assert.match(weaknessOf('margaret-2026', 'margaret') ?? '', /name of the user/)
    assert.match(weaknessOf('margaretpassword', 'margaret') ?? '', /most common/)
    assert.equal(weaknessOf('margaret-2026', 'ann'), undefined)
  })

  test('that Carrel generates are always taken', () => {
    for (let count = 0; count < 300; count++)
      assert.equal(weaknessOf(generatePassword(), 'admin'), undefined)
  })

  test('of any text are judged without failing, and random ones are taken', () => {
    const random = fc.array(fc.integer({ min: 33, max: 126 }), { minLength: 16, maxLength: 24 })
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), random, (any, codes) => {
        weaknessOf(any, any)
        weaknessOf(any.repeat(3), 'ann')
        // Sixteen characters of which no two neighbours are alike are neither rows nor words.
        const spread = codes.flatMap((code, place) => (place % 2 === 0 ? [code] : [code, 126]))
        assert.equal(weaknessOf(`q~${String.fromCharCode(...spread)}~x`, 'ann'), undefined)
      }),
      { numRuns: 100 },
    )
  })

  test('are refused with a reason', () => {
    assert.throws(
      () => requireGoodPassword('short', 'ann'),
      refusal('policy', /not accepted/, /5 char/),
    )
    requireGoodPassword('seven-red-lanterns', 'ann')
  })
})
