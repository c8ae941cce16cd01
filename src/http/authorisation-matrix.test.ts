// Every route × every kind of caller × every kind of repository, against rules that are written here anew and not
// taken from the code. A route that is not in the table below fails the test.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import type { Visibility } from '../metadata/repositories.ts'
import type { Method } from './route.ts'
import type { ResourceKind } from './target.ts'
import { anApp, ask, type Answer, type TestApp } from './test-support/app.ts'
import { callersOf, makeAndRemove, type Asked, type Caller } from './test-support/callers.ts'
import { makeRepository, putImage } from './test-support/content.ts'

type Need = 'nothing' | 'credentials' | 'catalog' | 'pull' | 'push' | 'delete'

interface Row {
  readonly need: Need
  /** What is behind the method in a request's first line; NAME stands for the repository. */
  readonly address: string
  readonly body?: string
}

const unknown = digestOf(Buffer.from('unknown'))
const manifest = '/v2/NAME/manifests'
const session = '/v2/NAME/blobs/uploads/unknown'

/** Requests that change nothing even when they are allowed: what they name is not there, or their body is no good. */
const table: Readonly<Record<string, readonly Row[]>> = {
  'base GET': [{ need: 'credentials', address: '/v2/' }],
  'base HEAD': [{ need: 'credentials', address: '/v2/' }],
  'extensions GET': [{ need: 'credentials', address: '/v2/_oci/ext/discover' }],
  'catalog GET': [{ need: 'catalog', address: '/v2/_catalog?n=1' }],
  'tags GET': [{ need: 'pull', address: '/v2/NAME/tags/list' }],
  'manifest GET': [
    { need: 'pull', address: `${manifest}/v1` },
    { need: 'pull', address: `${manifest}/${unknown}` },
  ],
  'manifest HEAD': [
    { need: 'pull', address: `${manifest}/v1` },
    { need: 'pull', address: `${manifest}/${unknown}` },
  ],
  'manifest PUT': [
    { need: 'push', address: `${manifest}/v1`, body: '{' },
    { need: 'push', address: `${manifest}/${unknown}?tag=v1`, body: '{' },
  ],
  'manifest DELETE': [
    { need: 'delete', address: `${manifest}/unknown` },
    { need: 'delete', address: `${manifest}/${unknown}` },
  ],
  'blob GET': [{ need: 'pull', address: `/v2/NAME/blobs/${unknown}` }],
  'blob HEAD': [{ need: 'pull', address: `/v2/NAME/blobs/${unknown}` }],
  'blob DELETE': [{ need: 'delete', address: `/v2/NAME/blobs/${unknown}` }],
  'uploads POST': [
    { need: 'push', address: '/v2/NAME/blobs/uploads/?digest=bad' },
    { need: 'push', address: `/v2/NAME/blobs/uploads?mount=${unknown}&from=NAME&digest=bad` },
  ],
  'upload GET': [{ need: 'push', address: session }],
  'upload PATCH': [{ need: 'push', address: session, body: 'x' }],
  'upload PUT': [{ need: 'push', address: `${session}?digest=${unknown}`, body: 'x' }],
  'upload DELETE': [{ need: 'push', address: session }],
  'referrers GET': [{ need: 'pull', address: `/v2/NAME/referrers/${unknown}` }],
  'token GET': [{ need: 'nothing', address: '/token' }],
  'token POST': [{ need: 'nothing', address: '/token', body: 'grant_type=x' }],
  'livez GET': [{ need: 'nothing', address: '/livez' }],
  'livez HEAD': [{ need: 'nothing', address: '/livez' }],
  'readyz GET': [{ need: 'nothing', address: '/readyz' }],
  'readyz HEAD': [{ need: 'nothing', address: '/readyz' }],
  'authority GET': [{ need: 'nothing', address: '/ca.crt' }],
  'trust-script GET': [{ need: 'nothing', address: '/ca.sh' }],
  'home GET': [{ need: 'nothing', address: '/' }],
  'home HEAD': [{ need: 'nothing', address: '/' }],
  'setup-page GET': [{ need: 'nothing', address: '/setup' }],
  'setup-page HEAD': [{ need: 'nothing', address: '/setup' }],
  'setup POST': [{ need: 'nothing', address: '/api/v1/setup', body: '{}' }],
  'asset GET': [{ need: 'nothing', address: '/assets/unknown.js' }],
  'asset HEAD': [{ need: 'nothing', address: '/assets/unknown.js' }],
}

