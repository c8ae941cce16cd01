import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textLine } from './log-text.ts'

const time = Date.UTC(2027, 0, 31, 18)
const line = (fields: object) =>
  textLine(JSON.stringify({ level: 30, time, msg: 'changed', ...fields }))

test('a line of the log can be read by people', () => {
  assert.equal(
    line({ id: 'a-1', method: 'PUT', status: 201 }),
    '2027-01-31T18:00:00.000Z info  changed id=a-1 method=PUT status=201\n',
  )
  assert.equal(line({ level: 50, ok: false }), '2027-01-31T18:00:00.000Z error changed ok=false\n')
})

test('an error has its stack below, indented', () => {
  const err = { message: 'broken', stack: 'Error: broken\n    at x.ts:1' }
  assert.match(line({ err }), /changed\n {4}Error: broken\n {8}at x\.ts:1\n$/)
})

test('what clients choose can begin no line, be no field and move no cursor', () => {
  const text = line({ path: '/a b=c"\n2027 error \u001b[2J\u202e\u2028', msg: 'x\ny' })
  assert.equal(text.split('\n').length, 2, text)
  assert.doesNotMatch(text, /[\u001b\u202e\u2028]/)
  assert.match(text, /path="\/a b=c\\"/)
})
