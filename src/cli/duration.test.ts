import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseDuration, parseExpiry } from './duration.ts'

test('a duration is a number and a unit', () => {
  assert.equal(parseDuration('90m', '--x'), 5_400_000)
  assert.equal(parseDuration('12h', '--x'), 43_200_000)
  assert.equal(parseDuration('30d', '--x'), 2_592_000_000)
  assert.equal(parseDuration('2w', '--x'), 1_209_600_000)
  assert.equal(parseDuration('1y', '--x'), 31_536_000_000)
})

test('what is no duration is refused with the option and an example', () => {
  for (const text of [
    '',
    '0d',
    '30',
    'd',
    '-1d',
    '1.5h',
    '1e3d',
    '30 d',
    '30D',
    '9999999y',
    'soon',
  ]) {
    assert.throws(
      () => parseDuration(text, '--expires'),
      (error: Error & { exitCode?: number; failure?: { fix?: string } }) =>
        error.exitCode === 2 &&
        error.failure?.fix === '--expires 30d' &&
        /--expires/.test(error.message),
      text,
    )
  }
})

test('an expiry is a duration from now, a day, or never', () => {
  const now = Date.parse('2026-11-23T12:00:00Z')
  assert.equal(parseExpiry('30d', '--expires', now), '2026-12-23T12:00:00.000Z')
  assert.equal(parseExpiry('2027-01-31', '--expires', now), '2027-01-31T00:00:00.000Z')
  assert.equal(parseExpiry('never', '--expires', now), null)
  assert.throws(() => parseExpiry('2027-13-31', '--expires', now), /--expires/)
})
