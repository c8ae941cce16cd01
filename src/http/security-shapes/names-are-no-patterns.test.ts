// `_`, `%`, `\` and `*` are what databases and globs make patterns of. In a name they are characters like any other, and
// a tenant whose name has one reaches nobody else's. See CVE-2026-110697 (Quay).
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { replaceGroupMembership } from '../../metadata/team-groups.ts'
import { anAccount, type Account } from '../test-support/accounts.ts'
import { anApp, ask, type Answer, type TestApp } from '../test-support/app.ts'
import { makeRepository, putImage } from '../test-support/content.ts'
import { rights } from '../test-support/matrix-model.ts'

const type = 'application/json'

async function call(app: TestApp, line: string, as: string, body?: object): Promise<Answer> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), type }
  return ask(app, line, { as, ...sent })
}

/** To a database's LIKE the first would be a pattern of the others. */
const tenants = ['a_b', 'axb', 'a-b', 'a.b', 'a_b-c', 'a__b'] as const

interface Tenants {
  readonly app: TestApp
  readonly owners: ReadonlyMap<string, Account>
}

async function theTenants(t: Parameters<typeof anApp>[0]): Promise<Tenants> {
  const app = await anApp(t)
  const owners = new Map<string, Account>()
  for (const name of tenants) {
    owners.set(name, await anAccount(app, name, { given: [{ place: `${name}/`, rights }] }))
    for (const repository of [`${name}/app`, `${name}/app_x`, `${name}/app-x`, `${name}-app`]) {
      await makeRepository(app, repository)
    }
    await putImage(app, `${name}/app`, 'v_1', ['{}', `of ${name}`])
    await anAccount(app, `ci_${name}`, { kind: 'robot', createdBy: owners.get(name)?.id ?? 0 })
  }
  return { app, owners }
}

