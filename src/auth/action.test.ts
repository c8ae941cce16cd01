import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { actions, nameOfActions, parseActions, readActions, roles, sortActions } from './action.ts'
import { anyText } from './test-support/places.ts'

const someActions = fc.array(fc.constantFrom(...actions), { maxLength: 8 })

suite('actions', () => {
  test('a role is a set of actions, and each one has all of the one before', () => {
    const [reader, writer, maintainer, owner] = [
      parseActions('reader'),
      parseActions('writer'),
      parseActions('maintainer'),
      parseActions('owner'),
    ]
    assert.deepEqual(reader, ['pull'])
    assert.deepEqual(writer, ['pull', 'push', 'overwrite'])
    assert.deepEqual(owner, actions)
    assert.deepEqual(parseActions('*'), actions)
    for (const [less, more] of [
      [reader, writer],
      [writer, maintainer],
      [maintainer, owner],
    ] as const) {
      assert.ok(less.length < more.length && less.every((action) => more.includes(action)))
    }
    assert.equal(maintainer.includes('admin'), false)
  })

  test('actions are listed in one order, each once, whatever was written', () => {
    assert.deepEqual(parseActions('push, pull,push'), ['pull', 'push'])
    fc.assert(
      fc.property(someActions, (given) => {
        const sorted = sortActions(given)
        assert.deepEqual(new Set(sorted), new Set(given))
        assert.deepEqual(
          sorted,
          actions.filter((action) => given.includes(action)),
        )
      }),
    )
  })

  test('what is stored or named is read as what it was', () => {
    fc.assert(
      fc.property(someActions, (given) => {
        const sorted = sortActions(given)
        assert.deepEqual(readActions(sorted.join(',')), sorted)
        if (sorted.length > 0) assert.deepEqual(parseActions(nameOfActions(given)), sorted)
      }),
    )
  })

  test('a set is named as a role only when it is exactly that', () => {
    for (const role of Object.keys(roles)) assert.equal(nameOfActions(parseActions(role)), role)
    assert.equal(nameOfActions(['push', 'pull']), 'pull,push')
  })

  test('what is no action is refused in writing, and grants nothing when stored', () => {
    for (const text of [
      '',
      'read',
      'pull,',
      'PULL',
      'pull;push',
      '__proto__',
      'constructor',
      'pull,*',
    ]) {
      assert.throws(() => parseActions(text), RangeError, text)
    }
    assert.deepEqual(readActions('pull,everything,*,admin '), ['pull'])
    fc.assert(
      fc.property(anyText, (text) => {
        for (const action of readActions(text)) assert.ok(text.split(',').includes(action))
      }),
    )
  })
})
