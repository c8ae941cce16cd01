import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEmergencyThrottle } from './emergency-throttle.ts'

test('without the database five attempts of an account are let through in fifteen minutes', async () => {
  const clock = { ms: 0 }
  const throttle = createEmergencyThrottle({ now: () => clock.ms })
  const attempt = (account: string, address: string) =>
    throttle.reserve({ account, address, knownClient: true })
  const allowed = async (account: string, address: string) =>
    (await attempt(account, address)).allowed
  for (let count = 0; count < 5; count += 1)
    assert.equal(await allowed('ann', `10.0.0.${count}`), true)
  assert.equal(await allowed('ann', '10.0.0.9'), false)
  assert.equal(await allowed('ANN', '10.0.0.9'), false)
  assert.equal(await allowed('bob', '10.0.0.9'), true)
  const refused = await attempt('ann', '10.0.0.9')
  assert.ok(!refused.allowed && refused.retryAfterSeconds === 900)
  clock.ms += 15 * 60_000
  assert.equal(await allowed('ann', '10.0.0.9'), true)
})

test('without the database one address is let through fifty times, whatever accounts it names', async () => {
  const throttle = createEmergencyThrottle({ now: () => 0 })
  let count = 0
  for (let index = 0; index < 60; index += 1) {
    const attempt = { account: `user-${index}`, address: '10.0.0.1', knownClient: false }
    if ((await throttle.reserve(attempt)).allowed) count += 1
  }
  assert.equal(count, 50)
})
