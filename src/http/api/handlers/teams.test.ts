import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { anApi, clientOf, principalOf, refused } from '../test-support/api.ts'

suite('teams over the API', () => {
  test('are made by administrators and looked after by maintainers', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const made = await admin.call('teams.create', { name: 'web', description: 'the shop' })
    assert.deepEqual([made.name, made.members, made.groups], ['web', 0, []])
    await admin.call('teams.addMember', { name: 'web', member: 'ann', maintainer: true })
    const ann = await clientOf(app, 'ann')
    const added = await ann.call('teams.addMember', { name: 'web', member: 'bob' })
    assert.deepEqual(
      [added.name, added.kind, added.maintainer, added.sources],
      ['bob', 'user', false, ['local']],
    )
    const changed = await ann.call('teams.change', { name: 'web', description: 'all of it' })
    assert.deepEqual([changed.description, changed.members], ['all of it', 2])
    const names: string[] = []
    for await (const { name } of ann.pages('teams.members', { name: 'web', limit: 1 })) {
      names.push(name)
    }
    assert.deepEqual(names, ['ann', 'bob'])
    await assert.rejects(ann.call('teams.create', { name: 'x' }), refused('403 denied'))
    await assert.rejects(ann.call('teams.remove', { name: 'web' }), refused('403 denied'))
  })

  test('are seen by their members, and not there for others', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    for (const name of ['web', 'ops']) await admin.call('teams.create', { name })
    await admin.call('teams.addMember', { name: 'web', member: 'bob' })
    const bob = await clientOf(app, 'bob')
    assert.equal((await bob.call('teams.show', { name: 'web' })).name, 'web')
    assert.deepEqual(
      (await bob.call('teams.list', {})).items.map(({ name }) => name),
      ['web'],
    )
    assert.deepEqual(
      (await admin.call('teams.list', {})).items.map(({ name }) => name),
      ['ops', 'web'],
    )
    const notMine = refused('403 denied')
    await assert.rejects(bob.call('teams.change', { name: 'web', description: 'x' }), notMine)
    await assert.rejects(bob.call('teams.addMember', { name: 'web', member: 'ann' }), notMine)
    await assert.rejects(bob.call('teams.removeMember', { name: 'web', member: 'bob' }), notMine)
    for (const name of ['ops', 'no-such-team']) {
      const hidden = refused('404 not-found', /may see/)
      await assert.rejects(bob.call('teams.show', { name }), hidden)
      await assert.rejects(bob.call('teams.members', { name }), hidden)
      await assert.rejects(bob.call('teams.addMember', { name, member: 'bob' }), hidden)
    }
  })

  test('give and take their rights at once', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const { id } = await principalOf(app, 'bob')
    await admin.call('teams.create', { name: 'web' })
    await admin.call('teams.addMember', { name: 'web', member: 'bob' })
    await admin.call('grants.create', { who: 'team:web', where: 'shop/', actions: 'reader' })
    assert.deepEqual(app.forgotten, [id, id])
    await admin.call('teams.removeMember', { name: 'web', member: 'bob' })
    assert.deepEqual(app.forgotten, [id, id, id])
    await admin.call('teams.addMember', { name: 'web', member: 'bob' })
    await admin.call('teams.remove', { name: 'web' })
    assert.deepEqual(app.forgotten, [id, id, id, id, id])
    await assert.rejects(admin.call('teams.show', { name: 'web' }), refused('404 not-found', /web/))
  })

  test('are changed only while they are what was seen', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    await admin.call('teams.create', { name: 'web' })
    const { tag = '' } = await admin.callWithTag('teams.show', { name: 'web' })
    // Somebody who joins makes no difference to what the team is.
    await admin.call('teams.addMember', { name: 'web', member: 'bob' })
    await admin.call('teams.change', { name: 'web', description: 'a' }, { ifMatch: tag })
    const late = admin.call('teams.change', { name: 'web', description: 'b' }, { ifMatch: tag })
    await assert.rejects(late, refused('412 changed'))
  })
})

suite('namespaces over the API', () => {
  test('are made by administrators, and changed by whoever owns them', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const made = await admin.call('namespaces.create', { name: 'shop', owner: 'user:bob' })
    assert.deepEqual(
      [made.name, made.defaultVisibility, made.owners, made.repositories],
      ['shop', 'private', ['user:bob'], 0],
    )
    const bob = await clientOf(app, 'bob')
    const { tag = '' } = await bob.callWithTag('namespaces.show', { name: 'shop' })
    const change = { name: 'shop', defaultVisibility: 'internal' } as const
    assert.equal(
      (await bob.call('namespaces.change', change, { ifMatch: tag })).defaultVisibility,
      'internal',
    )
    await assert.rejects(
      bob.call('namespaces.change', change, { ifMatch: tag }),
      refused('412 changed'),
    )
    const ann = await clientOf(app, 'ann')
    await assert.rejects(ann.call('namespaces.change', change), refused('403 denied'))
    await assert.rejects(ann.call('namespaces.create', { name: 'x' }), refused('403 denied'))
    await assert.rejects(bob.call('namespaces.remove', { name: 'shop' }), refused('403 denied'))
    await admin.call('namespaces.remove', { name: 'shop' })
  })

  test('are listed for whoever was given something in them', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    for (const name of ['shop', 'other']) await admin.call('namespaces.create', { name })
    await admin.call('grants.create', { who: 'user:ann', where: 'shop/app', actions: 'reader' })
    const names = async (who: string) =>
      (await (await clientOf(app, who)).call('namespaces.list', {})).items.map(({ name }) => name)
    assert.deepEqual(await names('ann'), ['ann', 'shop'])
    assert.deepEqual(await names('bob'), ['bob'])
    const show = async (who: string, name: string) =>
      (await clientOf(app, who)).call('namespaces.show', { name })
    assert.equal((await show('ann', 'shop')).name, 'shop')
    for (const name of ['shop', 'none']) {
      await assert.rejects(show('bob', name), refused('404 not-found', /may see/))
    }
    await assert.rejects(show('admin', 'none'), refused('404 not-found', /no namespace none/))
    assert.deepEqual(await names('admin'), ['admin', 'ann', 'bob', 'other', 'shop'])
  })
})