interface Repository extends Asked {
  readonly visibility: Visibility | 'missing'
  /** Alice's, or in no namespace at all. */
  readonly owner: 'alice' | undefined
}

const visibilities = ['private', 'internal', 'public', 'missing'] as const

async function makeRepositories(app: TestApp): Promise<readonly Repository[]> {
  const made: Repository[] = []
  for (const visibility of visibilities) {
    for (const owner of ['alice', undefined] as const) {
      const name = owner === undefined ? `root-${visibility}` : `${owner}/${visibility}`
      // Each is the second of its name.
      await makeAndRemove(app, name)
      if (visibility === 'missing') {
        made.push({ name, id: undefined, visibility, owner })
        continue
      }
      const { id } = await makeRepository(app, name, visibility)
      await putImage(app, name, 'v1')
      made.push({ name, id, visibility, owner })
    }
  }
  return made
}

/** 'ran': the handler was reached; what it then says is not the matter here. */
type Outcome = 'ran' | '401' | '401 insufficient_scope' | '401 invalid_token' | '403' | '404 name'

// The rules.

function hasRight(caller: Caller, need: Need, repository: Repository): boolean {
  const isUser = caller.who !== 'anonymous'
  if (need === 'nothing') return true
  if (need === 'credentials') return isUser || caller.isToken
  if (need === 'catalog') return isUser
  if (caller.who === 'admin' || caller.who === repository.owner) return true
  if (need !== 'pull') return false
  return repository.visibility === 'public' || (repository.visibility === 'internal' && isUser)
}

function carries({ carries: token }: Caller, need: Need): boolean {
  if (token === undefined || need === 'nothing' || need === 'credentials') return true
  return need === 'catalog' ? token.catalog : token.actions.includes(need)
}

function expected(caller: Caller, need: Need, repository: Repository): Outcome {
  // Bad credentials are an error wherever they are presented.
  if (caller.who === 'bad') return caller.isToken ? '401 invalid_token' : '401'
  if (!hasRight(caller, need, repository)) {
    if (caller.who === 'anonymous') return '401'
    // That somebody may not push tells nothing of whether there is such a repository; other refusals would.
    const maySee = need === 'push' || hasRight(caller, 'pull', repository)
    return maySee ? '403' : '404 name'
  }
  if (!carries(caller, need)) return '401 insufficient_scope'
  return 'ran'
}

// What a handler says when it ran on a repository that there is not.
const saysUnknownName: ReadonlySet<string> = new Set([
  'tags GET',
  'manifest GET',
  'manifest HEAD',
  'manifest DELETE',
  'blob GET',
  'blob HEAD',
  'blob DELETE',
])

function outcomeOf(answer: Answer): Outcome {
  if (answer.status === 401) {
    const challenge = answer.headers['www-authenticate']
    // The form of a token request has errors of its own.
    if (challenge === undefined) return 'ran'
    const error = /error="(\w+)"/.exec(challenge)?.[1]
    return error === undefined ? '401' : (`401 ${error}` as Outcome)
  }
  if (answer.status === 403 && answer.text.includes('"DENIED"')) return '403'
  if (answer.status === 404 && answer.text.includes('"NAME_UNKNOWN"')) return '404 name'
  return 'ran'
}

function keysOf(app: TestApp): string[] {
  return Object.entries(app.routes).flatMap(([resource, routes]) =>
    Object.keys(routes).map((method) => `${resource} ${method}`),
  )
}

async function askRow(
  app: TestApp,
  method: string,
  row: Row,
  who: { readonly name: string; readonly as: string | undefined },
): Promise<Answer> {
  const line = `${method} ${row.address.replaceAll('NAME', who.name)}`
  const { body } = row
  return ask(app, line, {
    ...(who.as !== undefined && { as: who.as }),
    ...(body !== undefined && { body }),
  })
}

