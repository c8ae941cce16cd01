// What was made again under an old name is another one: a repository, a user, a team, a robot. Nothing that was given for
// the former holds for it. See Harbor's pull requests 22900 and 23270.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import { anAccount, giveMore, type Account } from '../test-support/accounts.ts'
import { anApp, ask, type TestApp } from '../test-support/app.ts'
import { makeRepository, putBlob, putImage } from '../test-support/content.ts'
import { rights, roleRights } from '../test-support/matrix-model.ts'

const json = 'application/json'

async function registryToken(app: TestApp, as: string, scope: string): Promise<string> {
  const answer = await ask(app, `GET /token?scope=${scope}`, { as })
  return `Bearer ${(answer.json() as { token: string }).token}`
}

async function remove(app: TestApp, path: string, as = 'admin'): Promise<void> {
  const answer = await ask(app, `DELETE /api/v1/${path}`, { as })
  assert.equal(answer.status, 204, answer.text)
}

/** Removed and made again, by an administrator, with something in it that nobody else may see. */
async function madeAgain(app: TestApp, name: string): Promise<void> {
  await remove(app, `repositories/${name}`)
  await makeRepository(app, name)
  await putImage(app, name, 'v2', ['{}', 'of the second'])
}

suite('a repository made again', () => {
  test('opens to no registry token of the former one, also as what is mounted from', async (t) => {
    const app = await anApp(t)
    await makeRepository(app, 'web/app')
    await putImage(app, 'web/app', 'v1')
    const owner = { given: [{ place: '*', rights: roleRights.owner }] }
    const ann = await anAccount(app, 'ann', owner)
    const scope = 'repository:web/app:pull,push,delete&scope=repository:web/more:pull,push'
    const as = await registryToken(app, ann.as, scope)
    assert.equal((await ask(app, 'GET /v2/web/app/tags/list', { as })).status, 200)
    await madeAgain(app, 'web/app')
    const second = digestOf(Buffer.from('of the second'))
    for (const line of [
      'GET /v2/web/app/tags/list',
      'GET /v2/web/app/manifests/v2',
      'DELETE /v2/web/app/manifests/v2',
      `HEAD /v2/web/app/blobs/${second}`,
      'POST /v2/web/app/blobs/uploads/',
    ]) {
      const answer = await ask(app, line, { as })
      assert.equal(answer.status, 401, line)
      assert.match(answer.headers['www-authenticate'] ?? '', /insufficient_scope/)
    }
    const mount = `POST /v2/web/more/blobs/uploads/?mount=${second}&from=web/app`
    assert.equal((await ask(app, mount, { as })).status, 202)
    // Whose token is not bound to the former one may.
    assert.equal((await ask(app, mount, { as: ann.as })).status, 201)
  })

  test('belongs to none of those who had rights on the former one', async (t) => {
    const app = await anApp(t)
    await makeRepository(app, 'web/app')
    await putBlob(app, 'web/app', 'of the first')
    const given = [{ place: 'web/app', rights }]
    const ann = await anAccount(app, 'ann', { given })
    assert.equal((await ask(app, 'GET /v2/web/app/tags/list', { as: ann.as })).status, 200)
    await madeAgain(app, 'web/app')
    // At once, and when what was remembered of ann is forgotten.
    for (const round of ['remembered', 'forgotten']) {
      for (const line of [
        'GET /v2/web/app/tags/list',
        'GET /v2/web/app/manifests/v2',
        'DELETE /v2/web/app/manifests/v2',
        'GET /api/v1/repositories/web/app',
        'DELETE /api/v1/repositories/web/app',
        'GET /api/v1/tags?repository=web/app',
      ]) {
        const { status } = await ask(app, line, { as: ann.as })
        assert.equal(status, 404, `${round}: ${line}`)
      }
      app.authenticator.forgetPrincipal(ann.id)
    }
    const list = await ask(app, 'GET /v2/_catalog', { as: ann.as })
    assert.deepEqual(list.json(), { repositories: [] })
  })
  test('cannot be handed on by the owner of the former one', async (t) => {
    const app = await anApp(t)
    await makeRepository(app, 'web/app')
    const ann = await anAccount(app, 'ann', { given: [{ place: 'web/app', rights }] })
    await anAccount(app, 'eve')
    assert.equal((await ask(app, 'GET /v2/web/app/tags/list', { as: ann.as })).status, 200)
    await madeAgain(app, 'web/app')
    const body = JSON.stringify({ who: 'user:eve', where: 'web/app', actions: 'owner' })
    const answer = await ask(app, 'POST /api/v1/grants', { as: ann.as, body, type: json })
    assert.equal(answer.status, 403, answer.text)
    const review = JSON.stringify({
      name: 'x',
      where: 'web/app',
      owner: 'ann',
      dueAt: new Date(Date.now() + 86_400_000).toISOString(),
    })
    const asked = { as: ann.as, body: review, type: json }
    assert.equal((await ask(app, 'POST /api/v1/access-reviews', asked)).status, 403)
  })

  test('takes what waited for it by name, once', async (t) => {
    const app = await anApp(t)
    const waiting = { place: 'web/app', rights: roleRights.reader }
    const ann = await anAccount(app, 'ann', { given: [waiting] })
    await makeRepository(app, 'web/app')
    assert.equal((await ask(app, 'GET /v2/web/app/tags/list', { as: ann.as })).status, 200)
    await madeAgain(app, 'web/app')
    app.authenticator.forgetPrincipal(ann.id)
    assert.equal((await ask(app, 'GET /v2/web/app/tags/list', { as: ann.as })).status, 404)
  })
})

