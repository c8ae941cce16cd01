import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { verifyEvidence } from '../../../access/evidence.ts'
import { ensureEvidenceKey } from '../../../access/evidence-key.ts'
import { parseTokenScope } from '../../../auth/token-scope.ts'
import {
  addUser,
  anApi,
  ask,
  auditEvents,
  clientOf,
  principalOf,
  refused,
} from '../test-support/api.ts'

const day = 24 * 60 * 60 * 1000
const soon = () => new Date(Date.now() + day).toISOString()

/** ann owns ann/ and has what is granted in it reviewed by bob. */
async function aReview(t: TestContext) {
  const app = await anApi(t)
  const key = await ensureEvidenceKey(app.metadata)
  await addUser(app.metadata, 'eve', {})
  const [admin, ann, bob, eve] = [
    await clientOf(app, 'admin'),
    await clientOf(app, 'ann'),
    await clientOf(app, 'bob'),
    await clientOf(app, 'eve'),
  ]
  const grant = await ann.call('grants.create', {
    who: 'user:eve',
    where: 'ann/app',
    actions: 'writer',
  })
  const review = await ann.call('access-reviews.create', {
    name: 'spring',
    where: 'ann/',
    owner: 'bob',
    dueAt: soon(),
  })
  return { app, admin, ann, bob, eve, grant, id: review.id, review, key }
}

suite('an access review', () => {
  test('is opened by whoever owns the place, and by nobody else', async (t) => {
    const { admin, eve, review } = await aReview(t)
    assert.deepEqual([review.where, review.owner, review.items, review.open], ['ann/', 'bob', 2, 2])
    const input = { name: 'x', owner: 'eve', dueAt: soon() }
    await assert.rejects(
      eve.call('access-reviews.create', { ...input, where: 'ann/' }),
      refused('403 denied'),
    )
    await assert.rejects(eve.call('access-reviews.create', input), refused('403 denied'))
    const all = await admin.call('access-reviews.create', input)
    assert.equal(all.where, '*')
  })

  test('is seen by its owner, the place’s owner and administrators; to others it is not there', async (t) => {
    const { admin, ann, bob, eve, id } = await aReview(t)
    for (const client of [admin, ann, bob]) {
      assert.equal((await client.call('access-reviews.show', { id })).id, id)
      const { items } = await client.call('access-reviews.items', { id })
      assert.equal(items.length, 2)
      assert.equal((await client.call('access-reviews.list', {})).items.length, 1)
    }
    assert.deepEqual(await eve.call('access-reviews.list', {}), { items: [] })
    for (const name of [
      'access-reviews.show',
      'access-reviews.items',
      'access-reviews.close',
    ] as const) {
      await assert.rejects(eve.call(name, { id }), refused('404 not-found'))
    }
    const decision = { id, grantId: 1, decision: 'remove' } as const
    await assert.rejects(eve.call('access-reviews.decide', decision), refused('404 not-found'))
    await assert.rejects(eve.call('access-reviews.evidence', { id }), refused('404 not-found'))
    await assert.rejects(bob.call('access-reviews.show', { id: id + 1 }), refused('404 not-found'))
  })

  test('is decided by its owner or an administrator, at once', async (t) => {
    const { app, admin, ann, bob, grant, id } = await aReview(t)
    const decide = { id, grantId: grant.id } as const
    await assert.rejects(
      ann.call('access-reviews.decide', { ...decide, decision: 'keep' }),
      refused('403 denied'),
    )
    const kept = await admin.call('access-reviews.decide', {
      ...decide,
      decision: 'keep',
      note: 'yes',
    })
    assert.deepEqual([kept.decidedBy, kept.note, kept.current?.who], ['admin', 'yes', 'user:eve'])
    app.forgotten.length = 0
    const removed = await bob.call('access-reviews.decide', { ...decide, decision: 'remove' })
    assert.equal(removed.current, undefined)
    assert.deepEqual(app.forgotten, [(await principalOf(app, 'eve')).id])
    await assert.rejects(ann.call('grants.show', { id: grant.id }), refused('404 not-found'))
    const undecided = await bob.call('access-reviews.items', { id, undecided: true })
    assert.equal(undecided.items.length, 1)
  })

  test('is not for a token with scopes', async (t) => {
    const { app, grant, id } = await aReview(t)
    const token = {
      id: 1,
      kind: 'personal',
      scopes: [parseTokenScope('*:owner')],
      expiresAt: undefined,
    } as const
    const as = { ...(await principalOf(app, 'bob')), token }
    const body = { decision: 'remove' }
    const line = `PUT /api/v1/access-reviews/${id}/items/${grant.id}`
    assert.equal((await ask(app, line, { as, body })).status, 403)
    assert.equal((await ask(app, 'GET /api/v1/access-reviews', { as })).status, 403)
  })

  test('ends with evidence that anybody can check who has the key', async (t) => {
    const { app, ann, bob, grant, id, key } = await aReview(t)
    await bob.call('access-reviews.decide', { id, grantId: grant.id, decision: 'keep' })
    await assert.rejects(
      bob.call('access-reviews.evidence', { id }),
      refused('404 not-found', /no evidence/),
    )
    const closed = await bob.call('access-reviews.close', { id })
    assert.equal(closed.open, 0)
    assert.ok(closed.closedAt !== undefined)
    for (const format of ['json', 'csv'] as const) {
      const evidence = await ann.call('access-reviews.evidence', { id, format })
      const { keyId, publicKey } = evidence
      assert.equal(keyId, key.kid)
      const told = [{ kid: keyId, publicJwk: JSON.parse(publicKey) as object }]
      assert.deepEqual(verifyEvidence(evidence, told), { ok: true, keyId })
      assert.equal(evidence.content.startsWith(format === 'json' ? '{' : 'review,'), true)
    }
    assert.ok((await auditEvents(app)).includes('review.closed ann/ by bob'))
    await assert.rejects(bob.call('access-reviews.close', { id }), refused('422 invalid'))
    assert.deepEqual(await bob.call('access-reviews.list', { open: true }), { items: [] })
  })
})
