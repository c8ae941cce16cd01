import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { disuseMs, secretState } from './secret-slots.ts'

const hour = 3_600_000
const replacedAt = 1_000 * hour
const old = {
  lastUsedAt: undefined,
  replacedAt,
  endsAt: replacedAt + 240 * hour,
  successorUsedAt: undefined,
}

test('a secret that nothing replaced does not end, however long it was not used', () => {
  const present = { ...old, replacedAt: undefined, endsAt: undefined }
  assert.equal(secretState(present, 0), 'good')
  assert.equal(secretState({ ...present, lastUsedAt: 1 }, replacedAt * 100), 'good')
})

test('an old secret ends at its deadline, however much it is used', () => {
  const used = { ...old, lastUsedAt: old.endsAt - 1, successorUsedAt: old.endsAt - 1 }
  assert.equal(secretState(used, old.endsAt - 1), 'good')
  assert.equal(secretState(used, old.endsAt), 'ended')
})

test('an old secret ends when it was not used for a day, once the new one was used', () => {
  const usedOnce = { ...old, lastUsedAt: replacedAt + 5 * hour, successorUsedAt: replacedAt + hour }
  assert.equal(secretState(usedOnce, replacedAt + 29 * hour - 1), 'good')
  assert.equal(secretState(usedOnce, replacedAt + 29 * hour), 'ended')
  assert.equal(disuseMs, 24 * hour)
})

test('the day counts from the replacement when the old secret was last used before it', () => {
  for (const lastUsedAt of [undefined, 5, replacedAt - 100 * hour]) {
    const unused = { ...old, lastUsedAt, successorUsedAt: replacedAt + hour }
    assert.equal(secretState(unused, replacedAt + 24 * hour - 1), 'good')
    assert.equal(secretState(unused, replacedAt + 24 * hour), 'ended')
  }
})

test('while the new secret was never used, the old one ends at its deadline alone', () => {
  const waiting = { ...old, lastUsedAt: replacedAt - 900 * hour }
  assert.equal(secretState(waiting, old.endsAt - 1), 'good')
  assert.equal(secretState(waiting, old.endsAt), 'ended')
  assert.equal(secretState({ ...waiting, endsAt: undefined }, old.endsAt * 9), 'good')
})

test('what has ended stays ended, when nothing happens but time', () => {
  const moment = fc.nat({ max: 2_000 }).map((hours) => hours * hour)
  const maybe = fc.option(moment, { nil: undefined })
  fc.assert(
    fc.property(maybe, maybe, maybe, maybe, moment, moment, (a, b, c, d, first, second) => {
      const secret = { lastUsedAt: a, replacedAt: b, endsAt: c, successorUsedAt: d }
      const [earlier, later] = [Math.min(first, second), Math.max(first, second)]
      if (secretState(secret, earlier) === 'ended') {
        assert.equal(secretState(secret, later), 'ended')
      }
    }),
    { numRuns: 1000 },
  )
})
