import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseRepositoryName } from '../oci/reference.ts'
import { decide } from './authorize.ts'
import type { Action, Permission, RefusalReason, RepositoryRecord, Resource } from './authorize.ts'
import type { Identity, TokenAccess } from './identity.ts'
import { aUser, grantsOf } from './test-support/identities.ts'

type Visibility = RepositoryRecord['visibility'] | 'absent'

const letters: Readonly<Record<Action, string>> = {
  pull: 'l',
  push: 's',
  overwrite: 'o',
  delete: 'd',
  decide: 'e',
  admin: 'a',
  create: 'c',
}
const actions = Object.keys(letters) as Action[]
const visibilities: readonly Visibility[] = ['private', 'internal', 'public', 'absent']

const anonymous: Identity = { kind: 'anonymous' }
const open: Identity = { kind: 'open' }
const admin: Identity = aUser('root', { id: 1, admin: true, grants: [] })

interface Row {
  readonly who: string
  readonly identity: Identity
  readonly name: string
  /** For private, internal, public, absent: pul(l), pu(s)h, (o)verwrite, (d)elete, d(e)cide, (a)dmin, (c)reate. */
  readonly may: readonly [string, string, string, string]
}

const all = 'lsodeac'
// The rules, written out by hand.
const rows: readonly Row[] = [
  { who: 'anonymous', identity: anonymous, name: 'alice/app', may: ['', '', 'l', ''] },
  { who: 'anonymous', identity: anonymous, name: 'my-app', may: ['', '', 'l', ''] },
  { who: 'anybody when open', identity: open, name: 'alice/app', may: [all, all, all, all] },
  { who: 'anybody when open', identity: open, name: 'my-app', may: [all, all, all, all] },
  { who: 'an administrator', identity: admin, name: 'alice/app', may: [all, all, all, all] },
  { who: 'an administrator', identity: admin, name: 'my-app', may: [all, all, all, all] },
  { who: 'the owner', identity: aUser('alice'), name: 'alice/app', may: [all, all, all, all] },
  { who: 'the owner', identity: aUser('alice'), name: 'alice/a/b/c', may: [all, all, all, all] },
  {
    who: 'an owner of the htpasswd file',
    identity: aUser('alice', { provider: 'htpasswd' }),
    name: 'alice/app',
    may: [all, all, all, all],
  },
  { who: 'another user', identity: aUser('bob'), name: 'alice/app', may: ['', 'l', 'l', ''] },
  { who: 'another user', identity: aUser('bob'), name: 'my-app', may: ['', 'l', 'l', ''] },
  // Names that look like an owner's.
  { who: 'a beginning', identity: aUser('ali'), name: 'alice/app', may: ['', 'l', 'l', ''] },
  { who: 'a longer name', identity: aUser('alice2'), name: 'alice/app', may: ['', 'l', 'l', ''] },
  { who: 'a later part', identity: aUser('app'), name: 'alice/app', may: ['', 'l', 'l', ''] },
  { who: 'upper case', identity: aUser('ALICE'), name: 'alice/app', may: ['', 'l', 'l', ''] },
  { who: 'a path', identity: aUser('alice/app'), name: 'alice/app', may: ['', 'l', 'l', ''] },
  { who: 'a path', identity: aUser('alice/'), name: 'alice/app', may: ['', 'l', 'l', ''] },
  { who: 'a pattern', identity: aUser('*'), name: 'alice/app', may: ['', 'l', 'l', ''] },
  { who: 'a pattern', identity: aUser('_____'), name: 'alice/app', may: ['', 'l', 'l', ''] },
  { who: 'no name', identity: aUser(''), name: 'alice/app', may: ['', 'l', 'l', ''] },
  { who: 'no name', identity: aUser(''), name: 'my-app', may: ['', 'l', 'l', ''] },
  {
    who: 'a reader of the namespace',
    identity: aUser('bob', { grants: grantsOf({ where: 'alice/', what: 'reader' }) }),
    name: 'alice/app',
    may: ['l', 'l', 'l', 'l'],
  },
  {
    who: 'one who may add',
    identity: aUser('bob', { grants: grantsOf({ where: 'alice/**', what: 'pull,push' }) }),
    name: 'alice/app/x',
    may: ['lsc', 'lsc', 'lsc', 'lsc'],
  },
  {
    who: 'a writer of this repository',
    identity: aUser('bob', {
      grants: grantsOf({ where: 'alice/app', what: 'writer', repositoryId: 5 }),
    }),
    name: 'alice/app',
    // Of this one: of none that comes after it under the same name.
    may: ['lsoc', 'lsoc', 'lsoc', ''],
  },
  {
    who: 'a writer of what was there before',
    identity: aUser('bob', {
      grants: grantsOf({ where: 'alice/app', what: 'writer', repositoryId: 4 }),
    }),
    name: 'alice/app',
    may: ['', 'l', 'l', ''],
  },
  {
    who: 'one whose grant is over',
    identity: aUser('bob', { grants: grantsOf({ where: '*', what: 'owner', expiresAt: 1000 }) }),
    name: 'alice/app',
    may: ['', 'l', 'l', ''],
  },
  {
    who: 'an owner of everything',
    identity: aUser('bob', { grants: grantsOf({ where: '*', what: 'owner' }) }),
    name: 'my-app',
    may: [all, all, all, all],
  },
  {
    who: 'an owner of the names without a slash',
    identity: aUser('bob', { grants: grantsOf({ where: '/', what: 'owner' }) }),
    name: 'alice/app',
    may: ['', 'l', 'l', ''],
  },
  { who: 'the name itself', identity: aUser('my-app'), name: 'my-app', may: ['', 'l', 'l', ''] },
]

