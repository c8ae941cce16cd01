// A repository that a push or a pull makes by the way belongs to nobody new: whoever made it can do there what was
// granted before, and no more. See CVE-2025-4374 (Quay).
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { listGrants } from '../../metadata/grant-rows.ts'
import { anAccount } from '../test-support/accounts.ts'
import { anApp, ask, type TestApp } from '../test-support/app.ts'
import { repositoryOf } from '../test-support/content.ts'
import type { Given } from '../test-support/matrix-model.ts'

async function grantsIn({ metadata }: TestApp) {
  const grants = await listGrants(metadata, {}, { after: 0, limit: 500 })
  return grants.map(({ id, place, actions, repositoryId }) => ({
    id,
    place,
    actions,
    repositoryId,
  }))
}

/** Ways in which a repository comes into being without anybody's asking for it. */
const pushes: Readonly<Record<string, string>> = {
  upload: 'POST /v2/web/new/blobs/uploads/',
  'upload at once':
    'POST /v2/web/new/blobs/uploads/?digest=sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
  mount:
    'POST /v2/web/new/blobs/uploads/?mount=sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae&from=web/none',
}

suite('whoever pushes to a name first', () => {
  for (const [title, line] of Object.entries(pushes)) {
    test(`gets no rights by it: ${title}`, async (t) => {
      const app = await anApp(t)
      const given: readonly Given[] = [{ place: 'web/n*', rights: ['pull', 'push'] }]
      const { as } = await anAccount(app, 'ann', { given })
      const before = await grantsIn(app)
      const answer = await ask(app, line, { as, body: 'foo' })
      assert.ok(answer.status === 201 || answer.status === 202, answer.text)
      assert.equal((await repositoryOf(app, 'web/new'))?.visibility, 'private')
      assert.deepEqual(await grantsIn(app), before)
      for (const refused of [
        'DELETE /v2/web/new/manifests/v1',
        'DELETE /api/v1/repositories/web/new',
        'DELETE /api/v1/tags/v1?repository=web/new',
      ]) {
        assert.equal((await ask(app, refused, { as })).status, 403, refused)
      }
      const type = 'application/json'
      const body = JSON.stringify({ who: 'user:ann', where: 'web/new', actions: 'owner' })
      assert.equal((await ask(app, 'POST /api/v1/grants', { as, body, type })).status, 403)
      const change = { as, type, body: '{"visibility":"public"}' }
      assert.equal((await ask(app, 'PATCH /api/v1/repositories/web/new', change)).status, 403)
    })
  }

  test('gives those who waited for it what they were given, and nothing to others', async (t) => {
    const app = await anApp(t)
    const ann = await anAccount(app, 'ann', { given: [{ place: 'web/', rights: ['push'] }] })
    const waiting: readonly Given[] = [{ place: 'web/new', rights: ['pull'] }]
    const bea = await anAccount(app, 'bea', { given: waiting })
    const cid = await anAccount(app, 'cid')
    await ask(app, pushes['upload'] ?? '', { as: ann.as })
    const id = (await repositoryOf(app, 'web/new'))?.id
    const bound = (await grantsIn(app)).filter(({ place }) => place === 'web/new')
    assert.deepEqual(
      bound.map(({ repositoryId, actions }) => [repositoryId, actions]),
      [[id, 'pull']],
    )
    const line = 'GET /v2/web/new/tags/list'
    assert.equal((await ask(app, line, { as: bea.as })).status, 200)
    assert.equal((await ask(app, line, { as: cid.as })).status, 404)
    assert.equal((await ask(app, line, { as: ann.as })).status, 404)
  })
  test('does not decide who else may pull, by asking for the repository first', async (t) => {
    const app = await anApp(t)
    const given: readonly Given[] = [{ place: 'web/', rights: ['pull', 'push'] }]
    const { as } = await anAccount(app, 'ann', { given })
    const type = 'application/json'
    for (const visibility of ['public', 'internal']) {
      const body = JSON.stringify({ name: `web/${visibility}`, visibility })
      const answer = await ask(app, 'POST /api/v1/repositories', { as, body, type })
      assert.equal(answer.status, 403, answer.text)
    }
  })

  test('makes nothing by a request that is refused or malformed, nor by pulling', async (t) => {
    const app = await anApp(t)
    const { as } = await anAccount(app, 'ann', { given: [{ place: 'web/', rights: ['pull'] }] })
    const pusher = await anAccount(app, 'bea', { given: [{ place: 'web/', rights: ['push'] }] })
    for (const line of Object.values(pushes)) {
      assert.equal((await ask(app, line, { as, body: 'foo' })).status, 403)
      assert.equal((await ask(app, line, { body: 'foo' })).status, 401)
    }
    await ask(app, 'POST /v2/web/new/blobs/uploads/?digest=bad', { as: pusher.as })
    await ask(app, 'PUT /v2/web/new/manifests/v1', { as: pusher.as, body: '{' })
    for (const line of ['tags/list', 'manifests/v1', 'referrers/sha256:bad']) {
      await ask(app, `GET /v2/web/new/${line}`, { as })
    }
    await ask(app, 'GET /token?scope=repository:web/new:pull,push', { as: pusher.as })
    assert.equal(await repositoryOf(app, 'web/new'), undefined)
  })
})
