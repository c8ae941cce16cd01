// What somebody is stands in the database and is never read off a name: robots, users and accounts of sign-in providers
// that are called like something mighty have no more rights by it. See Harbor's pull requests 23675 and 19598, and
// GHSA-xvh7-74g6-29xw.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { admitExternal } from '../../access/external-login.ts'
import { issueToken } from '../../access/tokens.ts'
import { anAccount } from '../test-support/accounts.ts'
import { anApp, ask, basic, type TestApp } from '../test-support/app.ts'
import { makeRepository } from '../test-support/content.ts'
import { rights } from '../test-support/matrix-model.ts'

const mighty = [
  'admin2',
  'administrator',
  'root',
  'operator',
  'system',
  'scanner-trivy',
  'robot',
  'robot-admin',
  'proxy-cache',
  'anonymous',
  'signed-in',
  'open',
  'local',
  'internal',
  'carrel-itself',
]

const forAdministrators = [
  'GET /api/v1/users',
  'GET /api/v1/audit',
  'GET /v2/vault/app/tags/list',
  'GET /api/v1/tokens?all=true',
  'GET /api/v1/namespaces/vault',
]

async function hasNothing(app: TestApp, as: string, who: string): Promise<void> {
  for (const line of forAdministrators) {
    const { status } = await ask(app, line, { as })
    assert.ok(status === 403 || status === 404, `${who}: ${line}: ${status}`)
  }
  const account = (await ask(app, 'GET /api/v1/account', { as })).json() as { admin: boolean }
  assert.equal(account.admin, false, who)
}

async function aVault(t: Parameters<typeof anApp>[0]): Promise<TestApp> {
  const app = await anApp(t)
  await makeRepository(app, 'vault/app')
  return app
}

suite('a name that sounds like power', () => {
  for (const kind of ['robot', 'user'] as const) {
    test(`gives a ${kind} none`, async (t) => {
      const app = await aVault(t)
      for (const name of mighty) {
        const { as } = await anAccount(app, name, { kind })
        await hasNothing(app, as, name)
      }
    })
  }

  test('is told apart from the real one in the audit log', async (t) => {
    const app = await aVault(t)
    for (const name of ['operator', 'anonymous']) {
      const { as, id } = await anAccount(app, name, { given: [{ place: `${name}/`, rights }] })
      const body = JSON.stringify({ who: 'anonymous', where: `${name}/`, actions: 'reader' })
      const made = await ask(app, 'POST /api/v1/grants', { as, body, type: 'application/json' })
      assert.equal(made.status, 201, made.text)
      const log = await ask(app, `GET /api/v1/audit?actor=${name}&event=grant.added`, {
        as: 'admin',
      })
      const [entry] = (log.json() as { items: { actorId?: number }[] }).items
      assert.equal(entry?.actorId, id)
    }
  })

  test('of a kind that it is not means nobody', async (t) => {
    const app = await aVault(t)
    await anAccount(app, 'ci', { kind: 'robot' })
    await anAccount(app, 'ann')
    for (const who of [
      'user:ci',
      'robot:ann',
      'federated:ann',
      'team:ann',
      'robot:user:ann',
      'USER:ann',
    ]) {
      const body = JSON.stringify({ who, where: 'vault/', actions: 'owner' })
      const answer = await ask(app, 'POST /api/v1/grants', {
        as: 'admin',
        body,
        type: 'application/json',
      })
      assert.ok(answer.status === 404 || answer.status === 422, `${who}: ${answer.text}`)
    }
  })
})

suite('an account of a sign-in provider', () => {
  test('that is called like a local one is another one, under another name', async (t) => {
    const app = await aVault(t)
    for (const [index, name] of ['admin', 'alice', 'bob'].entries()) {
      const identity = {
        provider: 'oidc:corp' as const,
        subject: `subject-${index}`,
        name,
        groups: [],
        admin: false,
      }
      const principal = await admitExternal(app.metadata, { identity, decidesAdmin: false })
      assert.equal(principal.name, `${name}.corp`)
      assert.equal(principal.admin, false)
      const { secret } = await app.metadata.write(async (tx) =>
        issueToken(
          tx,
          { id: undefined, name: 'test' },
          {
            kind: 'personal',
            owner: principal,
            name: 'x',
            scopes: undefined,
            expiresAt: undefined,
          },
        ),
      )
      await hasNothing(app, `Bearer ${secret}`, name)
      // Under the local name it is no credential.
      const asLocal = await ask(app, 'GET /v2/', { as: basic(name, secret) })
      assert.equal(asLocal.status, 401)
      const alice = await ask(app, 'GET /api/v1/grants', { as: `Bearer ${secret}` })
      assert.ok(!alice.text.includes('"alice/"'))
    }
  })

  test('stays the same whatever the provider calls it later, and is never what another subject was', async (t) => {
    const app = await aVault(t)
    const admit = async (subject: string, name: string) =>
      admitExternal(app.metadata, {
        identity: {
          provider: 'oidc:corp',
          subject,
          name,
          groups: [],
          admin: false,
        },
        decidesAdmin: false,
      })
    const first = await admit('1', 'zoe')
    assert.equal((await admit('1', 'admin')).id, first.id)
    const second = await admit('2', 'zoe')
    assert.notEqual(second.id, first.id)
    assert.notEqual(second.name, first.name)
  })
})
