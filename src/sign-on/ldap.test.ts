import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Attribute, Change } from 'ldapts'
import type { Client } from 'ldapts'
import { createLdapProvider } from './ldap.ts'
import type { LdapOptions, LdapProvider } from './ldap.ts'
import type { LdapGroups, LdapSettings } from './providers-settings.ts'
import {
  base,
  describeWithSlapd,
  groupDn,
  groupOf,
  groups,
  people,
  person,
  personDn,
} from './test-support/slapd.ts'

const searched: LdapGroups = {
  from: 'search',
  base: groups,
  filter: '(&(objectClass=groupOfNames)(member={dn}))',
  nameAttribute: 'cn',
}

function replace(attribute: string, ...values: readonly (string | Buffer)[]): Change {
  const modification = new Attribute({ type: attribute, values: values as string[] })
  return new Change({ operation: 'replace', modification })
}

describeWithSlapd('sign-in with a directory', (slapd) => {
  function provider(settings: Partial<LdapSettings> = {}, options?: LdapOptions): LdapProvider {
    return createLdapProvider(
      {
        kind: 'ldap',
        name: 'staff',
        title: 'Staff',
        url: slapd().url,
        security: 'starttls',
        certificateAuthorities: slapd().certificateAuthorities,
        account: { dn: slapd().readerDn, revealPassword: () => slapd().readerPassword },
        userBase: people,
        userFilter: '(&(objectClass=person)(uid={name}))',
        subjectAttribute: 'entryUUID',
        nameAttribute: 'uid',
        groups: searched,
        ...settings,
      },
      options,
    )
  }

  /** A person with a name of their own, so that tests do not meet. */
  async function addPerson(uid: string, more: Record<string, string> = {}): Promise<string> {
    const dn = personDn(uid)
    await slapd().admin(async (client) => await client.add(dn, { ...person(uid), ...more }))
    return dn
  }

  async function change(work: (client: Client) => Promise<unknown>): Promise<void> {
    await slapd().admin(work)
  }

  test('a name and its password are somebody with a subject, names and groups', async () => {
    const staff = provider({ adminGroups: ['admins'] })
    assert.equal(staff.id, 'ldap:staff')
    const alice = await staff.check('alice', 'alice-password')
    assert.match(alice?.subject ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.deepEqual(alice, {
      provider: 'ldap:staff',
      subject: alice?.subject,
      name: 'alice',
      displayName: 'Alice Example',
      groups: ['admins', 'developers'],
      admin: true,
    })
    const bob = await staff.check('BOB', 'bob-password')
    assert.deepEqual([bob?.name, bob?.groups, bob?.admin], ['bob', ['developers'], false])
    assert.notEqual(bob?.subject, alice?.subject)
    const mallory = await staff.check('mallory', 'mallory-password')
    assert.deepEqual(mallory?.groups, [])
  })

  test('it works through StartTLS, ldaps and, where that is meant, without encryption', async () => {
    const port = new URL(slapd().url).port
    const ways: readonly Partial<LdapSettings>[] = [
      { security: 'starttls', url: slapd().url },
      { security: 'starttls', url: `ldap://localhost:${port}` },
      { security: 'ldaps', url: slapd().ldapsUrl },
      { security: 'plain', url: slapd().url },
    ]
    for (const way of ways) {
      const found = await provider(way).check('bob', 'bob-password')
      assert.equal(found?.name, 'bob', JSON.stringify(way))
    }
  })

  test('a wrong password and a wrong name are nobody', async () => {
    const staff = provider()
    for (const [name, password] of [
      ['alice', 'bob-password'],
      ['alice', 'alice-passwor'],
      ['alice', 'alice-password '],
      ['alice', 'Alice-password'],
      ['nobody', 'alice-password'],
      ['alice', 'x'.repeat(2000)],
      ['x'.repeat(2000), 'alice-password'],
      ['', 'alice-password'],
      ['admin', slapd().adminPassword],
    ] as const) {
      assert.equal(await staff.check(name, password), undefined, `${name} ${password}`)
    }
  })

  test('an empty password is refused, although the server accepts it', async () => {
    await slapd().admin(async (client) => {
      // The danger is real: this does not throw.
      await client.bind(personDn('alice'), '')
      await client.bind('', '')
    })
    assert.equal(await provider().check('alice', ''), undefined)
    assert.equal(await provider().check('', ''), undefined)
  })

  test('a password that ends at NUL is not the password before it', async () => {
    assert.equal(await provider().check('alice', 'alice-password\0'), undefined)
    assert.equal(await provider().check('alice', '\0'), undefined)
    assert.equal(await provider().check('alice\0', 'alice-password'), undefined)
  })

  test('a name cannot change what is searched for', async () => {
    const staff = provider()
    for (const name of [
      '*',
      'a*',
      '*lice',
      'alice)',
      'alice)(uid=*',
      '*)(uid=*))(|(uid=*',
      'alice)(objectClass=*',
      'x)(|(uid=alice)',
      'bob)(!(uid=alice)',
      '\\61lice',
      '\\2a',
      'alice&',
      '(uid=alice)',
      '{name}',
      'uid=alice',
      personDn('alice'),
    ]) {
      assert.equal(await staff.check(name, 'alice-password'), undefined, name)
    }
  })

  test('a name that two entries have is nobody, and an administrator hears of it', async () => {
    await addPerson('carol', { mail: 'shared@example.com' })
    await addPerson('carla', { mail: 'shared@example.com' })
    const warnings: string[] = []
    const userFilter = '(|(uid={name})(mail={name}))'
    const staff = provider({ userFilter }, { warn: (message) => warnings.push(message) })
    for (const password of ['carol-password', 'carla-password']) {
      assert.equal(await staff.check('shared@example.com', password), undefined)
    }
    assert.match(warnings.join('\n'), /^Staff: "shared@example\.com" is the name of two entries/)
    const carol = await staff.check('carol', 'carol-password')
    assert.equal(carol?.name, 'carol')
    assert.equal((await staff.check('alice@example.com', 'alice-password'))?.name, 'alice')
    assert.equal(warnings.length, 2)
  })

  test('names with characters of filters and DNs are names like others', async () => {
    const uid = 'o(b)*rien, \\ünal+='
    const dn = `uid=o(b)*rien\\, \\\\\\C3\\BCnal\\+\\=,${people}`
    await change(async (client) => {
      await client.add(dn, { ...person('odd'), uid, userPassword: 'a password' })
      await client.add(groupDn('odd'), { objectClass: 'groupOfNames', member: dn })
    })
    const found = await provider().check(uid, 'a password')
    assert.deepEqual([found?.name, found?.groups], [uid, ['odd']])
    assert.deepEqual(await provider().refresh(found?.subject ?? ''), found)
  })

  test('a group that somebody left is gone at the next question', async () => {
    await addPerson('dave')
    const team = groupDn('team')
    await change(async (client) => await client.add(team, groupOf('dave', 'bob')))
    const staff = provider({ adminGroups: ['team'] })
    const first = await staff.check('dave', 'dave-password')
    assert.deepEqual([first?.groups, first?.admin], [['team'], true])
    await change(async (client) => await client.modify(team, replace('member', personDn('bob'))))
    for (const later of [
      await staff.refresh(first?.subject ?? ''),
      await staff.check('dave', 'dave-password'),
    ]) {
      assert.deepEqual([later?.groups, later?.admin], [[], false])
    }
  })

  test('somebody who was removed is noticed without a password', async () => {
    const dn = await addPerson('erin')
    const staff = provider()
    const erin = await staff.check('erin', 'erin-password')
    assert.deepEqual(await staff.refresh(erin?.subject ?? ''), erin)
    await change(async (client) => await client.del(dn))
    assert.equal(await staff.refresh(erin?.subject ?? ''), undefined)
    // Whoever gets the name later is somebody else.
    await addPerson('erin')
    assert.equal(await staff.refresh(erin?.subject ?? ''), undefined)
    const next = await staff.check('erin', 'erin-password')
    assert.ok(next !== undefined && next.subject !== erin?.subject)
  })

  test('somebody who was renamed stays the same', async () => {
    await addPerson('fay')
    const staff = provider()
    const before = await staff.check('fay', 'fay-password')
    await change(async (client) => await client.modifyDN(personDn('fay'), 'uid=faye'))
    const later = await staff.refresh(before?.subject ?? '')
    assert.deepEqual([later?.subject, later?.name], [before?.subject, 'faye'])
  })

  test('a subject is one value, never a pattern', async () => {
    const staff = provider()
    for (const subject of ['', '*', '*)(uid=*', 'alice', '80a0ba56-*']) {
      assert.equal(await staff.refresh(subject), undefined, subject)
    }
  })

  test('an account that was locked or narrowed out is nobody any more', async () => {
    const dn = await addPerson('gil', { employeeType: 'staff' })
    const staff = provider({ userFilter: '(&(uid={name})(employeeType=staff))' })
    const gil = await staff.check('gil', 'gil-password')
    const subject = gil?.subject ?? ''
    assert.ok(await staff.refresh(subject))
    const lock = replace('pwdAccountLockedTime', '000001010000Z')
    await change(async (client) => await client.modify(dn, lock))
    assert.equal(await staff.check('gil', 'gil-password'), undefined)
    assert.equal(await staff.refresh(subject), undefined)
    await change(async (client) => await client.modify(dn, replace('pwdAccountLockedTime')))
    assert.ok(await staff.refresh(subject))
    await change(async (client) => await client.modify(dn, replace('employeeType', 'guest')))
    assert.equal(await staff.check('gil', 'gil-password'), undefined)
    assert.equal(await staff.refresh(subject), undefined)
  })

  test('entries as in Active Directory have their binary subject in hex', async () => {
    const guid = Buffer.from('2a00ff28295cc3fe80818283848586ff', 'hex')
    const dn = await addPerson('hal', { sAMAccountName: 'Hal', userAccountControl: '512' })
    await change(async (client) => await client.modify(dn, replace('objectGUID', guid)))
    const staff = provider({
      userFilter: '(sAMAccountName={name})',
      subjectAttribute: 'objectguid',
      nameAttribute: 'sAMAccountName',
    })
    const hal = await staff.check('hal', 'hal-password')
    assert.deepEqual([hal?.subject, hal?.name], [guid.toString('hex'), 'Hal'])
    assert.deepEqual(await staff.refresh(guid.toString('hex')), hal)
    assert.equal(await staff.refresh('2a'), undefined)
    // The server would take the password: the bit alone says that the account is switched off.
    await change(async (client) => await client.modify(dn, replace('userAccountControl', '514')))
    assert.equal(await staff.check('hal', 'hal-password'), undefined)
    assert.equal(await staff.refresh(guid.toString('hex')), undefined)
  })

  test('a binary subject that looks like text keeps all its bytes', async () => {
    // UTF-8 with a byte order mark, which readers of text leave out.
    const guid = Buffer.from('\uFEFFabcdefghijklm')
    const dn = await addPerson('hans')
    await change(async (client) => await client.modify(dn, replace('objectGUID', guid)))
    for (const subjectAttribute of ['objectGUID', 'objectguid']) {
      const hans = await provider({ subjectAttribute }).check('hans', 'hans-password')
      assert.equal(hans?.subject, guid.toString('hex'))
    }
  })

  test('an account counts until the day that it ends', async () => {
    const dn = await addPerson('ida')
    const ends = Date.UTC(2030, 0, 1)
    const written = String((BigInt(ends) + 11_644_473_600_000n) * 10_000n)
    await change(async (client) => await client.modify(dn, replace('accountExpires', written)))
    const before = provider({}, { now: () => ends - 1000 })
    assert.equal((await before.check('ida', 'ida-password'))?.name, 'ida')
    const later = provider({}, { now: () => ends + 1000 })
    assert.equal(await later.check('ida', 'ida-password'), undefined)
  })

  test('groups of the attribute memberOf count below the base alone', async () => {
    await addPerson('jon')
    await change(async (client) => {
      await client.add(`cn=admins,ou=others,${base}`, groupOf('jon'))
      await client.add(groupDn('testers'), groupOf('jon'))
    })
    const own: LdapGroups = { from: 'member-of', base: groups, attribute: 'memberOf' }
    const jon = await provider({ groups: own, adminGroups: ['admins'] }).check(
      'jon',
      'jon-password',
    )
    assert.deepEqual([jon?.groups, jon?.admin], [['testers'], false])
    const wide = provider({ groups: { ...own, base }, adminGroups: ['admins'] })
    const anywhere = await wide.refresh(jon?.subject ?? '')
    assert.deepEqual([anywhere?.groups.toSorted(), anywhere?.admin], [['admins', 'testers'], true])
    const narrow = provider({ adminGroups: ['admins'] })
    assert.deepEqual((await narrow.check('jon', 'jon-password'))?.groups, ['testers'])
  })

  test('groups may be found by the name of the user', async () => {
    await change(async (client) => {
      const attributes = { objectClass: 'organizationalRole', description: 'bob' }
      await client.add(`cn=by-name,${groups}`, attributes)
    })
    const staff = provider({ groups: { ...searched, filter: '(description={name})' } })
    assert.deepEqual((await staff.check('BOB', 'bob-password'))?.groups, ['by-name'])
  })

  test('all pages of the groups are read', async () => {
    const dn = await addPerson('kim')
    await change(async (client) => {
      for (let index = 0; index < 620; index++) {
        const group = { objectClass: 'groupOfNames', member: dn }
        await client.add(groupDn(`kim-${index}`), group)
      }
    })
    assert.equal((await provider().check('kim', 'kim-password'))?.groups.length, 620)
  })

  test('only members of an allowed group may sign in, whatever its case', async () => {
    const staff = provider({ allowGroups: ['Admins'], adminGroups: ['ADMINS'] })
    assert.equal((await staff.check('alice', 'alice-password'))?.admin, true)
    await assert.rejects(staff.check('bob', 'bob-password'), {
      name: 'SignOnError',
      problem: 'not-allowed',
      message: /none of your groups may use this registry\. .* one of: Admins\.$/,
    })
    // With a wrong password nothing is told.
    assert.equal(await staff.check('bob', 'wrong'), undefined)
    const bob = await provider().check('bob', 'bob-password')
    assert.equal(await staff.refresh(bob?.subject ?? ''), undefined)
  })

  test('an entry without a subject or a name is explained', async () => {
    const wrong = { name: 'SignOnError', problem: 'claim', message: /shows no employeeNumber/ }
    const noSubject = provider({ subjectAttribute: 'employeeNumber' })
    await assert.rejects(noSubject.check('bob', 'bob-password'), wrong)
    const noName = provider({ nameAttribute: 'employeeNumber' })
    await assert.rejects(noName.check('bob', 'bob-password'), wrong)
    assert.equal(await noName.check('bob', 'wrong'), undefined)
  })

  test('many sign-ins at once all get their answer', async () => {
    const staff = provider()
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        return await staff.check('bob', index % 2 === 0 ? 'bob-password' : 'wrong')
      }),
    )
    const names = answers.map((answer) => answer?.name)
    assert.deepEqual(
      names,
      names.map((_, index) => (index % 2 === 0 ? 'bob' : undefined)),
    )
  })
})
