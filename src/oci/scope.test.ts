import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ResourceScope } from './scope.ts'
import { formatScopes, parseScopes, ScopeSyntaxError } from './scope.ts'

const cases: readonly (readonly [
  what: string,
  parameters: readonly string[],
  expected: readonly ResourceScope[],
])[] = [
  ['no parameter', [], []],
  ['an empty parameter', [''], []],
  [
    'one scope',
    ['repository:team/app:pull,push'],
    [{ type: 'repository', name: 'team/app', actions: ['pull', 'push'] }],
  ],
  [
    'a repeated parameter',
    ['repository:a:pull', 'repository:b:push'],
    [
      { type: 'repository', name: 'a', actions: ['pull'] },
      { type: 'repository', name: 'b', actions: ['push'] },
    ],
  ],
  [
    "containerd's merged parameter",
    ['repository:x:pull repository:x:pull,push'],
    [{ type: 'repository', name: 'x', actions: ['pull', 'push'] }],
  ],
  [
    'the same resource in two parameters, with others between',
    ['repository:x:push', 'repository:y:pull', 'repository:x:pull'],
    [
      { type: 'repository', name: 'x', actions: ['push', 'pull'] },
      { type: 'repository', name: 'y', actions: ['pull'] },
    ],
  ],
  [
    'a class in parentheses',
    ['repository(plugin):vieux/sshfs:pull'],
    [{ type: 'repository', name: 'vieux/sshfs', actions: ['pull'] }],
  ],
  [
    'a name with a host and port',
    ['repository:reg.example:5000/team/app:pull'],
    [{ type: 'repository', name: 'reg.example:5000/team/app', actions: ['pull'] }],
  ],
  ['the catalog', ['registry:catalog:*'], [{ type: 'registry', name: 'catalog', actions: ['*'] }]],
  [
    'no action, and empty actions',
    ['repository:a: repository:b:,pull,'],
    [
      { type: 'repository', name: 'a', actions: [] },
      { type: 'repository', name: 'b', actions: ['pull'] },
    ],
  ],
  [
    'an action of the future',
    ['repository:a:overwrite,frobnicate'],
    [{ type: 'repository', name: 'a', actions: ['overwrite', 'frobnicate'] }],
  ],
  [
    'names that objects have already',
    ['repository:constructor:pull repository:__proto__:pull'],
    [
      { type: 'repository', name: 'constructor', actions: ['pull'] },
      { type: 'repository', name: '__proto__', actions: ['pull'] },
    ],
  ],
]

for (const [what, parameters, expected] of cases) {
  test(`${what} is read`, () => {
    assert.deepEqual(parseScopes(parameters), expected)
  })
}

for (const text of [
  'pull',
  'repository:pull',
  ':a:pull',
  'repository::pull',
  'repository:a:b:c:pull',
  'repository:a:PULL',
  'repository:a":pull',
  'repository:a:pull\n',
  'repository():a:pull',
  'Repository:a:pull',
]) {
  test(`${JSON.stringify(text)} is refused as no scope`, () => {
    assert.throws(() => parseScopes([text]), ScopeSyntaxError)
  })
}

test('100 resources may be asked for, and not 101', () => {
  const scopes = Array.from({ length: 101 }, (_, index) => `repository:app${index}:pull`)
  assert.equal(parseScopes(scopes.slice(1)).length, 100)
  assert.throws(() => parseScopes(scopes), { name: 'ScopeSyntaxError', message: /more than 100/ })
})

test('a repeated resource counts once', () => {
  const scopes = Array.from({ length: 300 }, () => 'repository:a:pull')
  assert.deepEqual(parseScopes(scopes), [{ type: 'repository', name: 'a', actions: ['pull'] }])
})

test('8 KiB of scopes are read and one character more is refused', () => {
  const scope = `repository:${'a'.repeat(8192 - 'repository::pull'.length)}:pull`
  assert.equal(parseScopes([scope]).length, 1)
  assert.throws(() => parseScopes([scope, ' ']), { name: 'ScopeSyntaxError', message: /8192/ })
})

const scope = fc.record(
  {
    type: fc.constantFrom('repository', 'registry'),
    name: fc.constantFrom('a', 'team/app', 'host:5000/a', 'team/*', 'catalog', 'a__b'),
    actions: fc.uniqueArray(fc.constantFrom('pull', 'push', 'delete', '*', 'admin')),
  },
  { noNullPrototype: true },
)

test('scopes come back from what formatScopes writes, in one parameter or many', () => {
  const distinct = fc.uniqueArray(scope, { selector: ({ type, name }) => `${type}:${name}` })
  fc.assert(
    fc.property(distinct, (scopes) => {
      assert.deepEqual(parseScopes([formatScopes(scopes)]), scopes)
      assert.deepEqual(parseScopes(scopes.map((one) => formatScopes([one]))), scopes)
    }),
  )
})

test('what is asked for is neither more nor less for being asked for in pieces', () => {
  fc.assert(
    fc.property(fc.array(scope), (scopes) => {
      const asked = new Set(
        scopes.flatMap(({ type, name, actions }) => actions.map((a) => `${type} ${name} ${a}`)),
      )
      const parsed = parseScopes([formatScopes(scopes)])
      const understood = parsed.flatMap(({ type, name, actions }) =>
        actions.map((a) => `${type} ${name} ${a}`),
      )
      assert.equal(understood.length, new Set(understood).size)
      assert.deepEqual(new Set(understood), asked)
    }),
  )
})

test('what is accepted can stand between quotes in a header', () => {
  const text = fc.string({ unit: fc.constantFrom('a', ':', ',', '"', '\\', '\n', '(', ')', '*') })
  fc.assert(
    fc.property(text, (rest) => {
      try {
        assert.match(formatScopes(parseScopes([`repository:${rest}`])), /^[^"\\\n]*$/)
      } catch (error) {
        assert(error instanceof ScopeSyntaxError)
      }
    }),
  )
})
