// Signing in through a real OpenID Connect provider and a real directory, from the file of settings to the session.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { createTeam } from './access/teams.ts'
import { checkSignIn, composeSignIn, signInProblems, type SignInParts } from './compose-sign-in.ts'
import { anApp, ask, basic, type TestApp } from './http/test-support/app.ts'
import { users } from './http/test-support/users.ts'
import { aVisitor, loginCookie, sessionCookie, type Visitor } from './http/test-support/visitor.ts'
import type { Check } from './installation/doctor/check.ts'
import { changeUser } from './installation/users.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import { findPrincipalByName } from './metadata/principals.ts'
import { listTeamsOf } from './metadata/team-members.ts'
import { signInAt } from './sign-on/test-support/browser.ts'
import { startOidcIssuer, type OidcIssuer } from './sign-on/test-support/oidc-issuer.ts'
import {
  describeWithSlapd,
  groupDn,
  groupOf,
  groups,
  people,
} from './sign-on/test-support/slapd.ts'

const operator = { id: undefined, name: 'operator' }

async function aFile(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-sign-in-'))
  t.after(async () => rm(folder, { recursive: true }))
  const file = join(folder, 'single-sign-on.yaml')
  await writeFile(file, text)
  return file
}

/** For parts that must not ask it. */
const noDatabase = {} as MetadataStore

/** The application with what the file says, which has to be there before the application's database is. */
async function anAppWith(t: TestContext, file: string, warnings: string[] = []): Promise<TestApp> {
  const settings = { singleSignOnFile: file, outboundAllow: ['127.0.0.1'] }
  const warn = (message: string) => void warnings.push(message)
  let store = noDatabase
  const metadata: Pick<MetadataStore, 'write' | 'read' | 'one' | 'all'> = {
    write: async (work, options) => store.write(work, options),
    read: async (work) => store.read(work),
    one: async (query, parameters) => store.one(query, parameters),
    all: async (query, parameters) => store.all(query, parameters),
  }
  const deps = { metadata: metadata as MetadataStore, warn }
  const { oidc, external, federate }: SignInParts = await composeSignIn(settings, deps)
  return anApp(t, {
    oidc,
    signIn: (made) => {
      store = made
      return { external, federate }
    },
  })
}

async function teamsOf({ metadata }: TestApp, name: string): Promise<readonly string[]> {
  const principal = await findPrincipalByName(metadata, name)
  const teams = principal && (await listTeamsOf(metadata, principal.id))
  return teams?.map((team) => team.name) ?? []
}

