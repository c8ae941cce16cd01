import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGate } from './ldap-gate.ts'

test('places go to those who wait, in their order', async () => {
  const gate = createGate({ running: 1, waiting: 2 })
  const leave = await gate.enter(1000)
  const order: string[] = []
  const first = gate.enter(1000).then((next) => (order.push('first'), next))
  const second = gate.enter(1000).then((next) => (order.push('second'), next))
  assert.equal(await gate.enter(1000), undefined)
  leave?.()
  leave?.()
  const leaveFirst = await first
  assert.deepEqual(order, ['first'])
  leaveFirst?.()
  const leaveSecond = await second
  leaveSecond?.()
  assert.ok(await gate.enter(1000))
})

test('who waits too long gives up and takes no place', async () => {
  const gate = createGate({ running: 1, waiting: 1 })
  const leave = await gate.enter(1000)
  assert.equal(await gate.enter(5), undefined)
  leave?.()
  assert.ok(await gate.enter(5))
  assert.equal(await gate.enter(5), undefined)
})
