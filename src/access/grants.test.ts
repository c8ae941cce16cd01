import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { noteGrantUses } from '../metadata/grant-uses.ts'
import { findNamespace, insertNamespace } from '../metadata/namespaces.ts'
import { findPrincipalByName } from '../metadata/principals.ts'
import { deleteRepository, findRepository, insertRepository } from '../metadata/repositories.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import { listGrants, type GrantQuery } from './grant-list.ts'
import { addGrant, changeGrant, expireGrants, removeGrant, showGrant } from './grants.ts'
import { backdate } from './test-support/grants.ts'
import { addUser, auditOf, openWorld, operator, refusal, type World } from './test-support/world.ts'

const dayMs = 24 * 60 * 60 * 1000
const page = { after: 0, limit: 100 }

async function aRepository({ metadata }: World, name: string): Promise<number> {
  return metadata.write(async (tx) => {
    const parsed = parseRepositoryName(name)
    await insertRepository(tx, { name: parsed, visibility: 'private', createdBy: undefined })
    return (await findRepository(tx, parsed))?.id ?? 0
  })
}

async function use(world: World, grantId: number, ...actions: readonly string[]): Promise<void> {
  const at = Date.now()
  await world.metadata.write(async (tx) => noteGrantUses(tx, [{ grantId, at, actions }]))
}

async function idsOf(world: World, asked: Partial<GrantQuery>): Promise<number[]> {
  return (await listGrants(world, { ...page, ...asked })).map(({ id }) => id)
}

