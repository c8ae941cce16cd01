import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRequestLimit } from './request-limit.ts'
import { openWorld, type World } from './test-support/world.ts'

const tooMany = { code: 'TOOMANYREQUESTS' }

function aLimit({ metadata }: World, clock: { now: number }) {
  const options = { what: 'things', most: 3, windowMs: 60_000, now: () => clock.now }
  return createRequestLimit(metadata, options)
}

test('so many are had from one address in a window, on all nodes together', async () => {
  await using world = await openWorld()
  const clock = { now: 1_700_000_000_000 }
  const limits = [aLimit(world, clock), aLimit(world, clock)]
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, async (_, number) => limits[number % 2]?.take('192.0.2.1')),
  )
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 3)
  await limits[0]?.take('192.0.2.2')
  clock.now += 59_999
  await assert.rejects(limits[0]?.take('192.0.2.1') ?? Promise.resolve(), (error: Error) => {
    const { detail, code } = error as Error & { code: string; detail: object }
    assert.equal(code, tooMany.code)
    assert.deepEqual(detail, { retryAfterSeconds: 1 })
    return true
  })
  clock.now += 2
  await limits[1]?.take('192.0.2.1')
})

test('an IPv6 network counts as one address', async () => {
  await using world = await openWorld()
  const limit = aLimit(world, { now: 1_700_000_000_000 })
  for (const end of ['1', '2', 'ffff']) await limit.take(`2001:db8:1:2::${end}`)
  await assert.rejects(limit.take('2001:db8:1:2:abcd::1'), tooMany)
  await limit.take('2001:db8:1:3::1')
})

test('a window that a wrong clock wrote holds nobody up', async () => {
  await using world = await openWorld()
  const clock = { now: 1_800_000_000_000 }
  const limit = aLimit(world, clock)
  for (let number = 0; number < 3; number += 1) await limit.take('192.0.2.1')
  clock.now = 1_700_000_000_000
  await limit.take('192.0.2.1')
})
