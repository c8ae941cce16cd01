import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ApiError } from '../../../contract/client.ts'
import { findPrincipalByName } from '../../../metadata/principals.ts'
import {
  addUser,
  anApi,
  auditEvents,
  clientOf,
  passwords,
  principalOf,
  refused,
} from '../test-support/api.ts'

const goodPassword = 'seven-red-lanterns'

suite('users over the API', () => {
  test('are made, shown, changed and removed by administrators, and the log tells it', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const made = await admin.call('users.create', {
      name: 'cleo',
      password: goodPassword,
      displayName: 'Cleo Example',
    })
    assert.deepEqual(
      { ...made, createdAt: '' },
      {
        name: 'cleo',
        displayName: 'Cleo Example',
        provider: 'local',
        admin: false,
        disabled: false,
        totp: false,
        createdAt: '',
      },
    )
    assert.deepEqual(await admin.call('users.show', { name: 'cleo' }), { ...made, teams: [] })
    const { id } = await principalOf(app, 'cleo')
    const changed = await admin.call('users.change', {
      name: 'cleo',
      admin: true,
      disabled: true,
      displayName: null,
    })
    assert.deepEqual(
      [changed.admin, changed.disabled, changed.displayName],
      [true, true, undefined],
    )
    assert.deepEqual(app.forgotten, [id])
    await admin.call('users.remove', { name: 'cleo' })
    assert.deepEqual(app.forgotten, [id, id])
    await assert.rejects(
      admin.call('users.show', { name: 'cleo' }),
      refused('404 not-found', /cleo/),
    )
    assert.deepEqual(
      (await auditEvents(app)).filter((line) => line.startsWith('user.')),
      [
        'user.created cleo by admin',
        'user.disabled cleo by admin',
        'user.changed cleo by admin',
        'user.removed cleo by admin',
      ],
    )
  })

  test('keep their entity tag when they join a team, and lose it when somebody changes them', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const { tag = '' } = await admin.callWithTag('users.show', { name: 'ann' })
    await admin.call('teams.create', { name: 'web' })
    await admin.call('teams.addMember', { name: 'web', member: 'ann' })
    const shown = await admin.call('users.show', { name: 'ann' })
    assert.deepEqual(shown.teams, ['web'])
    const change = { name: 'ann', displayName: 'Ann' }
    const after = await admin.callWithTag('users.change', change, { ifMatch: tag })
    assert.notEqual(after.tag, tag)
    await assert.rejects(
      admin.call('users.remove', { name: 'ann' }, { ifMatch: tag }),
      refused('412 changed'),
    )
    await admin.call('users.remove', { name: 'ann' }, { ifMatch: after.tag ?? '' })
  })

  test('are listed page by page, each once', async (t) => {
    const app = await anApi(t)
    for (let number = 0; number < 7; number += 1) await addUser(app.metadata, `u${number}`, {})
    const admin = await clientOf(app, 'admin')
    for (const limit of [1, 3, 10, 11]) {
      const names: string[] = []
      for await (const { name } of admin.pages('users.list', { limit })) names.push(name)
      assert.deepEqual(names, ['admin', 'ann', 'bob', 'u0', 'u1', 'u2', 'u3', 'u4', 'u5', 'u6'])
    }
    const { items, next } = await admin.call('users.list', { limit: 10 })
    assert.equal(items.length, 10)
    assert.equal(next, undefined)
  })

  test('are nobody’s business but administrators’', async (t) => {
    const app = await anApi(t)
    const ann = await clientOf(app, 'ann')
    const denied = refused('403 denied')
    await assert.rejects(ann.call('users.list', {}), denied)
    await assert.rejects(ann.call('users.show', { name: 'ann' }), denied)
    await assert.rejects(ann.call('users.change', { name: 'ann', admin: true }), denied)
    await assert.rejects(ann.call('users.remove', { name: 'bob' }), denied)
    await assert.rejects(ann.call('users.create', { name: 'x', password: goodPassword }), denied)
    await assert.rejects(
      ann.call('users.password', { name: 'bob', password: goodPassword }),
      denied,
    )
  })

  test('the last administrator stays one, whatever is tried', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const denied = refused('403 denied', /last administrator/)
    await assert.rejects(admin.call('users.change', { name: 'admin', admin: false }), denied)
    await assert.rejects(admin.call('users.change', { name: 'admin', disabled: true }), denied)
    await assert.rejects(admin.call('users.remove', { name: 'admin' }), denied)
    const { admin: isAdmin, disabled } = await admin.call('users.show', { name: 'admin' })
    assert.deepEqual([isAdmin, disabled], [true, false])
  })

  test('are refused under a name that is taken or is none, and with a weak password', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const create = async (name: string, password = goodPassword) =>
      admin.call('users.create', { name, password })
    await assert.rejects(create('ann'), refused('409 exists', /ann already/))
    await assert.rejects(create('Ann'), refused('422 invalid', /ann would do/))
    await assert.rejects(create('token'), refused('422 invalid', /clients send that name/))
    await assert.rejects(create('cleo', 'short'), refused('422 policy', /5 characters/))
  })
})