suite('an account made again', () => {
  const makers: Readonly<Record<string, (app: TestApp) => Promise<Account>>> = {
    user: async (app) => anAccount(app, 'ann', { given: [{ place: 'web/', rights }] }),
    robot: async (app) =>
      anAccount(app, 'ann', { kind: 'robot', given: [{ place: 'web/', rights }] }),
  }
  for (const [kind, make] of Object.entries(makers)) {
    test(`has nothing of the former ${kind} of that name`, async (t) => {
      const app = await anApp(t)
      await makeRepository(app, 'web/app')
      const first = await make(app)
      const token = await registryToken(app, first.as, 'repository:web/app:pull,push')
      for (const as of [first.as, token]) {
        assert.equal((await ask(app, 'GET /v2/web/app/tags/list', { as })).status, 200)
      }
      await remove(app, `${kind}s/ann`)
      const second = await anAccount(app, 'ann', { kind: kind as 'user' })
      assert.notEqual(second.id, first.id)
      for (const as of [first.as, token]) {
        for (const line of ['GET /v2/web/app/tags/list', 'GET /v2/', 'GET /api/v1/account']) {
          assert.equal((await ask(app, line, { as })).status, 401, line)
        }
      }
      assert.equal((await ask(app, 'GET /v2/web/app/tags/list', { as: second.as })).status, 404)
      const grants = await ask(app, 'GET /api/v1/grants', { as: second.as })
      assert.deepEqual((grants.json() as { items: unknown[] }).items, [])
    })
  }

  test('does not own the namespace of the former user, nor what is in it', async (t) => {
    const app = await anApp(t)
    const create = { name: 'ann', password: 'the password of ann' }
    const asked = { as: 'admin', body: JSON.stringify(create), type: json }
    assert.equal((await ask(app, 'POST /api/v1/users', asked)).status, 201)
    await makeRepository(app, 'ann/app')
    await remove(app, 'users/ann')
    assert.equal((await ask(app, 'POST /api/v1/users', asked)).status, 201)
    const list = await ask(app, 'GET /api/v1/grants?who=user:ann', { as: 'admin' })
    assert.deepEqual((list.json() as { items: unknown[] }).items, [])
  })
})

test('a team made again has neither members nor rights of the former one', async (t) => {
  const app = await anApp(t)
  await makeRepository(app, 'web/app')
  const ann = await anAccount(app, 'ann')
  const post = async (method: string, path: string, body: object) => {
    const question = { as: 'admin', body: JSON.stringify(body), type: json }
    const answer = await ask(app, `${method} /api/v1/${path}`, question)
    assert.ok(answer.status < 300, answer.text)
  }
  await post('POST', 'teams', { name: 'crew' })
  await post('PUT', 'teams/crew/members/ann', { maintainer: true })
  await post('POST', 'grants', { who: 'team:crew', where: 'web/', actions: 'owner' })
  const line = 'GET /v2/web/app/tags/list'
  assert.equal((await ask(app, line, { as: ann.as })).status, 200)
  await remove(app, 'teams/crew')
  assert.equal((await ask(app, line, { as: ann.as })).status, 404)
  await post('POST', 'teams', { name: 'crew' })
  assert.equal((await ask(app, 'GET /api/v1/teams/crew', { as: ann.as })).status, 404)
  await giveMore(app, ann, { place: 'other/', rights })
  assert.equal((await ask(app, line, { as: ann.as })).status, 404)
})
