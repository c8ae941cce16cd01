import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { findPrincipalByName, insertPrincipal } from '../metadata/principals.ts'
import { findSetting } from '../metadata/settings.ts'
import { completeSetup, ensureFirstAdministrator, replaceSetupLink } from './first-administrator.ts'
import { actor, goodPassword, openTestInstallation, refusal } from './test-support.ts'
import {
  createUser,
  listSomeUsers,
  removeUser,
  resetAdministrator,
  setPassword,
  type UsersDeps,
} from './users.ts'

suite('users', () => {
  test('are made with a password that verifies and is nowhere in clear', async () => {
    await using deps = await openTestInstallation()
    const user = await createUser(deps, actor, {
      name: 'ann',
      password: goodPassword,
      admin: false,
    })
    assert.deepEqual(
      { ...user, id: 0, createdAt: 0 },
      {
        id: 0,
        name: 'ann',
        displayName: undefined,
        admin: false,
        disabled: false,
        provider: 'local',
        createdAt: 0,
        lastSeenAt: undefined,
        secondFactor: false,
      },
    )
    assert.ok(Math.abs(Date.now() - user.createdAt) < 60_000)
    const hash = (await findPrincipalByName(deps.metadata, 'ann'))?.passwordHash ?? ''
    assert.match(hash, /^\$argon2id\$/)
    assert.equal(await deps.passwords.verify(goodPassword, hash), true)
    assert.equal('passwordHash' in user, false)
  })

  test('are listed in ASCII order, page by page', async () => {
    await using deps = await openTestInstallation()
    await deps.metadata.write(async (tx) => {
      for (let number = 0; number < 25; number++) {
        const name = `u${number}`
        await insertPrincipal(tx, {
          name,
          provider: 'htpasswd',
          admin: false,
          passwordHash: undefined,
        })
      }
    })
    const all = await namesOf(deps)
    assert.equal(all.length, 25)
    assert.deepEqual(
      all,
      all.toSorted((a, b) => (a < b ? -1 : 1)),
    )
    const paged: string[] = []
    for (let page = 0; page < 4; page += 1) {
      const after = paged.at(-1) ?? ''
      const users = await listSomeUsers(deps.metadata, { after, limit: 10 })
      paged.push(...users.map(({ name }) => name))
    }
    assert.deepEqual(paged, all)
  })

  test('have names that can be namespaces', async () => {
    await using deps = await openTestInstallation()
    const long = 'a'.repeat(64)
    for (const name of ['a', 'ann', 'ann.b', 'ann__b', 'a--b', '0', long]) {
      assert.equal(
        (await createUser(deps, actor, { name, password: goodPassword, admin: false })).name,
        name,
      )
    }
    for (const name of [
      '',
      'Ann',
      'ann/b',
      '.ann',
      'ann.',
      'ann b',
      '../x',
      'ä',
      'ann\n',
      `${long}a`,
    ]) {
      const made = createUser(deps, actor, { name, password: goodPassword, admin: false })
      await assert.rejects(
        made,
        refusal('invalid', /cannot be the name of a user/),
        JSON.stringify(name),
      )
    }
    for (const [name, why] of [
      ['token', /clients send that name/],
      ['oidc', /clients send that name/],
      ['AWS', /clients send that name/],
      ['signed-in', /in grants that word means everybody with an account/],
      ['anonymous', /in grants that word means everybody/],
    ] as const) {
      const made = createUser(deps, actor, { name, password: goodPassword, admin: false })
      await assert.rejects(made, refusal('invalid', /cannot be the name of a user/, why), name)
    }
    const upper = createUser(deps, actor, { name: 'Ann', password: goodPassword, admin: false })
    await assert.rejects(upper, refusal('invalid', /"Ann"/, /ann would do/))
  })

  test('are not made twice, whatever provider the first one has', async () => {
    await using deps = await openTestInstallation()
    await createUser(deps, actor, { name: 'ann', password: goodPassword, admin: false })
    await deps.metadata.write(async (tx) =>
      insertPrincipal(tx, {
        name: 'bob',
        provider: 'htpasswd',
        admin: false,
        passwordHash: undefined,
      }),
    )
    for (const name of ['ann', 'bob']) {
      const again = createUser(deps, actor, { name, password: goodPassword, admin: true })
      await assert.rejects(again, refusal('exists', new RegExp(`a user ${name} already`)))
    }
    assert.equal((await findPrincipalByName(deps.metadata, 'ann'))?.admin, false)
  })

  test('of two that are made at once under one name, one is made', async () => {
    await using deps = await openTestInstallation()
    const make = async () =>
      createUser(deps, actor, { name: 'ann', password: goodPassword, admin: false })
    const outcomes = await Promise.allSettled([make(), make()])
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  })

  test('get no weak password, at first and later', async () => {
    await using deps = await openTestInstallation()
    const weak = createUser(deps, actor, { name: 'ann', password: 'password1234', admin: false })
    await assert.rejects(weak, refusal('policy', /not accepted/, /most common/))
    assert.deepEqual(await namesOf(deps), [])
    await createUser(deps, actor, { name: 'ann', password: goodPassword, admin: false })
    await assert.rejects(
      setPassword(deps, actor, { name: 'ann', password: 'short' }),
      refusal('policy', /not accepted/, /5 characters/),
    )
  })

  test('get another password by name; the old one no longer verifies', async () => {
    await using deps = await openTestInstallation()
    await createUser(deps, actor, { name: 'ann', password: goodPassword, admin: false })
    await setPassword(deps, actor, { name: 'ann', password: 'eight-blue-anchors' })
    const hash = (await findPrincipalByName(deps.metadata, 'ann'))?.passwordHash ?? ''
    assert.equal(await deps.passwords.verify('eight-blue-anchors', hash), true)
    assert.equal(await deps.passwords.verify(goodPassword, hash), false)
    await assert.rejects(
      setPassword(deps, actor, { name: 'bob', password: goodPassword }),
      refusal('not-found', /no user bob/),
    )
  })

  test('of an htpasswd file get no password here', async () => {
    await using deps = await openTestInstallation()
    await deps.metadata.write(async (tx) =>
      insertPrincipal(tx, {
        name: 'bob',
        provider: 'htpasswd',
        admin: false,
        passwordHash: undefined,
      }),
    )
    await assert.rejects(
      setPassword(deps, actor, { name: 'bob', password: goodPassword }),
      refusal('invalid', /bob/, /htpasswd/),
    )
    assert.equal((await findPrincipalByName(deps.metadata, 'bob'))?.passwordHash, undefined)
  })

  test('are removed by name, but never the last administrator who can sign in', async () => {
    await using deps = await openTestInstallation()
    const { metadata } = deps
    await createUser(deps, actor, { name: 'ann', password: goodPassword, admin: false })
    await createUser(deps, actor, { name: 'boss', password: goodPassword, admin: true })
    await removeUser(deps, actor, { name: 'ann' })
    await assert.rejects(
      removeUser(deps, actor, { name: 'ann' }),
      refusal('not-found', /no user ann/),
    )
    await assert.rejects(
      removeUser(deps, actor, { name: 'boss' }),
      refusal('denied', /last administrator/),
    )
    // One without a password cannot take over.
    await metadata.write(async (tx) =>
      insertPrincipal(tx, {
        name: 'idle',
        provider: 'local',
        admin: true,
        passwordHash: undefined,
      }),
    )
    await assert.rejects(
      removeUser(deps, actor, { name: 'boss' }),
      refusal('denied', /last administrator/),
    )
    await createUser(deps, actor, { name: 'chief', password: goodPassword, admin: true })
    await removeUser(deps, actor, { name: 'boss' })
    const outcomes = await Promise.allSettled([
      removeUser(deps, actor, { name: 'chief' }),
      removeUser(deps, actor, { name: 'idle' }),
    ])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'fulfilled'],
    )
    assert.deepEqual(await namesOf(deps), ['chief'])
  })

  test('made again under an old name are other ones', async () => {
    await using deps = await openTestInstallation()
    await createUser(deps, actor, { name: 'ann', password: goodPassword, admin: false })
    const first = await findPrincipalByName(deps.metadata, 'ann')
    await removeUser(deps, actor, { name: 'ann' })
    await createUser(deps, actor, { name: 'ann', password: goodPassword, admin: false })
    const second = await findPrincipalByName(deps.metadata, 'ann')
    assert.notEqual(second?.id, first?.id)
  })
})

