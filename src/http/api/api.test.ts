import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ask, anApi, identityOf, principalOf } from './test-support/api.ts'

suite('an address', () => {
  test('that is none is a problem, and so is a method that it does not have', async (t) => {
    const app = await anApi(t)
    for (const path of [
      '/api/v1',
      '/api/v1/',
      '/api/v1/nothing',
      '/api/v1/users/',
      '/api/v1/users//password',
      '/api/v1/users/ann/extra',
      '/api/v1/teams/web/',
      '/api/v1/repositories/',
      '/api/v2/users',
      '/api/v1/__proto__',
      '/api/v1/constructor',
    ]) {
      const { status, headers, problem } = await ask(app, `GET ${path}`)
      assert.equal(status, 404, path)
      assert.equal(headers['content-type'], 'application/problem+json')
      assert.equal(problem().type, '/problems/not-found')
    }
    const wrong = await ask(app, 'PUT /api/v1/users/ann')
    assert.equal(wrong.status, 405)
    assert.equal(wrong.headers['allow'], 'GET, PATCH, DELETE')
    assert.equal(wrong.problem().status, 405)
  })

  test('answers HEAD as GET', async (t) => {
    const app = await anApi(t)
    const got = await ask(app, 'GET /api/v1/users/ann')
    const head = await ask(app, 'HEAD /api/v1/users/ann')
    assert.equal(head.status, 200)
    assert.equal(head.headers['etag'], got.headers['etag'])
    assert.equal((await ask(app, 'HEAD /api/v1/account/password')).status, 405)
  })
})

suite('a caller', () => {
  test('who is nobody is told to sign in, whatever else is wrong', async (t) => {
    const app = await anApi(t)
    for (const line of [
      'GET /api/v1/users',
      'POST /api/v1/users',
      'DELETE /api/v1/grants/1',
      'GET /api/v1/repositories/no/such',
    ]) {
      for (const as of [await identityOf(app, 'anonymous'), { kind: 'open' }] as const) {
        const { status, problem } = await ask(app, line, { as, body: '{nonsense' })
        assert.equal(status, 401, line)
        assert.equal(problem().type, '/problems/unauthenticated')
      }
    }
  })

  test('with a registry token is not taken, even for what the token is for', async (t) => {
    const app = await anApi(t)
    await ask(app, 'POST /api/v1/repositories', { body: { name: 'ann/app' } })
    const admin = await principalOf(app, 'admin')
    const limits = [
      { type: 'repository', repositoryId: undefined, name: 'ann/app', actions: ['pull', 'admin'] },
    ] as const
    for (const line of ['GET /api/v1/repositories/ann/app', 'GET /api/v1/account']) {
      assert.equal((await ask(app, line, { as: { ...admin, limits } })).status, 401, line)
    }
  })

  test('with a token that has scopes manages neither users nor the account', async (t) => {
    const app = await anApi(t)
    const admin = await principalOf(app, 'admin')
    const { parseTokenScope } = await import('../../auth/token-scope.ts')
    const scopes = [parseTokenScope('*:owner')]
    const token = { id: 1, kind: 'personal', scopes, expiresAt: undefined } as const
    const as = { ...admin, token }
    assert.equal((await ask(app, 'GET /api/v1/users', { as })).status, 403)
    const body = { current: 'x', password: 'y' }
    assert.equal((await ask(app, 'PUT /api/v1/account/password', { as, body })).status, 403)
    const account = await ask(app, 'GET /api/v1/account', { as })
    assert.equal(account.status, 200)
    assert.deepEqual((account.json() as { token: unknown }).token, { id: 1, scopes: ['*:owner'] })
  })

  test('who may not do it is told so, in a sentence', async (t) => {
    const app = await anApi(t)
    const { status, problem } = await ask(app, 'GET /api/v1/users', { as: 'ann' })
    assert.equal(status, 403)
    assert.equal(problem().type, '/problems/denied')
    assert.match(problem().detail, /^ann may not .+\.$/)
  })
})

