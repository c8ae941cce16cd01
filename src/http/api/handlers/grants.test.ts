import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { ApiClient } from '../../../contract/client.ts'
import type { InputOf } from '../../../contract/operations.ts'
import { anApi, auditEvents, clientOf, principalOf, refused } from '../test-support/api.ts'

suite('grants over the API', () => {
  test('are given, shown, changed and taken away', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const { id: bob } = await principalOf(app, 'bob')
    const expiresAt = new Date(Date.now() + 86_400_000).toISOString()
    const made = await admin.call('grants.create', {
      who: 'user:bob',
      where: 'shop/app',
      actions: 'pull,push',
      reason: 'on call',
      expiresAt,
    })
    assert.deepEqual(
      [made.who, made.where, made.actions, made.role, made.grantedBy, made.reason, made.waiting],
      ['user:bob', 'shop/app', ['pull', 'push'], undefined, 'admin', 'on call', true],
    )
    assert.equal(made.expiresAt, expiresAt)
    assert.deepEqual(app.forgotten, [bob])
    const { id } = made
    assert.deepEqual(await admin.call('grants.show', { id }), made)
    const changed = await admin.call('grants.change', { id, actions: 'reader', expiresAt: null })
    assert.deepEqual([changed.role, changed.expiresAt], ['reader', undefined])
    await admin.call('grants.remove', { id })
    await assert.rejects(admin.call('grants.show', { id }), refused('404 not-found'))
    assert.deepEqual(app.forgotten, [bob, bob, bob])
    assert.deepEqual(
      (await auditEvents(app)).filter((line) => line.startsWith('grant.')),
      [
        'grant.added user:bob by admin',
        'grant.changed user:bob by admin',
        'grant.removed user:bob by admin',
      ],
    )
  })

  test('cannot hand on what the giver does not have', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    await admin.call('grants.create', {
      who: 'user:bob',
      where: 'shop/',
      actions: 'pull,push,admin',
    })
    const bob = await clientOf(app, 'bob')
    const give = async (where: string, actions: string) =>
      bob.call('grants.create', { who: 'user:ann', where, actions })
    const denied = refused('403 denied')
    await assert.rejects(give('shop/', 'owner'), denied)
    await assert.rejects(give('shop/app', 'delete'), denied)
    await assert.rejects(give('*', 'pull'), denied)
    await assert.rejects(give('/', 'pull'), denied)
    await assert.rejects(give('other/app', 'pull'), denied)
    await assert.rejects(give('**', 'pull'), denied)
    assert.equal((await give('shop/app', 'pull,push')).grantedBy, 'bob')
  })

  test('are changed by whoever could give what they were and what they become', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const create = async (who: string, actions: string) =>
      admin.call('grants.create', { who, where: 'shop/', actions })
    await create('user:bob', 'pull,push,admin')
    await admin.call('teams.create', { name: 'ops' })
    const { id: strong } = await create('team:ops', 'owner')
    const { id: weak } = await create('user:ann', 'pull')
    const bob = await clientOf(app, 'bob')
    const denied = refused('403 denied')
    // Taking away what one could not give back is not one's to do either.
    await assert.rejects(bob.call('grants.change', { id: strong, actions: 'pull' }), denied)
    await assert.rejects(bob.call('grants.remove', { id: strong }), denied)
    await assert.rejects(bob.call('grants.change', { id: weak, actions: 'owner' }), denied)
    assert.deepEqual(
      (await bob.call('grants.change', { id: weak, actions: 'pull,push' })).actions,
      ['pull', 'push'],
    )
    await bob.call('grants.remove', { id: weak })
  })

  test('of others are not there for whoever has no business with them', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const { id } = await admin.call('grants.create', {
      who: 'user:bob',
      where: 'shop/',
      actions: 'owner',
    })
    const ann = await clientOf(app, 'ann')
    const none = Number.MAX_SAFE_INTEGER
    for (const call of [
      async (which: number) => ann.call('grants.show', { id: which }),
      async (which: number) => ann.call('grants.change', { id: which, actions: 'reader' }),
      async (which: number) => ann.call('grants.remove', { id: which }),
    ]) {
      const [hidden, absent] = await Promise.all([messageOf(call(id)), messageOf(call(none))])
      assert.equal(hidden, absent)
      assert.match(hidden, /^404 /)
    }
    const bob = await clientOf(app, 'bob')
    assert.equal((await bob.call('grants.show', { id })).where, 'shop/')
    assert.deepEqual(await listed(ann, {}), ['user:ann ann/'])
    assert.deepEqual(await listed(bob, {}), ['user:bob bob/', 'user:bob shop/'])
    assert.deepEqual(await listed(admin, {}), [
      'user:admin admin/',
      'user:ann ann/',
      'user:bob bob/',
      'user:bob shop/',
    ])
  })

  test('that one holds without administering the place are seen, and not changed', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const { id } = await admin.call('grants.create', {
      who: 'user:ann',
      where: 'shop/',
      actions: 'writer',
    })
    const ann = await clientOf(app, 'ann')
    assert.equal((await ann.call('grants.show', { id })).id, id)
    await assert.rejects(ann.call('grants.remove', { id }), refused('403 denied'))
    await assert.rejects(ann.call('grants.change', { id, expiresAt: null }), refused('403 denied'))
  })

  test('are found by what is worth a look', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    await admin.call('users.change', { name: 'bob', disabled: true })
    assert.deepEqual(await listed(admin, { disabledHolder: true }), ['user:bob bob/'])
    assert.deepEqual(await listed(admin, { who: 'user:ann' }), ['user:ann ann/'])
    assert.deepEqual(await listed(admin, { where: 'ann/' }), ['user:ann ann/'])
    assert.equal((await listed(admin, { neverUsed: true })).length, 3)
    assert.equal((await listed(admin, { noExpiry: true })).length, 3)
    assert.deepEqual(await listed(admin, { unusedDays: 1 }), [])
    assert.deepEqual(await listed(admin, { broaderThanUsed: true }), [])
    await assert.rejects(listed(admin, { who: 'nobody' }), refused('422 invalid'))
    await assert.rejects(listed(admin, { who: 'user:nobody' }), refused('404 not-found'))
  })

  test('come in pages that hold what the caller may see', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    for (let number = 0; number < 5; number += 1) {
      await admin.call('grants.create', {
        who: 'user:bob',
        where: `x${number}/`,
        actions: 'reader',
      })
      await admin.call('grants.create', {
        who: 'user:ann',
        where: `x${number}/`,
        actions: 'reader',
      })
    }
    const ann = await clientOf(app, 'ann')
    const wanted = ['ann/', 'x0/', 'x1/', 'x2/', 'x3/', 'x4/'].map((where) => `user:ann ${where}`)
    for (const limit of [1, 2, 5, 6, 500]) assert.deepEqual(await listed(ann, { limit }), wanted)
  })

  test('with words that mean nothing are refused', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const give = async (who: string, where: string, actions: string) =>
      admin.call('grants.create', { who, where, actions })
    await assert.rejects(give('ann', 'x/', 'reader'), refused('422 invalid', /who/))
    await assert.rejects(give('user:ann', 'X', 'reader'), refused('422 invalid'))
    await assert.rejects(give('user:ann', 'x/', 'king'), refused('422 invalid', /neither a role/))
    await assert.rejects(give('anonymous', 'x/', 'writer'), refused('422 invalid'))
    await assert.rejects(
      admin.call('grants.create', {
        who: 'user:ann',
        where: 'x/',
        actions: 'reader',
        expiresAt: '2001-01-01T00:00:00Z',
      }),
      refused('422 invalid', /past/),
    )
    const { id } = await give('user:ann', 'x/', 'reader')
    await assert.rejects(
      admin.call('grants.change', { id, actions: 'writer', shrinkToUsed: true }),
      refused('400 invalid-input', /shrinkToUsed/),
    )
    await assert.rejects(
      admin.call('grants.change', { id, shrinkToUsed: true }),
      refused('422 invalid', /nobody ever used/),
    )
  })

  test('are changed only while they are what was seen', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const { id } = await admin.call('grants.create', {
      who: 'user:ann',
      where: 'x/',
      actions: 'reader',
    })
    const { tag = '' } = await admin.callWithTag('grants.show', { id })
    await admin.call('grants.change', { id, reason: 'other' }, { ifMatch: tag })
    const late = { ifMatch: tag }
    await assert.rejects(
      admin.call('grants.change', { id, reason: 'x' }, late),
      refused('412 changed'),
    )
    await assert.rejects(admin.call('grants.remove', { id }, late), refused('412 changed'))
  })
})

async function listed(
  client: ApiClient,
  filters: InputOf<'grants.list'>,
): Promise<readonly string[]> {
  const lines: string[] = []
  for await (const { who, where } of client.pages('grants.list', filters)) {
    lines.push(`${who} ${where}`)
  }
  return lines.toSorted()
}

async function messageOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'done',
    (error: Error & { status?: number }) => `${error.status} ${error.message}`,
  )
}