test('every route is in the table, and nothing else', async (t) => {
  const app = await anApp(t)
  assert.deepEqual(keysOf(app).toSorted(), Object.keys(table).toSorted())
})

suite('each route, for each caller and each repository', () => {
  test('decides as the rules say', async (t) => {
    const app = await anApp(t)
    const repositories = await makeRepositories(app)
    let cells = 0
    for (const repository of repositories) {
      for (const caller of await callersOf(app, repository)) {
        // Once through all routes is enough for what is refused before anything is looked up.
        if (caller.isSlow === true && repository !== repositories[0]) continue
        for (const [route, rows] of Object.entries(table)) {
          const method = route.split(' ')[1] ?? ''
          for (const row of rows) {
            if (!row.address.includes('NAME') && repository !== repositories[0]) continue
            const as = caller.authorization
            const answer = await askRow(app, method, row, { name: repository.name, as })
            let wanted = expected(caller, row.need, repository)
            const isMissing = repository.visibility === 'missing'
            if (wanted === 'ran' && isMissing && saysUnknownName.has(route)) wanted = '404 name'
            const cell = `${caller.title}: ${method} ${row.address} on ${repository.name}`
            assert.equal(outcomeOf(answer), wanted, `${cell}: ${answer.status} ${answer.text}`)
            assert.ok(answer.status < 500, cell)
            cells += 1
          }
        }
      }
    }
    t.diagnostic(`${cells} cells`)
    assert.ok(cells > 9000)
    assert.deepEqual(app.faults, [])
  })

  test('changes nothing where it refuses, and the cells themselves change nothing', async (t) => {
    const app = await anApp(t)
    const repositories = await makeRepositories(app)
    const as = 'admin'
    const before = (await ask(app, 'GET /v2/_catalog', { as })).text
    for (const repository of repositories) {
      for (const [route, rows] of Object.entries(table)) {
        const method = route.split(' ')[1] ?? ''
        for (const row of rows) await askRow(app, method, row, { name: repository.name, as })
      }
    }
    assert.equal((await ask(app, 'GET /v2/_catalog', { as })).text, before)
    for (const { name, id } of repositories) {
      if (id === undefined) continue
      const tags = await ask(app, `GET /v2/${name}/tags/list`, { as })
      assert.deepEqual(tags.json(), { name, tags: ['v1'] })
    }
  })

  test('is open to everybody in open mode, on whatever repository', async (t) => {
    const app = await anApp(t, { open: true })
    for (const visibility of visibilities) {
      const name = `team/${visibility}`
      if (visibility !== 'missing') await makeRepository(app, name, visibility)
      for (const [route, rows] of Object.entries(table)) {
        const method = route.split(' ')[1] ?? ''
        for (const row of rows) {
          for (const as of [undefined, 'alice', 'Bearer x', 'nonsense']) {
            const answer = await askRow(app, method, row, { name, as })
            const isAbsent = visibility === 'missing' && saysUnknownName.has(route)
            assert.equal(outcomeOf(answer), isAbsent ? '404 name' : 'ran', `${as}: ${route}`)
          }
        }
      }
    }
  })
})

test('a method that a resource does not have is refused to everybody alike', async (t) => {
  const app = await anApp(t)
  const methods: readonly Method[] = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE']
  const addresses = new Map<string, string>()
  for (const [route, [row]] of Object.entries(table)) {
    addresses.set(route.split(' ')[0] ?? '', row?.address ?? '')
  }
  const { id } = await makeRepository(app, 'alice/private')
  const callers = await callersOf(app, { name: 'alice/private', id })
  let cells = 0
  for (const [resource, address] of addresses) {
    const routes = app.routes[resource as ResourceKind]
    for (const method of methods.filter((one) => !Object.hasOwn(routes, one))) {
      for (const caller of callers) {
        const as = caller.authorization
        const row = { need: 'nothing', address } as const
        const answer = await askRow(app, method, row, { name: 'alice/private', as })
        assert.equal(answer.status, 405, `${caller.title}: ${method} ${address}`)
        cells += 1
      }
    }
  }
  assert.ok(cells > 1000)
})
