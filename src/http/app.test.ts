import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { StorageFullError, StorageUnavailableError } from '../oci/errors.ts'
import { brokenBody } from '../registry/test-support/registry.ts'
import { withFaults } from '../storage/fault-driver.ts'
import { aUser } from '../auth/test-support/identities.ts'
import { anApp, ask, basic, serviceName, type TestApp } from './test-support/app.ts'
import { makeRepository, putImage } from './test-support/content.ts'
import { users } from './test-support/users.ts'

const digest = digestOf(Buffer.from('x'))

function bearer(scope?: string, error?: string): string {
  const parts = [`Bearer realm="https://registry.test/token",service="${serviceName}"`]
  if (scope !== undefined) parts.push(`scope="${scope}"`)
  if (error !== undefined) parts.push(`error="${error}"`)
  return parts.join(',')
}

const challenges: readonly (readonly [line: string, scope: string | undefined])[] = [
  ['GET /v2/', undefined],
  ['HEAD /v2/', undefined],
  ['GET /v2', undefined],
  ['GET /v2/_oci/ext/discover', undefined],
  ['GET /v2/_catalog', 'registry:catalog:*'],
  ['GET /v2/alice/app/tags/list', 'repository:alice/app:pull'],
  ['HEAD /v2/alice/app/manifests/v1', 'repository:alice/app:pull'],
  [`GET /v2/alice/app/blobs/${digest}`, 'repository:alice/app:pull'],
  [`GET /v2/alice/app/referrers/${digest}`, 'repository:alice/app:pull'],
  ['PUT /v2/alice/app/manifests/v1', 'repository:alice/app:pull,push'],
  ['POST /v2/alice/app/blobs/uploads/', 'repository:alice/app:pull,push'],
  ['PATCH /v2/alice/app/blobs/uploads/x', 'repository:alice/app:pull,push'],
  ['GET /v2/alice/app/blobs/uploads/x', 'repository:alice/app:pull,push'],
  ['DELETE /v2/alice/app/blobs/uploads/x', 'repository:alice/app:pull,push'],
  ['DELETE /v2/alice/app/manifests/v1', 'repository:alice/app:delete'],
  [`DELETE /v2/alice/app/blobs/${digest}`, 'repository:alice/app:delete'],
  [
    `POST /v2/alice/app/blobs/uploads/?mount=${digest}&from=bob/app`,
    'repository:alice/app:pull,push repository:bob/app:pull',
  ],
  [`POST /v2/alice/app/blobs/uploads/?mount=${digest}`, 'repository:alice/app:pull,push'],
  ['POST /v2/alice/app/blobs/uploads/?from=bob/app', 'repository:alice/app:pull,push'],
  // What is no name goes into no header.
  [
    `POST /v2/alice/app/blobs/uploads/?mount=${digest}&from=${encodeURIComponent('x",y="')}`,
    'repository:alice/app:pull,push',
  ],
]

test('nobody in particular is challenged with what a token must carry', async (t) => {
  const app = await anApp(t)
  for (const as of [undefined, 'Basic Og==', '']) {
    for (const [line, scope] of challenges) {
      const answer = await ask(app, line, as === undefined ? {} : { as })
      assert.equal(answer.status, 401, line)
      assert.equal(answer.headers['www-authenticate'], bearer(scope), line)
      assert.equal(answer.headers['content-type'], 'application/json')
      assert.deepEqual(answer.codes(), ['UNAUTHORIZED'])
    }
  }
})

test('a token of nobody lacks a scope, and is told so', async (t) => {
  const app = await anApp(t)
  const { token } = await app.issuer.issue({ kind: 'anonymous' }, [])
  const as = `Bearer ${token}`
  assert.equal((await ask(app, 'GET /v2/', { as })).status, 200)
  const answer = await ask(app, 'GET /v2/alice/app/tags/list', { as })
  assert.equal(answer.status, 401)
  const wanted = bearer('repository:alice/app:pull')
  assert.ok(
    [wanted, `${wanted},error="insufficient_scope"`].includes(
      answer.headers['www-authenticate'] ?? '',
    ),
  )
})

test('a token that carries too little is told what it lacks', async (t) => {
  const app = await anApp(t)
  const { id } = await makeRepository(app, 'alice/app')
  const { token } = await app.issuer.issue(aUser('alice', { id: app.ids.alice }), [
    { type: 'repository', name: 'alice/app', repositoryId: id, actions: ['pull'] },
  ])
  const as = `Bearer ${token}`
  assert.equal((await ask(app, 'GET /v2/alice/app/tags/list', { as })).status, 200)
  const push = await ask(app, 'PUT /v2/alice/app/manifests/v1', { as })
  assert.equal(push.status, 401)
  const wanted = bearer('repository:alice/app:pull,push', 'insufficient_scope')
  assert.equal(push.headers['www-authenticate'], wanted)
})

