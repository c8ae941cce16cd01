import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { actions, sortActions, type GrantedAction } from '../auth/action.ts'
import { findGrant } from '../auth/held-grant.ts'
import { noteGrantUses } from '../metadata/grant-uses.ts'
import { findGrantById, listGrants } from '../metadata/grant-rows.ts'
import { isBroaderThanUsed, shrunkActions } from './shrink-actions.ts'
import { shrinkGrant } from './shrink.ts'
import {
  addUser,
  auditOf,
  give,
  identityOf,
  openWorld,
  operator,
  refusal,
} from './test-support/world.ts'

const some = fc.subarray([...actions])

test('shrinking never widens, keeps all that was used, and does nothing the second time', () => {
  fc.assert(
    fc.property(some, some, (granted, used) => {
      const left = shrunkActions(granted, used)
      assert.ok(left.every((action) => granted.includes(action)))
      const mine = used.filter((action) => granted.includes(action))
      assert.ok(mine.every((action) => left.includes(action)))
      assert.deepEqual(shrunkActions(left, used), left)
      assert.deepEqual(left, sortActions(left))
      assert.equal(isBroaderThanUsed(left, used), false)
      assert.equal(left.length === 0, mine.length === 0)
    }),
  )
})

const cases: readonly (readonly [granted: string, used: string, left: string])[] = [
  ['pull,push,overwrite,delete,decide,admin', 'pull', 'pull'],
  ['pull,push,overwrite', 'push', 'pull,push'],
  ['pull,push,overwrite', 'overwrite', 'pull,push,overwrite'],
  ['push,overwrite', 'push', 'push'],
  ['pull,push,delete', 'delete', 'pull,delete'],
  ['pull,decide', 'decide', 'pull,decide'],
  ['pull,push,admin', 'admin', 'admin'],
  ['pull,push,admin', 'pull,push', 'pull,push'],
  ['pull', 'push', ''],
]

for (const [granted, used, left] of cases) {
  test(`${granted}, used for ${used}, becomes ${left || 'nothing'}`, () => {
    const read = (text: string) => text.split(',') as GrantedAction[]
    assert.equal(shrunkActions(read(granted), read(used)).join(','), left)
  })
}

async function aGrant(used: readonly GrantedAction[]) {
  const world = await openWorld()
  const { id } = await addUser(world, 'ann')
  await give(world, id, 'web/:pull,push,overwrite,delete,decide,admin')
  const [grant] = await listGrants(world.metadata, {}, { after: 0, limit: 1 })
  assert.ok(grant)
  if (used.length > 0) {
    const use = { grantId: grant.id, at: 5000, actions: used }
    await world.metadata.write((tx) => noteGrantUses(tx, [use]))
  }
  return { world, grantId: grant.id }
}

test('a shrunk grant still allows what it was used for and nothing else, and the audit log tells what went', async () => {
  const { world, grantId } = await aGrant(['push'])
  await using _ = world
  const { grant, dropped } = await shrinkGrant(world, operator, grantId)
  assert.deepEqual(grant.actions, ['pull', 'push'])
  assert.deepEqual(dropped, ['overwrite', 'delete', 'decide', 'admin'])
  const { grants } = await identityOf(world, 'ann')
  const allowed = actions.filter(
    (action) => findGrant(grants, action, { name: 'web/app', id: 1 }, Date.now()) !== undefined,
  )
  assert.deepEqual(allowed, ['pull', 'push'])
  const [entry] = await auditOf(world, 'grant.shrunk')
  assert.equal(entry?.subject, 'user:ann')
  assert.deepEqual(entry?.detail, {
    grant: grantId,
    where: 'web/',
    actions: 'pull,push',
    dropped: 'overwrite,delete,decide,admin',
  })
  const again = await shrinkGrant(world, operator, grantId)
  assert.deepEqual(again.dropped, [])
  assert.equal((await auditOf(world, 'grant.shrunk')).length, 1)
})

test('a grant that was never used is not shrunk but to be removed', async () => {
  const { world, grantId } = await aGrant([])
  await using _ = world
  const run = shrinkGrant(world, operator, grantId)
  await assert.rejects(run, refusal('invalid', /nothing would be left/, /remove it instead/))
  await assert.rejects(shrinkGrant(world, operator, 999), refusal('not-found', /no grant 999/))
  await assert.rejects(shrinkGrant(world, operator, NaN), refusal('not-found', /no grant NaN/))
})

test('what the caller expects is looked at before anything changes', async () => {
  const { world, grantId } = await aGrant(['pull'])
  await using _ = world
  const expect = (): void => {
    throw new Error('changed')
  }
  await assert.rejects(shrinkGrant(world, operator, grantId, { expect }), /changed/)
  const row = await findGrantById(world.metadata, grantId)
  assert.equal(row?.actions, 'pull,push,overwrite,delete,decide,admin')
})
