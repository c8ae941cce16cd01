import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { startSession, useSession } from '../../../access/sessions.ts'
import { anApi, ask, clientOf, principalOf } from '../test-support/api.ts'

suite('/api/v1/sessions', () => {
  test('people see and end their own, administrators those of everybody', async (t) => {
    const app = await anApi(t)
    const { id: annId, name } = await principalOf(app, 'ann')
    const from = { address: '192.0.2.7' }
    const start = async () =>
      startSession(app, { id: annId, name, ...from }, { userAgent: 'Mozilla/5.0' })
    const [one, two, three] = [await start(), await start(), await start()]
    const ann = await clientOf(app, 'ann')
    const listed = await ann.call('sessions.list', {})
    assert.deepEqual(
      listed.items.map(({ id }) => id),
      [one.id, two.id, three.id],
    )
    assert.deepEqual([listed.items[0]?.for, listed.items[0]?.address], ['user:ann', '192.0.2.7'])
    assert.ok(!JSON.stringify(listed).includes('carrel_session'))
    const asTwo = { ...(await principalOf(app, 'ann')), session: two.id }
    const own = await ask(app, 'GET /api/v1/sessions', { as: asTwo })
    assert.deepEqual(
      (own.json() as typeof listed).items.map(({ current }) => current),
      [false, true, false],
    )
    await ann.call('sessions.end', { id: one.id })
    assert.equal(await useSession(app, one.secret, from), undefined)
    const refused = await ask(app, `DELETE /api/v1/sessions/${two.id}`, { as: 'bob' })
    const missing = await ask(app, 'DELETE /api/v1/sessions/999', { as: 'bob' })
    assert.deepEqual([refused.status, refused.text], [404, missing.text])
    assert.equal((await ask(app, 'GET /api/v1/sessions?for=user:ann', { as: 'bob' })).status, 404)
    assert.equal(
      (await ask(app, 'DELETE /api/v1/sessions?for=user:ann', { as: 'bob' })).status,
      404,
    )
    const admin = await clientOf(app, 'admin')
    assert.equal((await admin.call('sessions.list', { for: 'user:ann' })).items.length, 2)
    await admin.call('sessions.end', { id: two.id })
    assert.deepEqual(await admin.call('sessions.endAll', { for: 'user:ann' }), { ended: 1 })
    assert.equal(await useSession(app, three.secret, from), undefined)
    assert.deepEqual(await ann.call('sessions.endAll', {}), { ended: 0 })
    const nobody = await ask(app, 'GET /api/v1/sessions', { as: 'operator' })
    assert.equal(nobody.status, 403)
  })
})
