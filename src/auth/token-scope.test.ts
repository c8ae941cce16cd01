import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { actions, sortActions } from './action.ts'
import { anyText, isIn, place, repositoryName } from './test-support/places.ts'
import { formatTokenScope, parseTokenScope, readTokenScopes } from './token-scope.ts'

const scope = fc.record({ place, actions: fc.subarray([...actions], { minLength: 1 }) })

suite('scopes of tokens', () => {
  test('what is written is read back, and holds for the names of its place', () => {
    fc.assert(
      fc.property(scope, repositoryName, (given, name) => {
        const read = parseTokenScope(formatTokenScope(given))
        assert.deepEqual(read.place, given.place)
        assert.deepEqual(read.actions, sortActions(given.actions))
        assert.equal(read.test(name), isIn(given.place, name))
      }),
    )
    assert.equal(formatTokenScope(parseTokenScope('web/:push,pull,overwrite')), 'web/:writer')
  })

  test('what says not where and what is refused with an example', () => {
    for (const text of [
      '',
      'web/app',
      ':pull',
      'web/app:',
      'web/app:fly',
      'WEB:pull',
      'a:b:pull',
    ]) {
      assert.throws(() => parseTokenScope(text), RangeError, text)
    }
    assert.throws(() => parseTokenScope('web/app'), /web\/app:pull,push/)
  })

  test('no list is everything; a list that cannot be read is nothing', () => {
    assert.equal(readTokenScopes(undefined), undefined)
    assert.equal(readTokenScopes('["web/:pull"]')?.length, 1)
    for (const stored of [
      '',
      'null',
      '{}',
      '"*:admin"',
      '[1]',
      '["*:fly"]',
      '["web/:pull","x"]',
      '[',
    ]) {
      assert.deepEqual(readTokenScopes(stored), [], stored)
    }
    fc.assert(
      fc.property(anyText, (text) => {
        assert.ok(Array.isArray(readTokenScopes(text)))
      }),
    )
  })
})