test('a token that is none of ours is told so, with the scope that is needed', async (t) => {
  const app = await anApp(t)
  for (const as of ['Bearer x', 'bearer x.y.z', `Bearer ${'a'.repeat(5000)}`]) {
    for (const [line, scope] of [
      ['GET /v2/', undefined],
      ['GET /v2/alice/app/tags/list', 'repository:alice/app:pull'],
      ['PUT /v2/alice/app/manifests/v1', 'repository:alice/app:pull,push'],
      ['DELETE /v2/alice/app/manifests/v1', 'repository:alice/app:delete'],
    ] as const) {
      const answer = await ask(app, line, { as })
      assert.equal(answer.status, 401)
      assert.equal(answer.headers['www-authenticate'], bearer(scope, 'invalid_token'), line)
    }
  }
})

test('wrong credentials are never taken for nobody, whatever is asked for', async (t) => {
  const app = await anApp(t)
  await makeRepository(app, 'alice/public', 'public')
  const { password } = users.alice
  const wrong = [
    basic('alice', 'wrong'),
    basic('alice', ''),
    basic('nobody', password),
    basic('', password),
    basic('carol', 'the password of carol'),
    basic('Alice', password),
    basic('alice\0', password),
    'Basic !!!',
    'Basic',
    'Digest x',
    'Bearer',
    'x',
  ]
  for (const as of wrong) {
    for (const line of ['GET /v2/', 'GET /v2/alice/public/tags/list', 'GET /token']) {
      const answer = await ask(app, line, { as })
      assert.equal(answer.status, 401, `${as} ${line}`)
      assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer realm="/)
      assert.doesNotMatch(answer.headers['www-authenticate'] ?? '', /insufficient/)
    }
  }
  assert.deepEqual(app.faults, [])
})

test('an address that there is not is 404, a method that it does not have 405 with those it has', async (t) => {
  const app = await anApp(t)
  for (const path of ['/v2/alice', '/nothing', '/v2/a/tags', '/assets/nothing.js']) {
    const answer = await ask(app, `GET ${path}`)
    assert.equal(answer.status, 404, path)
    assert.equal(answer.headers['content-type'], 'application/json')
  }
  const allowed: readonly (readonly [string, string])[] = [
    ['/v2/', 'GET, HEAD'],
    ['/v2/_catalog', 'GET'],
    ['/v2/a/tags/list', 'GET'],
    ['/v2/a/manifests/v1', 'GET, HEAD, PUT, DELETE'],
    [`/v2/a/blobs/${digest}`, 'GET, HEAD, DELETE'],
    ['/v2/a/blobs/uploads/', 'POST'],
    ['/v2/a/blobs/uploads/x', 'GET, PATCH, PUT, DELETE'],
    [`/v2/a/referrers/${digest}`, 'GET'],
    ['/token', 'GET, POST'],
    ['/livez', 'GET, HEAD'],
    ['/api/v1/setup', 'POST'],
  ]
  const methods = ['OPTIONS', 'TRACE', 'LINK', 'get', 'constructor', '__proto__', '']
  for (const [path, allow] of allowed) {
    const others = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'].filter(
      (method) => !allow.split(', ').includes(method),
    )
    for (const method of [...methods, ...others]) {
      const answer = await ask(app, `${method} ${path}`, { as: 'admin' })
      assert.equal(answer.status, 405, `${method} ${path}`)
      assert.equal(answer.headers['allow'], allow)
      assert.deepEqual(answer.codes(), ['UNSUPPORTED'])
    }
  }
})

test('HEAD has the status and the headers of GET everywhere', async (t) => {
  const app = await anApp(t)
  const image = await putImage(app, 'alice/app', 'v1')
  const layer = digestOf(Buffer.from('layer'))
  const paths = [
    '/v2/',
    '/v2/alice/app/manifests/v1',
    `/v2/alice/app/manifests/${image.digest}`,
    '/v2/alice/app/manifests/v2',
    `/v2/alice/app/blobs/${layer}`,
    `/v2/alice/app/blobs/${digest}`,
    '/v2/nobody/app/manifests/v1',
    '/v2/A/manifests/v1',
    '/livez',
    '/readyz',
  ]
  for (const as of ['alice', 'bob', 'admin', undefined, 'Bearer x']) {
    for (const path of paths) {
      const question = as === undefined ? {} : { as }
      const get = await ask(app, `GET ${path}`, question)
      const head = await ask(app, `HEAD ${path}`, question)
      assert.equal(head.status, get.status, `${as} ${path}`)
      assert.deepEqual(head.headers, get.headers, `${as} ${path}`)
      assert.ok(get.status === 304 || get.headers['content-length'] === String(get.bytes.length))
    }
  }
})