suite('a password', () => {
  test('of oneself is changed with the present one only', async (t) => {
    const app = await anApi(t)
    const ann = await clientOf(app, 'ann')
    const change = async (current: string) =>
      ann.call('account.password', { current, password: goodPassword })
    await assert.rejects(change('wrong'), refused('400 invalid-input', /current: /))
    await assert.rejects(
      ann.call('users.password', { name: 'ann', password: goodPassword }),
      refused('400 invalid-input', /current: /),
    )
    const before = await hashOf(app, 'ann')
    assert.equal(await change(passwords.ann), undefined)
    assert.notEqual(await hashOf(app, 'ann'), before)
    const again = { name: 'ann', password: 'eight-blue-anchors', current: goodPassword }
    await ann.call('users.password', again)
    assert.deepEqual(
      (await auditEvents(app)).filter((line) => line.includes('password')),
      ['user.password-set ann by ann', 'user.password-set ann by ann'],
    )
  })

  test('of somebody else is set by administrators, and ends the sessions', async (t) => {
    const app = await anApi(t)
    const { insertSession, listSessions } = await import('../../../metadata/sessions.ts')
    const { id } = await principalOf(app, 'bob')
    await app.metadata.write(async (tx) =>
      insertSession(tx, {
        kind: 'web',
        hash: 'x',
        principalId: id,
        expiresAt: Date.now() + 60_000,
        address: undefined,
        userAgent: undefined,
        detail: {},
      }),
    )
    const admin = await clientOf(app, 'admin')
    await admin.call('users.password', { name: 'bob', password: goodPassword })
    assert.match((await hashOf(app, 'bob')) ?? '', /^\$argon2id\$/)
    assert.deepEqual(await listSessions(app.metadata, id, { after: 0, limit: 10 }), [])
    assert.deepEqual(app.forgotten, [id])
  })

  test('is nowhere in what is answered or logged', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const said: unknown[] = [
      await admin.call('users.create', { name: 'cleo', password: goodPassword }),
      await admin.call('audit.list', {}),
      await admin.call('users.create', { name: 'cleo', password: goodPassword }).catch(problemOf),
    ]
    assert.equal(said.length, 3)
    assert.ok(!JSON.stringify(said).includes(goodPassword))
    assert.ok(!JSON.stringify(said).includes('argon2'))
  })
})

test('whoever runs commands on the machine itself may do all of it, and is called operator', async (t) => {
  const app = await anApi(t)
  const operator = await clientOf(app, 'operator')
  await operator.call('users.change', { name: 'bob', admin: true })
  assert.ok((await auditEvents(app)).includes('user.changed bob by operator'))
  const { kind, admin, grants } = await operator.call('account.show', {})
  assert.deepEqual([kind, admin, grants], ['operator', true, []])
})

test('an account shows who one is, one’s teams and one’s grants', async (t) => {
  const app = await anApi(t)
  const admin = await clientOf(app, 'admin')
  await admin.call('teams.create', { name: 'web' })
  await admin.call('teams.addMember', { name: 'web', member: 'ann' })
  await admin.call('grants.create', { who: 'team:web', where: 'shop/', actions: 'writer' })
  await admin.call('grants.create', { who: 'user:bob', where: 'other/', actions: 'writer' })
  const account = await (await clientOf(app, 'ann')).call('account.show', {})
  assert.deepEqual(
    [account.name, account.kind, account.provider, account.admin, account.teams, account.totp],
    ['ann', 'user', 'local', false, ['web'], false],
  )
  assert.deepEqual(
    account.grants.map(({ who, where, role }) => `${who} ${where} ${role}`).toSorted(),
    ['team:web shop/ writer', 'user:ann ann/ owner'],
  )
})

async function hashOf({ metadata }: Awaited<ReturnType<typeof anApi>>, name: string) {
  return (await findPrincipalByName(metadata, name))?.passwordHash
}

function problemOf(error: unknown): unknown {
  assert.ok(error instanceof ApiError)
  return error.problem
}
