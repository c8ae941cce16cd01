import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { median, percentile } from './statistics.ts'

const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 })

test('the median of an odd number of values is one of them, of an even number a mean', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 3, 2]), 2.5)
  assert.equal(median([7]), 7)
  assert.ok(Number.isNaN(median([])))
})

test('at least so many percent of the values do not exceed the percentile, and fewer any smaller one', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 100 }), (list, percent) => {
      const found = percentile(list, percent)
      const share = (limit: (value: number) => boolean) =>
        (100 * list.filter(limit).length) / list.length
      assert.ok(list.includes(found))
      assert.ok(share((value) => value <= found) >= percent - 1e-9)
      assert.ok(share((value) => value < found) < percent)
    }),
  )
})