suite('signing in through a provider', () => {
  const redirectUri = 'https://registry.test/login/oidc/corp/callback'

  async function corp(t: TestContext, more = ''): Promise<{ idp: OidcIssuer; app: TestApp }> {
    const client = { clientId: 'carrel', clientSecret: 'a secret', redirectUris: [redirectUri] }
    const idp = await startOidcIssuer({ clients: [client] })
    t.after(idp.close)
    const file = await aFile(
      t,
      `providers:
  - { kind: oidc, name: corp, title: Example Corp, issuer: '${idp.issuer}', clientId: carrel,
      clientSecret: a secret ${more} }
  - { kind: oidc, name: other, title: Other, issuer: '${idp.issuer}', clientId: carrel, clientSecret: a secret }
`,
    )
    return { idp, app: await anAppWith(t, file) }
  }

  /** To the provider and back: the path with its query, as the browser is sent there. */
  async function goThere(visitor: Visitor, as: string, to = '/account'): Promise<string> {
    const begun = await visitor.open(`/login/oidc/corp?to=${encodeURIComponent(to)}`)
    assert.equal(begun.status, 303, begun.text)
    const url = new URL(begun.headers['location'] ?? '')
    url.searchParams.set('login_hint', as)
    const back = await signInAt(url)
    assert.equal(back.origin + back.pathname, redirectUri)
    return `${back.pathname}${back.search}`
  }

  test('makes the account at the first time and finds it again at the second', async (t) => {
    const { app } = await corp(t)
    const visitor = aVisitor(app)
    const page = await visitor.open('/login?to=/device')
    assert.match(page.text, /href="\/login\/oidc\/corp\?to=%2Fdevice">Sign in with Example Corp</)
    const back = await goThere(visitor, 'mallory', '/device?code=WDJB-MJHT')
    assert.match(visitor.setCookies.get(loginCookie) ?? '', /HttpOnly; SameSite=Lax; Secure$/)
    // Browsers say that the provider's page sends them.
    const answer = await visitor.open(back, { 'sec-fetch-site': 'cross-site' })
    assert.deepEqual([answer.status, answer.headers['location']], [303, '/device?code=WDJB-MJHT'])
    assert.match(visitor.setCookies.get(sessionCookie) ?? '', /HttpOnly; SameSite=Lax; Secure$/)
    assert.match((await visitor.open('/account')).text, /<h1>mallory</)
    const first = await findPrincipalByName(app.metadata, 'mallory')
    assert.deepEqual([first?.provider, first?.subject], ['oidc:corp', 'id-of-mallory'])
    const again = aVisitor(app)
    await again.open(await goThere(again, 'mallory'))
    const account = (await again.open('/api/v1/account')).json() as { name: string }
    assert.equal(account.name, 'mallory')
    assert.deepEqual(
      app.audited.map(({ event, detail }) => [event, detail]),
      Array(2).fill(['login.succeeded', { with: 'oidc:corp' }]),
    )
  })

  test('never becomes the local account of that name, nor is opened by its password', async (t) => {
    const { app } = await corp(t)
    const visitor = aVisitor(app)
    await visitor.open(await goThere(visitor, 'alice'))
    assert.match((await visitor.open('/account')).text, /<h1>alice\.corp</)
    const local = await findPrincipalByName(app.metadata, 'alice')
    assert.deepEqual([local?.id, local?.provider], [app.ids.alice, 'local'])
    const password = await aVisitor(app).signIn('alice.corp', users.alice.password)
    assert.equal(password.status, 401)
  })

  test('takes what the groups say at each time anew', async (t) => {
    const { idp, app } = await corp(t, ', adminGroups: [admins]')
    const groupsOf = [{ provider: 'oidc:corp', group: 'developers' }]
    await createTeam(app, operator, { name: 'dev', groups: groupsOf })
    const visitor = aVisitor(app)
    await visitor.open(await goThere(visitor, 'mallory'))
    assert.deepEqual(await teamsOf(app, 'mallory'), [])
    idp.setGroups('mallory', ['developers', 'admins'])
    await visitor.open(await goThere(visitor, 'mallory'))
    assert.deepEqual(await teamsOf(app, 'mallory'), ['dev'])
    assert.equal((await findPrincipalByName(app.metadata, 'mallory'))?.admin, true)
    assert.equal((await visitor.open('/api/v1/users')).status, 200)
    idp.setGroups('mallory', [])
    await visitor.open(await goThere(visitor, 'mallory'))
    assert.deepEqual(await teamsOf(app, 'mallory'), [])
    assert.equal((await visitor.open('/api/v1/users')).status, 403)
  })

  test('opens nothing to whoever is disabled here, and says so', async (t) => {
    const { app } = await corp(t)
    const visitor = aVisitor(app)
    await visitor.open(await goThere(visitor, 'mallory'))
    await changeUser(app, operator, { name: 'mallory', disabled: true })
    const again = aVisitor(app)
    const answer = await again.open(await goThere(again, 'mallory'))
    assert.equal(answer.status, 403)
    assert.match(answer.text, /The account mallory is disabled here\. Ask an administrator\./)
    assert.equal(again.cookies.get(sessionCookie), undefined)
    assert.equal((await findPrincipalByName(app.metadata, 'mallory'))?.disabled, true)
    assert.equal((await visitor.open('/account')).status, 303)
  })

  test('counts once, and only in the browser that it was begun in', async (t) => {
    const { app } = await corp(t)
    const visitor = aVisitor(app)
    const back = await goThere(visitor, 'mallory')
    const victim = aVisitor(app)
    const planted = await victim.open(back)
    assert.equal(planted.status, 403)
    assert.match(planted.text, /was not begun in this browser/)
    // The victim has begun a sign-in of its own; the answer is that of another one.
    const own = await goThere(victim, 'bob')
    assert.match((await victim.open(back)).text, /does not belong to a sign-in that was begun here/)
    assert.equal((await victim.open(own)).status, 403, 'which ended that one too')
    assert.equal(victim.cookies.get(sessionCookie), undefined)
    const answers = await Promise.all([visitor.open(back), visitor.open(back), visitor.open(back)])
    const statuses = answers.map(({ status }) => status).toSorted()
    assert.deepEqual(statuses, [303, 403, 403])
    assert.equal((await visitor.open(back)).status, 403)
  })

  test('is of one provider: what another one was asked is no answer', async (t) => {
    const { app } = await corp(t)
    const visitor = aVisitor(app)
    const back = await goThere(visitor, 'mallory')
    const answer = await visitor.open(back.replace('/oidc/corp/', '/oidc/other/'))
    assert.equal(answer.status, 403)
    assert.match(answer.text, /does not belong to a sign-in that was begun here/)
    assert.equal((await visitor.open('/login/oidc/nobody')).status, 404)
    assert.equal((await visitor.open('/login/oidc/nobody/callback?code=x')).status, 404)
  })

  test('goes on to a path of this site alone', async (t) => {
    const { app } = await corp(t)
    for (const to of ['//evil.example', 'https://evil.example', '/\\evil.example']) {
      const visitor = aVisitor(app)
      const answer = await visitor.open(await goThere(visitor, 'mallory', to))
      assert.equal(answer.headers['location'], '/account', to)
    }
  })

  test('says why it came to nothing', async (t) => {
    const { app, idp } = await corp(t, ', allowGroups: [developers]')
    const stranger = aVisitor(app)
    const refused = await stranger.open(await goThere(stranger, 'nobody'))
    assert.equal(refused.status, 403)
    assert.match(refused.text, /Example Corp did not let you sign in/)
    assert.doesNotMatch(refused.text, /<b>/)
    const mallory = aVisitor(app)
    const outside = await mallory.open(await goThere(mallory, 'mallory'))
    assert.match(outside.text, /none of your groups may use this registry/)
    assert.equal(await findPrincipalByName(app.metadata, 'mallory'), undefined)
    await idp.close()
    const late = aVisitor(app)
    const down = await late.open('/login/oidc/other')
    assert.equal(down.status, 503)
    assert.match(down.text, /Other cannot be asked now/)
    assert.deepEqual(app.faults, [])
  })
})

