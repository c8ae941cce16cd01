import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { matchesGlob, problemOfGlob } from './federation-claims-glob.ts'

const cases: readonly (readonly [pattern: string, text: string, isMatch: boolean])[] = [
  ['acme/app', 'acme/app', true],
  ['acme/app', 'acme/App', false],
  ['acme/app', 'acme/app/x', false],
  ['acme/*', 'acme/app', true],
  ['acme/*', 'acme/', true],
  ['acme/*', 'acme/app/x', false],
  ['acme/*', 'acme-evil/app', false],
  ['acme/*', 'evil/acme/app', false],
  ['*/app', 'acme/app', true],
  ['*', 'acme', true],
  ['*', 'acme/app', false],
  ['refs/heads/*', 'refs/heads/feature/x', false],
  ['refs/heads/**', 'refs/heads/feature/x', true],
  ['refs/heads/**', 'refs/heads/', true],
  ['refs/heads/**', 'refs/heads', false],
  ['refs/heads/**', 'refs/tags/x', false],
  ['refs/heads/rel**', 'refs/heads/release/1', true],
  ['refs/heads/rel**', 'refs/heads/relics', true],
  ['refs/heads/rel**', 'refs/heads/main', false],
  ['**', '', true],
  ['**', 'a:b/c\nd', true],
  ['refs/tags/v*.*', 'refs/tags/v1.2', true],
  ['refs/tags/v*.*', 'refs/tags/v12', false],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'acb', false],
  ['ab*bc', 'abc', false],
  ['a*a', 'a', false],
  ['a*b*b', 'ab', false],
  ['a*b*b', 'abb', true],
  ['ab*ba', 'aba', false],
  ['a.c', 'abc', false],
  ['a+', 'aa', false],
  ['[ab]', 'a', false],
  ['?', 'a', false],
  ['\\*', '*', false],
  ['*', '*', true],
  ['repo:acme/*:ref:refs/heads/main', 'repo:acme/app:ref:refs/heads/main', true],
  ['repo:acme/*:ref:refs/heads/main', 'repo:acme/app:pull_request', false],
  ['repo:acme/*:ref:refs/heads/main', 'repo:acme/app:environment:x:ref:refs/heads/main', false],
  ['repo:acme/app:*', 'repo:acme/app:ref:refs/heads/main', false],
  ['repo:acme/app:**', 'repo:acme/app:ref:refs/heads/main', true],
  ['repo:acme/app:**', 'repo:acme/app2:ref:refs/heads/main', false],
]

suite('patterns for claims', () => {
  for (const [pattern, text, isMatch] of cases) {
    test(`${pattern} ${isMatch ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, () => {
      assert.equal(matchesGlob(pattern, text), isMatch)
    })
  }

  test('three stars, and two before the end, are problems', () => {
    for (const pattern of ['***', 'a***', '**/a', 'a/**/b', '**a', '** **']) {
      assert.notEqual(problemOfGlob(pattern), undefined, pattern)
    }
    for (const pattern of ['', 'a', '*', '**', '*a*', 'a/**', '*/**', 'a*b**']) {
      assert.equal(problemOfGlob(pattern), undefined, pattern)
    }
  })

  test('a pattern matches what the regular expression of its definition matches', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':'), maxLength: 10 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':', '*'), maxLength: 8 })
    fc.assert(
      fc.property(pattern, text, (glob, given) => {
        fc.pre(problemOfGlob(glob) === undefined)
        const source = glob.replace(/\*\*$/, '.{0,}').replaceAll('*', '[^/:]{0,}')
        assert.equal(matchesGlob(glob, given), new RegExp(`^${source}$`, 's').test(given), glob)
      }),
      { numRuns: 3000 },
    )
  })

  test('a pattern of many stars is quick about a long text', () => {
    const began = performance.now()
    assert.equal(matchesGlob(`${'a*'.repeat(255)}b`, 'a'.repeat(100_000)), false)
    assert.equal(matchesGlob(`${'*a'.repeat(255)}b`, 'a'.repeat(100_000)), false)
    assert.equal(matchesGlob(`${'*/'.repeat(255)}b`, 'a/'.repeat(50_000)), false)
    assert.ok(performance.now() - began < 500)
  })
})
