import assert from 'node:assert/strict'
import { generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { noteGrantUses } from '../metadata/grant-uses.ts'
import { listGrants } from '../metadata/grant-rows.ts'
import { changeGrant, removeGrant } from '../metadata/grants.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { query } from '../metadata/query.ts'
import { closeDueReviews, closeReview, findEvidence } from './campaign-close.ts'
import { listItems, listReviews, showReview } from './campaign-view.ts'
import { decideItem, openReview } from './campaign.ts'
import { verifyEvidence, type Sign } from './evidence.ts'
import { addGrant } from './grants.ts'
import { addUser, auditOf, openWorld, operator, refusal, type World } from './test-support/world.ts'

const day = 24 * 60 * 60 * 1000
const page = { after: 0, limit: 100 }

function aKey(kid = 'key-1') {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const publicJwk = publicKey.export({ format: 'jwk' })
  const sign: Sign = (bytes) => {
    return { kid, signature: signBytes(null, bytes, privateKey).toString('base64url'), publicJwk }
  }
  return { sign, keys: [{ kid, publicJwk }] }
}

/** ann decides about web/; bob and eve hold something there, and eve elsewhere too. */
async function aReview(t: TestContext) {
  const world = await openWorld()
  t.after(async () => world[Symbol.asyncDispose]())
  const ann = await addUser(world, 'ann')
  for (const name of ['bob', 'eve']) await addUser(world, name)
  await addUser(world, 'root', { admin: true })
  const grant = async (who: string, where: string, actions: string) =>
    (await addGrant(world, operator, { who, where, actions, reason: `for ${who}` })).id
  const bob = await grant('user:bob', 'web/', 'writer')
  const eve = await grant('user:eve', 'web/app', 'reader')
  const all = await grant('signed-in', 'web/*-dev', 'reader')
  const api = await grant('user:eve', 'api/', 'writer')
  const wide = await grant('user:eve', '**-dev', 'reader')
  const dueAt = Date.now() + 14 * day
  const review = await openReview(world, operator, {
    name: 'spring',
    where: 'web/',
    owner: 'ann',
    dueAt,
  })
  return { world, review, ann, grants: { bob, eve, all, api, wide }, ...aKey() }
}

async function grantIds({ metadata }: World): Promise<readonly number[]> {
  return (await listGrants(metadata, {}, page)).map(({ id }) => id)
}

const setDue = query<{ id: number; dueAt: number }>()((db, p) =>
  db.updateTable('access_reviews').set({ due_at: p.dueAt }).where('id', '=', p.id),
)

async function letItBeDue({ metadata }: World, id: number): Promise<void> {
  await metadata.write(async (tx) => tx.run(setDue, { id, dueAt: Date.now() - 1 }))
}

test('a review is about every grant on its place and within it, as they are then', async (t) => {
  const { world, review, grants } = await aReview(t)
  assert.equal(review.owner, 'ann')
  assert.deepEqual([review.items, review.undecided], [3, 3])
  const items = await listItems(world, review.id, page)
  assert.deepEqual(
    items.map(({ grantId, snapshot, current }) => [grantId, snapshot.who, current?.who]),
    [
      [grants.bob, 'user:bob', 'user:bob'],
      [grants.eve, 'user:eve', 'user:eve'],
      [grants.all, 'signed-in', 'signed-in'],
    ],
  )
  const [opened] = await auditOf(world, 'review.opened')
  assert.equal(opened?.subject, 'web/')
  assert.deepEqual(opened?.detail['grants'], 3)
  assert.equal((await listReviews(world, { state: 'open' }, page)).length, 1)
})

test('a review that could not end well is not opened', async (t) => {
  const { world } = await aReview(t)
  await addUser(world, 'mal')
  const input = { name: 'x', where: 'web/', owner: 'ann', dueAt: Date.now() + day }
  const open = async (more: Partial<typeof input>) =>
    openReview(world, operator, { ...input, ...more })
  await assert.rejects(open({ owner: 'nobody' }), refusal('not-found', /no user nobody/))
  await assert.rejects(open({ dueAt: Date.now() - 1 }), refusal('invalid', /would be over/))
  await assert.rejects(open({ dueAt: NaN }), refusal('invalid', /would be over/))
  await assert.rejects(open({ where: 'empty/' }), refusal('invalid', /nothing to review/))
  await assert.rejects(open({ where: '//' }), refusal('invalid', /granted on/))
  await assert.rejects(open({ name: 'a\nb' }), refusal('invalid', /not one line/))
})

test('keeping changes nothing, removing and shrinking are done at once, and each is told with the review', async (t) => {
  const { world, review, ann, grants } = await aReview(t)
  const use = { grantId: grants.bob, at: Date.now(), actions: ['push'] }
  await world.metadata.write((tx) => noteGrantUses(tx, [use]))
  const decide = async (grantId: number, decision: 'keep' | 'remove' | 'shrink', note = '') =>
    decideItem(world, ann, { reviewId: review.id, grantId, decision, note })
  const shrunk = await decide(grants.bob, 'shrink', 'only pushes')
  assert.deepEqual(shrunk.current?.actions, ['pull', 'push'])
  assert.deepEqual(shrunk.snapshot.actions, ['pull', 'push', 'overwrite'])
  assert.equal(shrunk.decidedBy, 'ann')
  const removed = await decide(grants.eve, 'remove')
  assert.equal(removed.current, undefined)
  await decide(grants.all, 'keep')
  assert.deepEqual(await grantIds(world), [grants.bob, grants.all, grants.api, grants.wide])
  const [gone] = await auditOf(world, 'grant.removed')
  assert.equal(gone?.subject, 'user:eve')
  assert.equal(gone?.actor.name, 'ann')
  assert.equal(gone?.detail['review'], review.id)
  assert.equal((await auditOf(world, 'grant.shrunk'))[0]?.detail['review'], review.id)
  assert.equal((await auditOf(world, 'review.decided')).length, 3)
  assert.equal((await showReview(world, review.id)).undecided, 0)
})

test('a decision can become stricter, and is never taken back', async (t) => {
  const { world, review, ann, grants } = await aReview(t)
  const decide = async (decision: 'keep' | 'remove' | 'shrink') =>
    decideItem(world, ann, { reviewId: review.id, grantId: grants.bob, decision })
  await decide('keep')
  const use = { grantId: grants.bob, at: Date.now(), actions: ['pull'] }
  await world.metadata.write((tx) => noteGrantUses(tx, [use]))
  await decide('shrink')
  await assert.rejects(
    decide('keep'),
    refusal('invalid', /decided already: shrink/, /gives nothing back/),
  )
  await decide('remove')
  await assert.rejects(decide('shrink'), refusal('invalid', /decided already: remove/))
  assert.equal((await decide('remove')).decision, 'remove')
})

test('what cannot be shrunk or is not part of the review is not decided', async (t) => {
  const { world, review, ann, grants } = await aReview(t)
  const decide = async (grantId: number, decision: 'shrink' | 'remove') =>
    decideItem(world, ann, { reviewId: review.id, grantId, decision })
  await assert.rejects(decide(grants.bob, 'shrink'), refusal('invalid', /nothing would be left/))
  await assert.rejects(decide(grants.api, 'remove'), refusal('not-found', /not about grant/))
  assert.equal((await showReview(world, review.id)).undecided, 3)
  assert.equal((await grantIds(world)).length, 5)
})

test('a grant that is gone meanwhile is not resurrected, and nothing can be kept of it', async (t) => {
  const { world, review, ann, grants, sign } = await aReview(t)
  await world.metadata.write((tx) => removeGrant(tx, grants.eve))
  const decide = async (decision: 'keep' | 'remove') =>
    decideItem(world, ann, { reviewId: review.id, grantId: grants.eve, decision })
  await assert.rejects(decide('keep'), refusal('invalid', /is gone/))
  assert.equal((await decide('remove')).decision, 'remove')
  await closeReview({ ...world, sign }, ann, review.id)
  assert.ok(!(await grantIds(world)).includes(grants.eve))
})

test('what the decider expects is looked at first', async (t) => {
  const { world, review, ann, grants } = await aReview(t)
  const seen: string[] = []
  const run = decideItem(world, ann, {
    reviewId: review.id,
    grantId: grants.bob,
    decision: 'remove',
    expect: ({ current }) => {
      seen.push(current?.actions.join(',') ?? '')
      throw new Error('it was changed')
    },
  })
  await assert.rejects(run, /it was changed/)
  assert.deepEqual(seen, ['pull,push,overwrite'])
  assert.ok((await grantIds(world)).includes(grants.bob))
})

test('at the deadline every undecided grant ends, the decided ones stay, and that is signed', async (t) => {
  const { world, review, ann, grants, sign, keys } = await aReview(t)
  const deps = { ...world, sign }
  await decideItem(world, ann, { reviewId: review.id, grantId: grants.bob, decision: 'keep' })
  assert.deepEqual(await closeDueReviews(deps), { closed: [], failed: [] })
  assert.equal((await grantIds(world)).length, 5)
  await letItBeDue(world, review.id)
  const late = decideItem(world, ann, {
    reviewId: review.id,
    grantId: grants.eve,
    decision: 'keep',
  })
  await assert.rejects(late, refusal('invalid', /is over/, /deadline has passed/))
  const { closed, failed } = await closeDueReviews(deps)
  assert.deepEqual(failed, [])
  assert.equal(closed[0]?.id, review.id)
  assert.deepEqual(await grantIds(world), [grants.bob, grants.api, grants.wide])
  const removed = await auditOf(world, 'grant.removed')
  assert.deepEqual(
    removed.map(({ subject, actor, detail }) => [
      subject,
      actor.name,
      detail['review'],
      detail['why'],
    ]),
    [
      ['user:eve', 'carrel', review.id, 'undecided at the deadline'],
      ['signed-in', 'carrel', review.id, 'undecided at the deadline'],
    ],
  )
  const evidence = await findEvidence(world, review.id)
  assert.deepEqual(verifyEvidence(evidence.json, keys), { ok: true, keyId: 'key-1' })
  assert.deepEqual(verifyEvidence(evidence.csv, keys), { ok: true, keyId: 'key-1' })
  const [told] = await auditOf(world, 'review.closed')
  assert.equal(told?.detail['sha256'], evidence.json.sha256)
  assert.equal(told?.detail['closedBy'], 'deadline')
  assert.deepEqual(await closeDueReviews(deps), { closed: [], failed: [] })
})

test('closing by hand ends what is undecided, and a second time is refused', async (t) => {
  const { world, review, ann, grants, sign } = await aReview(t)
  const deps = { ...world, sign }
  await assert.rejects(findEvidence(world, review.id), refusal('not-found', /no evidence/))
  const closed = await closeReview(deps, ann, review.id)
  assert.ok(closed.closedAt !== undefined)
  assert.deepEqual(await grantIds(world), [grants.api, grants.wide])
  await assert.rejects(closeReview(deps, ann, review.id), refusal('invalid', /closed already/))
  await assert.rejects(closeReview(deps, ann, 999), refusal('not-found', /no access review/))
  const late = decideItem(world, ann, {
    reviewId: review.id,
    grantId: grants.bob,
    decision: 'keep',
  })
  await assert.rejects(late, refusal('invalid', /is over/, /was closed/))
})

interface Terms {
  readonly who: string
  readonly where: string
  readonly actions: readonly string[]
}

interface EvidenceDocument {
  readonly format: string
  readonly review: { readonly closedBy: string }
  readonly before: readonly Terms[]
  readonly after: readonly (Terms & { readonly reviewed: boolean })[]
  readonly items: readonly {
    readonly decision: string
    readonly decidedBy?: string
    readonly undecided: boolean
    readonly changedMeanwhile?: Terms
    readonly left?: Terms
  }[]
  readonly notReviewed: {
    readonly administrators: readonly string[]
    readonly widerGrants: readonly Terms[]
  }
}

test('the evidence says who could do what before and after, who decided, and what was not reviewed', async (t) => {
  const { world, review, ann, grants, sign } = await aReview(t)
  await decideItem(world, ann, {
    reviewId: review.id,
    grantId: grants.bob,
    decision: 'keep',
    note: '=HYPERLINK("x")',
  })
  const terms = { actions: 'pull,push', reason: '', expiresAt: undefined }
  await world.metadata.write((tx) => changeGrant(tx, { id: grants.eve, ...terms }))
  await addGrant(world, operator, { who: 'user:bob', where: 'web/new', actions: 'pull' })
  await closeReview({ ...world, sign }, operator, review.id)
  const { json, csv } = await findEvidence(world, review.id)
  const document = JSON.parse(json.content) as EvidenceDocument
  assert.equal(document.format, 'carrel-access-review/1')
  assert.equal(document.review.closedBy, 'operator')
  assert.deepEqual(
    document.before.map((each) => `${each.who} ${each.where} ${each.actions.join(',')}`),
    ['user:bob web/ pull,push,overwrite', 'user:eve web/app pull', 'signed-in web/*-dev pull'],
  )
  assert.deepEqual(
    document.after.map((each) => `${each.who} ${each.where} ${each.reviewed}`),
    ['user:bob web/ true', 'user:bob web/new false'],
  )
  const [bob, eve] = document.items
  assert.ok(bob && eve)
  assert.deepEqual([bob.decision, bob.decidedBy, bob.undecided], ['keep', 'ann', false])
  assert.deepEqual([eve.decision, eve.decidedBy, eve.undecided], ['remove', undefined, true])
  assert.deepEqual(eve.changedMeanwhile?.actions, ['pull', 'push'])
  assert.equal(bob.changedMeanwhile, undefined)
  assert.equal(eve.left, undefined)
  assert.deepEqual(document.notReviewed.administrators, ['root'])
  assert.deepEqual(
    document.notReviewed.widerGrants.map((each) => each.where),
    ['**-dev'],
  )
  const lines = csv.content.trimEnd().split('\r\n')
  assert.equal(lines.length, 4)
  assert.match(lines[1] ?? '', /,keep,ann,[^,]+,"'=HYPERLINK\(""x""\)",/)
  assert.match(lines[2] ?? '', /,remove,nobody,/)
})

test('whoever decides on what they hold themselves is told of', async (t) => {
  const { world, review, sign, grants } = await aReview(t)
  const bob = { id: 2, name: 'bob' }
  await decideItem(world, bob, { reviewId: review.id, grantId: grants.bob, decision: 'keep' })
  await closeReview({ ...world, sign }, operator, review.id)
  const { json } = await findEvidence(world, review.id)
  const { items } = JSON.parse(json.content) as { items: { byHolder: boolean }[] }
  assert.deepEqual(
    items.map(({ byHolder }) => byHolder),
    [true, false, false],
  )
})

test('a review that cannot be ended stays open, and the others are ended all the same', async (t) => {
  const { world, review, sign } = await aReview(t)
  const input = { where: 'api/', owner: 'ann', dueAt: Date.now() + day }
  const second = await openReview(world, operator, { name: 'second', ...input })
  await letItBeDue(world, review.id)
  await letItBeDue(world, second.id)
  const { metadata } = world
  let writes = 0
  const failing = {
    ...metadata,
    all: metadata.all.bind(metadata),
    one: metadata.one.bind(metadata),
    read: metadata.read.bind(metadata),
    async write(work: Parameters<MetadataStore['write']>[0], options?: { durable?: boolean }) {
      writes += 1
      if (writes === 1) throw new Error('the disk is full')
      return metadata.write(work, options)
    },
  } as MetadataStore
  const first = await closeDueReviews({ metadata: failing, sign })
  assert.deepEqual(
    first.failed.map(({ id }) => id),
    [review.id],
  )
  assert.deepEqual(
    first.closed.map(({ id }) => id),
    [second.id],
  )
  assert.equal((await showReview(world, review.id)).closedAt, undefined)
  const again = await closeDueReviews({ metadata, sign })
  assert.deepEqual(
    again.closed.map(({ id }) => id),
    [review.id],
  )
})

test('a signature that cannot be made keeps the review open, and its undecided grants are gone', async (t) => {
  const { world, review, grants, sign } = await aReview(t)
  const broken: Sign = async () => {
    throw new Error('no key')
  }
  await assert.rejects(closeReview({ ...world, sign: broken }, operator, review.id), /no key/)
  const { closedAt, undecided } = await showReview(world, review.id)
  assert.deepEqual([closedAt, undecided], [undefined, 0])
  assert.ok(!(await grantIds(world)).includes(grants.bob))
  assert.ok((await closeReview({ ...world, sign }, operator, review.id)).closedAt !== undefined)
})

test('a decision that comes while the evidence is signed is in the evidence', async (t) => {
  const { world, review, ann, grants, sign } = await aReview(t)
  for (const grantId of [grants.bob, grants.eve, grants.all]) {
    await decideItem(world, ann, { reviewId: review.id, grantId, decision: 'keep' })
  }
  let signed = 0
  const slow: Sign = async (bytes) => {
    signed += 1
    if (signed === 1) {
      await decideItem(world, ann, { reviewId: review.id, grantId: grants.bob, decision: 'remove' })
    }
    return sign(bytes)
  }
  await closeReview({ ...world, sign: slow }, operator, review.id)
  const { json } = await findEvidence(world, review.id)
  const { items } = JSON.parse(json.content) as { items: { decision: string }[] }
  assert.equal(items[0]?.decision, 'remove')
  assert.equal(signed, 4)
})

test('more grants than are ended at once all end', async (t) => {
  const { world, sign } = await aReview(t)
  for (let index = 0; index < 205; index += 1) {
    await addGrant(world, operator, { who: 'user:bob', where: `big/r${index}`, actions: 'pull' })
  }
  const input = { name: 'big', where: 'big/', owner: 'ann', dueAt: Date.now() + day }
  const { id } = await openReview(world, operator, input)
  const closed = await closeReview({ ...world, sign }, operator, id)
  assert.deepEqual([closed.items, closed.undecided], [205, 0])
  assert.equal((await grantIds(world)).length, 5)
})
