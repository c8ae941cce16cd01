import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { z } from 'zod'
import { addresses } from './addresses.ts'
import { hasQuery, pathParameters, type Operation } from './operation.ts'
import { operations } from './operations.ts'

const all = Object.entries<Operation>(operations)

const nouns = [
  'users',
  'teams',
  'namespaces',
  'repositories',
  'tags',
  'grants',
  'tokens',
  'robots',
  'federation-rules',
  'sessions',
  'audit',
  'access-reviews',
  'access',
  'account',
  'read-only',
  'collection',
  'deleted-repositories',
  'images',
  'tag-changes',
]

interface JsonSchema {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly additionalProperties?: JsonSchema | boolean
  readonly maxLength?: number
  readonly maxItems?: number
  readonly maximum?: number
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly pattern?: string
}

function inputSchema({ input }: Operation): JsonSchema {
  return z.toJSONSchema(input, { io: 'input' }) as JsonSchema
}

suite('every operation', () => {
  test('is at an address of a noun that there is', () => {
    for (const [name, { path }] of all) {
      assert.ok(nouns.includes(path.split('/')[1] ?? ''), name)
      assert.match(path, /^(?:\/(?:[a-z-]+|\{[a-z][A-Za-z]*\}))*(?:\/\{[a-z]+\.\.\.\})?$/, name)
    }
  })

  test('takes what its path names', () => {
    for (const [name, { path, input }] of all) {
      for (const parameter of pathParameters(path)) {
        assert.ok(Object.hasOwn(input.shape, parameter.name), `${name} ${parameter.name}`)
      }
    }
  })

  test('is the only one with its method at its address', () => {
    const seen = all.map(([, { method, path }]) => `${method} ${path.replaceAll(/\{\w+/g, '{')}`)
    assert.deepEqual(seen.toSorted(), [...new Set(seen)].toSorted())
  })

  test('is found by a client where the operations say', () => {
    const known = Object.fromEntries(
      all.map(([name, { method, path }]) => [name, `${method} ${path}`]),
    )
    assert.deepEqual({ ...addresses }, known)
  })

  test('refuses what it does not know', () => {
    for (const [name, { input }] of all) {
      const result = input.safeParse({ noSuchField: 1 })
      const codes = result.error?.issues.map(({ code }) => code) ?? []
      assert.ok(codes.includes('unrecognized_keys'), name)
    }
  })

  test('says what each field is, and caps its length', () => {
    for (const [name, operation] of all) {
      const { properties = {} } = inputSchema(operation)
      for (const [field, schema] of Object.entries(properties)) {
        assert.ok(isDescribed(schema), `${name} ${field} has no description`)
        assert.ok(
          isCapped(schema),
          `${name} ${field} may be of any length: ${JSON.stringify(schema)}`,
        )
      }
    }
  })

  test('has a summary without a full stop, and a description of whole sentences', () => {
    for (const [name, { summary, description }] of all) {
      assert.match(summary, /^[A-Z].*[^.]$/, name)
      if (description !== undefined) assert.match(description, /^[A-Z].*\.$/, name)
    }
  })

  test('answers with nothing exactly when its status is 204', () => {
    for (const [name, { output, status }] of all) {
      assert.equal(status === 204, output.safeParse(undefined).success, name)
    }
  })

  test('that lists takes a limit and a cursor', () => {
    for (const [name, { input, output, method }] of all) {
      const isList = output instanceof z.ZodObject && Object.hasOwn(output.shape, 'items')
      if (!isList || name === 'access-reviews.list') continue
      if (!Object.hasOwn(output.shape, 'next')) continue
      const shape = input.shape as Readonly<Record<string, z.ZodType | undefined>>
      assert.equal(method, 'GET', name)
      assert.equal(shape['limit']?.parse(undefined), 100, name)
      assert.equal(shape['limit']?.parse('500'), 500, name)
      assert.equal(shape['limit']?.safeParse('501').success, false, name)
      assert.equal(shape['after']?.parse(undefined), undefined, name)
    }
  })
})

test('what stands in a query is read as what it means, and nothing else', () => {
  const { input } = operations['grants.list']
  const read = (fields: object) => input.safeParse(fields)
  assert.deepEqual(read({ limit: '7', neverUsed: 'true', noExpiry: 'false' }).data, {
    limit: 7,
    neverUsed: true,
    noExpiry: false,
  })
  for (const limit of ['0', '-1', '1e2', '0x10', ' 5', '', '5.0', 'NaN', '99999999999999999999']) {
    assert.equal(read({ limit }).success, false, limit)
  }
  for (const neverUsed of ['1', 'yes', 'TRUE', '', 1]) {
    assert.equal(read({ neverUsed }).success, false, String(neverUsed))
  }
})

test('names and texts have no control characters and no halves of characters', () => {
  const { input } = operations['teams.create']
  for (const text of ['two\nlines', 'a\u0000b', '\u001b[31m', '\ud800', 'a\u0085']) {
    assert.equal(input.safeParse({ name: 'web', description: text }).success, false)
    assert.equal(input.safeParse({ name: text }).success, false)
  }
  assert.equal(input.safeParse({ name: 'web', description: 'Größe 😀' }).success, true)
})

test('only GET and DELETE have a query', () => {
  assert.deepEqual((['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).filter(hasQuery), [
    'GET',
    'DELETE',
  ])
})

function isDescribed({ description, items }: JsonSchema): boolean {
  return description !== undefined || items?.description !== undefined
}

function isCapped(schema: JsonSchema): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.every(isCapped)
  if (schema.enum !== undefined || schema.const !== undefined) return true
  switch (schema.type) {
    case 'string':
      return schema.maxLength !== undefined || /^\^\\d\{6\}\$$/.test(schema.pattern ?? '')
    case 'array':
      return schema.maxItems !== undefined && isCapped(schema.items ?? {})
    case 'integer':
      return schema.maximum !== undefined
    case 'object': {
      const { properties = {}, additionalProperties } = schema
      const isFixed = additionalProperties === false || additionalProperties === undefined
      const others =
        isFixed || (typeof additionalProperties === 'object' && isCapped(additionalProperties))
      return others && Object.values(properties).every(isCapped)
    }
    default:
      return schema.type === 'boolean' || schema.type === 'null'
  }
}
