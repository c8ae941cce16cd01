// What a real directory must not be asked, or not in that way, and settings that do not fit it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { issueAuthority } from '../certificates/issue.ts'
import { createLdapProvider } from './ldap.ts'
import type { LdapOptions, LdapProvider } from './ldap.ts'
import type { LdapSettings } from './providers-settings.ts'
import { startRelay } from './test-support/relay.ts'
import { describeWithSlapd, people } from './test-support/slapd.ts'

const unavailable = (message: RegExp) => ({ name: 'SignOnUnavailableError', message })

const settings: LdapSettings = {
  kind: 'ldap',
  name: 'staff',
  title: 'Staff',
  url: 'ldap://127.0.0.1',
  security: 'starttls',
  account: { dn: 'cn=reader,dc=example,dc=com', revealPassword: () => 'reader-password' },
  userBase: people,
  userFilter: '(&(objectClass=person)(uid={name}))',
  subjectAttribute: 'entryUUID',
  nameAttribute: 'uid',
}

describeWithSlapd('a directory that is there', (slapd) => {
  function provider(more: Partial<LdapSettings> = {}, options?: LdapOptions): LdapProvider {
    const { url, certificateAuthorities } = slapd()
    return createLdapProvider({ ...settings, url, certificateAuthorities, ...more }, options)
  }

  const check = async (staff: LdapProvider) => await staff.check('alice', 'alice-password')

  test('a certificate of an authority that is not trusted is refused', async (t) => {
    const other = await issueAuthority('other', new Date())
    const relay = await startRelay(t, Number(new URL(slapd().url).port))
    const url = `ldap://127.0.0.1:${relay.port}`
    const untrusted = unavailable(
      /The certificate of ldap.* is not trusted \(.*\)\. .*certificateAuthorityFile/,
    )
    const ca = { certificateAuthorities: other.certificatePem }
    await assert.rejects(check(provider({ url, ...ca })), untrusted)
    await assert.rejects(
      check(provider({ security: 'ldaps', url: slapd().ldapsUrl, ...ca })),
      untrusted,
    )
    const { certificateAuthorities: _, ...system } = { ...settings, url }
    await assert.rejects(check(createLdapProvider(system)), untrusted)
    assert.equal((await check(provider({ url })))?.name, 'alice')
    const sent = Buffer.concat(relay.sent).toString('latin1')
    assert.doesNotMatch(sent, /password|alice|reader/)
  })

  test('the relay would have seen the password without encryption', async (t) => {
    const relay = await startRelay(t, Number(new URL(slapd().url).port))
    const url = `ldap://127.0.0.1:${relay.port}`
    assert.equal((await check(provider({ url, security: 'plain' })))?.name, 'alice')
    const sent = Buffer.concat(relay.sent).toString('latin1')
    assert.match(sent, /reader-password[^]*alice-password/)
    assert.equal(relay.connections, 1)
  })

  test('a wrong name is asked about as much as a wrong password', async (t) => {
    const port = Number(new URL(slapd().url).port)
    const requests = async (name: string) => {
      const relay = await startRelay(t, port)
      const staff = provider({ url: `ldap://127.0.0.1:${relay.port}`, security: 'plain' })
      assert.equal(await staff.check(name, 'wrong'), undefined)
      return relay.sent.length
    }
    assert.equal(await requests('alice'), 3)
    assert.equal(await requests('nobody'), 3)
    assert.equal(await requests('*'), 3)
  })

  test('settings that do not fit the directory are named', async () => {
    const wrongAccount = { dn: slapd().readerDn, revealPassword: () => 'another-password' }
    const refused = unavailable(/refuses the account cn=reader,.* \(result 49\)\. .*bindDn/)
    await assert.rejects(check(provider({ account: wrongAccount })), refused)
    const noBase = unavailable(/shows no entry ou=nowhere,.*corrects userBase or groupBase/)
    const userBase = 'ou=nowhere,dc=example,dc=com'
    await assert.rejects(check(provider({ userBase })), noBase)
    await assert.rejects(provider({ userBase }).refresh('x'), noBase)
    const groups = { from: 'search', filter: '(member={dn})', nameAttribute: 'cn' } as const
    await assert.rejects(check(provider({ groups: { ...groups, base: userBase } })), noBase)
    // Nobody may search here without an account: that does not mean that there is nobody.
    const { account: _, ...anonymous } = settings
    const { url, certificateAuthorities } = slapd()
    const staff = createLdapProvider({ ...anonymous, url, certificateAuthorities })
    await assert.rejects(check(staff), unavailable(/./))
    await assert.rejects(staff.refresh('x'), unavailable(/./))
  })

  test('errors hold no password', async () => {
    const account = { dn: slapd().readerDn, revealPassword: () => 'another-password' }
    for (const more of [{ account }, { userBase: 'ou=nowhere' }, { url: 'ldap://127.0.0.1:1' }]) {
      await assert.rejects(check(provider(more)), (error) => {
        const printed = inspect(error, { depth: 20, showHidden: true })
        assert.doesNotMatch(printed, /(another|alice|reader)-password/)
        return true
      })
    }
  })
})
