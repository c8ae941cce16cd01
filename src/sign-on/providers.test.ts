import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import { issueAuthority } from '../certificates/issue.ts'
import { ProvidersFileError, readProviders } from './providers.ts'
import type { LdapSettings, OidcSettings, Provider } from './providers-settings.ts'

type FileTexts = Readonly<Record<string, string>>

async function read(t: TestContext, yaml: string, files: FileTexts = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-providers-'))
  t.after(async () => await rm(folder, { recursive: true }))
  const all = { ...files, 'single-sign-on.yaml': yaml }
  for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text)
  return await readProviders(join(folder, 'single-sign-on.yaml'))
}

async function problemsOf(t: TestContext, yaml: string, files: FileTexts = {}) {
  try {
    await read(t, yaml, files)
  } catch (error) {
    assert.ok(error instanceof ProvidersFileError, String(error))
    assert.equal(error.message, error.problems.join('\n'))
    return error.problems.map((problem) => problem.replace('single-sign-on.yaml', 'FILE'))
  }
  return []
}

const oidc = (more = '') => `
  - kind: oidc
    name: corp
    title: Example Corp
    issuer: https://login.example.com/realms/corp
    clientId: carrel
${more}`

const ldap = (more = '', url = 'ldaps://ldap.example.com') => `
  - kind: ldap
    name: staff
    title: Staff
    url: ${url}
    userBase: ou=people,dc=example,dc=com
${more}`

function asOidc(provider: Provider | undefined): OidcSettings {
  assert.ok(provider?.kind === 'oidc')
  return provider
}

function asLdap(provider: Provider | undefined): LdapSettings {
  assert.ok(provider?.kind === 'ldap')
  return provider
}

test('the shortest entries have defaults', async (t) => {
  const providers = await read(t, `providers:${oidc()}${ldap()}`)
  assert.deepEqual(providers, [
    {
      kind: 'oidc',
      name: 'corp',
      title: 'Example Corp',
      issuer: 'https://login.example.com/realms/corp',
      clientId: 'carrel',
      scopes: ['openid', 'profile', 'email', 'groups'],
      nameClaim: 'preferred_username',
      groupsClaim: 'groups',
    },
    {
      kind: 'ldap',
      name: 'staff',
      title: 'Staff',
      url: 'ldaps://ldap.example.com',
      security: 'ldaps',
      userBase: 'ou=people,dc=example,dc=com',
      userFilter: '(&(objectClass=person)(uid={name}))',
      subjectAttribute: 'entryUUID',
      nameAttribute: 'uid',
    },
  ])
})

test('every key reaches the settings, and files are read beside the configuration', async (t) => {
  const { certificatePem } = await issueAuthority('test', new Date())
  const [first, second, third] = await read(
    t,
    `providers:${oidc(`
    clientSecretFile: secret
    scopes: [openid, profile]
    nameClaim: upn
    groupsClaim: roles
    adminGroups: [admins]
    allowGroups: [staff, admins]
    certificateAuthorityFile: ca.pem
`)}${ldap(`
    bindDn: cn=reader,dc=example,dc=com
    bindPassword: "0123"
    userFilter: |
      (&
        (objectClass=user)
        (sAMAccountName={name})
      )
    subjectAttribute: objectGUID
    nameAttribute: sAMAccountName
    groupBase: ou=groups,dc=example,dc=com
    groupFilter: (member:1.2.840.113556.1.4.1941:={dn})
    groupNameAttribute: name
    adminGroups: [admins]
    certificateAuthorityFile: ca.pem
`)}
  - kind: ldap
    name: other
    title: Other
    url: ldap://ldap.example.com
    userBase: dc=example,dc=com
    groupBase: dc=example,dc=com
    memberOfAttribute: memberOf
`,
    { secret: 'from a file\n', 'ca.pem': certificatePem },
  )
  const corp = asOidc(first)
  assert.equal(corp.revealClientSecret?.(), 'from a file')
  assert.deepEqual(corp.scopes, ['openid', 'profile'])
  assert.deepEqual([corp.nameClaim, corp.groupsClaim], ['upn', 'roles'])
  assert.deepEqual([corp.adminGroups, corp.allowGroups], [['admins'], ['staff', 'admins']])
  assert.equal(corp.certificateAuthorities, certificatePem)

  const staff = asLdap(second)
  assert.equal(staff.account?.dn, 'cn=reader,dc=example,dc=com')
  assert.equal(staff.account.revealPassword(), '0123')
  assert.equal(staff.userFilter, '(&(objectClass=user)(sAMAccountName={name}))')
  assert.deepEqual([staff.subjectAttribute, staff.nameAttribute], ['objectGUID', 'sAMAccountName'])
  assert.deepEqual(staff.groups, {
    from: 'search',
    base: 'ou=groups,dc=example,dc=com',
    filter: '(member:1.2.840.113556.1.4.1941:={dn})',
    nameAttribute: 'name',
  })
  assert.equal(staff.certificateAuthorities, certificatePem)

  const other = asLdap(third)
  assert.equal(other.security, 'starttls')
  const groups = { from: 'member-of', base: 'dc=example,dc=com', attribute: 'memberOf' }
  assert.deepEqual(other.groups, groups)
})

