import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  claimAt,
  FederationClaimsError,
  matchConditions,
  parseConditions,
} from './federation-claims.ts'

const github = {
  iss: 'https://token.actions.githubusercontent.com',
  sub: 'repo:acme/app:ref:refs/heads/main',
  repository: 'acme/app',
  repository_id: '74',
  ref: 'refs/heads/main',
  ref_protected: 'true',
  run_attempt: 3,
  is_admin: false,
  groups: ['dev', 'ops'],
}

const kubernetes = {
  sub: 'system:serviceaccount:ci:builder',
  'kubernetes.io': {
    namespace: 'ci',
    pod: { name: 'build-x', uid: 'p-1' },
    serviceaccount: { name: 'builder', uid: 's-1' },
  },
}

function whyNot(conditions: unknown, claims: Record<string, unknown>): string | undefined {
  const outcome = matchConditions(parseConditions(conditions), claims)
  return outcome.matched ? undefined : outcome.why
}

suite('conditions of a trust rule', () => {
  test('all of them have to hold, and of the values of one claim any', () => {
    assert.equal(whyNot({ repository: 'acme/app', ref: 'refs/heads/main' }, github), undefined)
    assert.equal(whyNot({ ref: ['refs/tags/v*', 'refs/heads/main'] }, github), undefined)
    assert.notEqual(whyNot({ repository: 'acme/app', ref: 'refs/heads/dev' }, github), undefined)
    assert.notEqual(whyNot({ repository: 'acme/other', ref: 'refs/heads/main' }, github), undefined)
  })

  test('numbers and true or false are compared as texts', () => {
    assert.deepEqual(parseConditions({ repository_id: 74, ref_protected: true, a: [1, '1'] }), {
      repository_id: '74',
      ref_protected: 'true',
      a: '1',
    })
    assert.equal(whyNot({ repository_id: 74, ref_protected: true }, github), undefined)
    assert.equal(whyNot({ run_attempt: '3', is_admin: false }, github), undefined)
    assert.notEqual(whyNot({ repository_id: 7 }, github), undefined)
  })

  test('of a list in a token one entry has to match', () => {
    assert.equal(whyNot({ groups: 'ops' }, github), undefined)
    assert.equal(
      whyNot({ groups: 'root' }, github),
      'The claim groups is "[\\"dev\\",\\"ops\\"]" and has to be "root".',
    )
  })

  test('what does not hold is told: the claim, what it has to be and what it is', () => {
    assert.equal(
      whyNot({ repository: 'acme/*', ref: ['refs/heads/x', 'refs/tags/*'] }, github),
      'The claim ref is "refs/heads/main" and has to be one of "refs/heads/x, refs/tags/*".',
    )
    assert.equal(
      whyNot({ environment: 'production' }, github),
      'The token has no claim environment, which has to be "production".',
    )
    const nasty = whyNot({ a: 'x' }, { a: `\n\u0007${'y'.repeat(5000)}` })
    assert.match(nasty ?? '', /^The claim a is "\\n\\u0007y+…" and has to be "x"\.$/)
    assert.ok((nasty ?? '').length < 200)
  })

  test('only texts, numbers and truth values match, whatever the pattern', () => {
    const values = [
      undefined,
      null,
      {},
      { x: 'a' },
      [],
      [[]],
      [{}],
      Number.NaN,
      1.5,
      1e300,
      Infinity,
    ]
    for (const value of values) {
      assert.notEqual(whyNot({ a: '**' }, { a: value }), undefined, JSON.stringify(value))
    }
    assert.notEqual(whyNot({ a: '**' }, { a: 'x'.repeat(4097) }), undefined)
    assert.equal(whyNot({ a: '**' }, { a: 'x'.repeat(4096) }), undefined)
    assert.equal(whyNot({ a: '**' }, { a: '' }), undefined)
  })

  test('nothing that objects inherit is a claim', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'a.constructor', 'a.length']) {
      const claims: unknown = JSON.parse('{"a": {"b": "x"}}')
      assert.equal(claimAt(claims as Record<string, unknown>, name), undefined, name)
    }
    const own: unknown = JSON.parse('{"__proto__": "x"}')
    assert.equal(
      whyNot(JSON.parse('{"__proto__": "x"}'), own as Record<string, unknown>),
      undefined,
    )
    assert.notEqual(whyNot(JSON.parse('{"__proto__": "x"}'), {}), undefined)
  })

  test('a claim within an object is named with dots, keys with dots included', () => {
    assert.equal(
      whyNot(
        {
          'kubernetes.io.namespace': 'ci',
          'kubernetes.io.serviceaccount.name': 'build*',
          'kubernetes.io.pod.uid': 'p-1',
        },
        kubernetes,
      ),
      undefined,
    )
    for (const name of ['kubernetes.io', 'kubernetes.io.x', 'kubernetes', 'io.namespace']) {
      assert.notEqual(whyNot({ [name]: '**' }, kubernetes), undefined, name)
    }
    assert.notEqual(whyNot({ 'kubernetes.io.namespace.x': '**' }, kubernetes), undefined)
  })

  test('at each level the longest key that is there is taken, and there is no way back', () => {
    const claims = { 'a.b.c': '1', 'a.b': { c: '2', d: '3' }, a: { b: { c: '4', e: '5' } } }
    assert.equal(claimAt(claims, 'a.b.c'), '1')
    assert.equal(claimAt(claims, 'a.b.d'), '3')
    assert.equal(claimAt(claims, 'a.b.e'), undefined)
    assert.equal(claimAt({ 'https://x.test/roles': 'admin' }, 'https://x.test/roles'), 'admin')
    for (const name of ['', '.', '..', 'a.', '.a']) assert.equal(claimAt(claims, name), undefined)
  })

  test('what cannot be a condition is refused with the reason', () => {
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`c${index}`, 'x']))
    const list = Array.from({ length: 51 }, (_, index) => `v${index}`)
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [undefined, /are an object/],
      [null, /are an object/],
      ['repository', /are an object/],
      [[['repository', 'x']], /are an object/],
      [{}, /needs a condition/],
      [many, /at most 50/],
      [{ a: [] }, /a needs from 1 to 50 values/],
      [{ a: list }, /a needs from 1 to 50 values/],
      [{ a: undefined }, /value of a is not a text/],
      [{ a: null }, /value of a is not a text/],
      [{ a: { b: 'x' } }, /value of a is not a text/],
      [{ a: [['x']] }, /value of a is not a text/],
      [{ a: 1.5 }, /value of a is not a text/],
      [{ a: '' }, /has to be 1 to 512 characters/],
      [{ a: ' x' }, /without spaces around/],
      [{ a: 'x\n' }, /without spaces around/],
      [{ a: 'x'.repeat(513) }, /has to be 1 to 512 characters/],
      [{ a: 'x\u0000y' }, /control characters/],
      [{ a: '**/x' }, /has \*\* before its end/],
      [{ a: 'x***' }, /three stars/],
      [{ '': 'x' }, /"" is not the name of a claim/],
      [{ 'a b': 'x' }, /is not the name of a claim/],
      [{ ä: 'x' }, /is not the name of a claim/],
      [{ ['x'.repeat(129)]: 'x' }, /is not the name of a claim/],
      ...['iss', 'aud', 'exp', 'nbf', 'iat', 'jti'].map(
        (name) => [{ [name]: 'x' }, /cannot be a condition/] as const,
      ),
    ]
    for (const [input, why] of wrong) {
      assert.throws(
        () => parseConditions(input),
        (error) => {
          assert.ok(error instanceof FederationClaimsError)
          assert.match(error.message, why)
          assert.match(error.message, /[^.]\.$|\}\.$/)
          return true
        },
        JSON.stringify(input),
      )
    }
  })

  test('what was read once reads the same again', () => {
    const read = parseConditions({ a: ['x', 'x'], b: ['x', 'y'], c: 7, 'd.e': 'f/*' })
    assert.deepEqual(read, { a: 'x', b: ['x', 'y'], c: '7', 'd.e': 'f/*' })
    assert.deepEqual(parseConditions(JSON.parse(JSON.stringify(read))), read)
  })
})
