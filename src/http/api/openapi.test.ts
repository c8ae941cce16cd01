import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { operations } from '../../contract/operations.ts'
import { openApiDocument } from './openapi.ts'
import { checkOpenApi } from './test-support/openapi-check.ts'
import { anApi, ask } from './test-support/api.ts'

suite('the OpenAPI document', () => {
  test('has the structure that OpenAPI 3.1 asks for', () => {
    assert.deepEqual(checkOpenApi(roundTrip(openApiDocument())), [])
  })

  test('is served to whoever asks', async (t) => {
    const app = await anApi(t)
    const { status, headers, json } = await ask(app, 'GET /api/openapi.json', { as: 'anonymous' })
    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'application/json')
    assert.deepEqual(json(), roundTrip(openApiDocument()))
  })

  test('has every operation once, under its name', () => {
    const { paths } = openApiDocument() as {
      paths: Record<string, Record<string, { operationId: string }>>
    }
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    )
    assert.deepEqual(ids.toSorted(), Object.keys(operations).toSorted())
  })

  test('says what a change takes and what a list answers', () => {
    const document = openApiDocument() as never
    const change = at(document, 'paths', '/api/v1/grants/{id}', 'patch')
    assert.deepEqual(
      (change['parameters'] as { name: string; in: string; required: boolean }[]).map(
        ({ name, in: place, required }) => [name, place, required],
      ),
      [
        ['id', 'path', true],
        ['If-Match', 'header', false],
      ],
    )
    const body = at(change, 'requestBody', 'content', 'application/json', 'schema')
    assert.deepEqual(Object.keys(body['properties'] as object).toSorted(), [
      'actions',
      'expiresAt',
      'reason',
      'shrinkToUsed',
    ])
    assert.equal(body['additionalProperties'], false)
    const list = at(document, 'paths', '/api/v1/grants', 'get')
    const answer = at(list, 'responses', '200', 'content', 'application/json', 'schema')
    assert.deepEqual(at(answer, 'properties', 'items')['items'], {
      $ref: '#/components/schemas/Grant',
    })
    const limit = (list['parameters'] as Record<string, unknown>[]).find(
      ({ name }) => name === 'limit',
    )
    assert.deepEqual(limit, {
      name: 'limit',
      in: 'query',
      description: 'The most items to give',
      required: false,
      schema: { default: 100, type: 'integer', minimum: 1, maximum: 500 },
    })
  })

  test('says of which kinds a text is that is no JSON', () => {
    const document = openApiDocument() as never
    const content = at(document, 'paths', '/api/v1/audit/export', 'get', 'responses', '200')
    assert.deepEqual(content['content'], {
      'application/x-ndjson': { schema: { type: 'string', description: 'The file' } },
      'text/csv': { schema: { type: 'string', description: 'The file' } },
    })
  })

  test('takes the rest of a path for one parameter', () => {
    const { paths } = openApiDocument() as { paths: object }
    assert.ok(Object.hasOwn(paths, '/api/v1/repositories/{name}'))
  })
})

suite('the check of a document', () => {
  const good = () => roundTrip(openApiDocument()) as Record<string, never>
  const breaks: Readonly<Record<string, (document: Record<string, never>) => void>> = {
    'another version': (document) => set(document, ['openapi'], '3.0.0'),
    'no title': (document) => set(document, ['info', 'title'], undefined),
    'a path without a slash': (document) => set(document, ['paths', 'x'], {}),
    'a method that is none': (document) => set(document, ['paths', '/api/v1/users', 'fetch'], {}),
    'a path parameter that is not declared': (document) =>
      set(document, ['paths', '/api/v1/users/{name}', 'get', 'parameters'], []),
    'a reference to nothing': (document) =>
      set(document, ['components', 'schemas', 'Grant'], undefined),
    'a type that is none': (document) =>
      set(document, ['components', 'schemas', 'User', 'properties', 'admin'], { type: 'bool' }),
    'a required property that is not there': (document) =>
      set(document, ['components', 'schemas', 'User', 'required'], ['nothing']),
    'no responses': (document) => set(document, ['paths', '/api/v1/users', 'get', 'responses'], {}),
    'an operationId twice': (document) =>
      set(document, ['paths', '/api/v1/users', 'get', 'operationId'], 'users.create'),
    'a security scheme that is not there': (document) =>
      set(document, ['security'], [{ none: [] }]),
  }
  for (const [what, change] of Object.entries(breaks)) {
    test(`finds ${what}`, () => {
      const document = good()
      change(document)
      assert.notDeepEqual(checkOpenApi(document), [])
    })
  }
})

function roundTrip(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function at(value: unknown, ...keys: readonly string[]): Record<string, unknown> {
  let here = value as Record<string, unknown>
  for (const key of keys) here = here[key] as Record<string, unknown>
  return here
}

function set(document: object, keys: readonly string[], value: unknown): void {
  const parent = at(document, ...keys.slice(0, -1))
  const last = keys.at(-1) ?? ''
  if (value === undefined) delete parent[last]
  else parent[last] = value
}
