import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { readHeldGrants } from '../auth/held-grant.ts'
import { isIn, place } from '../auth/test-support/places.ts'
import { grantsOfPrincipal } from '../metadata/grants.ts'
import { defaultVisibilityFor, insertNamespace } from '../metadata/namespaces.ts'
import { deletePrincipal } from '../metadata/principals.ts'
import { deleteRepository, findRepository, insertRepository } from '../metadata/repositories.ts'
import { insertTeam } from '../metadata/teams.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import { listGrants } from './grant-list.ts'
import { addGrant } from './grants.ts'
import { listNamespaces } from './namespace-list.ts'
import {
  createNamespace,
  editNamespace,
  makeOwnNamespace,
  removeNamespace,
  showNamespace,
} from './namespaces.ts'
import { addUser, auditOf, openWorld, operator, refusal, type World } from './test-support/world.ts'

async function aRepository({ metadata }: World, text: string): Promise<number> {
  const name = parseRepositoryName(text)
  return metadata.write(async (tx) => {
    await insertRepository(tx, { name, visibility: 'private', createdBy: undefined })
    return (await findRepository(tx, name))?.id ?? 0
  })
}

/** A user as they are made, with a namespace. */
async function join(world: World, name: string): Promise<{ id: number; own: boolean }> {
  const { id } = await addUser(world, name)
  const own = await world.metadata.write(async (tx) => makeOwnNamespace(tx, { id, name }))
  return { id, own }
}

async function placesOf({ metadata }: World, id: number): Promise<string[]> {
  return (await grantsOfPrincipal(metadata, id)).map((grant) => grant.place)
}

