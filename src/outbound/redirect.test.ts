import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createOutbound } from './outbound.ts'
import type { Outbound } from './outbound.ts'
import { startLocalServer } from './test-support/local-server.ts'
import type { LocalServer } from './test-support/local-server.ts'

interface TwoServers extends AsyncDisposable {
  /** Redirects `/STATUS/NUMBER` to the same with one less, and `/STATUS/0` to the second server. */
  readonly first: LocalServer
  readonly second: LocalServer
  readonly outbound: Outbound
}

async function startTwo(redirects: number): Promise<TwoServers> {
  const second = await startLocalServer((_, response) => void response.end('second'))
  const first = await startLocalServer((request, response) => {
    const [, status, left] = request.path.split('/')
    const number = Number(left)
    if (number < 0) return void response.end('first')
    const away = `${second.origin}/there?token=secret`
    const location = number === 0 ? away : `/${status}/${number === 99 ? -1 : number - 1}`
    response.writeHead(Number(status), { location, 'content-type': 'text/plain' })
    response.end('x'.repeat(100))
  })
  return {
    first,
    second,
    outbound: createOutbound({ allow: [first.host, second.host], redirects }),
    async [Symbol.asyncDispose]() {
      await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()])
    },
  }
}

const credentials = {
  authorization: 'Bearer secret',
  cookie: 'session=secret',
  'x-api-key': 'secret',
  accept: 'application/json',
}

suite('redirects', () => {
  test('by default none is followed, and the error says where it leads without the query', async () => {
    await using two = await startTwo(0)
    const { first, second, outbound } = two
    for (const status of [301, 302, 303, 307, 308]) {
      await assert.rejects(outbound.fetch(`${first.origin}/${status}/0`), {
        kind: 'redirect',
        message:
          `${first.origin} answered with a redirect to ${second.origin}/there: ` +
          'redirects are not followed here. If that place is right, give its URL instead.',
      })
    }
    assert.equal(second.connections(), 0)
  })

  test('as many are followed as allowed, never more than three', async () => {
    for (const [redirects, followed] of [
      [1, 1],
      [3, 3],
      [10, 3],
    ] as const) {
      await using two = await startTwo(redirects)
      const { first, second, outbound } = two
      const response = await outbound.fetch(`${first.origin}/302/${followed - 1}`)
      assert.equal(await response.text(), 'second')
      const more = outbound.fetch(`${first.origin}/302/${followed}`)
      await assert.rejects(more, {
        kind: 'redirect',
        message: new RegExp(`more than ${followed}`),
      })
      assert.equal(second.connections(), 1)
    }
  })

  test('a caller who follows none is given the error even where redirects are allowed', async () => {
    await using two = await startTwo(3)
    const { first, second, outbound } = two
    for (const redirect of ['manual', 'error'] as const) {
      const asked = outbound.fetch(`${first.origin}/302/0`, { redirect })
      await assert.rejects(asked, { kind: 'redirect' })
    }
    await assert.rejects(outbound.getJson(`${first.origin}/302/0`, { redirects: 0 }), {
      kind: 'redirect',
    })
    assert.equal(second.connections(), 0)
  })

  test('no credential, under whatever name, goes to another origin', async () => {
    await using two = await startTwo(3)
    const { first, second, outbound } = two
    await outbound.fetch(`${first.origin}/302/1`, { headers: credentials })
    assert.equal(first.requests.length, 2)
    for (const { headers } of first.requests) {
      assert.equal(headers.authorization, credentials.authorization)
      assert.equal(headers.cookie, credentials.cookie)
      assert.equal(headers['x-api-key'], credentials['x-api-key'])
    }
    const [request] = second.requests
    assert.equal(request?.headers.accept, 'application/json')
    assert.doesNotMatch(JSON.stringify(request?.headers), /secret/)
  })

  test('what was posted becomes a GET, or is sent again to the same origin alone', async () => {
    await using two = await startTwo(3)
    const { first, second, outbound } = two
    const post = { method: 'POST', body: 'client_secret=1', headers: credentials }
    const again = await outbound.fetch(`${first.origin}/307/99`, post)
    assert.equal(await again.text(), 'first')
    assert.equal(first.requests[1]?.method, 'POST')
    assert.equal(first.requests[1]?.body, post.body)
    const became = await outbound.fetch(`${first.origin}/303/99`, post)
    assert.equal(await became.text(), 'first')
    assert.equal(first.requests[3]?.method, 'GET')
    assert.equal(first.requests[3]?.body, '')
    assert.equal(first.requests[3]?.headers['content-type'], undefined)
    for (const status of [307, 308]) {
      await assert.rejects(outbound.fetch(`${first.origin}/${status}/0`, post), {
        kind: 'redirect',
      })
    }
    assert.equal(second.connections(), 0)
    await outbound.fetch(`${first.origin}/302/0`, post)
    assert.equal(second.requests[0]?.method, 'GET')
    assert.equal(second.requests[0]?.body, '')
  })

  test('a redirect that leads to no URL at all is told as one', async () => {
    await using server = await startLocalServer((_, response) => {
      response.writeHead(302, { location: 'https://[broken' }).end()
    })
    const none = createOutbound({ allow: [server.host] })
    await assert.rejects(none.fetch(server.origin), { kind: 'redirect' })
    const some = createOutbound({ allow: [server.host], redirects: 3 })
    await assert.rejects(some.fetch(server.origin), { kind: 'bad-url' })
  })
})
