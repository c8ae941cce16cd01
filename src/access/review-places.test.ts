import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nameTest, parsePlace } from '../auth/place.ts'
import { placesOverlap } from './review-places.ts'

const cases: readonly (readonly [one: string, other: string, overlap: boolean])[] = [
  ['*', 'web/app', true],
  ['/', 'web/app', false],
  ['/', 'app', true],
  ['web/', 'web/app', true],
  ['web/', 'web', false],
  ['web/', 'website/app', false],
  ['web/', '*/app', true],
  ['web/', '**-dev', true],
  ['web/*', 'web/a/b', false],
  ['web/**', 'web/a/b', true],
  ['web/a*', 'web/b*', false],
  ['web/a*', 'web/*b', true],
  ['?eb/app', 'web/app', true],
  ['?', '/', true],
  ['a?c', 'ab/', false],
  ['web/app', 'web/app', true],
  ['web/app', 'web/api', false],
]

for (const [one, other, overlap] of cases) {
  test(`${one} and ${other} have ${overlap ? 'names' : 'no name'} in common`, () => {
    assert.equal(placesOverlap(parsePlace(one), parsePlace(other)), overlap)
    assert.equal(placesOverlap(parsePlace(other), parsePlace(one)), overlap)
  })
}

const letters = fc.constantFrom('a', 'b', 'ab', '*', '**', '?', 'a*', '*b')
const glob = fc
  .array(letters, { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'))
  .map((text) => {
    try {
      return parsePlace(text)
    } catch {
      return parsePlace('*')
    }
  })
const name = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'ba', 'aab'), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))

test('two places that hold for the same name overlap', () => {
  fc.assert(
    fc.property(glob, glob, name, (one, other, asked) => {
      fc.pre(nameTest(one)(asked) && nameTest(other)(asked))
      assert.ok(placesOverlap(one, other))
    }),
    { numRuns: 300 },
  )
})

test('the longest patterns with the most stars are compared at once', () => {
  const long = parsePlace(`${'a*'.repeat(8)}${'a'.repeat(160)}`)
  const other = parsePlace(`${'*a'.repeat(7)}${'a'.repeat(160)}b`)
  const begin = performance.now()
  assert.equal(placesOverlap(long, other), false)
  assert.ok(performance.now() - begin < 500)
})