interface Limits {
  readonly title: string
  readonly limits: readonly TokenAccess[] | undefined
  /** Which of all the actions this token carries when the repository exists with id 5, and when there is none. */
  readonly carries: readonly [present: string, absent: string]
}

/** Every way in which a token may or may not fit the repository `name`, whose id is 5. */
function limitsFor(name: string): readonly Limits[] {
  const entry = (
    repositoryId: number | undefined,
    carried: readonly string[],
    other: Partial<TokenAccess> = {},
  ): TokenAccess => ({ type: 'repository', repositoryId, name, actions: carried, ...other })
  const wide = ['pull', 'push', 'delete']
  return [
    { title: 'no token', limits: undefined, carries: [all, all] },
    { title: 'an empty token', limits: [], carries: ['', ''] },
    { title: 'pull', limits: [entry(5, ['pull'])], carries: ['l', ''] },
    { title: 'push', limits: [entry(5, ['push'])], carries: ['sco', ''] },
    { title: 'delete', limits: [entry(5, ['delete'])], carries: ['d', ''] },
    { title: 'pull,push', limits: [entry(5, ['pull', 'push'])], carries: ['lsco', ''] },
    { title: 'all three', limits: [entry(5, wide)], carries: ['lsodc', ''] },
    { title: 'admin', limits: [entry(5, ['admin'])], carries: ['a', ''] },
    { title: 'a star', limits: [entry(5, ['*'])], carries: ['', ''] },
    { title: 'no action', limits: [entry(5, [])], carries: ['', ''] },
    { title: 'in upper case', limits: [entry(5, ['PULL', 'Push'])], carries: ['', ''] },
    { title: 'of before a re-creation', limits: [entry(4, wide)], carries: ['', ''] },
    { title: 'of another id', limits: [entry(7, wide)], carries: ['', ''] },
    { title: 'before creation', limits: [entry(undefined, wide)], carries: ['lsodc', 'lsodc'] },
    { title: 'pull before creation', limits: [entry(undefined, ['pull'])], carries: ['l', 'l'] },
    { title: 'of another name', limits: [entry(5, wide, { name: 'x/y' })], carries: ['', ''] },
    {
      title: 'of a longer name',
      limits: [entry(5, wide, { name: `${name}/x` })],
      carries: ['', ''],
    },
    { title: 'of another type', limits: [entry(5, wide, { type: 'registry' })], carries: ['', ''] },
    { title: 'in two entries', limits: [entry(4, wide), entry(5, ['pull'])], carries: ['l', ''] },
    {
      title: 'in two entries that add up',
      limits: [entry(5, ['pull']), entry(5, ['push'])],
      carries: ['lsco', ''],
    },
  ]
}

