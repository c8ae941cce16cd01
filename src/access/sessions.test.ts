import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { hashSecret, makeSecret, readSecret } from '../auth/secret-format.ts'
import { findSession } from '../metadata/sessions.ts'
import {
  endSession,
  endSessions,
  endSessionsOf,
  idleMs,
  listSessions,
  longestSessionMs,
  startSession,
  useSession,
} from './sessions.ts'
import { addUser, auditOf, openWorld, refusal } from './test-support/world.ts'

const browser = { userAgent: 'Mozilla/5.0' }
const from = { address: '192.0.2.7' }

suite('a session', () => {
  test('is opened by its secret, which is stored nowhere, and by nothing else', async () => {
    await using world = await openWorld()
    const ann = { ...(await addUser(world, 'ann')), ...from }
    const { id, secret } = await startSession(world, ann, browser)
    assert.equal(readSecret(secret)?.kind, 'session')
    assert.deepEqual(await useSession(world, secret, from), { id, principalId: ann.id })
    for (const other of ['', 'x', makeSecret('session'), makeSecret('pat'), hashSecret(secret)]) {
      assert.equal(await useSession(world, other, from), undefined)
    }
    const listed = await listSessions(world, { principalId: ann.id, after: 0, limit: 9 })
    assert.deepEqual(
      listed.map(({ kind, address, userAgent }) => [kind, address, userAgent]),
      [['web', '192.0.2.7', 'Mozilla/5.0']],
    )
    assert.ok(!JSON.stringify(listed).includes(hashSecret(secret)))
    assert.equal((await auditOf(world, 'session.started'))[0]?.address, '192.0.2.7')
  })

  test('is another one at each sign-in', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const [one, two] = [
      await startSession(world, ann, browser),
      await startSession(world, ann, browser),
    ]
    assert.notEqual(one.secret, two.secret)
  })

  test('ends when it is idle for 8 hours, and after 7 days in any case', async (t) => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const start = Date.UTC(2026, 10, 1)
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const idle = await startSession(world, ann, browser)
    const busy = await startSession(world, ann, browser)
    const isOpen = async ({ secret }: { secret: string }) =>
      (await useSession(world, secret, from)) !== undefined
    for (let at = start; at < start + longestSessionMs; at += idleMs - 60_000) {
      t.mock.timers.setTime(at)
      assert.equal(await isOpen(busy), true, new Date(at).toISOString())
    }
    assert.equal(await isOpen(idle), false)
    t.mock.timers.setTime(start + longestSessionMs - 1)
    assert.equal(await isOpen(busy), true)
    t.mock.timers.setTime(start + longestSessionMs)
    assert.equal(await isOpen(busy), false)
  })

  test('that is idle ends to the minute', async (t) => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const start = Date.UTC(2026, 10, 1)
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const { secret } = await startSession(world, ann, browser)
    t.mock.timers.setTime(start + idleMs - 1)
    assert.notEqual(await useSession(world, secret, from), undefined)
    t.mock.timers.setTime(start + 2 * idleMs - 2)
    assert.notEqual(await useSession(world, secret, from), undefined)
    t.mock.timers.setTime(start + 3 * idleMs - 2)
    assert.equal(await useSession(world, secret, from), undefined)
  })

  test('used often writes its last use down once a minute', async (t) => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const start = Date.UTC(2026, 10, 1)
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const { secret } = await startSession(world, ann, browser)
    const seen = async () =>
      (await findSession(world.metadata, { kind: 'web', hash: hashSecret(secret) }))?.lastSeenAt
    t.mock.timers.setTime(start + 59_999)
    await useSession(world, secret, from)
    assert.equal(await seen(), start)
    t.mock.timers.setTime(start + 60_000)
    await useSession(world, secret, from)
    assert.equal(await seen(), start + 60_000)
  })

  test('is ended by whoever may; for others it is as if it were not there', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const bob = await addUser(world, 'bob')
    const { id, secret } = await startSession(world, ann, browser)
    const may = (owner: { readonly id: number }) => owner.id === bob.id
    const missing = refusal('not-found', /no session/)
    await assert.rejects(endSession(world, bob, { id, may }), missing)
    assert.notEqual(await useSession(world, secret, from), undefined)
    await endSession(world, ann, { id, may: (owner) => owner.id === ann.id })
    assert.equal(await useSession(world, secret, from), undefined)
    await assert.rejects(endSession(world, ann, { id }), missing)
    assert.equal((await auditOf(world, 'session.ended'))[0]?.subject, 'user:ann')
  })

  test('ends with all others of its principal, but the one that asks', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const bob = await addUser(world, 'bob')
    const [one, two, three] = [
      await startSession(world, ann, browser),
      await startSession(world, ann, browser),
      await startSession(world, bob, browser),
    ]
    const open = async () =>
      Promise.all([one, two, three].map(async ({ secret }) => useSession(world, secret, from)))
    assert.equal(await endSessions(world, ann, { principalId: ann.id, except: two.id }), 1)
    assert.deepEqual(
      (await open()).map((session) => session?.id),
      [undefined, two.id, three.id],
    )
    const all = { principalId: ann.id }
    assert.equal(await world.metadata.write((tx) => endSessionsOf(tx, ann, all)), 1)
    assert.equal(await endSessions(world, ann, all), 0)
    assert.equal((await open())[2]?.id, three.id)
    assert.equal((await auditOf(world, 'session.ended')).length, 2)
  })
})
