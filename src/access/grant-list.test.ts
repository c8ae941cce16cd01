import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { noteGrantUses } from '../metadata/grant-uses.ts'
import { changePrincipal, findPrincipalByName, insertPrincipal } from '../metadata/principals.ts'
import { insertTeam } from '../metadata/teams.ts'
import { listGrants, type GrantQuery } from './grant-list.ts'
import { addGrant, showGrant } from './grants.ts'
import { backdate } from './test-support/grants.ts'
import { addUser, openWorld, operator, refusal, type World } from './test-support/world.ts'

const dayMs = 24 * 60 * 60 * 1000
const page = { after: 0, limit: 100 }

async function use(world: World, grantId: number, ...actions: readonly string[]): Promise<void> {
  const at = Date.now()
  await world.metadata.write(async (tx) => noteGrantUses(tx, [{ grantId, at, actions }]))
}

async function idsOf(world: World, asked: Partial<GrantQuery>): Promise<number[]> {
  return (await listGrants(world, { ...page, ...asked })).map(({ id }) => id)
}

suite('lists of grants', () => {
  test('a place is listed with all within it, and with nothing that is only written alike', async () => {
    await using world = await openWorld()
    const places = [
      '*',
      '/',
      'a_b/',
      'a_b/app',
      'a_b/app-*',
      'axb/app',
      'a_bc/app',
      'app',
      'app-?',
      '**-dev',
    ]
    const made = new Map<string, number>()
    for (const where of places) {
      const asked = { who: 'signed-in', where, actions: 'pull' }
      made.set(where, (await addGrant(world, operator, asked)).id)
    }
    const within: Readonly<Record<string, readonly string[]>> = {
      '*': places,
      '/': ['/', 'app', 'app-?'],
      'a_b/': ['a_b/', 'a_b/app', 'a_b/app-*'],
      'a_b/app': ['a_b/app'],
      'a_b/*': ['a_b/app'],
      'a?b/**': ['a_b/app', 'axb/app'],
      'none/': [],
    }
    for (const [where, expected] of Object.entries(within)) {
      assert.deepEqual(
        await idsOf(world, { where }),
        expected.map((one) => made.get(one)),
        where,
      )
    }
    await assert.rejects(listGrants(world, { ...page, where: '%' }), refusal('invalid', /nothing/))
  })

  test('who is listed with what was given to exactly that one', async () => {
    await using world = await openWorld()
    await addUser(world, 'a_b')
    await addUser(world, 'axb')
    await world.metadata.write(async (tx) => {
      await insertTeam(tx, { name: 'a_b', description: '', createdBy: undefined })
      await insertPrincipal(tx, { name: 'a__b', provider: 'robot', kind: 'robot' })
    })
    const all = ['user:a_b', 'user:axb', 'team:a_b', 'robot:a__b', 'signed-in', 'anonymous']
    for (const who of all) await addGrant(world, operator, { who, where: 'web/', actions: 'pull' })
    for (const who of all) {
      const found = await listGrants(world, { ...page, who })
      assert.deepEqual(
        found.map((grant) => grant.who),
        [who],
      )
    }
    await assert.rejects(
      listGrants(world, { ...page, who: 'user:%' }),
      refusal('not-found', /no user %/),
    )
  })

  test('what is worth a look is found by its flags', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    await addUser(world, 'gone')
    const give = async (who: string, where: string, expiresAt?: number) =>
      addGrant(world, operator, { who, where, actions: 'writer', expiresAt })
    const fresh = await give('user:ann', 'a/', Date.now() + dayMs)
    const old = await give('user:ann', 'b/')
    await backdate(world, old.id, { grantedAt: Date.now() - 100 * dayMs })
    const broad = await give('user:ann', 'c/', Date.now() + dayMs)
    await use(world, broad.id, 'pull')
    const dead = await give('user:gone', 'd/', Date.now() + dayMs)
    await use(world, dead.id, 'pull', 'push', 'overwrite')
    await world.metadata.write(async (tx) => {
      const gone = await findPrincipalByName(tx, 'gone')
      assert.ok(gone)
      await changePrincipal(tx, { ...gone, disabled: true })
    })
    const flags = async (id: number) => (await showGrant(world, id)).flags
    assert.deepEqual(await flags(fresh.id), ['never-used'])
    assert.deepEqual(await flags(old.id), ['never-used', 'unused', 'no-expiry'])
    assert.deepEqual(await flags(broad.id), ['broader-than-used'])
    assert.deepEqual(await flags(dead.id), ['disabled-holder'])
    assert.deepEqual(await idsOf(world, { neverUsed: true }), [fresh.id, old.id])
    assert.deepEqual(await idsOf(world, { unusedSince: Date.now() - 90 * dayMs }), [old.id])
    assert.deepEqual(await idsOf(world, { broaderThanUsed: true }), [broad.id])
    assert.deepEqual(await idsOf(world, { noExpiry: true }), [old.id])
    assert.deepEqual(await idsOf(world, { disabledHolder: true }), [dead.id])
    assert.deepEqual(await idsOf(world, { disabledHolder: true, noExpiry: true }), [])
  })

  test('pages have all that the caller may see, in order', async () => {
    await using world = await openWorld()
    const made: number[] = []
    for (let count = 0; count < 9; count += 1) {
      const asked = { who: 'signed-in', where: `n${count}/`, actions: 'pull' }
      made.push((await addGrant(world, operator, asked)).id)
    }
    const isVisible = ({ id }: { readonly id: number }) => id % 2 === 0
    const seen: number[] = []
    for (let after = 0; ;) {
      const some = await idsOf(world, { after, limit: 2, isVisible })
      seen.push(...some)
      const last = some.at(-1)
      if (last === undefined) break
      after = last
    }
    assert.deepEqual(
      seen,
      made.filter((id) => id % 2 === 0),
    )
  })
})
