import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isRepositoryName, parseRepositoryName } from '../oci/reference.ts'
import { parseScopes } from '../oci/scope.ts'
import { decide } from './authorize.ts'
import type { RepositoryRecord } from './authorize.ts'
import { grantScopes } from './grant-scopes.ts'
import type { GrantDeps } from './grant-scopes.ts'
import type { Identity, TokenAccess } from './identity.ts'
import { aUser } from './test-support/identities.ts'

const repositories: readonly RepositoryRecord[] = [
  { id: 11, name: parseRepositoryName('alice/app'), visibility: 'private' },
  { id: 12, name: parseRepositoryName('bob/secret'), visibility: 'private' },
  { id: 13, name: parseRepositoryName('bob/shared'), visibility: 'internal' },
  { id: 14, name: parseRepositoryName('bob/open'), visibility: 'public' },
  { id: 15, name: parseRepositoryName('catalog'), visibility: 'public' },
]
const deps: GrantDeps = {
  findRepository: (name) => Promise.resolve(repositories.find((one) => one.name === name)),
}
const anonymous: Identity = { kind: 'anonymous' }
const alice: Identity = aUser('alice', { id: 2 })
const admin: Identity = aUser('admin', { id: 1, admin: true })

/** The grants as text: `name#id:actions`. */
async function granted(identity: Identity, ...scopes: string[]): Promise<readonly string[]> {
  const access = await grantScopes(deps, identity, parseScopes(scopes))
  return access.map(
    ({ type, name, repositoryId, actions }) =>
      `${type === 'repository' ? '' : `${type} `}${name}#${repositoryId ?? '-'}:${actions.join(',')}`,
  )
}

test('of what is asked, what the identity has a right to is granted, bound to the repository id', async () => {
  assert.deepEqual(await granted(alice, 'repository:alice/app:pull,push'), [
    'alice/app#11:pull,push',
  ])
  assert.deepEqual(await granted(alice, 'repository:bob/shared:pull,push,delete'), [
    'bob/shared#13:pull',
  ])
  assert.deepEqual(await granted(alice, 'repository:bob/secret:pull,push'), [])
  assert.deepEqual(await granted(anonymous, 'repository:bob/open:pull,push'), ['bob/open#14:pull'])
  assert.deepEqual(await granted(anonymous, 'repository:bob/shared:pull'), [])
  assert.deepEqual(await granted(admin, 'repository:bob/secret:delete'), ['bob/secret#12:delete'])
})

test('a repository that is not there yet is granted to whoever may create it, without an id', async () => {
  assert.deepEqual(await granted(alice, 'repository:alice/new:pull,push'), [
    'alice/new#-:pull,push',
  ])
  assert.deepEqual(await granted(alice, 'repository:bob/new:pull,push'), [])
  assert.deepEqual(await granted(alice, 'repository:new:pull,push'), [])
  assert.deepEqual(await granted(admin, 'repository:new:pull,push'), ['new#-:pull,push'])
})

test('several scopes are granted together, as a mount needs', async () => {
  assert.deepEqual(
    await granted(alice, 'repository:alice/app:pull,push repository:bob/open:pull', 'x:y:z'),
    ['alice/app#11:pull,push', 'bob/open#14:pull'],
  )
})

test('delete is granted only when asked for, and admin never', async () => {
  assert.deepEqual(await granted(alice, 'repository:alice/app:push,pull'), [
    'alice/app#11:pull,push',
  ])
  assert.deepEqual(await granted(alice, 'repository:alice/app:*'), [
    'alice/app#11:pull,push,delete',
  ])
  assert.deepEqual(await granted(admin, 'repository:alice/app:admin,create,decide'), [])
  assert.deepEqual(await granted(admin, 'repository:alice/app:'), [])
})

test('the catalog is granted to whoever is signed in, and is no repository', async () => {
  assert.deepEqual(await granted(alice, 'registry:catalog:*'), ['registry catalog#-:*'])
  assert.deepEqual(await granted(anonymous, 'registry:catalog:*'), [])
  assert.deepEqual(await granted(alice, 'registry:catalog:pull'), [])
  assert.deepEqual(await granted(admin, 'registry:other:*'), [])
  assert.deepEqual(await granted(anonymous, 'repository:catalog:*'), ['catalog#15:pull'])
})

test('unknown types and impossible names are granted nothing', async () => {
  for (const scope of ['artifact:alice/app:pull', 'repository:alice/APP:pull', 'a:b:c']) {
    assert.deepEqual(await granted(admin, scope), [], scope)
  }
})

test('a token made with a token carries no more than that one', async () => {
  const limits: readonly TokenAccess[] = [
    { type: 'repository', repositoryId: 11, name: 'alice/app', actions: ['pull'] },
  ]
  const limited: Identity = { ...alice, limits }
  assert.deepEqual(
    await granted(limited, 'repository:alice/app:* repository:bob/open:pull registry:catalog:*'),
    ['alice/app#11:pull'],
  )
})

test('the number and length of what is granted are bounded', async () => {
  const many = Array.from({ length: 90 }, (_, index) => `repository:alice/r${index}:pull`)
  assert.equal((await granted(alice, many.join(' '))).length, 32)
  const long = Array.from(
    { length: 30 },
    (_, index) => `repository:alice/${'x'.repeat(180)}${index}:pull`,
  )
  const names = (await grantScopes(deps, alice, parseScopes(long))).map(({ name }) => name)
  assert.ok(names.join('').length <= 3000 && names.length === 16, `${names.length} names`)
})

test('whatever is asked, each granted action is one that was asked for and that is allowed', async () => {
  const names = [...repositories.map(({ name }) => name as string), 'alice/new', 'new', 'A b']
  const scopes = fc.array(
    fc.record({
      type: fc.constantFrom('repository', 'registry', 'other'),
      name: fc.constantFrom(...names),
      actions: fc.uniqueArray(fc.constantFrom<string>('pull', 'push', 'delete', 'admin', '*', 'x')),
    }),
    { maxLength: 8 },
  )
  const identities = fc.constantFrom<Identity>(anonymous, alice, admin, { kind: 'open' })
  await fc.assert(
    fc.asyncProperty(identities, scopes, async (identity, wanted) => {
      const access = await grantScopes(deps, identity, wanted)
      const bearer: Identity = { ...identity, limits: access }
      for (const { type, name, actions } of access) {
        const asked = wanted.filter((one) => one.type === type && one.name === name)
        for (const action of actions) {
          assert.ok(asked.some((one) => one.actions.includes(action) || one.actions.includes('*')))
          if (type !== 'repository' || !isRepositoryName(name)) continue
          const permission = {
            action: action as 'pull' | 'push' | 'delete',
            resource: { type: 'repository', name },
          } as const
          const facts = { repository: await deps.findRepository(name) }
          assert.ok(decide(identity, permission, facts).allowed)
          assert.ok(decide(bearer, permission, facts).allowed)
        }
      }
    }),
    { numRuns: 200 },
  )
})
