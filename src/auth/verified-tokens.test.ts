import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVerifiedTokens } from './verified-tokens.ts'
import type { VerifiedToken } from './verified-tokens.ts'

function aToken(goodUntilMs: number): VerifiedToken {
  return {
    principalId: 1,
    access: [],
    tokenId: 'x',
    carriedTokenId: undefined,
    provenance: undefined,
    goodUntilMs,
  }
}

test('a token is recalled until it is no longer good', () => {
  let now = 0
  const tokens = createVerifiedTokens(() => now)
  const verified = aToken(1000)
  tokens.remember('t', verified)
  now = 999
  assert.equal(tokens.recall('t'), verified)
  now = 1000
  assert.equal(tokens.recall('t'), undefined)
  assert.equal(tokens.recall('other'), undefined)
})

test('10,000 tokens are remembered, and the oldest make room', () => {
  const tokens = createVerifiedTokens(() => 0)
  for (let index = 0; index < 10_005; index++) tokens.remember(`t${index}`, aToken(1))
  const isKnown = (index: number): boolean => tokens.recall(`t${index}`) !== undefined
  assert.deepEqual([4, 5, 10_004].map(isKnown), [false, true, true])
})

test('long tokens are fewer', () => {
  const tokens = createVerifiedTokens(() => 0)
  const name = (index: number): string => `${index}`.padEnd(16_000, 'x')
  for (let index = 0; index < 1100; index++) tokens.remember(name(index), aToken(1))
  let known = 0
  for (let index = 0; index < 1100; index++) if (tokens.recall(name(index))) known++
  assert.equal(known, Math.floor((16 * 1024 * 1024) / 16_000))
  assert.ok(tokens.recall(name(1099)))
})

test('a token remembered again takes no more room', () => {
  const tokens = createVerifiedTokens(() => 0)
  tokens.remember('first', aToken(1))
  const long = 'x'.repeat(16_000)
  for (let index = 0; index < 3000; index++) tokens.remember(long, aToken(1))
  assert.ok(tokens.recall('first'))
})
