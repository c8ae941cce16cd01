import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { hashSecret, readSecret } from '../auth/secret-format.ts'
import { secretState } from '../auth/secret-slots.ts'
import { changePrincipal, findPrincipalByName, insertPrincipal } from '../metadata/principals.ts'
import { findSecret, noteTokenUses } from '../metadata/token-secrets.ts'
import { addUser, auditOf, openWorld, operator, refusal, type World } from './test-support/world.ts'
import { createToken, listTokens, revokeToken, rotateToken, showToken } from './tokens.ts'

const dayMs = 24 * 60 * 60_000
const hourMs = 60 * 60_000

/** Whether a secret opens anything at that moment, as sign-in decides it. */
async function works({ metadata }: World, secret: string, at = Date.now()): Promise<boolean> {
  const found = await findSecret(metadata, hashSecret(secret))
  if (found === undefined || found.token.revokedAt !== undefined) return false
  const { expiresAt } = found.token
  return (expiresAt === undefined || expiresAt > at) && secretState(found.secret, at) === 'good'
}

async function useIt({ metadata }: World, secret: string, at: number): Promise<void> {
  const hash = hashSecret(secret)
  const tokenId = (await findSecret(metadata, hash))?.token.id ?? 0
  await metadata.write((tx) => noteTokenUses(tx, [{ hash, tokenId, at, address: '192.0.2.7' }]))
}