describeWithSlapd('signing in with a directory', (slapd) => {
  async function staff(t: TestContext, warnings?: string[]): Promise<TestApp> {
    const { url, readerDn, readerPassword } = slapd()
    const file = await aFile(
      t,
      `providers:
  - kind: ldap
    name: staff
    title: Staff
    url: ${url}
    insecure: true
    bindDn: ${readerDn}
    bindPassword: ${readerPassword}
    userBase: ${people}
    groupBase: ${groups}
    adminGroups: [admins]
`,
    )
    return anAppWith(t, file, warnings)
  }

  const token = async (app: TestApp, user: string, password: string) =>
    ask(app, 'GET /token?scope=repository:bob.staff/app:pull,push', { as: basic(user, password) })

  test('docker takes the password, and so does the sign-in page', async (t) => {
    const app = await staff(t)
    assert.equal((await token(app, 'mallory', 'wrong')).status, 401)
    const answer = await token(app, 'mallory', 'mallory-password')
    assert.equal(answer.status, 200)
    const principal = await findPrincipalByName(app.metadata, 'mallory')
    assert.deepEqual([principal?.provider, principal?.admin], ['ldap:staff', false])
    const visitor = aVisitor(app)
    assert.equal((await visitor.signIn('mallory', 'mallory-password')).status, 200)
    assert.match((await visitor.open('/account')).text, /a password of the directory staff/)
    for (const [user, password] of [
      ['mallory', ''],
      ['mallory', 'mallory-password '],
      ['nobody', 'nobody-password'],
      ['*', 'mallory-password'],
      ['mallory)(uid=*', 'mallory-password'],
    ] as const) {
      assert.equal((await aVisitor(app).signIn(user, password)).status, 401, user)
    }
  })

  test('the local account of that name keeps its own password, and the other has the directory in its name', async (t) => {
    const app = await staff(t)
    const visitor = aVisitor(app)
    assert.equal((await visitor.signIn('bob', 'bob-password')).status, 401)
    assert.equal((await visitor.signIn('bob.staff', users.bob.password)).status, 401)
    assert.equal((await visitor.signIn('bob.staff', 'bob-password')).status, 200)
    assert.match((await visitor.open('/account')).text, /<h1>bob\.staff</)
    const { token: jwt } = (await token(app, 'bob.staff', 'bob-password')).json() as {
      token: string
    }
    const push = await ask(app, 'POST /v2/bob.staff/app/blobs/uploads/', { as: `Bearer ${jwt}` })
    assert.equal(push.status, 202, 'it has a namespace of its own')
    const local = await findPrincipalByName(app.metadata, 'bob')
    assert.equal(local?.id, app.ids.bob)
  })

  test('groups hold from the next sign-in on', async (t) => {
    const app = await staff(t)
    const groupsOf = [{ provider: 'ldap:staff', group: 'newcomers' }]
    await createTeam(app, operator, { name: 'new', groups: groupsOf })
    const signIn = async () => aVisitor(app).signIn('mallory', 'mallory-password')
    await signIn()
    assert.deepEqual(await teamsOf(app, 'mallory'), [])
    const dn = groupDn('newcomers')
    await slapd().admin(async (client) => client.add(dn, groupOf('mallory')))
    await signIn()
    assert.deepEqual(await teamsOf(app, 'mallory'), ['new'])
    await slapd().admin(async (client) => client.del(dn))
    await signIn()
    assert.deepEqual(await teamsOf(app, 'mallory'), [])
  })

  test('whoever is disabled here stays so, with a right password as with a wrong one', async (t) => {
    const app = await staff(t)
    await aVisitor(app).signIn('mallory', 'mallory-password')
    await changeUser(app, operator, { name: 'mallory', disabled: true })
    const right = await aVisitor(app).signIn('mallory', 'mallory-password')
    const wrong = await aVisitor(app).signIn('mallory', 'wrong')
    assert.deepEqual([right.status, right.text], [401, wrong.text])
    assert.equal((await token(app, 'mallory', 'mallory-password')).status, 401)
    assert.equal((await findPrincipalByName(app.metadata, 'mallory'))?.disabled, true)
  })

  test('a directory that is down is said, and is no wrong password', async (t) => {
    const file = await aFile(
      t,
      `providers:
  - { kind: ldap, name: staff, title: Staff, url: 'ldap://127.0.0.1:1', insecure: true, userBase: '${people}' }
`,
    )
    const warnings: string[] = []
    const app = await anAppWith(t, file, warnings)
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const answer = await aVisitor(app).signIn('mallory', 'mallory-password')
      assert.equal(answer.status, 503)
      assert.match(answer.message(), /Staff/)
    }
    assert.ok(warnings.length > 0)
    assert.equal((await aVisitor(app).signIn('alice', users.alice.password)).status, 200)
  })
})