suite('a body', () => {
  const line = 'POST /api/v1/teams'

  test('is JSON and says so', async (t) => {
    const app = await anApi(t)
    for (const type of [
      undefined,
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/json-patch+json',
    ]) {
      const headers = { 'content-type': type as string }
      const { status, problem } = await ask(app, line, { headers, body: { name: 'web' } })
      assert.equal(status, 415, type)
      assert.match(problem().detail, /application\/json/)
    }
    const headers = { 'content-type': 'Application/JSON; charset=utf-8' }
    assert.equal((await ask(app, line, { headers, body: { name: 'web' } })).status, 201)
  })

  test('that is malformed is refused with a reason', async (t) => {
    const app = await anApi(t)
    const cases: readonly (readonly [body: string | Uint8Array, detail: RegExp])[] = [
      ['', /empty/],
      ['{', /well-formed/],
      ['[]', /must be a JSON object/],
      ['null', /must be a JSON object/],
      ['"x"', /must be a JSON object/],
      ['{"name":"web"} x', /well-formed/],
      ['\ufeff{}', /byte order mark/],
      [Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), /UTF-8/],
      [`${'['.repeat(100)}${']'.repeat(100)}`, /deeper/],
      ['{"__proto__":{"admin":true},"name":"web"}', /__proto__/],
    ]
    for (const [body, detail] of cases) {
      const answer = await ask(app, line, { body })
      assert.equal(answer.status, 400, String(body))
      assert.match(answer.problem().detail, detail)
    }
  })

  test('with a field twice is refused, and the field is named', async (t) => {
    const app = await anApi(t)
    for (const [body, path] of [
      ['{"name":"web","description":"a","description":"b"}', 'description'],
      ['{"name":"web","n\\u0061me":"admin"}', 'name'],
      [
        '{"name":"web","groups":[{"group":"a","provider":"oidc:x"},{"group":"b","group":"c"}]}',
        'group',
      ],
      ['{"a\\"b:{":1,"a\\"b:{":2}', 'a"b:{'],
    ] as const) {
      const { status, problem } = await ask(app, line, { body })
      assert.equal(status, 400)
      assert.deepEqual(problem().errors, [{ path, message: 'It is there twice; give it once.' }])
    }
  })

  test('that is larger than 256 KiB is refused', async (t) => {
    const app = await anApi(t)
    const body = JSON.stringify({ name: 'web', description: 'x'.repeat(256 * 1024) })
    assert.equal((await ask(app, line, { body })).status, 413)
  })

  test('has no field that the path has', async (t) => {
    const app = await anApi(t)
    const { status, problem } = await ask(app, 'PATCH /api/v1/users/ann', {
      body: { name: 'admin', disabled: true },
    })
    assert.equal(status, 400)
    assert.deepEqual(
      problem().errors?.map(({ path }) => path),
      ['name'],
    )
    const show = await ask(app, 'GET /api/v1/users/bob')
    assert.equal((show.json() as { disabled: boolean }).disabled, false)
  })

  test('with wrong fields is refused with each of them', async (t) => {
    const app = await anApi(t)
    const body = { name: 'x'.repeat(300), password: 5, admin: 'yes', isRoot: true }
    const { problem } = await ask(app, 'POST /api/v1/users', { body })
    assert.deepEqual(
      problem()
        .errors?.map(({ path }) => path)
        .toSorted(),
      ['admin', 'isRoot', 'name', 'password'],
    )
    const missing = await ask(app, 'POST /api/v1/users', { body: {} })
    assert.deepEqual(missing.problem().errors, [
      { path: 'name', message: 'It is missing.' },
      { path: 'password', message: 'It is missing.' },
    ])
    assert.equal(missing.problem().detail, 'name: It is missing. (and 1 more)')
  })
})

suite('a query', () => {
  test('with a field twice, or one that is not known, is refused by name', async (t) => {
    const app = await anApi(t)
    const twice = await ask(app, 'GET /api/v1/users?limit=1&limit=2')
    assert.deepEqual(
      twice.problem().errors?.map(({ path }) => path),
      ['limit'],
    )
    for (const field of ['admin', '__proto__', 'toString', 'hasOwnProperty']) {
      const { status, problem } = await ask(app, `GET /api/v1/users?${field}=1`)
      assert.equal(status, 400, field)
      assert.deepEqual(
        problem().errors?.map(({ path }) => path),
        [field],
      )
      assert.match(problem().errors?.[0]?.message ?? '', /Known are: limit, after/)
    }
    const inPath = await ask(app, 'GET /api/v1/users/ann?name=bob')
    assert.deepEqual(
      inPath.problem().errors?.map(({ path }) => path),
      ['name'],
    )
  })

  test('with a cursor that no page gave is refused', async (t) => {
    const app = await anApi(t)
    const nul = Buffer.from('a\0b').toString('base64url')
    for (const [list, after] of [
      ['users', '!'],
      ['users', 'YQ=='],
      ['users', 'YR'],
      ['users', nul],
      ['users', Buffer.from([0xff, 0xfe]).toString('base64url')],
      ['grants', Buffer.from('abc').toString('base64url')],
      ['grants', Buffer.from('0').toString('base64url')],
      ['grants', Buffer.from('1e3').toString('base64url')],
      ['grants', Buffer.from('9007199254740993').toString('base64url')],
    ]) {
      const { status, problem } = await ask(app, `GET /api/v1/${list}?after=${after}`)
      assert.equal(status, 400, `${list} ${after}`)
      assert.deepEqual(
        problem().errors?.map(({ path }) => path),
        ['after'],
      )
    }
  })
})

