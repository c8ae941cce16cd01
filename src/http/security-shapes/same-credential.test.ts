// A credential is worth the same however it is presented: as Bearer, as docker's password beside any name that it may
// stand beside, in whatever spelling of the scheme; and what it is exchanged for is worth no more. See CVE-2025-68944,
// CVE-2026-28699 and their like (Gitea).
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { aToken, anAccount } from '../test-support/accounts.ts'
import { anApp, ask, basic, type Answer, type TestApp } from '../test-support/app.ts'
import { makeRepository, putImage } from '../test-support/content.ts'
import { rights } from '../test-support/matrix-model.ts'
import { matrixRows } from '../test-support/matrix-routes.ts'
import { operations } from '../../contract/operations.ts'

async function someRepositories(t: TestContext): Promise<TestApp> {
  const app = await anApp(t)
  for (const name of ['web/app', 'web/other', 'vault/app']) {
    await makeRepository(app, name)
    await putImage(app, name, 'v1')
  }
  return app
}

const given = [{ place: 'web/', rights }]

/** All routes, on a repository that may be seen and on one that may not; and what can be read of the API. */
const lines: readonly { readonly line: string; readonly body?: string }[] = [
  ...Object.entries(matrixRows).flatMap(([route, rows]) =>
    rows.flatMap(({ address, body }) =>
      ['web/app', 'web/other', 'vault/app', 'web/none'].map((name) => ({
        line: `${route.split(' ')[1]} ${address.replaceAll('NAME', name).replace('IMAGE', 'v1')}`,
        ...(body !== undefined && { body }),
      })),
    ),
  ),
  ...Object.values(operations)
    .filter(({ method }) => method === 'GET')
    .map(({ path }) => ({ line: `GET /api/v1${path.replaceAll(/\{[^}]+\}/g, '1')}` })),
]

function told({ status, headers, text }: Answer): object {
  const isToken = text.includes('access_token')
  return { status, headers, text: isToken ? '' : text.replaceAll(/[\w-]{48}/g, '') }
}

async function answers(app: TestApp, as: string): Promise<readonly object[]> {
  const all: object[] = []
  for (const { line, body } of lines) {
    all.push(told(await ask(app, line, { as, ...(body !== undefined && { body }) })))
  }
  return all
}

suite('a token', () => {
  for (const [title, scopes] of [
    ['of a user', undefined],
    ['with scopes', ['web/app:pull,push', 'vault/:owner']],
    ['with scopes that hold nowhere', ['none/:owner']],
  ] as const) {
    test(`${title} is worth the same as Bearer and as Basic`, async (t) => {
      const app = await someRepositories(t)
      const ann = await anAccount(app, 'ann', { given })
      const secret = await aToken(app, ann, scopes)
      const control = await answers(app, `Bearer ${secret}`)
      const spellings = [
        `bearer ${secret}`,
        `BEARER  ${secret} `,
        basic('ann', secret),
        basic('token', secret),
        basic('oauth2accesstoken', secret),
        basic('<token>', secret),
        basic('ann', secret).replace('Basic', 'bAsIc'),
      ]
      for (const as of spellings) {
        const found = await answers(app, as)
        for (const [index, { line }] of lines.entries()) {
          // Wrong credentials at the token form are told in its own way, the same for all.
          assert.deepEqual(found[index], control[index], `${as.slice(0, 9)}: ${line}`)
        }
      }
      t.diagnostic(`${lines.length * spellings.length} requests`)
    })
  }

  test('of a robot is worth the same as Bearer and as Basic', async (t) => {
    const app = await someRepositories(t)
    const { secret } = await anAccount(app, 'ci', { kind: 'robot', given })
    const control = await answers(app, `Bearer ${secret}`)
    assert.deepEqual(await answers(app, basic('ci', secret)), control)
  })

  test('beside the name of somebody else is worth nothing', async (t) => {
    const app = await someRepositories(t)
    const ann = await anAccount(app, 'ann', { given })
    await anAccount(app, 'bea')
    for (const user of ['bea', 'admin', 'Ann', 'ann ', ' ann', 'ann\0', 'nobody', '']) {
      const { status } = await ask(app, 'GET /v2/', { as: basic(user, ann.secret) })
      assert.equal(status, 401, JSON.stringify(user))
    }
  })
})

suite('what a token is exchanged for', () => {
  const scope = ['web/app', 'web/other', 'vault/app']
    .map((name) => `scope=repository:${name}:pull,push,delete,*`)
    .join('&')

  test('carries no more than the token, whichever way it is asked for', async (t) => {
    const app = await someRepositories(t)
    const ann = await anAccount(app, 'ann', { given })
    const cases = [
      {
        scopes: undefined,
        wanted: { 'web/app': 'pull,push,delete', 'web/other': 'pull,push,delete' },
      },
      { scopes: ['web/app:pull'], wanted: { 'web/app': 'pull' } },
      {
        scopes: ['web/*:pull,delete'],
        wanted: { 'web/app': 'pull,delete', 'web/other': 'pull,delete' },
      },
      { scopes: ['vault/:owner'], wanted: {} },
      { scopes: ['*:push'], wanted: { 'web/app': 'push', 'web/other': 'push' } },
    ]
    for (const { scopes, wanted } of cases) {
      const secret = await aToken(app, ann, scopes)
      for (const as of [`Bearer ${secret}`, basic('ann', secret), basic('token', secret)]) {
        const answer = await ask(app, `GET /token?service=x&${scope}`, { as })
        assert.deepEqual(accessOf((answer.json() as { token: string }).token), wanted)
      }
      for (const username of ['ann', 'token']) {
        const form = `grant_type=password&username=${username}&password=${secret}&${scope}`
        const answer = await ask(app, 'POST /token', { body: form })
        assert.deepEqual(accessOf((answer.json() as { token: string }).token), wanted)
      }
    }
  })

  test('follows the token: narrowed rights and a narrowed owner narrow it at once', async (t) => {
    const app = await someRepositories(t)
    const ann = await anAccount(app, 'ann', { given: [{ place: 'web/app', rights: ['pull'] }] })
    const answer = await ask(app, `GET /token?${scope}`, { as: ann.as })
    const { token } = answer.json() as { token: string }
    const line = 'GET /v2/web/app/tags/list'
    assert.equal((await ask(app, line, { as: `Bearer ${token}` })).status, 200)
    const grants = await ask(app, 'GET /api/v1/grants?who=user:ann', { as: 'admin' })
    const [grant] = (grants.json() as { items: { id: number }[] }).items
    const removed = await ask(app, `DELETE /api/v1/grants/${grant?.id}`, { as: 'admin' })
    assert.equal(removed.status, 204)
    assert.equal((await ask(app, line, { as: `Bearer ${token}` })).status, 404)
  })
})

/** Actions by repository, of what a registry token carries. */
function accessOf(token: string): Readonly<Record<string, string>> {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    access: readonly { name: string; actions: readonly string[] }[]
  }
  return Object.fromEntries(claims.access.map(({ name, actions }) => [name, actions.join()]))
}
