import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DN } from 'ldapts'
import fc from 'fast-check'
import { isBelow, parseDn } from './ldap-dn.ts'

const values = (text: string) =>
  parseDn(text)?.map(({ attribute, value }) => `${attribute}=${value}`)

test('a distinguished name is read from the entry to the root', () => {
  assert.deepEqual(values('cn=admins,ou=groups,dc=example,dc=com'), [
    'cn=admins',
    'ou=groups',
    'dc=example',
    'dc=com',
  ])
  assert.deepEqual(values(' CN = Admins , DC=Example '), ['cn=Admins', 'dc=Example'])
  assert.deepEqual(values('2.5.4.3=x'), ['2.5.4.3=x'])
})

test('escaped characters belong to the value', () => {
  assert.deepEqual(values('cn=Lee\\, Ann,dc=x'), ['cn=Lee, Ann', 'dc=x'])
  assert.deepEqual(values('cn=J\\C3\\B6rg,dc=x'), ['cn=Jörg', 'dc=x'])
  assert.deepEqual(values('cn=Jörg\\2C x,dc=x'), ['cn=Jörg, x', 'dc=x'])
  assert.deepEqual(values('cn=a\\\\,dc=x'), ['cn=a\\', 'dc=x'])
  assert.deepEqual(values('cn=a\\ ,dc=x'), ['cn=a ', 'dc=x'])
  assert.deepEqual(values('cn=a\\\\ ,dc=x'), ['cn=a\\', 'dc=x'])
  assert.deepEqual(values('cn=a\\+b+uid=c,dc=x'), ['cn=a+b', 'dc=x'])
  assert.deepEqual(values('cn=admins\\,ou=groups,dc=x'), ['cn=admins,ou=groups', 'dc=x'])
})

test('what is no distinguished name is not read', () => {
  for (const text of [
    '',
    'admins',
    'cn=',
    '=x',
    'cn=a,',
    ',cn=a',
    'cn=a,,dc=x',
    'cn=a\\',
    'c n=a',
  ]) {
    assert.equal(parseDn(text), undefined, text)
  }
})

test('an entry is below a base only when the whole end is the same', () => {
  const below = (dn: string, base: string) => isBelow(parseDn(dn)!, parseDn(base)!)
  assert.ok(below('cn=a,ou=groups,dc=x', 'ou=groups,dc=x'))
  assert.ok(below('cn=a,OU=Groups, DC=X', 'ou=groups,dc=x'))
  assert.ok(below('ou=groups,dc=x', 'ou=groups,dc=x'))
  assert.ok(!below('dc=x', 'ou=groups,dc=x'))
  assert.ok(!below('cn=a,ou=others,dc=x', 'ou=groups,dc=x'))
  assert.ok(!below('cn=a\\,ou=groups,dc=x', 'ou=groups,dc=x'))
  assert.ok(!below('cn=a,cn=groups,dc=x', 'ou=groups,dc=x'))
})

test('every value survives being written and read', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (value) => {
      fc.pre(value.isWellFormed())
      const escaped = Buffer.from(value)
        .toString('hex')
        .replaceAll(/../g, (hex) => `\\${hex}`)
      assert.deepEqual(values(`cn=${escaped},dc=x`), [`cn=${value}`, 'dc=x'])
    }),
  )
  const written = new DN().addPairRDN('cn', 'Lee, Ann+"x"\\;<>=#').addPairRDN('dc', 'x').toString()
  assert.deepEqual(values(written), ['cn=Lee, Ann+"x"\\;<>=#', 'dc=x'])
})