suite('every answer', () => {
  test('is kept nowhere', async (t) => {
    const app = await anApi(t)
    for (const line of [
      'GET /api/v1/users',
      'GET /api/v1/users/none',
      'DELETE /api/v1/users/bob',
    ]) {
      assert.equal((await ask(app, line)).headers['cache-control'], 'no-store', line)
    }
  })
})

suite('an entity tag', () => {
  test('lets one change what was seen, and nothing else', async (t) => {
    const app = await anApi(t)
    const seen = await ask(app, 'GET /api/v1/users/ann')
    const tag = seen.headers['etag'] ?? ''
    assert.match(tag, /^"[\w-]{22}"$/)
    const change = async (ifMatch: string, displayName: string) =>
      ask(app, 'PATCH /api/v1/users/ann', {
        headers: { 'if-match': ifMatch },
        body: { displayName },
      })
    const first = await change(tag, 'Ann One')
    assert.equal(first.status, 200)
    assert.notEqual(first.headers['etag'], tag)
    const second = await change(tag, 'Ann Two')
    assert.equal(second.status, 412)
    assert.equal(second.problem().type, '/problems/changed')
    for (const weak of [`W/${first.headers['etag']}`, '"other"']) {
      assert.equal((await change(weak, 'Ann Two')).status, 412)
    }
    assert.equal((await change(`"other", ${first.headers['etag']}`, 'Ann Three')).status, 200)
    assert.equal((await change('*', 'Ann Four')).status, 200)
    const now = await ask(app, 'GET /api/v1/users/ann')
    assert.equal((now.json() as { displayName: string }).displayName, 'Ann Four')
  })

  test('is compared for what is removed and what is read, too', async (t) => {
    const app = await anApi(t)
    const headers = { 'if-match': '"old"' }
    assert.equal((await ask(app, 'DELETE /api/v1/users/bob', { headers })).status, 412)
    assert.equal((await ask(app, 'GET /api/v1/users/bob', { headers })).status, 412)
    assert.equal((await ask(app, 'GET /api/v1/users/bob')).status, 200)
  })

  test('is refused where there is none, and when it is no tag', async (t) => {
    const app = await anApi(t)
    const none = await ask(app, 'GET /api/v1/users', { headers: { 'if-match': '"x"' } })
    assert.equal(none.status, 400)
    for (const value of ['abc', '"a', '"a""b"', '', `"${'x'.repeat(3000)}"`]) {
      const headers = { 'if-match': value }
      const { status } = await ask(app, 'GET /api/v1/users/ann', { headers })
      assert.equal(status, 400, value.slice(0, 20))
    }
  })

  test('is the same for what changes by itself', async (t) => {
    const app = await anApi(t)
    await ask(app, 'POST /api/v1/repositories', { body: { name: 'ann/app' } })
    const before = await ask(app, 'GET /api/v1/repositories/ann/app')
    const { insertBlob, linkBlob } = await import('../../metadata/blobs.ts')
    const { digestOf } = await import('../../oci/digest.ts')
    const content = Buffer.from('{}')
    const digest = digestOf(content)
    await app.metadata.write(async (tx) => {
      await insertBlob(tx, { digest, size: 2, storageKey: undefined, content })
      await linkBlob(tx, 1, digest)
    })
    const after = await ask(app, 'GET /api/v1/repositories/ann/app')
    assert.notEqual(after.text, before.text)
    assert.equal(after.headers['etag'], before.headers['etag'])
  })
})
