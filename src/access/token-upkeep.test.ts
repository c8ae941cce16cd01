import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRobot } from './robots.ts'
import { addUser, auditOf, openWorld, operator } from './test-support/world.ts'
import { expiringTokens, removeEndedLogins } from './token-upkeep.ts'
import { createToken, listTokens, revokeToken, rotateToken } from './tokens.ts'

const dayMs = 24 * 60 * 60_000
const start = Date.UTC(2026, 10, 1)

test('owners are told once, 7 days before a token ends, and again after it was renewed', async (t) => {
  await using world = await openWorld()
  t.mock.timers.enable({ apis: ['Date'], now: start })
  const ann = await addUser(world, 'ann')
  const at = (days: number) => start + days * dayMs
  const { id } = await createToken(world, ann, { name: 'laptop', expiresAt: at(30) })
  const gone = await createToken(world, ann, { expiresAt: at(30) })
  await revokeToken(world, ann, { id: gone.id })
  await createToken(world, ann, { kind: 'login' })
  await createToken(world, ann, { name: 'short', expiresAt: at(3) })
  const robot = await createRobot(world, operator, { name: 'ci', expiresAt: at(30) })
  const told = async () => (await expiringTokens(world)).told.map((token) => token.id)
  assert.deepEqual(await told(), [])
  t.mock.timers.setTime(at(23) - 1)
  assert.deepEqual(await told(), [])
  t.mock.timers.setTime(at(23))
  const both = await Promise.all([told(), told()])
  assert.deepEqual(both.flat().toSorted(), [id, robot.token?.id])
  assert.deepEqual(await told(), [])
  const entries = await auditOf(world, 'token.expiring')
  assert.deepEqual(
    entries.map(({ subject }) => subject),
    ['user:ann', 'robot:ci'],
  )
  await rotateToken(world, ann, { id })
  assert.deepEqual(await told(), [])
  t.mock.timers.setTime(at(23 + 23))
  assert.deepEqual(await told(), [id])
})

test('what is left of logins is removed a day after they ended, and nothing else', async (t) => {
  await using world = await openWorld()
  t.mock.timers.enable({ apis: ['Date'], now: start })
  const ann = await addUser(world, 'ann')
  await createToken(world, ann, { kind: 'login' })
  await createToken(world, ann, { expiresAt: start + dayMs })
  t.mock.timers.setTime(start + dayMs)
  assert.equal(await removeEndedLogins(world), 0)
  t.mock.timers.setTime(start + 2 * dayMs)
  assert.equal(await removeEndedLogins(world), 1)
  const left = await listTokens(world, { after: 0, limit: 9 })
  assert.deepEqual(
    left.map(({ kind, state }) => [kind, state]),
    [['personal', 'expired']],
  )
})
