import assert from 'node:assert/strict'
import { test } from 'node:test'
import { removeRepository } from '../../registry/delete.ts'
import { anApp, ask, basic, type Answer, type TestApp } from '../test-support/app.ts'
import { makeRepository, putImage, repositoryOf } from '../test-support/content.ts'
import { disableUser, users } from '../test-support/users.ts'

interface Token {
  readonly token: string
  readonly access_token: string
  readonly expires_in: number
  readonly scope?: string
}

function tokenOf(answer: Answer): Token {
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers['content-type'], 'application/json')
  assert.equal(answer.headers['cache-control'], 'no-store')
  const body = answer.json() as Token
  assert.equal(body.token, body.access_token)
  assert.equal(body.expires_in, 900)
  assert.deepEqual(
    Object.keys(body).filter((key) => key === 'issued_at' || key === 'refresh_token'),
    [],
  )
  return body
}

interface Access {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

function accessOf({ token }: Token): readonly string[] {
  const claims = JSON.parse(
    Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'),
  ) as { access: readonly Access[] }
  return claims.access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`)
}

function form(fields: Readonly<Record<string, string>>) {
  const type = 'application/x-www-form-urlencoded'
  return { type, body: new URLSearchParams(fields).toString() }
}

async function withRepositories(t: Parameters<typeof anApp>[0]): Promise<TestApp> {
  const app = await anApp(t)
  await makeRepository(app, 'alice/app')
  await makeRepository(app, 'bob/private')
  await makeRepository(app, 'bob/internal', 'internal')
  await makeRepository(app, 'bob/public', 'public')
  return app
}

test('login: a token that grants nothing, and who watches the door hears of it', async (t) => {
  const app = await withRepositories(t)
  const line = 'GET /token?account=alice&service=x&client_id=docker&offline_token=true'
  const token = tokenOf(await ask(app, line, { as: 'alice' }))
  assert.deepEqual(accessOf(token), [])
  assert.deepEqual(app.events, [{ kind: 'login', name: 'alice', address: '127.0.0.1' }])
  assert.equal((await ask(app, 'GET /v2/', { as: `Bearer ${token.token}` })).status, 200)
})

const grants: readonly (readonly [as: string | undefined, query: string, access: string[]])[] = [
  ['alice', 'scope=repository:alice/app:pull', ['repository:alice/app:pull']],
  ['alice', 'scope=repository:alice/app:pull,push', ['repository:alice/app:pull,push']],
  ['alice', 'scope=repository:alice/new:pull,push', ['repository:alice/new:pull,push']],
  ['alice', 'scope=repository:alice/app:*', ['repository:alice/app:pull,push,delete']],
  // A part of what was asked is no error.
  ['alice', 'scope=repository:bob/public:pull,push,delete', ['repository:bob/public:pull']],
  ['alice', 'scope=repository:bob/internal:pull,push', ['repository:bob/internal:pull']],
  ['alice', 'scope=repository:bob/private:pull,push', []],
  ['alice', 'scope=repository:bob/absent:pull', []],
  ['alice', 'scope=registry:catalog:*', ['registry:catalog:*']],
  ['alice', 'scope=registry:catalog:pull', []],
  ['alice', 'scope=repository:alice/app:admin', []],
  ['alice', 'scope=repository(plugin):alice/app:pull', ['repository:alice/app:pull']],
  ['alice', 'scope=nonsense:alice/app:pull', []],
  ['alice', 'scope=repository:NO_NAME:pull', []],
  ['alice', 'scope=', []],
  // Several, in one parameter, in many, and twice the same.
  [
    'alice',
    'scope=repository:alice/app:pull&scope=repository:bob/public:pull',
    ['repository:alice/app:pull', 'repository:bob/public:pull'],
  ],
  [
    'alice',
    'scope=repository:alice/app:pull%20repository:bob/public:pull%20repository:alice/app:pull,push',
    ['repository:alice/app:pull,push', 'repository:bob/public:pull'],
  ],
  ['admin', 'scope=repository:bob/private:pull,push', ['repository:bob/private:pull,push']],
  [undefined, 'scope=repository:bob/public:pull,push', ['repository:bob/public:pull']],
  [undefined, 'scope=repository:bob/internal:pull', []],
  [undefined, 'scope=registry:catalog:*', []],
  ['Basic Og==', 'scope=repository:bob/public:pull', ['repository:bob/public:pull']],
]

test('a token carries the part of what was asked that its bearer has a right to', async (t) => {
  const app = await withRepositories(t)
  for (const [as, query, access] of grants) {
    const answer = await ask(app, `GET /token?${query}`, as === undefined ? {} : { as })
    assert.deepEqual(accessOf(tokenOf(answer)), access, `${as} ${query}`)
  }
})

test('what is no scope is refused', async (t) => {
  const app = await withRepositories(t)
  for (const scope of ['x', 'repository:a', 'repository::pull', `${'a'.repeat(9000)}:b:pull`]) {
    const answer = await ask(app, `GET /token?scope=${scope}`, { as: 'alice' })
    assert.equal(answer.status, 400, scope.slice(0, 30))
  }
})

test('a wrong password gets no token, also not that of nobody', async (t) => {
  const app = await withRepositories(t)
  for (const as of [
    basic('alice', 'wrong'),
    basic('nobody', 'x'),
    basic('carol', users.carol.password),
    basic('', 'x'),
    'Bearer x',
    'nonsense',
  ]) {
    const answer = await ask(app, 'GET /token?scope=repository:bob/public:pull', { as })
    assert.equal(answer.status, 401, as)
    assert.ok(answer.headers['www-authenticate'])
  }
  assert.deepEqual(app.events, [])
})

test('a token gets no other token: it would never end', async (t) => {
  const app = await withRepositories(t)
  const scope = 'repository:alice/app:pull'
  for (const who of [{ as: 'alice' }, {}]) {
    const { token } = tokenOf(await ask(app, `GET /token?scope=${scope}`, who))
    const answer = await ask(app, `GET /token?scope=${scope}`, { as: `Bearer ${token}` })
    assert.equal(answer.status, 401)
    assert.match(answer.message(), /cannot be exchanged/)
  }
})

test('the OAuth2 form: the same with a password in a form', async (t) => {
  const app = await withRepositories(t)
  const { password } = users.alice
  const fields = {
    grant_type: 'password',
    service: 'x',
    client_id: 'containerd',
    scope: 'repository:alice/app:pull,push repository:bob/private:pull',
    username: 'alice',
    password,
  }
  const token = tokenOf(await ask(app, 'POST /token', form(fields)))
  assert.equal(token.scope, 'repository:alice/app:pull,push')
  assert.deepEqual(accessOf(token), ['repository:alice/app:pull,push'])
  assert.deepEqual(app.events, [{ kind: 'login', name: 'alice', address: '127.0.0.1' }])
  const nobody = { ...fields, username: '', password: '', scope: 'repository:bob/public:pull' }
  assert.deepEqual(accessOf(tokenOf(await ask(app, 'POST /token', form(nobody)))), [
    'repository:bob/public:pull',
  ])
})

test('the OAuth2 form: its errors have its shape', async (t) => {
  const app = await withRepositories(t)
  const { password } = users.alice
  const errorOf = (answer: Answer) => [answer.status, (answer.json() as { error: string }).error]
  const right = { grant_type: 'password', username: 'alice', password }
  for (const wrong of [
    { ...right, password: 'wrong' },
    { ...right, username: 'nobody' },
    { ...right, username: 'carol', password: users.carol.password },
    { ...right, username: 'alice\0' },
    { grant_type: 'password', username: 'alice' },
  ]) {
    const answer = await ask(app, 'POST /token', form(wrong))
    assert.deepEqual(errorOf(answer), [401, 'invalid_grant'])
  }
  for (const unsupported of [{ grant_type: 'refresh_token', refresh_token: 'x' }, { x: 'y' }, {}]) {
    const answer = await ask(app, 'POST /token', form(unsupported))
    assert.deepEqual(errorOf(answer), [400, 'unsupported_grant_type'])
  }
  for (const body of ['', '{"grant_type":"password"}', '\0\xff', 'a=b'.repeat(1000)]) {
    const answer = await ask(app, 'POST /token', { body, type: 'application/json' })
    assert.equal(answer.status, 400)
  }
  const scope = await ask(app, 'POST /token', form({ ...right, scope: 'nonsense' }))
  assert.equal(scope.status, 400)
  const large = await ask(app, 'POST /token', { body: 'x'.repeat(64 * 1024 + 1) })
  assert.equal(large.status, 413)
})

test('a token of a repository that was deleted is good for none of that name again', async (t) => {
  const app = await anApp(t)
  await putImage(app, 'alice/app', 'v1')
  const scope = 'repository:alice/app:pull,push,delete'
  const { token } = tokenOf(await ask(app, `GET /token?scope=${scope}`, { as: 'alice' }))
  const as = `Bearer ${token}`
  const lines = [
    'GET /v2/alice/app/manifests/v1',
    'GET /v2/alice/app/tags/list',
    'PUT /v2/alice/app/manifests/v1',
    'POST /v2/alice/app/blobs/uploads/',
    'DELETE /v2/alice/app/manifests/v1',
  ]
  assert.equal((await ask(app, lines[0] ?? '', { as })).status, 200)
  await removeRepository(app.metadata, (await repositoryOf(app, 'alice/app'))?.id ?? 0)
  for (const line of lines) assert.equal((await ask(app, line, { as })).status, 401, line)
  await putImage(app, 'alice/app', 'v1')
  for (const line of lines) {
    const answer = await ask(app, line, { as })
    assert.equal(answer.status, 401, line)
    assert.match(answer.headers['www-authenticate'] ?? '', /error="insufficient_scope"$/)
  }
})

test('a token ends with the account of its bearer', async (t) => {
  const app = await withRepositories(t)
  const scope = 'repository:alice/app:pull'
  const { token } = tokenOf(await ask(app, `GET /token?scope=${scope}`, { as: 'alice' }))
  const line = 'GET /v2/alice/app/tags/list'
  assert.equal((await ask(app, line, { as: `Bearer ${token}` })).status, 200)
  await disableUser(app.metadata, app.ids.alice)
  app.authenticator.forgetPrincipal(app.ids.alice)
  assert.equal((await ask(app, line, { as: `Bearer ${token}` })).status, 401)
  assert.equal((await ask(app, line, { as: 'alice' })).status, 401)
})

test('tokens fit into a header, however much is asked for', async (t) => {
  const app = await anApp(t)
  const scopes = Array.from(
    { length: 90 },
    (_, number) => `repository:alice/app-${number}:pull,push`,
  )
  const answer = await ask(app, `GET /token?scope=${scopes.join('%20')}`, { as: 'alice' })
  assert.ok(tokenOf(answer).token.length < 8000)
})
