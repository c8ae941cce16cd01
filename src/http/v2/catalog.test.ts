import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decide, type RepositoryRecord } from '../../auth/authorize.ts'
import type { Identity } from '../../auth/identity.ts'
import { aUser, grantsOf } from '../../auth/test-support/identities.ts'
import { listVisibleRepositories } from '../../auth/visible-repositories.ts'
import { parseTokenScope } from '../../auth/token-scope.ts'
import { anApp, ask, type TestApp } from '../test-support/app.ts'
import { makeRepository, nameOf } from '../test-support/content.ts'

async function withRepositories(t: Parameters<typeof anApp>[0]): Promise<TestApp> {
  const app = await anApp(t)
  await makeRepository(app, 'alice/private')
  await makeRepository(app, 'alice-2/private')
  await makeRepository(app, 'bob/internal', 'internal')
  await makeRepository(app, 'bob/private')
  await makeRepository(app, 'bob/public', 'public')
  await makeRepository(app, 'root-private')
  await makeRepository(app, 'root-public', 'public')
  return app
}

const everything = [
  'alice-2/private',
  'alice/private',
  'bob/internal',
  'bob/private',
  'bob/public',
  'root-private',
  'root-public',
]

test('the catalog holds what the caller may pull, and nobody in particular has none', async (t) => {
  const app = await withRepositories(t)
  const list = async (as: string) => (await ask(app, 'GET /v2/_catalog', { as })).json()
  assert.deepEqual(await list('admin'), { repositories: everything })
  assert.deepEqual(await list('alice'), {
    repositories: ['alice/private', 'bob/internal', 'bob/public', 'root-public'],
  })
  assert.deepEqual(await list('bob'), {
    repositories: ['bob/internal', 'bob/private', 'bob/public', 'root-public'],
  })
  assert.equal((await ask(app, 'GET /v2/_catalog')).status, 401)
})

test('pages of the catalog are cut from what the caller may see', async (t) => {
  const app = await withRepositories(t)
  for (const [query, names, link] of [
    ['?n=2', ['alice/private', 'bob/internal'], '?last=bob%2Finternal&n=2'],
    ['?n=2&last=bob/internal', ['bob/public', 'root-public'], undefined],
    ['?n=2&last=bob/private', ['bob/public', 'root-public'], undefined],
    ['?n=0', [], undefined],
    ['?n=4', ['alice/private', 'bob/internal', 'bob/public', 'root-public'], undefined],
    ['?last=root-public', [], undefined],
    ['?last=%00', ['alice/private', 'bob/internal', 'bob/public', 'root-public'], undefined],
  ] as const) {
    const answer = await ask(app, `GET /v2/_catalog${query}`, { as: 'alice' })
    assert.deepEqual(answer.json(), { repositories: names }, query)
    const told = link === undefined ? undefined : `</v2/_catalog${link}>; rel="next"`
    assert.equal(answer.headers['link'], told)
  }
  assert.equal((await ask(app, 'GET /v2/_catalog?n=x', { as: 'alice' })).status, 400)
})

test('a token must be made for the catalog to list it', async (t) => {
  const app = await withRepositories(t)
  const tokenFor = async (scope: string) => {
    const answer = await ask(app, `GET /token?scope=${scope}`, { as: 'alice' })
    return `Bearer ${(answer.json() as { token: string }).token}`
  }
  const made = await ask(app, 'GET /v2/_catalog', { as: await tokenFor('registry:catalog:*') })
  assert.equal((made.json() as { repositories: string[] }).repositories.length, 4)
  const other = await tokenFor('repository:alice/private:pull')
  assert.equal((await ask(app, 'GET /v2/_catalog', { as: other })).status, 401)
})

// Few words, so that names of users and of namespaces often agree, or nearly.
const word = fc.constantFrom('a', 'b', 'a-b', 'a.b', 'ab', 'a0', 'admin')
const repository = fc.record({
  name: fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
  visibility: fc.constantFrom('private', 'internal', 'public'),
})
const place = fc.oneof(
  fc.array(word, { minLength: 1, maxLength: 2 }).map((parts) => parts.join('/')),
  word.map((name) => `${name}/`),
  fc.constantFrom('*', '/', 'a/*', 'a*/**', '**-b', 'a/b?', '?', 'ab/**/a'),
)
const grant = fc.record({ where: place, what: fc.constantFrom('reader', 'push', 'owner') })
const identity: fc.Arbitrary<Identity> = fc.oneof(
  fc.constant<Identity>({ kind: 'anonymous' }),
  fc.constant<Identity>({ kind: 'open' }),
  fc.constant<Identity>({ kind: 'operator' }),
  fc
    .array(grant, { maxLength: 3 })
    .map((grants): Identity => ({ kind: 'anonymous', grants: grantsOf(...grants) })),
  fc
    .record({
      grants: fc.array(grant, { maxLength: 4 }),
      admin: fc.boolean(),
      scopes: fc.option(fc.array(grant, { maxLength: 2 }), { nil: undefined }),
    })
    .map(({ grants, admin, scopes }): Identity => {
      const narrowed = scopes?.map(({ where, what }) => parseTokenScope(`${where}:${what}`))
      return aUser('a', {
        admin,
        grants: grantsOf(...grants),
        token: { id: 1, kind: 'personal', scopes: narrowed, expiresAt: undefined },
      })
    }),
)

test('for every repository and identity the catalog says what the one decision says', async (t) => {
  const app = await anApp(t)
  const made = new Map<string, RepositoryRecord>()
  await fc.assert(
    fc.asyncProperty(
      fc.array(repository, { maxLength: 12 }),
      identity,
      fc.integer({ min: 1, max: 30 }),
      async (some, who, limit) => {
        for (const { name, visibility } of some) {
          if (made.has(name)) continue
          made.set(name, await makeRepository(app, name, visibility))
        }
        const listed: string[] = []
        for (let after: string | undefined = ''; after !== undefined; after = listed.at(-1)) {
          const page = await listVisibleRepositories(app.metadata, who, { after, limit })
          listed.push(...page.map((one) => one.name))
          if (page.length < limit) break
        }
        const expected = [...made.values()].filter((one) => {
          const resource = { type: 'repository', name: nameOf(one.name) } as const
          return decide(who, { action: 'pull', resource }, { repository: one }).allowed
        })
        assert.deepEqual(listed, expected.map((one) => one.name).toSorted())
      },
    ),
    { numRuns: 150 },
  )
})
