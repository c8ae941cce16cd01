import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { quoted } from './quoted.ts'

test('ordinary text stands between quotes', () => {
  assert.equal(quoted('team/app'), '"team/app"')
})

test('quotes, control characters and direction marks are written as escapes', () => {
  assert.equal(quoted('a"b\u001b[31m\u202e\\'), '"a\\u0022b\\u001b[31m\\u202e\\u005c"')
})

test('long text is cut', () => {
  assert.equal(quoted('x'.repeat(5000)), `"${'x'.repeat(100)}..."`)
})

test('whatever goes in, printable ASCII without inner quotes comes out', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.match(quoted(text), /^"[ !#-~]*"$/)
    }),
  )
})