suite('namespaces', () => {
  test('a namespace is there as it was made, with its owner, and the log tells', async () => {
    await using world = await openWorld()
    await world.metadata.write(async (tx) =>
      insertTeam(tx, { name: 'web', description: '', createdBy: undefined }),
    )
    const made = await createNamespace(world, operator, {
      name: 'web',
      description: 'the web',
      defaultVisibility: 'internal',
      owner: 'team:web',
    })
    const { createdAt, ...rest } = made
    assert.ok(Math.abs(createdAt - Date.now()) < 10_000)
    assert.deepEqual(rest, {
      name: 'web',
      description: 'the web',
      defaultVisibility: 'internal',
      repositories: 0,
      owners: ['team:web'],
    })
    assert.deepEqual(await showNamespace(world, 'web'), made)
    assert.equal((await auditOf(world, 'namespace.created'))[0]?.subject, 'web/')
    assert.equal((await auditOf(world, 'grant.added'))[0]?.subject, 'team:web')
    const [grant] = await listGrants(world, { where: 'web/', after: 0, limit: 10 })
    assert.equal(grant?.role, 'owner')
    await assert.rejects(
      createNamespace(world, operator, { name: 'web' }),
      refusal('exists', /namespace web already/),
    )
  })

  test('owners are those who administer all of it at present, whoever’s name it bears', async () => {
    await using world = await openWorld()
    await join(world, 'ann')
    await addUser(world, 'bob')
    const give = async (who: string, where: string, actions: string) =>
      addGrant(world, operator, { who, where, actions })
    await give('user:bob', 'ann/', 'admin')
    await give('signed-in', 'ann/', 'maintainer')
    await give('user:bob', 'ann/app', 'owner')
    await give('user:bob', '*', 'owner')
    assert.deepEqual((await showNamespace(world, 'ann')).owners, ['user:ann', 'user:bob'])
  })

  test('nonsense is refused', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    await addUser(world, 'bob')
    const make = async (name: string, more: object = {}) =>
      createNamespace(world, operator, { name, ...more })
    for (const name of ['', 'Web', 'web/', 'web/app', 'a%', '*', '\0']) {
      await assert.rejects(make(name), refusal('invalid', /cannot be the name of a namespace/))
    }
    await assert.rejects(make('x', { owner: 'anonymous' }), refusal('invalid', /cannot own/))
    await assert.rejects(make('x', { owner: 'signed-in' }), refusal('invalid', /cannot own/))
    await assert.rejects(make('x', { owner: 'user:zoe' }), refusal('not-found', /no user zoe/))
    await assert.rejects(make('x', { description: 'a\nb' }), refusal('invalid', /one line/))
    await assert.rejects(make('ann'), refusal('invalid', /name of a user/))
    await assert.rejects(make('ann', { owner: 'user:bob' }), refusal('invalid', /name of a user/))
    assert.deepEqual((await make('ann', { owner: 'user:ann' })).owners, ['user:ann'])
    await assert.rejects(showNamespace(world, 'x'), refusal('not-found', /no namespace x/))
  })

  test('what is given in a change changes and the rest stays', async () => {
    await using world = await openWorld()
    const name = 'web'
    await createNamespace(world, operator, { name, description: 'old' })
    const open = await editNamespace(world, operator, { name, defaultVisibility: 'public' })
    assert.deepEqual([open.description, open.defaultVisibility], ['old', 'public'])
    assert.equal(
      await defaultVisibilityFor(world.metadata, parseRepositoryName('web/app')),
      'public',
    )
    assert.equal(await defaultVisibilityFor(world.metadata, parseRepositoryName('web')), 'private')
    assert.equal((await editNamespace(world, operator, { name, description: '' })).description, '')
    const expect = (current: { readonly defaultVisibility: string }): void => {
      throw new Error(`it is ${current.defaultVisibility}`)
    }
    await assert.rejects(editNamespace(world, operator, { name, expect }), /it is public/)
    const unknown = editNamespace(world, operator, { name: 'wxb' })
    await assert.rejects(unknown, refusal('not-found', /no namespace wxb/))
  })

  test('only an empty one is removed, and all that was given in it goes too', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    for (const name of ['a_b', 'axb']) await createNamespace(world, operator, { name })
    const places = ['a_b/', 'a_b/app', 'a_b/*-dev', 'axb/', 'axb/app', 'a_b-c/app', 'a_b']
    for (const where of places) {
      await addGrant(world, operator, { who: 'user:ann', where, actions: 'pull' })
    }
    const id = await aRepository(world, 'a_b/x/y')
    const remove = async () => removeNamespace(world, operator, { name: 'a_b' })
    await assert.rejects(remove(), refusal('denied', /not empty/, /1 repository is in it/))
    await world.metadata.write(async (tx) => deleteRepository(tx, id))
    assert.deepEqual(await remove(), { grants: 3 })
    assert.deepEqual(await placesOf(world, ann.id), places.slice(3))
    assert.deepEqual((await auditOf(world, 'namespace.removed'))[0]?.detail, { grants: 3 })
    await assert.rejects(remove(), refusal('not-found', /no namespace a_b/))
  })

  test('a namespace that has only repositories is not there, and the error says how it comes to be', async () => {
    await using world = await openWorld()
    await aRepository(world, 'web/app')
    await assert.rejects(
      showNamespace(world, 'web'),
      refusal('not-found', /no namespace web/, /repositories in it/),
    )
    assert.equal((await createNamespace(world, operator, { name: 'web' })).repositories, 1)
  })
})

