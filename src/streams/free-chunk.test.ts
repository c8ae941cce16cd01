import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freeChunk } from './free-chunk.ts'

test('a large chunk of its own is empty afterwards', () => {
  const chunk = Buffer.allocUnsafeSlow(64 * 1024)
  freeChunk(chunk)
  assert.equal(chunk.length, 0)
})

test('memory that is shared with other chunks stays', () => {
  const whole = Buffer.allocUnsafeSlow(64 * 1024).fill(7)
  freeChunk(whole.subarray(0, 32 * 1024))
  assert.equal(whole.length, 64 * 1024)
  assert.equal(whole[0], 7)
})

test('small chunks stay as they are', () => {
  const chunk = Buffer.allocUnsafeSlow(1024)
  freeChunk(chunk)
  assert.equal(chunk.length, 1024)
})
