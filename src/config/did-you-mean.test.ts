import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { didYouMean } from './did-you-mean.ts'

test('a mistyped word is guessed, and a word that is nothing like it is not', () => {
  const known = ['CARREL_LISTEN', 'CARREL_DATA', 'CARREL_OPEN']
  assert.equal(didYouMean('CARREL_LISTN', known), 'CARREL_LISTEN')
  assert.equal(didYouMean('CARREL_LSITEN', known), 'CARREL_LISTEN')
  assert.equal(didYouMean('1', ['1.0', 'latest']), '1.0')
  assert.equal(didYouMean('zzzzzz', ['repo', 'user']), undefined)
  assert.equal(didYouMean('', ['repo']), undefined)
  assert.equal(didYouMean('repo', []), undefined)
})

test('of two words the nearer one is guessed', () => {
  assert.equal(didYouMean('team/ap', ['team/app', 'team/api-old', 'teams']), 'team/app')
  assert.equal(didYouMean('usre', ['serve', 'user']), 'user')
})

test('a known word is always its own best guess, and one letter less or more finds it', () => {
  const word = fc.stringMatching(/^[a-z0-9]{4,12}$/)
  fc.assert(
    fc.property(word, fc.array(word), fc.nat(), (right, others, at) => {
      assert.equal(didYouMean(right, [...others, right]), right)
      const index = at % right.length
      const shorter = right.slice(0, index) + right.slice(index + 1)
      assert.equal(didYouMean(shorter, [right]), right)
      assert.equal(didYouMean(`${right.slice(0, index)}x${right.slice(index)}`, [right]), right)
    }),
    { numRuns: 200 },
  )
})
