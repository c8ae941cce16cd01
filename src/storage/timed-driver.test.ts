import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseKey } from './driver.ts'
import { driverSuite } from './driver-suite.ts'
import { createMemoryDriver } from './drivers/memory/memory-driver.ts'
import { withTimes } from './timed-driver.ts'

driverSuite('a driver whose actions are timed', () =>
  withTimes(createMemoryDriver(), () => undefined),
)

test('every action is told once with its time, and whether it failed', async () => {
  const told: (readonly [string, boolean])[] = []
  const driver = withTimes(createMemoryDriver(), (action, seconds, failed) => {
    assert.ok(seconds >= 0 && seconds < 60)
    told.push([action, failed])
  })
  const key = parseKey('a/b')
  await driver.write(key, [Buffer.from('x')])
  await driver.stat(key)
  await assert.rejects(driver.copy(parseKey('a/c'), { start: 0, end: 0 }, async () => undefined))
  assert.deepEqual(told, [
    ['write', false],
    ['stat', false],
    ['copy', true],
  ])
})