suite('a token', () => {
  test('is made for its maker, lasts 90 days, and its secret is shown once', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const before = Date.now()
    const { secret, ...token } = await createToken(world, ann, { name: 'laptop' })
    assert.equal(readSecret(secret)?.kind, 'pat')
    assert.equal(await works(world, secret), true)
    assert.deepEqual(
      [token.kind, token.name, token.owner.name, token.createdBy, token.scopes, token.state],
      ['personal', 'laptop', 'ann', 'ann', undefined, 'active'],
    )
    assert.ok(Math.abs((token.expiresAt ?? 0) - before - 90 * dayMs) < 60_000)
    assert.deepEqual(await showToken(world, token.id), token)
    const shown = JSON.stringify(await listTokens(world, { after: 0, limit: 10 }))
    assert.ok(!shown.includes(secret) && !shown.includes(hashSecret(secret)))
    const [entry] = await auditOf(world, 'token.created')
    assert.deepEqual([entry?.actor.name, entry?.subject], ['ann', 'user:ann'])
    assert.ok(!JSON.stringify(entry).includes(secret))
  })

  test('keeps its scopes as they are meant, each once', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const scopes = ['web/app:push,pull', 'web/app:pull,push', 'team/:pull', '*:owner']
    const made = await createToken(world, ann, { scopes })
    assert.deepEqual(made.scopes, ['web/app:pull,push', 'team/:reader', '*:owner'])
    for (const scope of ['web/app', 'web/app:fly', 'Web:pull', ':pull', 'web/app:']) {
      await assert.rejects(createToken(world, ann, { scopes: [scope] }), refusal('invalid', /./))
    }
    const none = createToken(world, ann, { scopes: [] })
    await assert.rejects(none, refusal('invalid', /could do nothing/))
    assert.equal((await listTokens(world, { after: 0, limit: 10 })).length, 1)
  })

  test('of a person ends within 366 days, unless an administrator says never', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const at = (days: number) => Date.now() + days * dayMs
    const longest = await createToken(world, ann, { expiresAt: at(366) })
    assert.ok((longest.expiresAt ?? 0) > at(365))
    for (const mayNever of [false, true]) {
      const longer = createToken(world, ann, { expiresAt: at(367), mayNever })
      await assert.rejects(longer, refusal('policy', /too long/, /366 days/))
    }
    const never = createToken(world, ann, { expiresAt: 'never' })
    await assert.rejects(never, refusal('policy', /has to end/, /administrator/))
    const asked = { expiresAt: 'never', mayNever: true } as const
    assert.equal((await createToken(world, ann, asked)).expiresAt, undefined)
    for (const past of [Date.now(), at(-1), Number.NaN, 1.5]) {
      await assert.rejects(
        createToken(world, ann, { expiresAt: past }),
        refusal('invalid', /ended/),
      )
    }
  })

  test('for one login lasts 12 hours, and manages nothing', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const made = await createToken(world, ann, { kind: 'login' })
    assert.equal(readSecret(made.secret)?.kind, 'login')
    assert.ok(Math.abs((made.expiresAt ?? 0) - Date.now() - 12 * hourMs) < 60_000)
    assert.deepEqual(made.scopes, ['*:pull,push,overwrite,delete'])
    const longer = { kind: 'login', expiresAt: Date.now() + 13 * hourMs } as const
    await assert.rejects(createToken(world, ann, longer), refusal('policy', /too long/))
    const never = { kind: 'login', expiresAt: 'never', mayNever: true } as const
    await assert.rejects(createToken(world, ann, never), refusal('policy', /always ends/))
    await assert.rejects(rotateToken(world, ann, { id: made.id }), refusal('invalid', /one login/))
  })

  test('is made for people only, by somebody who says for whom', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    const made = await createToken(world, operator, { for: 'ann' })
    assert.deepEqual([made.owner.name, made.createdBy], ['ann', undefined])
    await assert.rejects(createToken(world, operator, {}), refusal('invalid', /whose token/))
    for (const name of ['nobody', 'a\0b', '']) {
      const asked = createToken(world, operator, { for: name })
      await assert.rejects(asked, refusal('not-found', /no user/))
    }
    await world.metadata.write(async (tx) => {
      await insertPrincipal(tx, { name: 'ci', provider: 'robot', kind: 'robot' })
      await insertPrincipal(tx, { name: 'jobs', provider: 'federation', kind: 'federated' })
      const ann = await findPrincipalByName(tx, 'ann')
      assert.ok(ann)
      await changePrincipal(tx, { ...ann, disabled: true })
    })
    const ask = async (name: string) => createToken(world, operator, { for: name })
    await assert.rejects(ask('ci'), refusal('invalid', /is a robot/))
    await assert.rejects(ask('jobs'), refusal('invalid', /is a trust rule/))
    await assert.rejects(ask('ann'), refusal('invalid', /disabled/))
  })

  test('whose secret is replaced has two that work, until the old one is out of use', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const first = await createToken(world, ann, {})
    const second = await rotateToken(world, ann, { id: first.id })
    assert.notEqual(second.secret, first.secret)
    assert.deepEqual(
      second.secrets.map(({ slot, state }) => [slot, state]),
      [
        [1, 'replaced'],
        [2, 'current'],
      ],
    )
    const inDays = (days: number) => Date.now() + days * dayMs
    // Nobody has the new one yet: the old one must not end.
    assert.equal(await works(world, first.secret, inDays(3)), true)
    await useIt(world, second.secret, Date.now() + 1000)
    await useIt(world, first.secret, Date.now() + hourMs)
    assert.equal(await works(world, first.secret, inDays(0.9)), true)
    assert.equal(await works(world, first.secret, inDays(1.1)), false)
    assert.equal(await works(world, second.secret, inDays(1.1)), true)
    // One still in use ends at its deadline.
    await useIt(world, first.secret, inDays(13.9))
    assert.equal(await works(world, first.secret, inDays(13.95)), true)
    assert.equal(await works(world, first.secret, inDays(14.1)), false)
  })

  test('never has more than two secrets', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const { id, ...first } = await createToken(world, ann, {})
    const second = await rotateToken(world, ann, { id })
    const third = await rotateToken(world, ann, { id, graceMs: hourMs })
    assert.equal(third.secrets.length, 2)
    assert.deepEqual(
      [await works(world, first.secret), await works(world, second.secret)],
      [false, true],
    )
    const fourth = await rotateToken(world, ann, { id, graceMs: 0 })
    assert.equal(await works(world, third.secret), false)
    assert.equal(await works(world, fourth.secret), true)
    for (const graceMs of [-1, 91 * dayMs, Number.NaN]) {
      await assert.rejects(
        rotateToken(world, ann, { id, graceMs }),
        refusal('invalid', /that long/),
      )
    }
    assert.equal((await auditOf(world, 'token.rotated')).length, 3)
  })

  test('that is rotated lasts as long again as it did, and its old secret no longer than before', async (t) => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const start = Date.UTC(2026, 10, 1)
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const { id, secret } = await createToken(world, ann, { expiresAt: start + 30 * dayMs })
    t.mock.timers.setTime(start + 25 * dayMs)
    const once = await rotateToken(world, ann, { id })
    assert.equal(once.expiresAt, start + 55 * dayMs)
    assert.equal(await works(world, secret, start + 29 * dayMs), true)
    assert.equal(await works(world, secret, start + 30 * dayMs), false)
    t.mock.timers.setTime(start + 50 * dayMs)
    assert.equal((await rotateToken(world, ann, { id })).expiresAt, start + 80 * dayMs)
    const chosen = { id, expiresAt: start + 60 * dayMs }
    assert.equal((await rotateToken(world, ann, chosen)).expiresAt, start + 60 * dayMs)
    const longer = rotateToken(world, ann, { id, expiresAt: 'never' })
    await assert.rejects(longer, refusal('policy', /has to end/))
  })

  test('that has expired is renewed by a new secret; its old one stays ended', async (t) => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const start = Date.UTC(2026, 10, 1)
    t.mock.timers.enable({ apis: ['Date'], now: start })
    const { id, secret } = await createToken(world, ann, { expiresAt: start + dayMs })
    t.mock.timers.setTime(start + 10 * dayMs)
    assert.equal((await showToken(world, id)).state, 'expired')
    const renewed = await rotateToken(world, ann, { id })
    assert.deepEqual([renewed.state, renewed.expiresAt], ['active', start + 11 * dayMs])
    assert.deepEqual(
      [await works(world, secret), await works(world, renewed.secret)],
      [false, true],
    )
  })

  test('that is revoked stops at once and for good', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const { id, secret } = await createToken(world, ann, {})
    const rotated = await rotateToken(world, ann, { id })
    const revoked = await revokeToken(world, ann, { id })
    assert.equal(revoked.state, 'revoked')
    assert.deepEqual(
      [await works(world, secret), await works(world, rotated.secret)],
      [false, false],
    )
    assert.deepEqual(await revokeToken(world, ann, { id }), revoked)
    assert.equal((await auditOf(world, 'token.revoked')).length, 1)
    await assert.rejects(rotateToken(world, ann, { id }), refusal('invalid', /was revoked/))
  })

  test('that the caller may not manage is as if it were not there', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const bob = await addUser(world, 'bob')
    const { id } = await createToken(world, ann, {})
    const may = (owner: { readonly id: number }) => owner.id === bob.id
    const missing = refusal('not-found', /no token/)
    await assert.rejects(showToken(world, id, may), missing)
    await assert.rejects(rotateToken(world, bob, { id, may }), missing)
    await assert.rejects(revokeToken(world, bob, { id, may }), missing)
    await assert.rejects(showToken(world, id + 1), missing)
    assert.equal((await showToken(world, id)).state, 'active')
  })

  test('that changed since the caller has seen it is left as it is', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const { id, secret } = await createToken(world, ann, {})
    const expect = () => {
      throw new Error('changed')
    }
    await assert.rejects(rotateToken(world, ann, { id, expect }), /changed/)
    await assert.rejects(revokeToken(world, ann, { id, expect }), /changed/)
    assert.equal(await works(world, secret), true)
    assert.equal((await showToken(world, id)).secrets.length, 1)
  })
})

test('tokens are listed by owner and kind, a page at a time', async () => {
  await using world = await openWorld()
  const ann = await addUser(world, 'ann')
  const bob = await addUser(world, 'bob')
  const ids: number[] = []
  for (const who of [ann, bob, ann, ann]) ids.push((await createToken(world, who, {})).id)
  await createToken(world, ann, { kind: 'login' })
  const list = async (page: Parameters<typeof listTokens>[1]) =>
    (await listTokens(world, page)).map(({ id }) => id)
  assert.equal((await list({ after: 0, limit: 10 })).length, 5)
  const own = { principalId: ann.id, kind: 'personal' as const }
  assert.deepEqual(await list({ ...own, after: 0, limit: 2 }), [ids[0], ids[2]])
  assert.deepEqual(await list({ ...own, after: ids[2] ?? 0, limit: 2 }), [ids[3]])
  assert.deepEqual(await list({ principalId: bob.id, after: 0, limit: 9 }), [ids[1]])
})
