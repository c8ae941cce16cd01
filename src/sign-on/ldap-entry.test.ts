import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDisabled, subjectValue, toDirectoryEntry } from './ldap-entry.ts'

const now = Date.UTC(2026, 0, 1)
/** In units of 100 ns since 1601. */
const windowsTime = (ms: number) => String((BigInt(ms) + 11_644_473_600_000n) * 10_000n)
const disabled = (attributes: Record<string, string>) =>
  isDisabled(toDirectoryEntry({ dn: 'cn=x', ...attributes }), now)

test('accounts that a directory has switched off', () => {
  for (const attributes of [
    { userAccountControl: '514' },
    { useraccountcontrol: '66050' },
    { accountExpires: windowsTime(now - 1000) },
    { nsAccountLock: 'TRUE' },
    { nsaccountlock: 'true' },
    { loginDisabled: 'TRUE' },
    { pwdAccountLockedTime: '000001010000Z' },
  ]) {
    assert.equal(disabled(attributes), true, JSON.stringify(attributes))
  }
})

test('accounts that may be used', () => {
  for (const attributes of [
    {},
    { userAccountControl: '512' },
    { userAccountControl: '66048' },
    { accountExpires: '0' },
    { accountExpires: '9223372036854775807' },
    { accountExpires: windowsTime(now + 60_000) },
    { nsAccountLock: 'FALSE' },
    // After wrong passwords: it ends by itself.
    { pwdAccountLockedTime: '20260101000000Z' },
  ]) {
    assert.equal(disabled(attributes), false, JSON.stringify(attributes))
  }
})

test('attributes are found whatever the case of their name', () => {
  const guid = Buffer.from('00ff2a28295c00c3', 'hex')
  const entry = toDirectoryEntry({ dn: 'cn=x', CN: ['a', 'b'], objectguid: guid, mail: [] })
  assert.deepEqual(entry.texts('cn'), ['a', 'b'])
  assert.deepEqual(entry.texts('mail'), [])
  assert.deepEqual(entry.texts('objectGUID'), [])
  assert.equal(entry.subject('objectGUID'), '00ff2a28295c00c3')
  assert.equal(entry.subject('cn'), 'a')
  assert.equal(entry.subject('mail'), undefined)
  assert.equal(entry.subject('dn'), undefined)
})

test('a binary subject is hex and nothing else', () => {
  assert.deepEqual(subjectValue('objectGUID', '00ff'), Buffer.from([0, 255]))
  assert.equal(subjectValue('entryUUID', '*'), '*')
  for (const text of ['', '*', '0', '0g', 'FF', '00ff*']) {
    assert.equal(subjectValue('objectguid', text), undefined, text)
  }
})
