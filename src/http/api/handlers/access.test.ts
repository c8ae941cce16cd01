import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { anApi, clientOf, refused } from '../test-support/api.ts'

suite('an explanation', () => {
  test('says by which grant somebody may do something', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    await admin.call('repositories.create', { name: 'shop/app' })
    const { id } = await admin.call('grants.create', {
      who: 'user:ann',
      where: 'shop/app',
      actions: 'writer',
    })
    const asked = { who: 'user:ann', repository: 'shop/app', action: 'push' } as const
    const explained = await admin.call('access.explain', asked)
    assert.deepEqual(
      [explained.allowed, explained.by, explained.grantId, explained.exists],
      [true, 'grant', id, true],
    )
    assert.equal(explained.ways[0]?.grant?.id, id)
  })

  test('says what would be needed', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const asked = { who: 'user:ann', repository: 'shop/app', action: 'push' } as const
    const { allowed, needed, fix, exists } = await admin.call('access.explain', asked)
    assert.deepEqual([allowed, exists], [false, false])
    assert.deepEqual(
      needed.map(({ where, role }) => `${where} ${role}`),
      ['shop/app writer', 'shop/ writer'],
    )
    assert.equal(fix, 'carrel grant add user:ann shop/app writer')
  })

  test('about others is for whoever administers the repository', async (t) => {
    const app = await anApi(t)
    const ann = await clientOf(app, 'ann')
    const explain = async (who: string, repository: string) =>
      ann.call('access.explain', { who, repository, action: 'pull' })
    for (const who of ['user:bob', 'user:nobody', 'team:none', 'signed-in', 'anonymous', 'x']) {
      await assert.rejects(explain(who, 'shop/app'), refused('403 denied'), who)
    }
    assert.equal((await explain('user:bob', 'ann/app')).allowed, false)
    assert.equal((await explain('user:ann', 'ann/app')).allowed, true)
  })

  test('about oneself does not tell which repositories of others there are', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    await admin.call('repositories.create', { name: 'secret/there' })
    const ann = await clientOf(app, 'ann')
    const explain = async (name: string) => {
      const asked = { who: 'user:ann', repository: `secret/${name}`, action: 'pull' } as const
      return JSON.stringify(await ann.call('access.explain', asked)).replaceAll(name, '')
    }
    assert.equal(await explain('there'), await explain('other'))
  })
})

suite('the audit log over the API', () => {
  test('is for administrators, newest first or oldest first, by what happened', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    for (const name of ['a', 'b', 'c']) await admin.call('teams.create', { name })
    await admin.call('teams.change', { name: 'b', description: 'x' })
    const subjects = async (input: Parameters<typeof admin.pages<'audit.list'>>[1]) => {
      const found: string[] = []
      for await (const { subject } of admin.pages('audit.list', input)) found.push(subject)
      return found
    }
    for (const limit of [1, 2, 3, 100]) {
      const created = { event: 'team.created', limit }
      assert.deepEqual(await subjects(created), ['team:c', 'team:b', 'team:a'])
      assert.deepEqual(await subjects({ ...created, oldestFirst: true }), [
        'team:a',
        'team:b',
        'team:c',
      ])
    }
    assert.deepEqual(await subjects({ event: 'team.', subject: 'team:b' }), ['team:b', 'team:b'])
    const future = new Date(Date.now() + 60_000).toISOString()
    assert.deepEqual(await subjects({ from: future }), [])
    const [entry] = (await admin.call('audit.list', { limit: 1 })).items
    assert.equal(entry?.actor, 'admin')
    const ann = await clientOf(app, 'ann')
    await assert.rejects(ann.call('audit.list', {}), refused('403 denied'))
  })
})

test('the audit log is found whole, and is not when somebody changed a row', async (t) => {
  const app = await anApi(t)
  const { ensureSetting } = await import('../../../metadata/settings.ts')
  await app.metadata.write(async (tx) => ensureSetting(tx, 'installation-id', 'test'))
  const admin = await clientOf(app, 'admin')
  for (const name of ['a', 'b']) await admin.call('teams.create', { name })
  const whole = await admin.call('audit.verify', {})
  assert.deepEqual([whole.ok, whole.entries, whole.unsealed, whole.problems], [true, 2, 0, []])
  const { query } = await import('../../../metadata/query.ts')
  const forge = query<object>()((db) =>
    db.updateTable('audit').set({ actor: 'ann' }).where('seq', '=', 1),
  )
  await app.metadata.write(async (tx) => tx.run(forge, {}))
  const broken = await admin.call('audit.verify', {})
  assert.deepEqual([broken.ok, broken.problems[0]?.seq], [false, 1])
  const ann = await clientOf(app, 'ann')
  await assert.rejects(ann.call('audit.verify', {}), refused('403 denied'))
})