test('a password goes over the network unencrypted only when that is written twice', async (t) => {
  const security = async (more: string, url: string) =>
    asLdap((await read(t, `providers:${ldap(more, url)}`))[0]).security
  assert.equal(await security('', 'ldap://ldap.example.com'), 'starttls')
  assert.equal(await security('    startTls: true', 'ldap://ldap.example.com'), 'starttls')
  assert.equal(await security('    insecure: true', 'ldap://127.0.0.1:3890'), 'plain')
  assert.equal(await security('    insecure: true', 'ldap://[::1]'), 'plain')
  assert.equal(await security('    insecure: true', 'ldap://localhost'), 'plain')
  const named = '    startTls: false\n    insecure: ldap.example.com'
  assert.equal(await security(named, 'ldap://ldap.example.com:3890'), 'plain')

  const refused = async (more: string, url: string) =>
    (await problemsOf(t, `providers:${ldap(more, url)}`)).join('\n')
  for (const host of ['ldap.example.com', '127.0.0.1.example.com', 'localhost.example.com']) {
    assert.match(await refused('    insecure: true', `ldap://${host}`), /insecure: is true, which/)
  }
  const other = await refused('    insecure: example.com', 'ldap://ldap.example.com')
  assert.match(other, /insecure: must be the host of the url, exactly/)
  assert.match(await refused('    startTls: false', 'ldap://127.0.0.1'), /startTls: is false/)
  const both = await refused('    startTls: true\n    insecure: true', 'ldap://127.0.0.1')
  assert.match(both, /startTls: contradicts insecure/)
  assert.match(await refused('    insecure: true', 'ldaps://127.0.0.1'), /insecure: is for ldap:/)
  assert.match(await refused('    startTls: true', 'ldaps://127.0.0.1'), /startTls: is for ldap:/)
})

test('all problems are reported at once, with the full name of their keys', async (t) => {
  const problems = await problemsOf(
    t,
    `
providers:
  - kind: oidc
    name: Corp
    title: ""
    issuer: login.example.com
    clientSecret: a-secret
    clientSecretFile: nowhere
    scopes: [profile]
    adminGroups: []
    groupClaim: groups
  - kind: ldap
    name: staff
    title: Staff
    url: https://ldap.example.com
    userBase: people
    bindDn: reader
    allowGroups: [staff]
    userFilter: (uid={user})
    groupFilter: (member=x)
    memberOfAttribute: member Of
  - kind: saml
  - nothing
  - { kind: oidc, name: staff, title: Second, issuer: "https://x.example", clientId: 7 }
more: true
`,
  )
  assert.deepEqual(problems.sort(), [
    'FILE: more: is not a key here',
    'FILE: providers[0].adminGroups: must not be an empty list',
    'FILE: providers[0].clientId: is missing',
    'FILE: providers[0].clientSecret: is set, and clientSecretFile too: set only one of them',
    'FILE: providers[0].groupClaim: is not a key here',
    'FILE: providers[0].issuer: must be an address such as https://login.example.com, without a query',
    'FILE: providers[0].name: must be lower-case letters and digits with single hyphens between them, at most 32',
    'FILE: providers[0].scopes: must hold openid',
    'FILE: providers[0].title: must not be empty',
    'FILE: providers[1].bindDn: must be a distinguished name, or a name with @ or \\',
    'FILE: providers[1].bindPasswordFile: is missing; bindDn needs it',
    'FILE: providers[1].groupBase: is missing; groupFilter needs it',
    'FILE: providers[1].groupFilter: is for groups that are searched; memberOfAttribute says that they are not',
    'FILE: providers[1].groupFilter: must hold {dn} or {name}',
    'FILE: providers[1].memberOfAttribute: must be the name of an attribute, which has letters, digits and hyphens',
    'FILE: providers[1].url: must be ldaps://HOST or ldap://HOST, with :PORT when it is not the usual one',
    'FILE: providers[1].userBase: must be a distinguished name such as ou=people,dc=example,dc=com',
    'FILE: providers[1].userFilter: knows {name}, not {user}',
    'FILE: providers[2].kind: must be oidc or ldap',
    'FILE: providers[3]: must hold keys such as kind and name',
    'FILE: providers[4].clientId: must be text; put quotes around a number',
    'FILE: providers[4].name: is the name of another provider too',
  ])
})

