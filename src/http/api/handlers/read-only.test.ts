import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { listAudit } from '../../../metadata/audit.ts'
import { operations } from '../../../contract/operations.ts'
import { effectOfOperation, operationEffects } from '../effects.ts'
import { anApi, auditEvents, clientOf, refused } from '../test-support/api.ts'

suite('/api/v1/read-only', () => {
  test('is seen by everybody with an account and switched by administrators', async (t) => {
    const app = await anApi(t)
    const [admin, ann] = [await clientOf(app, 'admin'), await clientOf(app, 'ann')]
    assert.deepEqual(await ann.call('read-only.show', {}), { readOnly: false })
    await assert.rejects(ann.call('read-only.on', {}), refused('403 denied'))
    const until = new Date(Date.now() + 60_000).toISOString()
    const on = await admin.call('read-only.on', { until, reason: 'a move' })
    assert.deepEqual(
      { ...on, since: '' },
      { readOnly: true, since: '', until, reason: 'a move', by: 'admin' },
    )
    assert.deepEqual(await ann.call('read-only.show', {}), on)
    await assert.rejects(ann.call('read-only.off', {}), refused('403 denied'))
    assert.deepEqual(await admin.call('read-only.off', {}), { readOnly: false })
    assert.deepEqual(await admin.call('read-only.off', {}), { readOnly: false })
    const events = await auditEvents(app)
    assert.deepEqual(
      events.filter((event) => event.startsWith('read-only')),
      ['read-only.on installation by admin', 'read-only.off installation by admin'],
    )
    const [entry] = await listAudit(app.metadata, { event: 'read-only.on', limit: 1 })
    assert.deepEqual(entry?.detail, { until, reason: 'a move' })
  })

  test('takes a new end, keeps since when it is on, and no end in the past', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const first = await admin.call('read-only.on', {})
    assert.equal(first.until, undefined)
    const until = new Date(Date.now() + 60_000).toISOString()
    const second = await admin.call('read-only.on', { until })
    assert.equal(second.since, first.since)
    assert.equal(second.until, until)
    const past = new Date(Date.now() - 1000).toISOString()
    await assert.rejects(admin.call('read-only.on', { until: past }), refused('400 invalid-input'))
  })

  test('refuses changes of content and of nothing else', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    await admin.call('repositories.create', { name: 'admin/one' })
    await admin.call('read-only.on', {})
    await new Promise((resolve) => setTimeout(resolve, 1010))
    const why = refused('403 denied', /read-only \(switched on by admin\)/)
    await assert.rejects(admin.call('repositories.create', { name: 'admin/two' }), why)
    await assert.rejects(admin.call('repositories.remove', { name: 'admin/one' }), why)
    await assert.rejects(admin.call('tags.remove', { repository: 'admin/one', tag: 'x' }), why)
    await admin.call('users.create', { name: 'zoe', password: 'a long sentence of zoe' })
    await admin.call('read-only.off', {})
  })
})

test('every operation that is no GET says what it changes, and what is not said is a change', () => {
  const changing = Object.entries(operations).filter(([, { method }]) => method !== 'GET')
  assert.deepEqual(
    Object.keys(operationEffects).toSorted(),
    changing.map(([name]) => name).toSorted(),
  )
  assert.equal(effectOfOperation('unknown' as never, 'POST'), 'change')
  assert.equal(effectOfOperation('tags.remove', 'DELETE'), 'change')
  assert.equal(effectOfOperation('users.list', 'GET'), 'none')
})