function aRepository(name: string, visibility: Visibility): RepositoryRecord | undefined {
  return visibility === 'absent'
    ? undefined
    : { id: 5, name: parseRepositoryName(name), visibility }
}

function ask(identity: Identity, action: Action, resource: Resource): ReturnType<typeof decide> {
  return decide(identity, { action, resource }, { repository: undefined })
}

suite('the matrix of identities, repositories, visibilities, actions and tokens', () => {
  for (const row of rows) {
    test(`${row.who} on ${row.name}: ${row.may.map((right) => right || 'none').join(' ')}`, () => {
      for (const [column, visibility] of visibilities.entries()) {
        for (const limits of limitsFor(row.name)) checkCell(row, visibility, column, limits)
      }
    })
  }
})

function checkCell(row: Row, visibility: Visibility, column: number, token: Limits): void {
  const { identity, name } = row
  const rights = row.may[column] ?? ''
  const carried = visibility === 'absent' ? token.carries[1] : token.carries[0]
  const asking: Identity =
    token.limits === undefined ? identity : { ...identity, limits: token.limits }
  for (const action of actions) {
    const decision = decide(
      asking,
      { action, resource: { type: 'repository', name: parseRepositoryName(name) } },
      { repository: aRepository(name, visibility) },
    )
    const hasRight = rights.includes(letters[action])
    const label = `${visibility}, ${token.title}, ${action}`
    assert.equal(decision.allowed, hasRight && carried.includes(letters[action]), label)
    if (decision.allowed) continue
    const reason = hasRight ? 'insufficient-scope' : reasonWithoutRight(identity, rights, action)
    assert.equal(decision.reason, reason, label)
    assert.match(decision.message, /^.{20,}\.$/, label)
  }
}

/** Which answer whoever lacks a right gets, written out by hand. */
function reasonWithoutRight(identity: Identity, rights: string, action: Action): RefusalReason {
  if (identity.kind === 'anonymous') return 'unauthenticated'
  const table: Readonly<Record<Action, readonly [sees: RefusalReason, blind: RefusalReason]>> = {
    pull: ['forbidden', 'hidden'],
    push: ['forbidden', 'forbidden'],
    create: ['forbidden', 'forbidden'],
    overwrite: ['forbidden', 'forbidden'],
    decide: ['forbidden', 'hidden'],
    delete: ['forbidden', 'hidden'],
    admin: ['forbidden', 'hidden'],
  }
  return table[action][rights.includes('l') ? 0 : 1]
}

test('what concerns no repository', () => {
  const bob = aUser('bob')
  const catalogToken: TokenAccess = {
    type: 'registry',
    repositoryId: undefined,
    name: 'catalog',
    actions: ['*'],
  }
  const pulls: TokenAccess = { ...catalogToken, type: 'repository', actions: ['pull', '*'] }
  const token = (identity: Identity, ...limits: TokenAccess[]): Identity => ({
    ...identity,
    limits,
  })
  const yes = true
  const login = 'unauthenticated'
  const scope = 'insufficient-scope'
  const no = 'forbidden'
  // nothing, base, self, catalog, installation
  const table: readonly [string, Identity, readonly (true | RefusalReason)[]][] = [
    ['anonymous', anonymous, [yes, login, login, login, login]],
    ['an anonymous token', token(anonymous), [yes, yes, login, login, login]],
    ['an anonymous catalog token', token(anonymous, catalogToken), [yes, yes, login, login, login]],
    ['open', open, [yes, yes, login, yes, login]],
    ['a token in open mode', token(open), [yes, yes, login, scope, login]],
    ['a user', bob, [yes, yes, yes, yes, no]],
    ['a user, empty token', token(bob), [yes, yes, scope, scope, no]],
    ['a user, catalog token', token(bob, catalogToken), [yes, yes, scope, yes, no]],
    ['a user, repository "catalog"', token(bob, pulls), [yes, yes, scope, scope, no]],
    ['an administrator', admin, [yes, yes, yes, yes, yes]],
    ['an administrator, empty token', token(admin), [yes, yes, scope, scope, scope]],
    ['an administrator, catalog token', token(admin, catalogToken), [yes, yes, scope, yes, scope]],
  ]
  const types = ['nothing', 'base', 'self', 'catalog', 'installation'] as const
  for (const [who, identity, expected] of table) {
    for (const [column, type] of types.entries()) {
      const decision = ask(identity, 'pull', { type })
      assert.equal(decision.allowed || decision.reason, expected[column], `${who}: ${type}`)
    }
  }
})

