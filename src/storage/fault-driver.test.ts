import assert from 'node:assert/strict'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { parseKey } from './driver.ts'
import { driverSuite } from './driver-suite.ts'
import { createMemoryDriver } from './drivers/memory/memory-driver.ts'
import { type DriverCall, type Fault, withFaults } from './fault-driver.ts'

driverSuite('a driver without faults', () => withFaults(createMemoryDriver(), () => undefined))

const key = parseKey('uploads/one')
const error = new Error('made to fail')

test('a failed call does nothing', async () => {
  const inner = createMemoryDriver()
  const driver = withFaults(inner, only('write', { kind: 'fail', error }))
  await assert.rejects(driver.write(key, [Buffer.from('x')]), error)
  assert.equal(await inner.stat(key), undefined)
})

test('a lost answer looks like a failure of what was done', async () => {
  const inner = createMemoryDriver()
  const driver = withFaults(inner, only('write', { kind: 'lose-answer', error }))
  await assert.rejects(driver.write(key, [Buffer.from('x')]), error)
  assert.equal((await inner.stat(key))?.size, 1)
})

test('a broken read gives the bytes before the break and then its error', async () => {
  const driver = withFaults(
    createMemoryDriver(),
    only('read', { kind: 'break-read', afterBytes: 3, error }),
  )
  await driver.write(key, [Buffer.from('abcdef')])
  const read: Uint8Array[] = []
  await assert.rejects(async () => {
    for await (const chunk of await driver.read(key)) read.push(chunk as Uint8Array)
  }, error)
  assert.equal(Buffer.concat(read).toString(), 'abc')
})

test('a stalled call is done later', async () => {
  const driver = withFaults(createMemoryDriver(), only('read', { kind: 'stall', forMs: 5 }))
  await driver.write(key, [Buffer.from('abc')])
  assert.equal((await buffer(await driver.read(key))).toString(), 'abc')
})

test('a repeated call is done twice and looks like one', async () => {
  const inner = createMemoryDriver()
  const driver = withFaults(inner, () => ({ kind: 'repeat' }))
  const stored = await driver.write(() => key, [Buffer.from('ab'), Buffer.from('c')])
  assert.deepEqual([stored.key, stored.size], [key, 3])
  const other = parseKey('uploads/two')
  await driver.move(key, other)
  assert.equal((await buffer(await driver.read(other))).toString(), 'abc')
  await driver.delete([other])
  assert.equal(await inner.stat(other), undefined)
})

test('a stale list has what was there the last time', async () => {
  let isStale = false
  const driver = withFaults(createMemoryDriver(), ({ operation }) =>
    operation === 'list' && isStale ? { kind: 'stale' } : undefined,
  )
  await driver.write(key, [])
  const list = async () => {
    let count = 0
    for await (const object of driver.list(parseKey('uploads'))) count += object.key === key ? 1 : 0
    return count
  }
  assert.equal(await list(), 1)
  isStale = true
  await driver.delete([key])
  assert.equal(await list(), 1)
})

test('a flipped bit changes one byte of a copy', async () => {
  const driver = withFaults(createMemoryDriver(), only('copy', { kind: 'flip-bit', at: 4 }))
  await driver.write(key, [Buffer.from('abc')])
  const read: Buffer[] = []
  await driver.copy(key, { start: 0, end: 2 }, async (chunk) => void read.push(Buffer.from(chunk)))
  assert.equal(Buffer.concat(read).toString(), 'acc')
})

test('the plan sees the operation and the keys', async () => {
  const calls: DriverCall[] = []
  const driver = withFaults(createMemoryDriver(), (call) => void calls.push(call))
  const other = parseKey('uploads/two')
  await driver.write(key, [])
  await driver.write(() => other, [])
  await driver.move(key, other)
  assert.deepEqual(calls, [
    { operation: 'write', keys: [key] },
    { operation: 'write', keys: [] },
    { operation: 'move', keys: [key, other] },
  ])
})

function only(operation: DriverCall['operation'], fault: Fault) {
  return (call: DriverCall): Fault | undefined => (call.operation === operation ? fault : undefined)
}