suite('own namespaces', () => {
  test('a user who is made owns the namespace of that name', async () => {
    await using world = await openWorld()
    const { id, own } = await join(world, 'ann')
    assert.equal(own, true)
    assert.deepEqual(await placesOf(world, id), ['ann/'])
    assert.deepEqual((await showNamespace(world, 'ann')).owners, ['user:ann'])
    const [grant] = await listGrants(world, { who: 'user:ann', after: 0, limit: 10 })
    assert.deepEqual([grant?.role, grant?.reason], ['owner', 'own namespace'])
  })

  test('a name that is used again inherits nothing', async () => {
    await using world = await openWorld()
    const first = await join(world, 'ann')
    await aRepository(world, 'ann/secret')
    await world.metadata.write(async (tx) => deletePrincipal(tx, first.id))
    assert.deepEqual((await showNamespace(world, 'ann')).owners, [])
    const second = await join(world, 'ann')
    assert.equal(second.own, false)
    assert.deepEqual(await placesOf(world, second.id), [])
  })

  test('what others have made under the name before is not the user’s', async () => {
    await using world = await openWorld()
    await createNamespace(world, operator, { name: 'team-ns' })
    await aRepository(world, 'bob/app')
    await aRepository(world, 'cat-x/app')
    assert.equal((await join(world, 'team-ns')).own, false)
    assert.equal((await join(world, 'bob')).own, false)
    assert.equal((await join(world, 'cat')).own, true)
  })

  test('a user whose name is no namespace’s gets none', async () => {
    await using world = await openWorld()
    for (const name of ['Ann', 'ann smith', 'ann@corp', 'a/b']) {
      assert.equal((await join(world, name)).own, false)
    }
  })
})

suite('lists of namespaces', () => {
  test('none in which a grant holds for some name is left out, on whatever page', async () => {
    await using world = await openWorld()
    const names = ['a', 'a-b', 'a.b', 'aa', 'ab', 'b', 'ba', 'bb', 'bb-a', 'x']
    await world.metadata.write(async (tx) => {
      for (const name of names) await insertNamespace(tx, { name, createdBy: undefined })
    })
    // Names that stand for all there can be in a namespace.
    const rests = [
      'a',
      'b',
      'aa',
      'ab',
      'ba',
      'a-b',
      'a/a',
      'a/b',
      'b/a',
      'bb/ab',
      'a/a/b',
      'a.b/b-a',
    ]
    const asked = fc.record({
      places: fc.array(place, { maxLength: 3 }),
      after: fc.constantFrom('', 'a', 'aa', 'bb-a'),
      limit: fc.integer({ min: 1, max: 11 }),
    })
    await fc.assert(
      fc.asyncProperty(asked, async ({ places, after, limit }) => {
        const heldBy = readHeldGrants(
          places.map(({ kind, text }, index) => ({
            id: index + 1,
            placeKind: kind,
            place: text,
            repositoryId: undefined,
            actions: 'pull',
            expiresAt: undefined,
          })),
        )
        const found = await listNamespaces(world, { heldBy, after, limit: 100 })
        const shown = new Set(found.map(({ name }) => name))
        for (const name of names.filter((one) => one > after)) {
          const isReached = places.some((one) => rests.some((rest) => isIn(one, `${name}/${rest}`)))
          if (isReached) assert.ok(shown.has(name), `${name} is missing`)
        }
        const page = await listNamespaces(world, { heldBy, after, limit })
        assert.deepEqual(page, found.slice(0, limit))
      }),
      { numRuns: 150 },
    )
  })

  test('all are listed to whoever asks for all, and none without a grant in one', async () => {
    await using world = await openWorld()
    const { id } = await join(world, 'ann')
    for (const name of ['web', 'wxb']) await createNamespace(world, operator, { name })
    const names = async () => {
      const heldBy = readHeldGrants(await grantsOfPrincipal(world.metadata, id))
      const found = await listNamespaces(world, { heldBy, after: '', limit: 100 })
      return found.map(({ name }) => name)
    }
    const all = await listNamespaces(world, { after: '', limit: 100 })
    assert.deepEqual(
      all.map(({ name }) => name),
      ['ann', 'web', 'wxb'],
    )
    assert.deepEqual(await names(), ['ann'])
    const give = async (where: string) =>
      addGrant(world, operator, { who: 'user:ann', where, actions: 'pull' })
    await give('/')
    await give('web')
    await give('w_b/*')
    assert.deepEqual(await names(), ['ann'])
    await give('web/app')
    assert.deepEqual(await names(), ['ann', 'web'])
    await give('w?b/*')
    assert.deepEqual(await names(), ['ann', 'web', 'wxb'])
  })
})
