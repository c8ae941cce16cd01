import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameMatcher } from './glob.ts'

test('a star stays within a component, two go across, and all else is what it is', () => {
  const names = ['app', 'team/app', 'team/app-1', 'team/a.b', 'team/sub/app', 'other/app']
  const matched = (pattern: string) => names.filter(nameMatcher(pattern))
  assert.deepEqual(matched('**'), names)
  assert.deepEqual(matched('*'), ['app'])
  assert.deepEqual(matched('team/*'), ['team/app', 'team/app-1', 'team/a.b'])
  assert.deepEqual(matched('team/**'), ['team/app', 'team/app-1', 'team/a.b', 'team/sub/app'])
  assert.deepEqual(matched('team/a?b'), ['team/a.b'])
  assert.deepEqual(matched('team/a.b'), ['team/a.b'])
  assert.deepEqual(matched('**/app'), ['team/app', 'team/sub/app', 'other/app'])
  assert.deepEqual(matched('(team'), [])
})
