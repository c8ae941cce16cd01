import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSafeVersion } from './sqlite-connection.ts'

test('a build of SQLite that can damage the log is refused, and those with the fix are not', () => {
  for (const version of ['3.7.0', '3.44.5', '3.45.0', '3.50.6', '3.51.0', '3.51.2', '', 'x']) {
    assert.equal(isSafeVersion(version), false, version)
  }
  for (const version of ['3.44.6', '3.50.7', '3.51.3', '3.52.0', '3.53.4', '4.0.0']) {
    assert.equal(isSafeVersion(version), true, version)
  }
  assert.equal(isSafeVersion(process.versions['sqlite'] ?? ''), true)
})
