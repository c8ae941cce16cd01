import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { addGrant } from '../../access/grants.ts'
import { backdate } from '../../access/test-support/grants.ts'
import { addUser, openWorld, operator } from '../../access/test-support/world.ts'
import { checkAccess } from './access.ts'

const dayMs = 86_400_000

suite('access', () => {
  test('that is young or in use is fine', async () => {
    await using world = await openWorld()
    await addUser(world, 'boss', { admin: true })
    await addUser(world, 'ann')
    await addGrant(world, operator, { who: 'user:ann', where: 'web/', actions: 'writer' })
    await addGrant(world, operator, { who: 'anonymous', where: 'public/', actions: 'reader' })
    const { status, message } = await checkAccess(world.metadata)
    assert.equal(status, 'ok')
    assert.equal(message, '3 rights, 1 administrator; all in use or young')
  })

  test('that nobody uses is counted, with the review to run', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    const { id } = await addGrant(world, operator, {
      who: 'user:ann',
      where: 'web/',
      actions: 'writer',
    })
    await backdate(world, id, { grantedAt: Date.now() - 100 * dayMs })
    const { status, message, fix } = await checkAccess(world.metadata)
    assert.deepEqual([status, fix], ['warning', 'carrel access review --unused 90d'])
    assert.match(message, /^Of 1 right 1 were not used/)
  })
})