test('problems of the files that are named are reported together too', async (t) => {
  const yaml = `providers:${oidc(`
    clientSecretFile: empty
    certificateAuthorityFile: nowhere.pem
`)}${ldap(`
    bindDn: cn=reader,dc=example,dc=com
    bindPasswordFile: "."
    certificateAuthorityFile: empty
`)}`
  assert.deepEqual((await problemsOf(t, yaml, { empty: ' \n' })).sort(), [
    'FILE: providers[0].certificateAuthorityFile: there is no such file',
    'FILE: providers[0].clientSecretFile: the file is empty',
    'FILE: providers[1].bindPasswordFile: the file cannot be read (EISDIR)',
    'FILE: providers[1].certificateAuthorityFile: the file holds no certificate (PEM)',
  ])
})

test('a file that is not there or holds something else is one problem', async (t) => {
  await assert.rejects(readProviders('/nowhere/single-sign-on.yaml'), {
    name: 'ProvidersFileError',
    problems: ['single-sign-on.yaml: there is no such file'],
  })
  assert.deepEqual(await problemsOf(t, ''), ['FILE: must hold a list under the key providers'])
  assert.deepEqual(await problemsOf(t, '- kind: oidc'), [
    'FILE: must hold a list under the key providers',
  ])
  assert.deepEqual(await problemsOf(t, 'providers:'), ['FILE: providers: has no value'])
  assert.deepEqual(await read(t, 'providers: []'), [])
})

test('no problem repeats a secret, whatever is wrong with the file', async (t) => {
  const secret = 'hunter2hunter2'
  const files = [
    `providers:${oidc(`    clientSecret: *${secret}`)}`,
    `providers:${oidc(`    clientSecret: ${secret}: ${secret}`)}`,
    `providers:${oidc(`    clientSecret: "${secret}`)}`,
    `providers:${oidc(`    clientSecret: [${secret}]`)}`,
    `providers:${oidc(`    clientSecret: { ${secret}: 1 }`)}`,
    `providers:${oidc(`    clientSecret ${secret}: 1`)}`,
    `providers:${oidc(`    clientSecret: ${secret}\n    clientSecret: ${secret}`)}`,
    `providers:${oidc(`    clientSecret: ${secret}\n     title: x`)}`,
    `providers:${oidc(`    clientSecret: !!binary ${secret}!\n    x: 1`)}`,
    `providers:${oidc(`    issuer2: ${secret}`)}`,
    `providers:${ldap(`    bindDn: ${secret}\n    bindPassword: [${secret}]`)}`,
    `providers:${ldap(`    insecure: ${secret}\n    userFilter: ${secret}`, `ldap://x:${secret}@y`)}`,
    secret,
  ]
  for (const file of files) {
    const problems = await problemsOf(t, file)
    assert.ok(problems.length > 0, file)
    assert.doesNotMatch(problems.join('\n'), new RegExp(secret), file)
  }
})

test('problems of the text itself come with their line', async (t) => {
  const twice = await problemsOf(t, `providers: []\nproviders: []\n`)
  assert.deepEqual(twice, ['FILE, line 2: a key is written twice'])
  const [broken] = await problemsOf(t, `providers:\n  - "x\n`)
  assert.match(broken ?? '', /^FILE, line \d: is not YAML \([A-Z_]+\)$/)
})

test('settings that are printed do not show their secrets', async (t) => {
  const providers = await read(
    t,
    `providers:${oidc('    clientSecret: hunter2')}${ldap(
      '    bindDn: cn=reader,dc=x\n    bindPassword: hunter2',
    )}`,
  )
  assert.equal(asOidc(providers[0]).revealClientSecret?.(), 'hunter2')
  const printed = inspect(providers, { depth: 10 }) + JSON.stringify(providers)
  assert.doesNotMatch(printed, /hunter2/)
})