suite('the file of providers', () => {
  const settings = { outboundAllow: [] }

  test('is read before anything is served: all that is wrong with it is said at once', async (t) => {
    const file = await aFile(
      t,
      'providers:\n  - { kind: oidc, name: Corp, title: x, clientId: c }\n',
    )
    const broken = { singleSignOnFile: file, outboundAllow: ['10.0.0.0/33', 'x y'] }
    const problems = await signInProblems(broken)
    assert.equal(problems[0], `${file} (CARREL_SINGLE_SIGN_ON) cannot be used:`)
    assert.match(problems.join('\n'), /providers\[0\]\.issuer: is missing/)
    assert.match(problems.join('\n'), /providers\[0\]\.name: must be lower-case/)
    assert.equal(problems.filter((problem) => problem.startsWith('outboundAllow')).length, 2)
    const deps = { metadata: noDatabase, warn: () => undefined }
    await assert.rejects(composeSignIn(broken, deps), { name: 'ProvidersFileError' })
  })

  test('is not missed where there is none', async () => {
    assert.deepEqual(await signInProblems(settings), [])
    const deps = { metadata: noDatabase, warn: () => undefined }
    const { oidc, external } = await composeSignIn(settings, deps)
    assert.deepEqual([oidc, external], [[], undefined])
    const missing = { ...settings, singleSignOnFile: '/nowhere/x.yaml' }
    assert.match((await signInProblems(missing)).join('\n'), /there is no such file/)
    const authorities = { ...settings, outboundAuthoritiesFile: '/nowhere/ca.pem' }
    assert.match((await signInProblems(authorities)).join('\n'), /ENOENT/)
  })

  test('is tried out by the doctor: a provider that does not answer is a problem', async (t) => {
    const file = await aFile(
      t,
      `providers:
  - { kind: oidc, name: corp, title: Example Corp, issuer: 'http://127.0.0.1:1', clientId: c }
  - { kind: ldap, name: staff, title: Staff, url: 'ldap://127.0.0.1:1', insecure: true, userBase: '${people}' }
`,
    )
    const at = { singleSignOnFile: file, outboundAllow: ['127.0.0.1'] }
    const checks: Check[] = []
    for await (const check of checkSignIn(at, 'https://registry.test')) checks.push(check)
    assert.deepEqual(
      checks.map(({ name, status }) => [name, status]),
      [
        ['sign-in corp', 'problem'],
        ['sign-in staff', 'problem'],
      ],
    )
    for (const { message, fix } of checks) assert.ok(message.length > 20 && fix !== undefined)
  })
})
