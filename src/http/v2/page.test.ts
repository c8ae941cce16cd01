import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError } from '../http-error.ts'
import { nextLink, parsePage } from './page.ts'

const pageOf = (query: string) => parsePage(new URLSearchParams(query))

test('a page is what was asked for, within what is reasonable', () => {
  assert.deepEqual(pageOf(''), { after: '', limit: 10_000 })
  assert.deepEqual(pageOf('n='), { after: '', limit: 10_000 })
  assert.deepEqual(pageOf('n=5&last=x'), { after: 'x', limit: 5 })
  assert.deepEqual(pageOf('n=0'), { after: '', limit: 0 })
  assert.deepEqual(pageOf('n=999999999999999'), { after: '', limit: 10_000 })
  assert.deepEqual(pageOf('n=007'), { after: '', limit: 7 })
  for (const n of ['-1', '1.0', 'x', '1'.repeat(16), '%00']) {
    assert.throws(
      () => pageOf(`n=${n}`),
      (error) => error instanceof HttpError && error.status === 400,
    )
  }
})

test('nothing is asked of the database that PostgreSQL cannot be asked', () => {
  assert.equal(pageOf('last=a%00b').after, 'a')
  assert.equal(pageOf('last=%00').after, '')
  assert.equal(pageOf('last=%ff').after, '\ufffd')
})

test('the link to the next page is relative and can be followed', () => {
  const { link = '' } = nextLink('/v2/a/tags/list', { after: '', limit: 3 }, 'x_1.0-y')
  assert.equal(link, '</v2/a/tags/list?last=x_1.0-y&n=3>; rel="next"')
  const odd = nextLink('/v2/_catalog', { after: '', limit: 3 }, 'a/b')['link'] ?? ''
  const url = new URL(/^<([^>]+)>/.exec(odd)?.[1] ?? '', 'http://x')
  assert.deepEqual(parsePage(url.searchParams), { after: 'a/b', limit: 3 })
})
