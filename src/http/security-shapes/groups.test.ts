// Groups of a directory replace those of the last sign-in, they are never added to them: who has left a group has left
// its team with the next sign-in, on every node. See CVE-2025-23208 (zot).
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { createAuthenticator } from '../../auth/authenticate.ts'
import { createExternalPasswords } from '../../access/external-login.ts'
import { createPrincipalDirectory, recordOf } from '../../installation/principal-directory.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { anApp, ask, basic, type TestApp } from '../test-support/app.ts'
import { makeRepository } from '../test-support/content.ts'

interface Directory {
  groups: readonly string[]
  admin: boolean
}

const as = basic('zoe', 'her password at the directory')
const type = 'application/json'

function externalOf(directory: Directory, metadata: MetadataStore) {
  return createExternalPasswords({
    metadata,
    directories: [
      {
        name: 'corp',
        decidesAdmin: true,
        provider: {
          async check(name) {
            if (name !== 'zoe') return undefined
            return { provider: 'ldap:corp', subject: '1', name, ...directory }
          },
        },
      },
    ],
    recordOf: async (row) => recordOf(metadata, row),
    warn: () => undefined,
  })
}

async function withDirectory(t: TestContext) {
  const directory: Directory = { groups: ['a', 'b'], admin: false }
  const clock = { now: 0 }
  const app = await anApp(t, {
    signIn: (metadata) => ({ now: () => clock.now, external: externalOf(directory, metadata) }),
  })
  for (const team of ['a', 'b']) {
    await makeRepository(app, `${team}/app`)
    const groups = [{ provider: 'ldap:corp', group: team }]
    await post(app, 'teams', { name: team, groups })
    await post(app, 'grants', { who: `team:${team}`, where: `${team}/`, actions: 'writer' })
  }
  /** Until nothing is remembered of a sign-in any more. */
  const wait = () => {
    clock.now += 46_000
  }
  return { app, directory, clock, wait }
}

async function post(app: TestApp, path: string, body: object): Promise<void> {
  const question = { as: 'admin', body: JSON.stringify(body), type }
  const answer = await ask(app, `POST /api/v1/${path}`, question)
  assert.equal(answer.status, 201, answer.text)
}

async function pulls(app: TestApp, by = as): Promise<string> {
  const letters: string[] = []
  for (const name of ['a', 'b']) {
    const { status } = await ask(app, `GET /v2/${name}/app/tags/list`, { as: by })
    if (status === 200) letters.push(name)
  }
  return letters.join()
}

async function registryToken(app: TestApp): Promise<string> {
  const scope = 'repository:a/app:pull,push&scope=repository:b/app:pull,push'
  const answer = await ask(app, `GET /token?scope=${scope}`, { as })
  return `Bearer ${(answer.json() as { token: string }).token}`
}

suite('whoever leaves a group', () => {
  test('has left its team with the next sign-in, with tokens of before too', async (t) => {
    const { app, directory, wait } = await withDirectory(t)
    assert.equal(await pulls(app), 'a,b')
    const token = await registryToken(app)
    assert.equal(await pulls(app, token), 'a,b')
    directory.groups = ['a']
    wait()
    assert.equal(await pulls(app), 'a')
    assert.equal(await pulls(app, token), 'a')
    assert.equal(await pulls(app, await registryToken(app)), 'a')
    directory.groups = []
    wait()
    assert.equal(await pulls(app), '')
    directory.groups = ['b', 'unknown']
    wait()
    assert.equal(await pulls(app), 'b')
  })

  test('has left it on another node within five seconds', async (t) => {
    const { app, directory, clock, wait } = await withDirectory(t)
    assert.equal(await pulls(app), 'a,b')
    const token = await registryToken(app)
    assert.equal(await pulls(app, token), 'a,b')
    // Another node, over the same database, sees the next sign-in.
    const { metadata, issuer } = app
    const other = createAuthenticator({
      tokens: issuer,
      principals: createPrincipalDirectory(metadata),
      passwords: { verify: async () => false },
      external: externalOf(directory, metadata),
      warn: () => undefined,
    })
    directory.groups = ['a']
    await other.authenticate(as)
    clock.now += 5001
    assert.equal(await pulls(app, token), 'a')
    wait()
    assert.equal(await pulls(app), 'a')
  })

  test('that makes administrators is none any more', async (t) => {
    const { app, directory, wait } = await withDirectory(t)
    directory.admin = true
    assert.equal((await ask(app, 'GET /api/v1/users', { as })).status, 200)
    directory.admin = false
    wait()
    assert.equal((await ask(app, 'GET /api/v1/users', { as })).status, 403)
  })

  test('stays where somebody has put them by hand', async (t) => {
    const { app, directory, wait } = await withDirectory(t)
    assert.equal(await pulls(app), 'a,b')
    const member = { as: 'admin', body: '{"maintainer":false}', type }
    assert.equal((await ask(app, 'PUT /api/v1/teams/b/members/zoe', member)).status, 200)
    directory.groups = []
    wait()
    assert.equal(await pulls(app), 'b')
  })
})