suite('the user admin', () => {
  test('is not made by hand without the rights of an administrator', async () => {
    await using deps = await openTestInstallation()
    const made = createUser(deps, actor, { name: 'admin', password: goodPassword, admin: false })
    await assert.rejects(made, refusal('invalid', /first administrator/))
    const admin = await createUser(deps, actor, {
      name: 'admin',
      password: goodPassword,
      admin: true,
    })
    assert.equal(admin.admin, true)
    const start = { passwordFile: undefined, mayGenerate: true }
    assert.deepEqual(await ensureFirstAdministrator(deps, start), {})
  })

  test('is there, enabled and an administrator after a reset, whatever was before', async () => {
    await using deps = await openTestInstallation()
    const { metadata } = deps
    assert.equal((await resetAdministrator(deps, actor, goodPassword)).admin, true)
    await createUser(deps, actor, { name: 'boss', password: goodPassword, admin: true })
    await removeUser(deps, actor, { name: 'admin' })
    await metadata.write(async (tx) =>
      insertPrincipal(tx, {
        name: 'admin',
        provider: 'htpasswd',
        admin: false,
        passwordHash: undefined,
      }),
    )
    const admin = await resetAdministrator(deps, actor, 'eight-blue-anchors')
    const { name, admin: isAdmin, disabled, provider } = admin
    assert.deepEqual(
      { name, isAdmin, disabled, provider },
      { name: 'admin', isAdmin: true, disabled: false, provider: 'local' },
    )
    const hash = (await findPrincipalByName(metadata, 'admin'))?.passwordHash ?? ''
    assert.equal(await deps.passwords.verify('eight-blue-anchors', hash), true)
  })

  test('whose password is set by a command has no setup link any more, and counts as set up', async () => {
    for (const set of [
      async (deps: Parameters<typeof setPassword>[0]) =>
        setPassword(deps, actor, { name: 'admin', password: goodPassword }),
      async (deps: Parameters<typeof setPassword>[0]) =>
        resetAdministrator(deps, actor, goodPassword),
    ]) {
      await using deps = await openTestInstallation()
      const { key } = await replaceSetupLink(deps.metadata)
      await set(deps)
      assert.equal(await completeSetup(deps, { key, password: 'eight-blue-anchors' }), false)
      assert.equal(await findSetting(deps.metadata, 'first-administrator-set-up'), 'by command')
    }
  })

  test('gets no weak password by a reset either', async () => {
    await using deps = await openTestInstallation()
    await assert.rejects(
      resetAdministrator(deps, actor, 'administrator'),
      refusal('policy', /not accepted/),
    )
    assert.deepEqual(await namesOf(deps), [])
  })
})

async function namesOf({ metadata }: Pick<UsersDeps, 'metadata'>): Promise<readonly string[]> {
  return (await listSomeUsers(metadata, { after: '', limit: 500 })).map(({ name }) => name)
}
