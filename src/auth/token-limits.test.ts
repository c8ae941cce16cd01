import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { actions } from './action.ts'
import { decide } from './authorize.ts'
import type { PrincipalIdentity, TokenAccess } from './identity.ts'
import type { Action, Permission, Resource } from './permission.ts'
import { asked, grants, isIn, now, place, repositoryName } from './test-support/places.ts'
import { isWithinLimits, isWithinScopes } from './token-limits.ts'
import { formatTokenScope, parseTokenScope, type TokenScope } from './token-scope.ts'

const action: fc.Arbitrary<Action> = fc.constantFrom(...actions, 'create' as const)

const scopes: fc.Arbitrary<readonly TokenScope[]> = fc.array(
  fc
    .record({ place, actions: fc.subarray([...actions], { minLength: 1 }) })
    .map((scope) => parseTokenScope(formatTokenScope(scope))),
  { maxLength: 3 },
)

const limits: fc.Arbitrary<readonly TokenAccess[]> = fc.array(
  fc.record({
    type: fc.constantFrom('repository' as const, 'registry' as const),
    name: fc.oneof(repositoryName, fc.constant('catalog')),
    repositoryId: fc.constantFrom(undefined, 1, 2),
    actions: fc.subarray(['pull', 'push', 'delete', '*']),
  }),
  { maxLength: 4 },
)

const management: readonly Resource[] = [
  { type: 'installation' },
  { type: 'self' },
  { type: 'team', name: 'web' },
  { type: 'principal', name: 'ann' },
  { type: 'robots' },
]

const resource: fc.Arbitrary<Resource> = fc.oneof(
  repositoryName.map((name) => ({ type: 'repository' as const, name })),
  fc.record({
    type: fc.constant('place' as const),
    place,
    giving: fc.subarray([...actions]),
  }),
  fc.constantFrom(...management, { type: 'catalog' } as const, { type: 'base' } as const),
)

suite('what a credential narrows to', () => {
  test('a scope lets through its actions on the names of its place, and creating as pushing', () => {
    fc.assert(
      fc.property(scopes, action, repositoryName, (held, wanted, name) => {
        const needed = wanted === 'create' ? 'push' : wanted
        const expected = held.some(
          (scope) => scope.actions.includes(needed) && isIn(scope.place, name),
        )
        const permission = { action: wanted, resource: { type: 'repository', name } } as const
        assert.equal(isWithinScopes(held, permission), expected)
      }),
      { numRuns: 500 },
    )
  })

  test('no scope, however wide, lets a token manage accounts, teams, robots or the installation', () => {
    const everything = [parseTokenScope('*:owner')]
    for (const each of management) {
      for (const wanted of ['pull', 'admin'] as const) {
        assert.equal(isWithinScopes(everything, { action: wanted, resource: each }), false)
      }
    }
  })

  test('a registry token lets nothing through but repositories and the catalog', () => {
    const everything: readonly TokenAccess[] = [
      { type: 'registry', name: 'catalog', repositoryId: undefined, actions: ['*'] },
      { type: 'repository', name: 'web/app', repositoryId: undefined, actions: ['pull', '*'] },
    ]
    const others: readonly Resource[] = [
      ...management,
      { type: 'signed-in' },
      { type: 'place', place: { kind: 'repository', text: 'web/app' }, giving: [] },
    ]
    for (const each of others) {
      assert.equal(isWithinLimits(everything, { action: 'pull', resource: each }, undefined), false)
    }
    const catalog = { action: 'pull', resource: { type: 'catalog' } } as const
    assert.equal(isWithinLimits(everything, catalog, undefined), true)
    assert.equal(isWithinLimits(everything.slice(1), catalog, undefined), false)
  })

  test('a registry token is for the repository that was meant, by name and by number', () => {
    fc.assert(
      fc.property(limits, action, asked, (held, wanted, { name, id }) => {
        const carried = wanted === 'create' || wanted === 'overwrite' ? 'push' : wanted
        const expected = held.some(
          (access) =>
            access.type === 'repository' &&
            access.name === name &&
            (access.repositoryId === undefined || access.repositoryId === id) &&
            access.actions.includes(carried),
        )
        const repository =
          id === undefined ? undefined : { id, name, visibility: 'private' as const }
        const permission = { action: wanted, resource: { type: 'repository', name } } as const
        assert.equal(isWithinLimits(held, permission, repository), expected)
      }),
      { numRuns: 500 },
    )
  })

  test('whatever is presented, less is allowed than without it, and never more', () => {
    const ann = (held: PrincipalIdentity['grants'], admin: boolean): PrincipalIdentity => {
      const common = { kind: 'principal', principalKind: 'user', provider: 'local' } as const
      return { ...common, id: 7, name: 'ann', admin, grants: held }
    }
    const given = fc.record({
      grants,
      admin: fc.boolean(),
      scopes: fc.option(scopes, { nil: undefined }),
      limits: fc.option(limits, { nil: undefined }),
      permission: fc.record({ action, resource }) as fc.Arbitrary<Permission>,
    })
    fc.assert(
      fc.property(given, ({ grants: held, admin, scopes: to, limits: within, permission }) => {
        const whole = ann(held, admin)
        const token = { id: 1, kind: 'personal', scopes: to, expiresAt: undefined } as const
        const narrowed = { ...whole, token, ...(within !== undefined && { limits: within }) }
        const facts = { repository: undefined }
        const isAllowed = decide(narrowed, permission, facts, now).allowed
        const isWithin =
          (to === undefined || isWithinScopes(to, permission)) &&
          (within === undefined || isWithinLimits(within, permission, undefined))
        assert.equal(isAllowed, decide(whole, permission, facts, now).allowed && isWithin)
      }),
      { numRuns: 1000 },
    )
  })
})
