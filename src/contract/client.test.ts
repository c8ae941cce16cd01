import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { ApiError, createApiClient, requestFor, type ApiResponse } from './client.ts'

suite('a request', () => {
  test('has what the path names in the path, and the rest in the query', () => {
    const { method, path, body } = requestFor('GET /teams/{name}/members', {
      name: 'a b&c',
      limit: 5,
      after: undefined,
    })
    assert.deepEqual(
      [method, path, body],
      ['GET', '/api/v1/teams/a%20b%26c/members?limit=5', undefined],
    )
  })

  test('keeps the slashes of what takes the rest of the path, and of nothing else', () => {
    const repository = requestFor('PATCH /repositories/{name...}', { name: 'team/a?b', x: 1 })
    assert.equal(repository.path, '/api/v1/repositories/team/a%3Fb')
    assert.equal(repository.body, '{"x":1}')
  })

  test('is not made of a name that would lead elsewhere', () => {
    for (const name of ['a/b', 'ann/password', '', '.', '..']) {
      assert.throws(() => requestFor('DELETE /users/{name}', { name }), isNotFound, name)
    }
    for (const name of ['../users/ann', 'team/../x', 'team//x', '/x', 'x/', '.']) {
      assert.throws(() => requestFor('DELETE /repositories/{name...}', { name }), isNotFound, name)
    }
    assert.equal(requestFor('GET /users/{name}', { name: '...' }).path, '/api/v1/users/...')
  })

  test('takes no text of a value for a pattern', () => {
    const { path } = requestFor('GET /users/{name}', { name: "$&$'" })
    assert.equal(path, `/api/v1/users/${encodeURIComponent("$&$'")}`)
  })

  test('that changes something is JSON, were it about nothing', () => {
    const { headers, body } = requestFor('POST /account/totp', {}, { ifMatch: '"x"' })
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['if-match'], '"x"')
    assert.equal(body, '{}')
    assert.equal(requestFor('DELETE /grants/{id}', { id: 7 }).headers['content-type'], undefined)
  })
})

suite('a client', () => {
  test('gives what was answered, with its tag', async () => {
    const client = createApiClient(
      answering({ status: 200, headers: { etag: '"v1"' }, body: '{"name":"web"}' }),
    )
    assert.deepEqual(await client.callWithTag('teams.show', { name: 'web' }), {
      output: { name: 'web' },
      tag: '"v1"',
    })
    const nothing = createApiClient(answering({ status: 204, headers: {}, body: '' }))
    assert.equal(await nothing.call('teams.remove', { name: 'web' }), undefined)
  })

  test('walks through all pages', async () => {
    const asked: string[] = []
    const client = createApiClient(async ({ path }) => {
      asked.push(path)
      const isLast = path.includes('after=b')
      const page = isLast
        ? { items: [{ name: 'c' }] }
        : { items: [{ name: 'a' }, { name: 'b' }], next: 'b' }
      return { status: 200, headers: {}, body: JSON.stringify(page) }
    })
    const names: string[] = []
    for await (const { name } of client.pages('teams.list', { limit: 2 })) names.push(name)
    assert.deepEqual(names, ['a', 'b', 'c'])
    assert.deepEqual(asked, ['/api/v1/teams?limit=2', '/api/v1/teams?limit=2&after=b'])
  })

  test('hands on what is text as it comes, and fails before that', async () => {
    const pieces: string[] = []
    const write = async (piece: Uint8Array) => void pieces.push(Buffer.from(piece).toString())
    const client = createApiClient(async ({ path, write: take }) => {
      assert.equal(path, '/api/v1/audit/export?format=csv')
      for (const piece of ['a', 'b']) await take?.(Buffer.from(piece))
      return { status: 200, headers: {}, body: '' }
    })
    await client.stream('audit.export', { format: 'csv' }, write)
    assert.deepEqual(pieces, ['a', 'b'])
    const refusing = createApiClient(answering(problemResponse(403, '{"detail":"No."}')))
    await assert.rejects(refusing.stream('audit.export', {}, write), { message: 'No.' })
    assert.deepEqual(pieces, ['a', 'b'])
  })

  test('does not go round in circles', async () => {
    const page = JSON.stringify({ items: [], next: 'b' })
    const client = createApiClient(answering({ status: 200, headers: {}, body: page }))
    const walk = async () => {
      for await (const { name } of client.pages('teams.list', {})) assert.fail(name)
    }
    await assert.rejects(walk, ApiError)
  })

  test('fails with the problem that the server tells', async () => {
    const problem = {
      type: '/problems/invalid-input',
      title: 'Some fields are wrong',
      status: 400,
      detail: 'name: It is missing.',
      errors: [{ path: 'name', message: 'It is missing.' }, { nonsense: 1 }],
    }
    const error = await failureOf(problemResponse(400, JSON.stringify(problem)))
    assert.equal(error.message, 'name: It is missing.')
    assert.equal(error.status, 400)
    assert.equal(error.problem.type, '/problems/invalid-input')
    assert.deepEqual(error.problem.errors, [{ path: 'name', message: 'It is missing.' }])
  })

  test('fails clearly where something else than Carrel answers', async () => {
    for (const response of [
      { status: 502, headers: { 'content-type': 'text/html' }, body: '<html>' },
      { status: 302, headers: {}, body: '' },
      problemResponse(404, '<html>'),
      { status: 200, headers: {}, body: '<html>' },
    ]) {
      const error = await failureOf(response)
      assert.equal(error.status, response.status)
      assert.match(error.message, /not the management API/)
    }
    for (const body of ['{}', '{"type":1,"detail":[]}']) {
      const error = await failureOf(problemResponse(418, body))
      assert.equal(error.problem.type, 'about:blank')
      assert.match(error.message, /answered 418/)
    }
  })
})

test('the client and all that it imports is free of Node.js and of zod', async () => {
  for (const file of ['client.ts', 'addresses.ts', 'problem.ts', 'operation.ts']) {
    const text = await readFile(join(import.meta.dirname, file), 'utf8')
    for (const [, what, from = ''] of text.matchAll(
      /^(import(?: type)?) [^;]*? from '([^']+)'/gm,
    )) {
      if (what === 'import type') continue
      assert.match(from, /^\.\/(?:client|addresses|problem|operation)\.ts$/, `${file}: ${from}`)
    }
  }
})

test('the contract imports nothing of the rest but oci', async () => {
  for (const file of await readdir(import.meta.dirname)) {
    if (file.endsWith('.test.ts')) continue
    const text = await readFile(join(import.meta.dirname, file), 'utf8')
    for (const [, from = ''] of text.matchAll(/ from '([^']+)'/g)) {
      assert.match(from, /^(?:zod|\.\/[a-z-]+\.ts|\.\.\/oci\/[a-z-]+\.ts)$/, `${file}: ${from}`)
    }
  }
})

function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404
}

function answering(response: ApiResponse) {
  return async () => response
}

function problemResponse(status: number, body: string): ApiResponse {
  return { status, headers: { 'content-type': 'application/problem+json' }, body }
}

async function failureOf(response: ApiResponse): Promise<ApiError> {
  const client = createApiClient(answering(response))
  const error = await client.call('teams.show', { name: 'web' }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof ApiError, String(error))
  return error
}
