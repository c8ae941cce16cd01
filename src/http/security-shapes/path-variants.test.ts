// Every address written in other ways, over a real socket: whoever is refused at an address is refused at all that a
// lenient server might take for it. See CVE-2026-42018 (Artifactory), where a slash at the end went past the check.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { pathParameters } from '../../contract/operation.ts'
import { operations } from '../../contract/operations.ts'
import { anAccount } from '../test-support/accounts.ts'
import { anApp, ask, type TestApp } from '../test-support/app.ts'
import { makeRepository, putImage } from '../test-support/content.ts'
import { matrixRows } from '../test-support/matrix-routes.ts'
import { connectRaw, type RawClient } from '../test-support/raw-client.ts'
import { aServer } from '../test-support/server.ts'

const isOpen: ReadonlySet<string> = new Set(['nothing', 'a fresh sign-in'])

interface Written {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers?: Readonly<Record<string, string>>
}

const overrides = ['x-http-method-override', 'x-http-method', 'x-method-override', '_method']

/** Other spellings of one request. */
function variantsOf({ method, path, query }: Written): readonly Written[] {
  const at = path.indexOf('/', 1)
  const [head, tail] = at < 0 ? [path, ''] : [path.slice(0, at), path.slice(at)]
  const end = path.lastIndexOf('/')
  const encodedLast = `${path.slice(0, end)}/${path.slice(end + 1).replaceAll(/./g, hex)}`
  const paths = [
    `${path}/`,
    `${path}//`,
    `/${path}`,
    `//${path}`,
    `/.${path}`,
    `/./${path.slice(1)}`,
    `/livez/..${path}`,
    `/assets/..${path}`,
    `/%2e${path}`,
    `/livez/%2e%2e${path}`,
    `/livez/..%2f${path.slice(1)}`,
    `${path}/.`,
    `${path}/x/..`,
    `${path}/%2e`,
    `${path}%2f`,
    `${path}%2F%2F`,
    `${path};`,
    `${path};x=y`,
    `${head};x=y${tail}`,
    `${path}%3b`,
    `${path}%00`,
    `${path}%20`,
    `${path}%09`,
    `${path}.json`,
    `${path}.html`,
    `${path}~`,
    `${path}%23`,
    `${path}%3f`,
    `${path}%5c`,
    path.toUpperCase(),
    `${head.toUpperCase()}${tail}`,
    path.replaceAll('/', '%2f').replace('%2f', '/'),
    path.replaceAll('/', '//'),
    path.replaceAll('/', String.raw`\ `.trim()),
    path.replaceAll('/', '/./'),
    encodedLast,
    encodedLast.replaceAll('%', '%25'),
    `http://localhost${path}`,
    `/livez#${path}`,
  ]
  return [
    ...paths.map((one) => ({ method, path: one, query })),
    ...overrides.flatMap((header) =>
      ['GET', 'POST'].map((other) => ({
        method: other,
        path,
        query,
        headers: { [header]: method },
      })),
    ),
    { method, path, query: query === '' ? '' : `${query}&x=y` },
    { method: 'OPTIONS', path, query },
    { method: 'TRACE', path, query },
    { method: method.toLowerCase(), path, query },
  ]
}

function hex(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}

/** The routes and operations that strangers are refused, with what is in the way of nobody who may. */
function guarded(): readonly Written[] {
  const routes = Object.entries(matrixRows).flatMap(([route, rows]) =>
    rows
      .filter(({ need, body }) => !isOpen.has(need) && body === undefined)
      .map(({ address }) => {
        const [path = '', query = ''] = address
          .replaceAll('NAME', 'alice/app')
          .replace('IMAGE', 'v1')
          .split('?')
        return { method: route.split(' ')[1] ?? '', path, query }
      }),
  )
  const names: Readonly<Record<string, string>> = { tag: 'v1', id: '1', grantId: '1' }
  const api = Object.values(operations).map(({ method, path }) => {
    let whole = `/api/v1${path}`
    for (const { name, rest } of pathParameters(path)) {
      const value = rest ? 'alice/app' : (names[name] ?? 'alice')
      whole = whole.replace(`{${name}${rest ? '...' : ''}}`, value)
    }
    return { method, path: whole, query: path.startsWith('/tags') ? 'repository=alice/app' : '' }
  })
  return [...routes, ...api]
}

async function send(
  client: RawClient,
  { method, path, query, headers = {} }: Written,
  authorization: string | undefined,
) {
  const more = Object.entries({
    ...headers,
    ...(authorization !== undefined && { authorization }),
    'content-length': '0',
  })
  const target = query === '' ? path : `${path}?${query}`
  const head = more.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  client.write(`${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${head}\r\n`)
  return client.answer({ hasBody: method !== 'HEAD' })
}

/** What nobody may learn who may not pull. */
async function aSecretImage(app: TestApp): Promise<string> {
  await makeRepository(app, 'alice/app')
  await putImage(app, 'alice/app', 'v1', ['{"canary":"of alice"}', 'canary layer'])
  const { headers } = await ask(app, 'HEAD /v2/alice/app/manifests/v1', { as: 'admin' })
  return headers['docker-content-digest'] ?? ''
}

suite('an address that is written in another way', () => {
  for (const who of ['a stranger', 'somebody without rights'] as const) {
    test(`lets ${who} no further than the right one`, async (t) => {
      const app = await anApp(t)
      const digest = await aSecretImage(app)
      const as = who === 'a stranger' ? undefined : (await anAccount(app, 'eve')).as
      const { port } = await aServer(t, app.app)
      let client = await connectRaw({ port })
      let asked = 0
      for (const written of guarded()) {
        const right = await send(client, written, as)
        const isRefused = right.status >= 400 || right.status === 303
        if (!isRefused) {
          assert.ok(who !== 'a stranger', `${written.method} ${written.path}: ${right.status}`)
          continue
        }
        for (const variant of variantsOf(written)) {
          const answer = await send(client, variant, as)
          asked += 1
          const cell = `${variant.method} ${variant.path}?${variant.query}: ${answer.status}`
          const body = answer.body.toString()
          assert.ok(answer.status < 500 || answer.status === 501, cell)
          assert.ok(!body.includes('canary') && !body.includes(digest.slice(0, 30)), cell)
          const isOwn = who !== 'a stranger' && (await isOthers(app, variant, as))
          assert.ok(answer.status >= 300 || isOwn, `${cell}: ${body}`)
          if (client.socket.destroyed || answer.headers['connection'] === 'close') {
            client[Symbol.dispose]()
            client = await connectRaw({ port })
          }
        }
      }
      client[Symbol.dispose]()
      t.diagnostic(`${asked} requests`)
      assert.ok(asked > 2000)
      const image = await ask(app, 'HEAD /v2/alice/app/manifests/v1', { as: 'admin' })
      assert.equal(image.status, 200)
    })
  }
})

/** Whether the other method that an override names less is one that the caller may use there anyway. */
async function isOthers(app: TestApp, { method, path, query, headers }: Written, as = '') {
  if (headers === undefined && !['OPTIONS', 'TRACE'].includes(method)) return false
  const line = query === '' ? `${method} ${path}` : `${method} ${path}?${query}`
  return (await ask(app, line, { as })).status < 300
}