suite('a name that looks like a pattern', () => {
  test('owns what begins with it and a slash, and nothing that is only alike', async (t) => {
    const { app, owners } = await theTenants(t)
    for (const [name, { as }] of owners) {
      const own = [`${name}/app`, `${name}/app-x`, `${name}/app_x`]
      const catalog = (await call(app, 'GET /v2/_catalog', as)).json()
      assert.deepEqual(catalog, { repositories: own })
      const listed = await call(app, 'GET /api/v1/repositories', as)
      const items = (listed.json() as { items: { name: string }[] }).items
      assert.deepEqual(
        items.map((item) => item.name),
        own,
      )
      for (const other of tenants.filter((one) => one !== name)) {
        for (const line of [
          `GET /v2/${other}/app/tags/list`,
          `GET /v2/${other}/app/manifests/v_1`,
          `GET /v2/${other}/app/manifests/v%1`,
          `GET /v2/${other}-app/tags/list`,
          `GET /api/v1/repositories/${other}/app`,
          `GET /api/v1/tags?repository=${other}/app`,
          `GET /api/v1/robots/ci_${other}`,
          `GET /api/v1/tokens?for=user:${other}`,
        ]) {
          const { status } = await call(app, line.replace('v%1', 'v%251'), as)
          assert.ok(status === 404 || status === 400, `${name}: ${line}: ${status}`)
        }
      }
    }
  })

  test('is found as it is written by every list and filter', async (t) => {
    const { app } = await theTenants(t)
    const as = 'admin'
    const items = async (path: string) => {
      const answer = await call(app, `GET /api/v1/${path}`, as)
      assert.equal(answer.status, 200, `${path}: ${answer.text}`)
      return (answer.json() as { items: readonly Record<string, string>[] }).items
    }
    for (const name of tenants) {
      const inNamespace = await items(`repositories?namespace=${name}`)
      assert.ok(
        inNamespace.length === 3 && inNamespace.every((one) => one['name']?.startsWith(`${name}/`)),
      )
      const grants = await items(`grants?where=${name}/`)
      assert.deepEqual(
        grants.map(({ where }) => where),
        [`${name}/`],
      )
      assert.deepEqual(
        (await items(`grants?who=user:${name}`)).map(({ who }) => who),
        [`user:${name}`],
      )
      const tokens = await items(`tokens?for=user:${name}`)
      assert.deepEqual(
        tokens.map((token) => token['for']),
        [`user:${name}`],
      )
      const audit = await items(`audit?actor=${name}`)
      assert.ok(audit.every(({ actor }) => actor === name))
    }
    for (const raw of ['a%', 'a_', '%', '*', 'a*', '_', 'a%b']) {
      const pattern = encodeURIComponent(raw)
      const namespace = await call(app, `GET /api/v1/repositories?namespace=${pattern}`, as)
      const found = namespace.status === 200 ? (namespace.json() as { items: [] }).items : []
      assert.deepEqual(found, [], pattern)
      assert.equal((await call(app, `GET /api/v1/robots/ci_${pattern}`, as)).status, 404, pattern)
      assert.equal((await call(app, `GET /api/v1/users/${pattern}`, as)).status, 404, pattern)
      assert.equal((await call(app, `GET /api/v1/teams/${pattern}`, as)).status, 404, pattern)
      assert.deepEqual(await items(`audit?actor=${pattern}`), [])
      assert.deepEqual(await items(`audit?subject=${pattern}`), [])
    }
  })

  test('is removed alone, with its grants alone', async (t) => {
    const { app, owners } = await theTenants(t)
    for (const repository of ['app', 'app_x', 'app-x']) {
      const line = `DELETE /api/v1/repositories/a_b/${repository}`
      assert.equal((await call(app, line, 'admin')).status, 204)
    }
    assert.equal((await call(app, 'DELETE /api/v1/namespaces/a_b', 'admin')).status, 204)
    for (const name of tenants.filter((one) => one !== 'a_b')) {
      const as = owners.get(name)?.as ?? ''
      app.authenticator.forgetPrincipal(owners.get(name)?.id ?? 0)
      assert.equal((await call(app, `GET /v2/${name}/app/manifests/v_1`, as)).status, 200, name)
    }
  })

  test('cannot be taken where it could be read as more than a name', async (t) => {
    const { app } = await theTenants(t)
    for (const name of [
      '%',
      '*',
      '**',
      'a%b',
      'a*b',
      String.raw`a\b`,
      'a?b',
      '_',
      'a_',
      "a'b",
      'a b',
    ]) {
      for (const [line, body] of [
        ['POST /api/v1/users', { name, password: 'a password of good length' }],
        ['POST /api/v1/robots', { name }],
        ['POST /api/v1/teams', { name }],
        ['POST /api/v1/namespaces', { name }],
        ['POST /api/v1/repositories', { name }],
      ] as const) {
        const { status } = await call(app, line, 'admin', body)
        assert.ok(status === 400 || status === 422, `${line} ${name}: ${status}`)
      }
      const where = `${name}/`
      const grant = { who: 'user:axb', where, actions: 'owner' }
      const { status } = await call(app, 'POST /api/v1/grants', 'admin', grant)
      assert.ok(status === 400 || status === 422, `grant on ${where}: ${status}`)
    }
  })

  test('is the name of one group at a sign-in provider, and of no other', async (t) => {
    const app = await anApp(t)
    const ann = await anAccount(app, 'ann')
    const groups = ['staff', 'st_ff', 'st%', '%', '*', String.raw`st\aff`, 'Staff', 'staff '].map(
      (group) => ({ provider: 'ldap:corp', group }),
    )
    for (const [index, group] of groups.entries()) {
      const body = { name: `team-${index}`, groups: [group] }
      const answer = await call(app, 'POST /api/v1/teams', 'admin', body)
      assert.equal(answer.status, 201, answer.text)
    }
    for (const [index, { group }] of groups.entries()) {
      const change = { principalId: ann.id, source: 'ldap:corp', groups: [group] }
      await app.metadata.write(async (tx) => replaceGroupMembership(tx, change))
      const teams = await call(app, 'GET /api/v1/teams', ann.as)
      assert.deepEqual(
        (teams.json() as { items: { name: string }[] }).items.map(({ name }) => name),
        [`team-${index}`],
        group,
      )
    }
    // The same groups of another provider are others.
    const change = { principalId: ann.id, source: 'ldap:other', groups: ['staff'] }
    await app.metadata.write(async (tx) =>
      replaceGroupMembership(tx, { ...change, source: 'ldap:corp', groups: [] }),
    )
    await app.metadata.write(async (tx) => replaceGroupMembership(tx, change))
    const teams = await call(app, 'GET /api/v1/teams', ann.as)
    assert.deepEqual((teams.json() as { items: [] }).items, [])
  })
})
