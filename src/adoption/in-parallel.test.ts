import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { eachLimited, mapAhead, slices } from './in-parallel.ts'

test('results come in order, and no more are under way than allowed', async () => {
  let running = 0
  let most = 0
  const work = async (item: number): Promise<number> => {
    running += 1
    most = Math.max(most, running)
    for (let turns = item % 3; turns >= 0; turns -= 1) await turn()
    running -= 1
    return item
  }
  const items = Array.from({ length: 30 }, (_, index) => index)
  const seen: number[] = []
  for await (const result of mapAhead(items, 4, work)) seen.push(result)
  assert.deepEqual(seen, items)
  assert.ok(most <= 5 && most > 1)
  most = 0
  await eachLimited(items, 3, async (item) => void (await work(item)))
  assert.equal(most, 3)
})

test('a failure is told, and what waits is not begun', async () => {
  const begun: number[] = []
  const failing = async (item: number): Promise<void> => {
    begun.push(item)
    await turn()
    throw new Error(`failed at ${item}`)
  }
  await assert.rejects(eachLimited([1, 2, 3, 4, 5, 6], 2, failing), /failed at 1/)
  assert.deepEqual(begun, [1, 2])
  await assert.rejects(async () => {
    for await (const _ of mapAhead([1, 2, 3], 1, failing)) assert.fail('nothing comes')
  }, /failed at 1/)
})

test('slices are of the size, but for the last', () => {
  assert.deepEqual(slices([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]])
  assert.deepEqual(slices([], 2), [])
})
