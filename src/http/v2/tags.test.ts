import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anApp, ask, type TestApp } from '../test-support/app.ts'
import { makeRepository, putContent, putManifest } from '../test-support/content.ts'

const as = 'alice'

/** In the order of their bytes. */
const sorted = [
  '1.0',
  '1.1',
  'Latest',
  'a-b',
  'a.b',
  'a_b',
  'latest',
  `sha256-${'0'.repeat(64)}.sig`,
]

async function withTags(t: Parameters<typeof anApp>[0]): Promise<TestApp> {
  const app = await anApp(t)
  const image = await putContent(app, 'alice/app')
  for (const reference of sorted.toReversed()) {
    await putManifest(app, 'alice/app', image, { reference })
  }
  return app
}

const pages: readonly (readonly [query: string, tags: readonly string[], link?: string])[] = [
  ['', sorted],
  ['?n=', sorted],
  ['?n=2', ['1.0', '1.1'], '?last=1.1&n=2'],
  ['?n=2&last=1.1', ['Latest', 'a-b'], '?last=a-b&n=2'],
  ['?n=2&last=1.05', ['1.1', 'Latest'], '?last=Latest&n=2'],
  ['?last=a_b', sorted.slice(6)],
  ['?last=nothing', sorted.slice(7)],
  ['?last=zzz', []],
  ['?last=', sorted],
  ['?n=8', sorted],
  ['?n=9999999', sorted],
  ['?n=0', []],
  ['?n=0&last=a', []],
  ['?n=3&last=a_b', sorted.slice(6)],
  ['?last=a%00b&n=1', ['a-b'], '?last=a-b&n=1'],
  ['?last=%F0%9F%98%80', []],
  ['?last=%ff', []],
]

test('tags come in byte order, page by page', async (t) => {
  const app = await withTags(t)
  for (const [query, tags, link] of pages) {
    const answer = await ask(app, `GET /v2/alice/app/tags/list${query}`, { as })
    assert.equal(answer.status, 200, query)
    assert.deepEqual(answer.json(), { name: 'alice/app', tags }, query)
    assert.equal(answer.headers['content-type'], 'application/json')
    const told = link === undefined ? undefined : `</v2/alice/app/tags/list${link}>; rel="next"`
    assert.equal(answer.headers['link'], told, query)
  }
})

test('a client that follows the links sees every tag once', async (t) => {
  const app = await withTags(t)
  for (const n of [1, 2, 3, 5, 7, 8]) {
    const seen: string[] = []
    let next: string | undefined = `/v2/alice/app/tags/list?n=${n}`
    for (let requests = 0; next !== undefined && requests < 20; requests += 1) {
      const answer = await ask(app, `GET ${next}`, { as })
      seen.push(...(answer.json() as { tags: string[] }).tags)
      next = /^<([^>]+)>; rel="next"$/.exec(answer.headers['link'] ?? '')?.[1]
    }
    assert.deepEqual(seen, sorted)
  }
})

test('a number of entries that is none is refused', async (t) => {
  const app = await withTags(t)
  for (const n of ['-1', 'x', '1.5', '1e3', '%201', '9'.repeat(20), '%00']) {
    const answer = await ask(app, `GET /v2/alice/app/tags/list?n=${n}`, { as })
    assert.equal(answer.status, 400, n)
    assert.match(answer.message(), /number of entries/)
  }
})

test('a repository without tags has an empty list; one that there is not is unknown', async (t) => {
  const app = await anApp(t)
  await makeRepository(app, 'alice/app')
  const empty = await ask(app, 'GET /v2/alice/app/tags/list', { as })
  assert.deepEqual(empty.json(), { name: 'alice/app', tags: [] })
  const none = await ask(app, 'GET /v2/alice/none/tags/list', { as })
  assert.deepEqual([none.status, ...none.codes()], [404, 'NAME_UNKNOWN'])
})