suite('giving a right', () => {
  test('it is there as it was given, by whom and why, and the log tells', async () => {
    await using world = await openWorld()
    const boss = await addUser(world, 'boss', { admin: true })
    await addUser(world, 'ann')
    await aRepository(world, 'web/app')
    const expiresAt = Date.now() + dayMs
    const grant = await addGrant(world, boss, {
      who: 'user:ann',
      where: 'web/app',
      actions: 'writer',
      reason: 'builds it',
      expiresAt,
    })
    const { id, grantedAt, changedAt, ...rest } = grant
    assert.ok(Math.abs(grantedAt - Date.now()) < 10_000 && changedAt === grantedAt)
    assert.deepEqual(rest, {
      who: 'user:ann',
      where: 'web/app',
      role: 'writer',
      actions: ['pull', 'push', 'overwrite'],
      reason: 'builds it',
      grantedBy: 'boss',
      expiresAt,
      lastUsedAt: undefined,
      actionsUsed: [],
      waiting: false,
      flags: ['never-used'],
    })
    assert.deepEqual(await showGrant(world, id), grant)
    const [entry] = await auditOf(world, 'grant.added')
    assert.deepEqual([entry?.actor.name, entry?.subject], ['boss', 'user:ann'])
    assert.deepEqual(entry?.detail, {
      grant: id,
      where: 'web/app',
      actions: 'pull,push,overwrite',
      reason: 'builds it',
      expiresAt: new Date(expiresAt).toISOString(),
    })
  })

  test('for a repository that is not there it waits, holds for the one that comes, and goes with it', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    const asked = { who: 'user:ann', where: 'web/app', actions: 'pull' }
    const { id, waiting } = await addGrant(world, operator, asked)
    assert.equal(waiting, true)
    const repository = await aRepository(world, 'web/app')
    assert.equal((await showGrant(world, id)).waiting, false)
    await world.metadata.write(async (tx) => deleteRepository(tx, repository))
    await assert.rejects(showGrant(world, id), refusal('not-found', /there is no grant/))
    await aRepository(world, 'web/app')
    assert.deepEqual(await idsOf(world, {}), [])
  })

  test('the same again is answered with what is there, and something else is refused with its number', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    const asked = { who: 'user:ann', where: 'web/', actions: 'reader', reason: 'looks' }
    const { id } = await addGrant(world, operator, asked)
    assert.equal((await addGrant(world, operator, { ...asked, actions: 'pull' })).id, id)
    const { reason: _, ...withoutReason } = asked
    assert.equal((await addGrant(world, operator, withoutReason)).id, id)
    assert.equal((await auditOf(world, 'grant.added')).length, 1)
    const others = [{ actions: 'writer' }, { reason: 'else' }, { expiresAt: Date.now() + dayMs }]
    for (const other of others) {
      await assert.rejects(
        addGrant(world, operator, { ...asked, ...other }),
        refusal('exists', new RegExp(`user:ann has a grant on web/ already: ${id}$`), /reader/),
      )
    }
    assert.deepEqual(await idsOf(world, {}), [id])
    const other = await addGrant(world, operator, { ...asked, who: 'signed-in' })
    assert.notEqual(other.id, id)
  })

  test('one that is over makes room for another', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    const asked = { who: 'user:ann', where: 'web/', actions: 'reader' }
    const old = await addGrant(world, operator, asked)
    await backdate(world, old.id, { grantedAt: 1, expiresAt: 2 })
    const made = await addGrant(world, operator, { ...asked, actions: 'writer' })
    assert.deepEqual(await idsOf(world, {}), [made.id])
    assert.equal((await auditOf(world, 'grant.expired'))[0]?.detail['grant'], old.id)
  })

  test('to anybody at all only pull can be given, and to whoever has an account anything but admin', async () => {
    await using world = await openWorld()
    const give = async (who: string, actions: string) =>
      addGrant(world, operator, { who, where: `n${who.length}-${actions.length}/`, actions })
    await give('anonymous', 'reader')
    for (const actions of ['writer', 'push', 'pull,push', 'owner', '*', 'decide']) {
      await assert.rejects(give('anonymous', actions), refusal('invalid', /pull only/))
    }
    await give('signed-in', 'maintainer')
    for (const actions of ['owner', 'admin', 'pull,admin']) {
      await assert.rejects(give('signed-in', actions), refusal('invalid', /given admin/))
    }
  })

  test('nonsense is refused before anything is written', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    const good = { who: 'user:ann', where: 'web/app', actions: 'pull' }
    const wrong: readonly (readonly [object, RegExp])[] = [
      [{ where: 'Web/' }, /nothing can be granted on "Web\/"/],
      [{ where: '' }, /nothing can be granted/],
      [{ actions: 'read' }, /"read" cannot be granted/],
      [{ actions: '' }, /cannot be granted/],
      [{ reason: 'two\nlines' }, /not one line/],
      [{ reason: 'x'.repeat(501) }, /too long/],
      [{ expiresAt: Date.now() - 1 }, /ended already/],
      [{ expiresAt: Number.NaN }, /ended already/],
      [{ expiresAt: Number.MAX_SAFE_INTEGER }, /ended already/],
      [{ who: 'ann' }, /does not say who/],
    ]
    for (const [more, message] of wrong) {
      await assert.rejects(
        addGrant(world, operator, { ...good, ...more }),
        refusal('invalid', message),
      )
    }
    await assert.rejects(
      addGrant(world, operator, { ...good, who: 'user:bob' }),
      refusal('not-found', /no user bob/),
    )
    assert.deepEqual(await idsOf(world, {}), [])
    assert.deepEqual(await auditOf(world, 'grant.'), [])
  })

  test('a namespace comes into being with a grant on it, but not under the name of a user', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    await addUser(world, 'bob')
    const give = async (who: string, where: string) =>
      addGrant(world, operator, { who, where, actions: 'owner' })
    await give('user:ann', 'web/')
    assert.equal((await findNamespace(world.metadata, 'web'))?.name, 'web')
    assert.equal((await auditOf(world, 'namespace.created'))[0]?.subject, 'web/')
    await assert.rejects(give('user:ann', 'bob/'), refusal('invalid', /name of a user/))
    assert.equal(await findNamespace(world.metadata, 'bob'), undefined)
    await give('user:bob', 'bob/')
    await give('user:ann', 'bob/')
    await give('user:ann', 'other/app')
    assert.equal(await findNamespace(world.metadata, 'other'), undefined)
  })

  test('where a namespace under the name of a user is there, others can be given it', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    await addUser(world, 'bob')
    await world.metadata.write(async (tx) =>
      insertNamespace(tx, { name: 'bob', createdBy: undefined }),
    )
    const asked = { who: 'user:ann', where: 'bob/', actions: 'reader' }
    assert.equal((await addGrant(world, operator, asked)).where, 'bob/')
  })
})