test('a repository that one may not see is answered exactly like one that there is not', async (t) => {
  const app = await anApp(t)
  await putImage(app, 'alice/secret', 'v1')
  const layer = digestOf(Buffer.from('layer'))
  const scrub = (text: string) => text.replaceAll(/secret|absent/g, 'NAME')
  for (const as of ['bob', undefined]) {
    for (const line of [
      'GET /v2/NAME/tags/list',
      'GET /v2/NAME/manifests/v1',
      'HEAD /v2/NAME/manifests/v1',
      'PUT /v2/NAME/manifests/v1',
      'DELETE /v2/NAME/manifests/v1',
      `GET /v2/NAME/blobs/${layer}`,
      `HEAD /v2/NAME/blobs/${layer}`,
      `DELETE /v2/NAME/blobs/${layer}`,
      'POST /v2/NAME/blobs/uploads/',
      `GET /v2/NAME/referrers/${layer}`,
      'GET /v2/NAME/blobs/uploads/x',
    ]) {
      const question = as === undefined ? {} : { as }
      const hidden = await ask(app, line.replace('NAME', 'alice/secret'), question)
      const absent = await ask(app, line.replace('NAME', 'alice/absent'), question)
      assert.equal(hidden.status, absent.status, line)
      assert.equal(scrub(hidden.text), scrub(absent.text), line)
      const [one, other] = [hidden, absent].map(({ headers }) =>
        scrub(JSON.stringify({ ...headers, 'content-length': '' })),
      )
      assert.equal(one, other, line)
    }
  }
})

test('what the caller asked wrongly is not logged as our fault; what we failed at is, without a word of why', async (t) => {
  let fault: Error | undefined
  const app = await anApp(t, {
    driver: (driver) =>
      withFaults(driver, () => (fault === undefined ? undefined : { kind: 'fail', error: fault })),
  })
  const big = Buffer.alloc(40_000, 'x')
  const push = async (): Promise<Awaited<ReturnType<typeof ask>>> =>
    ask(app, `POST /v2/alice/app/blobs/uploads/?digest=${digestOf(big)}`, {
      as: 'alice',
      body: big,
    })
  await ask(app, 'GET /v2/alice/app/manifests/v1', { as: 'alice' })
  await ask(app, 'GET /nothing')
  fault = new StorageFullError()
  const full = await push()
  assert.equal(full.status, 403)
  assert.deepEqual(full.codes(), ['DENIED'])
  assert.deepEqual(app.faults, [])
  fault = new StorageUnavailableError()
  const away = await push()
  assert.equal(away.status, 503)
  assert.equal(away.headers['retry-after'], '5')
  assert.deepEqual(app.faults, [fault])
  fault = new Error('the secret path /var/lib/x')
  const broken = await push()
  assert.equal(broken.status, 500)
  assert.match(broken.message(), /request-1/)
  assert.doesNotMatch(broken.text, /secret/)
  assert.deepEqual(app.faults.at(-1), fault)
  fault = undefined
  assert.equal((await push()).status, 201)
})

test('a client that goes away in the middle is not our fault', async (t) => {
  const app = await anApp(t)
  for (const line of [
    'PUT /v2/alice/app/manifests/v1',
    `POST /v2/alice/app/blobs/uploads/?digest=${digest}`,
  ]) {
    for (const size of [10, 50_000]) {
      const body = brokenBody(Buffer.alloc(size, 'x'))
      const answer = await ask(app, line, { as: 'alice', body })
      assert.ok(answer.status >= 400)
    }
  }
  assert.deepEqual(app.faults, [])
})

test('in open mode nobody signs in and everything on repositories is allowed, but nothing else', async (t) => {
  const app: TestApp = await anApp(t, { open: true })
  assert.equal((await ask(app, 'GET /v2/')).status, 200)
  const blob = Buffer.from('blob')
  const line = `POST /v2/my-app/blobs/uploads/?digest=${digestOf(blob)}`
  assert.equal((await ask(app, line, { body: blob })).status, 201)
  const catalog = await ask(app, 'GET /v2/_catalog')
  assert.deepEqual(catalog.json(), { repositories: ['my-app'] })
  assert.equal((await ask(app, `DELETE /v2/my-app/blobs/${digestOf(blob)}`)).status, 202)
})
