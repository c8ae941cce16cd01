import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { hashSecret } from '../../../auth/secret-format.ts'
import type { OutputOf } from '../../../contract/operations.ts'
import { insertGrant } from '../../../metadata/grants.ts'
import { findPrincipalByName } from '../../../metadata/principals.ts'
import { findSecret } from '../../../metadata/token-secrets.ts'
import { anApi, ask, clientOf, principalOf, type TestApi } from '../test-support/api.ts'

type NewRobot = OutputOf<'robots.create'>

async function give({ metadata }: TestApi, name: string, place: string, actions: string) {
  const holder = await findPrincipalByName(metadata, name)
  await metadata.write((tx) =>
    insertGrant(tx, {
      holder: { kind: 'principal', id: holder?.id ?? 0 },
      placeKind: place.endsWith('/') ? 'namespace' : 'repository',
      place,
      repositoryId: undefined,
      actions,
      reason: '',
      grantedBy: undefined,
      expiresAt: undefined,
    }),
  )
}

suite('/api/v1/robots', () => {
  test('whoever owns a namespace makes robots for it, and looks after those', async (t) => {
    const app = await anApi(t)
    const ann = await clientOf(app, 'ann')
    const { secret, ...robot } = await ann.call('robots.create', {
      name: 'ci',
      description: 'builds',
      scopes: ['ann/app:pull,push', 'ann/lib:pull'],
    })
    assert.deepEqual(
      [robot.name, robot.description, robot.grants, robot.createdBy, robot.disabled],
      ['ci', 'builds', 2, 'ann', false],
    )
    assert.notEqual(await findSecret(app.metadata, hashSecret(secret)), undefined)
    assert.deepEqual(await ann.call('robots.show', { name: 'ci' }), robot)
    assert.deepEqual((await ann.call('robots.list', {})).items, [robot])
    assert.equal((await ann.call('robots.change', { name: 'ci', disabled: true })).disabled, true)
    assert.equal((await ann.call('robots.change', { name: 'ci', disabled: false })).disabled, false)
    const rotated = await ann.call('robots.rotate', { name: 'ci', graceSeconds: 0 })
    assert.notEqual(rotated.secret, secret)
    assert.equal(rotated.token?.secrets[0]?.state, 'ended')
    await ann.call('robots.remove', { name: 'ci' })
    assert.deepEqual((await ann.call('robots.list', {})).items, [])
    const id = app.forgotten[0]
    assert.deepEqual(app.forgotten, [id, id, id])
  })

  test('nobody gives a robot what they do not have, nor makes one without a place for it', async (t) => {
    const app = await anApi(t)
    await give(app, 'ann', 'web/', 'pull,push,admin')
    await give(app, 'ann', 'other/', 'pull,push,overwrite,delete')
    const make = async (as: string, scopes: readonly string[]) => {
      const body = { name: 'ci', scopes }
      const answer = await ask(app, 'POST /api/v1/robots', { as, body })
      assert.equal(answer.status, 403, JSON.stringify(scopes))
      assert.equal(await findPrincipalByName(app.metadata, 'ci'), undefined)
    }
    for (const scope of ['web/:overwrite', 'other/:pull', 'bob/:pull', '*:pull', '**/app:pull']) {
      await make('ann', [scope])
      await make('ann', ['ann/app:pull', scope])
    }
    // Carol owns no namespace and administers nothing.
    const { addUser } = await import('../test-support/api.ts')
    await addUser(app.metadata, 'carol', {})
    const carol = { ...(await principalOf(app, 'carol')), grants: [] }
    const nothing = await ask(app, 'POST /api/v1/robots', { as: carol, body: { name: 'ci' } })
    assert.equal(nothing.status, 403)
    const right = { name: 'ci', scopes: ['web/app:pull,push'] }
    assert.equal((await ask(app, 'POST /api/v1/robots', { as: 'ann', body: right })).status, 201)
  })

  test('what a robot was given by others, its maker does not get by its secret', async (t) => {
    const app = await anApi(t)
    const ann = await clientOf(app, 'ann')
    await ann.call('robots.create', { name: 'ci', scopes: ['ann/app:pull'] })
    await give(app, 'ci', 'web/', 'push')
    const refused = await ask(app, 'POST /api/v1/robots/ci/rotate', { as: 'ann' })
    assert.deepEqual([refused.status, refused.problem().type], [403, '/problems/denied'])
    assert.match(refused.problem().why ?? '', /web\/:push/)
    const { token } = await ann.call('robots.show', { name: 'ci' })
    const around = await ask(app, `POST /api/v1/tokens/${token?.id}/rotate`, { as: 'ann' })
    assert.equal(around.status, 422)
    const body = { name: 'x', for: 'robot:ci' }
    assert.equal((await ask(app, 'POST /api/v1/tokens', { as: 'ann', body })).status, 422)
    const itself = await ask(app, 'POST /api/v1/robots/ci/rotate', { as: 'robot:ci' })
    assert.equal(itself.status, 403)
    const admin = await clientOf(app, 'admin')
    const { secret } = await admin.call('robots.rotate', { name: 'ci' })
    assert.notEqual(await findSecret(app.metadata, hashSecret(secret)), undefined)
  })

  test('others find nothing; administrators see all robots', async (t) => {
    const app = await anApi(t)
    const ann = await clientOf(app, 'ann')
    await ann.call('robots.create', { name: 'ci' })
    for (const line of ['GET', 'PATCH', 'DELETE', 'POST']) {
      const path = line === 'POST' ? '/api/v1/robots/ci/rotate' : '/api/v1/robots/ci'
      const refused = await ask(app, `${line} ${path}`, { as: 'bob' })
      const missing = await ask(app, `${line} ${path.replace('ci', 'nobody')}`, { as: 'bob' })
      assert.equal(refused.status, 404)
      assert.equal(refused.text, missing.text)
    }
    assert.deepEqual((await (await clientOf(app, 'bob')).call('robots.list', {})).items, [])
    const admin = await clientOf(app, 'admin')
    assert.deepEqual(
      (await admin.call('robots.list', {})).items.map(({ name }) => name),
      ['ci'],
    )
    const taken = await ask(app, 'POST /api/v1/robots', { as: 'admin', body: { name: 'ann' } })
    assert.equal(taken.status, 409)
    assert.match(taken.problem().why ?? '', /share their names/)
    const made = await ask(app, 'POST /api/v1/robots', { as: 'operator', body: { name: 'two' } })
    assert.equal((made.json() as NewRobot).createdBy, undefined)
  })
})
