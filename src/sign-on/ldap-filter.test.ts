import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AndFilter, EqualityFilter, FilterParser, PresenceFilter, SubstringFilter } from 'ldapts'
import type { Filter } from 'ldapts'
import fc from 'fast-check'
import { compactFilter, fillFilter, filterProblem, subjectFilter } from './ldap-filter.ts'

const template = '(&(objectClass=person)(uid={name}))'
const user = { allowed: ['name'], required: ['name'] } as const
const group = { allowed: ['dn', 'name'], required: ['dn', 'name'] } as const

function partsOf(filter: Filter): readonly Filter[] {
  assert.ok(filter instanceof AndFilter)
  return filter.filters
}

test('whatever a name holds, the filter asks for exactly that name', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom('(', ')', '*', '\\', '\0', '&', '|', '!', '=', 'a', '$', '{name}'),
    }),
  )
  fc.assert(
    fc.property(name, (value) => {
      const parts = partsOf(fillFilter(template, { name: value }))
      assert.equal(parts.length, 2)
      const [, asked] = parts
      assert.ok(asked instanceof EqualityFilter)
      assert.equal(asked.attribute, 'uid')
      assert.equal(asked.value, value)
    }),
  )
})

test('names made to break out of the filter stay names', () => {
  for (const name of [
    '*',
    'a*',
    '*)(uid=*',
    'x)(|(uid=*',
    'alice)(objectClass=*',
    '\\2a',
    '$&',
    "$'",
  ]) {
    const [, asked] = partsOf(fillFilter(template, { name }))
    assert.ok(asked instanceof EqualityFilter, name)
    assert.equal(asked.value, name)
  }
})

test('a value that looks like a placeholder is not filled in again', () => {
  const filter = fillFilter('(|(member={dn})(memberUid={name}))', { dn: 'cn={name}', name: 'ann' })
  assert.match(filter.toString(), /member=cn=\{name\}/)
})

test('a subject is looked for together with what makes somebody a user', () => {
  const [subject, rest] = partsOf(subjectFilter('objectGUID', Buffer.from([0, 0xff]), template))
  assert.ok(subject instanceof EqualityFilter)
  assert.deepEqual(subject.value, Buffer.from([0, 0xff]))
  const [person, name] = partsOf(rest!)
  assert.ok(person instanceof EqualityFilter && name instanceof PresenceFilter)
  const substring = subjectFilter('entryUUID', 'x', '(mail={name}@example.com)')
  assert.ok(partsOf(substring)[1] instanceof SubstringFilter)
})

test('a template may be written over several lines', () => {
  const text = '\n(&\n  (objectClass=person)\n  (! (cn=a b) )\n  (uid={name})\n)\n'
  assert.equal(compactFilter(text), '(&(objectClass=person)(!(cn=a b))(uid={name}))')
  assert.equal(filterProblem(text, user), undefined)
  FilterParser.parseString(compactFilter(text))
})

test('templates that can be used', () => {
  for (const text of [
    template,
    '(|(uid={name})(mail={name}))',
    '(mail={name}@example.com)',
    '(&(sAMAccountName={name})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))',
  ]) {
    assert.equal(filterProblem(text, user), undefined, text)
  }
  for (const text of [
    '(member={dn})',
    '(member:1.2.840.113556.1.4.1941:={dn})',
    '(&(objectClass=posixGroup)(memberUid={name}))',
  ]) {
    assert.equal(filterProblem(text, group), undefined, text)
  }
})

test('templates that cannot be used are explained', () => {
  const cases: readonly (readonly [template: string, problem: RegExp])[] = [
    ['(uid=ann)', /must hold \{name\}/],
    ['(uid={user})', /knows \{name\}, not \{user\}/],
    ['(uid={dn})', /knows \{name\}, not \{dn\}/],
    ['(uid:caseExactMatch:={name})', /behind a plain =/],
    ['(uid>={name})', /behind a plain =/],
    ['(uid={name}{name})', /once behind a plain =/],
    ['(&(uid={name})', /is not a search filter/],
    ['(uid={name})(cn=x)', /is not a search filter/],
    ['(&(cn=J\\c3\\b6rg)(uid={name}))', /beyond ASCII/],
    ['uid={name}', /behind a plain =/],
    ['', /must hold/],
  ]
  for (const [text, problem] of cases) assert.match(filterProblem(text, user) ?? '', problem, text)
  assert.match(filterProblem('(member=x)', group) ?? '', /must hold \{dn\} or \{name\}/)
})