test('the catalog can be listed and nothing else done with it', () => {
  for (const action of ['push', 'delete', 'admin', 'create'] as const) {
    assert.equal(ask(aUser('bob'), action, { type: 'catalog' }).allowed, false)
    assert.equal(ask(open, action, { type: 'catalog' }).allowed, false)
  }
})

test('a kind of identity or resource that no rule knows is refused', () => {
  const strange = { kind: 'robot', admin: true, name: 'alice' } as unknown as Identity
  const name = parseRepositoryName('alice/app')
  const repository: RepositoryRecord = { id: 5, name, visibility: 'internal' }
  for (const action of actions) {
    const wanted: Permission = { action, resource: { type: 'repository', name } }
    assert.equal(decide(strange, wanted, { repository }).allowed, false)
    assert.equal(ask(admin, action, { type: 'other' } as unknown as Resource).allowed, false)
  }
  const secret = { ...repository, visibility: 'secret' } as unknown as RepositoryRecord
  const wanted: Permission = { action: 'pull', resource: { type: 'repository', name } }
  assert.equal(decide(aUser('bob'), wanted, { repository: secret }).allowed, false)
})

test('the facts of another repository are never used', () => {
  const wanted: Permission = {
    action: 'pull',
    resource: { type: 'repository', name: parseRepositoryName('alice/secret') },
  }
  const other: RepositoryRecord = {
    id: 5,
    name: parseRepositoryName('alice/open'),
    visibility: 'public',
  }
  for (const identity of [anonymous, aUser('bob'), admin, open]) {
    assert.throws(() => decide(identity, wanted, { repository: other }), /alice\/open/)
  }
})

test('a hidden repository and one that is not there are answered with the very same words', () => {
  const name = parseRepositoryName('alice/secret')
  const repository: RepositoryRecord = { id: 5, name, visibility: 'private' }
  for (const identity of [anonymous, aUser('bob'), { ...aUser('bob'), limits: [] }]) {
    for (const action of actions) {
      const wanted: Permission = { action, resource: { type: 'repository', name } }
      assert.deepEqual(
        decide(identity, wanted, { repository }),
        decide(identity, wanted, { repository: undefined }),
      )
    }
  }
})

test('messages say who, what and what to do', () => {
  const message = (identity: Identity, action: Action, name: string): string => {
    const resource: Resource = { type: 'repository', name: parseRepositoryName(name) }
    const decision = ask(identity, action, resource)
    return decision.allowed ? '' : decision.message
  }
  assert.equal(
    message(aUser('bob'), 'push', 'alice/tools/app'),
    'bob may not push to alice/tools/app: no grant allows it. Ask an owner of alice/ or an administrator for: ' +
      'carrel grant add user:bob alice/tools/app push; or use bob/app.',
  )
  assert.equal(
    message(aUser('bob'), 'push', 'my-app'),
    'bob may not push to my-app: no grant allows it. Ask an administrator for: ' +
      'carrel grant add user:bob my-app push; or use bob/my-app.',
  )
  // No suggestion that would be refused as well.
  assert.doesNotMatch(message(aUser('Bob B'), 'push', 'my-app'), /or use/)
  assert.match(message(aUser('bob'), 'pull', 'alice/app'), /^There is no repository alice\/app/)
  assert.match(message(anonymous, 'push', 'alice/app'), /docker login/)
  assert.match(
    message({ ...aUser('alice'), limits: [] }, 'push', 'alice/app'),
    /repository:alice\/app:pull,push/,
  )
})