suite('changing and taking away a right', () => {
  test('what is given in a change changes, the rest stays, and the log tells what was before', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    const first = await addGrant(world, operator, {
      who: 'user:ann',
      where: 'web/',
      actions: 'writer',
      reason: 'builds',
      expiresAt: Date.now() + dayMs,
    })
    const { id } = first
    const narrower = await changeGrant(world, operator, { id, actions: 'pull' })
    assert.deepEqual(narrower, {
      ...first,
      role: 'reader',
      actions: ['pull'],
      changedAt: narrower.changedAt,
    })
    const open = await changeGrant(world, operator, { id, expiresAt: 'never', reason: '' })
    assert.deepEqual([open.expiresAt, open.reason, open.role], [undefined, '', 'reader'])
    const entries = await auditOf(world, 'grant.changed')
    assert.deepEqual(entries[0]?.detail['before'], {
      actions: 'pull,push,overwrite',
      reason: 'builds',
      expiresAt: new Date(first.expiresAt ?? 0).toISOString(),
    })
    await changeGrant(world, operator, { id })
    await changeGrant(world, operator, { id, actions: 'reader', reason: '' })
    assert.equal((await auditOf(world, 'grant.changed')).length, entries.length)
  })

  test('a change keeps the same rules as giving', async () => {
    await using world = await openWorld()
    const asked = { who: 'anonymous', where: 'pub/', actions: 'pull' }
    const { id } = await addGrant(world, operator, asked)
    const change = async (more: object) => changeGrant(world, operator, { id, ...more })
    await assert.rejects(change({ actions: 'writer' }), refusal('invalid', /pull only/))
    await assert.rejects(change({ actions: 'x' }), refusal('invalid', /cannot be granted/))
    await assert.rejects(change({ expiresAt: 5 }), refusal('invalid', /ended already/))
    await assert.rejects(change({ reason: '\u2028' }), refusal('invalid', /one line/))
    const unknown = changeGrant(world, operator, { id: id + 1, actions: 'pull' })
    await assert.rejects(unknown, refusal('not-found', /no grant/))
    await assert.rejects(showGrant(world, 1.5), refusal('not-found', /no grant/))
  })

  test('a change or a removal that expects something else does nothing', async () => {
    await using world = await openWorld()
    const asked = { who: 'signed-in', where: 'pub/', actions: 'pull' }
    const grant = await addGrant(world, operator, asked)
    const expect = (current: unknown): void => {
      assert.deepEqual(current, grant)
      throw new Error('changed meanwhile')
    }
    const { id } = grant
    await assert.rejects(
      changeGrant(world, operator, { id, actions: 'writer', expect }),
      /meanwhile/,
    )
    await assert.rejects(removeGrant(world, operator, { id, expect }), /meanwhile/)
    assert.deepEqual(await showGrant(world, id), grant)
  })

  test('a grant is removed once, and the log tells what it was', async () => {
    await using world = await openWorld()
    const asked = { who: 'signed-in', where: 'pub/', actions: 'pull' }
    const { id } = await addGrant(world, operator, asked)
    await removeGrant(world, operator, { id })
    await assert.rejects(removeGrant(world, operator, { id }), refusal('not-found', /no grant/))
    const [entry] = await auditOf(world, 'grant.removed')
    assert.deepEqual([entry?.subject, entry?.detail['where']], ['signed-in', 'pub/'])
  })

  test('a grant shrinks to what was used of it, and does not vanish by that', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    const asked = { who: 'user:ann', where: 'web/', actions: 'owner' }
    const { id } = await addGrant(world, operator, asked)
    const shrink = async () => changeGrant(world, operator, { id, shrinkToUsed: true })
    await assert.rejects(
      shrink(),
      refusal('invalid', /nothing would be left/, /nobody ever used it/),
    )
    await use(world, id, 'push', 'pull')
    assert.deepEqual((await showGrant(world, id)).flags, ['broader-than-used', 'no-expiry'])
    const shrunk = await shrink()
    assert.deepEqual(
      [shrunk.actions, shrunk.actionsUsed],
      [
        ['pull', 'push'],
        ['pull', 'push'],
      ],
    )
    assert.deepEqual(shrunk.flags, ['no-expiry'])
    assert.equal((await auditOf(world, 'grant.shrunk')).length, 1)
  })

  test('the last grant of an administrator can go: administrators are so by themselves', async () => {
    await using world = await openWorld()
    await addUser(world, 'boss', { admin: true })
    const asked = { who: 'user:boss', where: '*', actions: 'owner' }
    const { id } = await addGrant(world, operator, asked)
    await removeGrant(world, operator, { id })
    assert.equal((await findPrincipalByName(world.metadata, 'boss'))?.admin, true)
  })

  test('what is over is swept away and told', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    const give = async (where: string) =>
      addGrant(world, operator, { who: 'user:ann', where, actions: 'pull' })
    const [a, b] = [await give('a/'), await give('b/')]
    assert.deepEqual(await expireGrants(world), { expired: 0, more: false })
    await backdate(world, a.id, { grantedAt: 1, expiresAt: 2 })
    assert.deepEqual(await expireGrants(world), { expired: 1, more: false })
    assert.deepEqual(await idsOf(world, {}), [b.id])
    const [entry] = await auditOf(world, 'grant.expired')
    assert.deepEqual([entry?.actor.name, entry?.subject], ['carrel', 'user:ann'])
  })
})
