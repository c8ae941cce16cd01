// Whatever a caller adds to what an operation knows, at the top or deeper, the answer is 400 and names it, and nothing
// was done.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { hasQuery, pathParameters, type Operation } from '../../contract/operation.ts'
import { operations, type OperationName } from '../../contract/operations.ts'
import { handlers } from './handlers.ts'
import { anApi, ask, auditEvents } from './test-support/api.ts'

const all = Object.entries<Operation>(operations)

/** What somebody would try: columns of tables, words of other operations, and what JavaScript gives a meaning. */
const tempting = [
  'id',
  'isAdmin',
  'admin',
  'passwordHash',
  'password_hash',
  'principal_id',
  'grantedBy',
  'createdBy',
  'provider',
  'role',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'then',
  '',
  'name ',
]

suite('an unknown field', () => {
  test('is refused by name by every operation', async (t) => {
    const app = await anApi(t)
    const before = await auditEvents(app)
    const field = fc.oneof(fc.constantFrom(...tempting), fc.string({ maxLength: 20 }))
    const value = fc.oneof(fc.boolean(), fc.integer(), fc.string({ maxLength: 5 }), fc.constant({}))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...all),
        field,
        value,
        async ([name, operation], key, it) => {
          const { method, path, input } = operation
          fc.pre(!Object.hasOwn(input.shape, key) && key.isWellFormed())
          const target = `${method} /api/v1${filled(path)}`
          const query = `?${new URLSearchParams({ [key]: JSON.stringify(it) }).toString()}`
          const { status, problem } = await ask(
            app,
            hasQuery(method) ? `${target}${query}` : target,
            hasQuery(method) ? {} : { body: `{${JSON.stringify(key)}:${JSON.stringify(it)}}` },
          )
          assert.equal(status, 400, name)
          const { errors = [], detail } = problem()
          const isNamed = errors.some(
            (error) => error.path === key && /no such field/.test(error.message),
          )
          assert.ok(
            isNamed || (key === '__proto__' && detail.includes('__proto__')),
            `${name} ${key}`,
          )
        },
      ),
      { numRuns: 300 },
    )
    assert.deepEqual(await auditEvents(app), before)
  })

  test('is refused deeper down as well', async (t) => {
    const app = await anApi(t)
    const groups = [{ provider: 'oidc:x', group: 'a', maintainer: true }]
    const { problem } = await ask(app, 'POST /api/v1/teams', { body: { name: 'web', groups } })
    assert.deepEqual(problem().errors, [
      { path: 'groups.0.maintainer', message: 'There is no such field.' },
    ])
  })
})

test('every operation has a handler, which declares what it needs', () => {
  for (const name of Object.keys(operations) as OperationName[]) {
    const handler = handlers[name]
    assert.ok('needs' in handler !== 'locate' in handler, name)
    assert.equal(typeof handler.run, 'function', name)
  }
  assert.deepEqual(Object.keys(handlers).toSorted(), Object.keys(operations).toSorted())
})

test('no operation is open to whoever is not signed in, nor to a user of no rights where it changes others', async (t) => {
  const app = await anApi(t)
  for (const [name, { method, path }] of all) {
    const target = `${method} /api/v1${filled(path)}`
    assert.equal((await ask(app, target, { as: 'anonymous' })).status, 401, name)
  }
})

function filled(path: string): string {
  let whole = path
  for (const { name, rest } of pathParameters(path)) {
    const isId = name === 'id' || name === 'grantId'
    whole = whole.replace(`{${name}${rest ? '...' : ''}}`, isId ? '1' : 'ann')
  }
  return whole
}
