import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { actions } from '../auth/action.ts'
import { decide } from '../auth/authorize.ts'
import type { Identity } from '../auth/identity.ts'
import { hashSecret, readSecret } from '../auth/secret-format.ts'
import { secretState } from '../auth/secret-slots.ts'
import { grantsOfPrincipal } from '../metadata/grants.ts'
import { deletePrincipal, findPrincipalByName } from '../metadata/principals.ts'
import { insertRepository } from '../metadata/repositories.ts'
import { findSecret, noteTokenUses } from '../metadata/token-secrets.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import { permissionsToGive, readFirstGrants } from './first-grants.ts'
import {
  changeRobot,
  createRobot,
  listRobots,
  removeRobot,
  rotateRobot,
  showRobot,
} from './robots.ts'
import {
  addUser,
  auditOf,
  give,
  identityOf,
  openWorld,
  operator,
  operatorIdentity,
  refusal,
  type World,
} from './test-support/world.ts'
import { revokeToken, rotateToken } from './tokens.ts'

const dayMs = 24 * 60 * 60_000

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

async function grantsOf({ metadata }: World, name: string): Promise<readonly string[]> {
  const row = await findPrincipalByName(metadata, name)
  const held = await grantsOfPrincipal(metadata, row?.id ?? 0)
  return held.map(({ place, actions: given }) => `${place}:${given}`).toSorted()
}

suite('a robot', () => {
  test('is made with its grants and a secret that is shown once', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    await world.metadata.write((tx) =>
      insertRepository(tx, {
        name: parseRepositoryName('web/app'),
        visibility: 'private',
        createdBy: undefined,
      }),
    )
    const scopes = ['web/app:pull', 'web/app:push', 'team/:reader', 'web/*-dev:pull']
    const made = await createRobot(world, ann, { name: 'ci', description: 'builds', scopes })
    assert.equal(readSecret(made.secret)?.kind, 'robot')
    assert.equal(await works(world, made.secret), true)
    assert.deepEqual(await grantsOf(world, 'ci'), [
      'team/:pull',
      'web/*-dev:pull',
      'web/app:pull,push',
    ])
    const { secret: _, ...robot } = made
    assert.deepEqual(await showRobot(world, 'ci'), robot)
    assert.deepEqual(
      [robot.description, robot.grants, robot.createdBy?.name, robot.disabled],
      ['builds', 3, 'ann', false],
    )
    assert.ok(Math.abs((robot.token?.expiresAt ?? 0) - Date.now() - 90 * dayMs) < 60_000)
    const [bound] = (await grantsOfPrincipal(world.metadata, robot.id)).filter(
      ({ place }) => place === 'web/app',
    )
    assert.notEqual(bound?.repositoryId, undefined)
    assert.ok(
      !JSON.stringify(await listRobots(world, { after: 0, limit: 9 })).includes(made.secret),
    )
    assert.equal((await auditOf(world, 'robot.created'))[0]?.subject, 'robot:ci')
    assert.equal((await auditOf(world, 'grant.added')).length, 3)
  })

  test('has a name that nobody else has, of whatever kind', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const make = async (name: string) => createRobot(world, ann, { name })
    await assert.rejects(make('ann'), refusal('exists', /a user ann/, /share their names/))
    await make('ci')
    await assert.rejects(make('ci'), refusal('exists', /a robot ci/))
    for (const name of ['', 'CI', 'a/b', 'a b', 'a'.repeat(65), 'ci\0']) {
      await assert.rejects(make(name), refusal('invalid', /name of a robot/))
    }
    for (const alias of ['oidc', 'token', 'AWS', '_json_key', '<token>']) {
      await assert.rejects(make(alias), refusal('invalid', /name of a robot/, /clients send/))
    }
    for (const word of ['signed-in', 'anonymous']) {
      await assert.rejects(make(word), refusal('invalid', /name of a robot/, /in grants that word/))
    }
  })

  test('is made as a whole or not at all', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const wrong = createRobot(world, ann, { name: 'ci', scopes: ['web/app:pull', 'web/app:fly'] })
    await assert.rejects(wrong, refusal('invalid', /fly/))
    await addUser(world, 'bob')
    // Somebody else's namespace cannot come to be by the way.
    const other = createRobot(world, ann, { name: 'ci', scopes: ['web/app:pull', 'bob/:push'] })
    await assert.rejects(other, refusal('invalid', /bob/))
    assert.equal(await findPrincipalByName(world.metadata, 'ci'), undefined)
  })

  test('lasts as long as is said, also for ever', async () => {
    await using world = await openWorld()
    const never = await createRobot(world, operator, { name: 'one', expiresAt: 'never' })
    assert.equal(never.token?.expiresAt, undefined)
    const at = Date.now() + 1000 * dayMs
    const long = await createRobot(world, operator, { name: 'two', expiresAt: at })
    assert.equal(long.token?.expiresAt, at)
  })

  test('in rotation has two secrets; two robots rotate without touching each other', async () => {
    await using world = await openWorld()
    const make = async (name: string) => createRobot(world, operator, { name })
    const rotate = async (name: string) =>
      rotateRobot(world, operator, { name, identity: operatorIdentity })
    const [one, two] = [await make('one'), await make('two')]
    const [one2, two2] = [await rotate('one'), await rotate('two')]
    for (const { secret } of [one, one2, two, two2]) assert.equal(await works(world, secret), true)
    const now = Date.now()
    await useIt(world, one2.secret, now + 1000)
    // The clients of the other one still have the old secret alone.
    await useIt(world, two.secret, now + 2 * dayMs)
    assert.deepEqual(
      [
        await works(world, one.secret, now + 2 * dayMs),
        await works(world, two.secret, now + 2 * dayMs),
      ],
      [false, true],
    )
    assert.equal(await works(world, two.secret, now + 15 * dayMs), false)
    const { token } = await showRobot(world, 'one')
    assert.deepEqual(
      token?.secrets.map(({ slot, state }) => [slot, state]),
      [
        [1, 'replaced'],
        [2, 'current'],
      ],
    )
    assert.equal((await showRobot(world, 'two')).token?.lastUsedFrom, '192.0.2.7')
    const once = { name: 'one', identity: operatorIdentity, graceMs: 0 }
    const one3 = await rotateRobot(world, operator, once)
    assert.deepEqual(
      [await works(world, one2.secret), await works(world, one3.secret)],
      [false, true],
    )
  })

  test('whose token was revoked gets a new one by rotation', async () => {
    await using world = await openWorld()
    const { secret, token } = await createRobot(world, operator, { name: 'ci' })
    await revokeToken(world, operator, { id: token?.id ?? 0 })
    assert.equal(await works(world, secret), false)
    const again = { name: 'ci', identity: operatorIdentity }
    const renewed = await rotateRobot(world, operator, again)
    assert.equal(await works(world, renewed.secret), true)
    assert.equal(await works(world, secret), false)
    assert.equal((await showRobot(world, 'ci')).token?.state, 'active')
  })

  test('is disabled, enabled and removed; with it go its grants and its token', async () => {
    await using world = await openWorld()
    const scopes = ['web/:push']
    const { secret, id } = await createRobot(world, operator, { name: 'ci', scopes })
    const change = async (disabled: boolean) =>
      changeRobot(world, operator, { name: 'ci', identity: operatorIdentity, disabled })
    assert.equal((await change(true)).disabled, true)
    assert.equal((await findPrincipalByName(world.metadata, 'ci'))?.disabled, true)
    assert.equal((await change(false)).disabled, false)
    await change(false)
    assert.equal((await auditOf(world, 'user.disabled'))[0]?.subject, 'robot:ci')
    assert.equal((await auditOf(world, 'user.enabled')).length, 1)
    const described = { name: 'ci', identity: operatorIdentity, description: 'new' }
    assert.equal((await changeRobot(world, operator, described)).description, 'new')
    await removeRobot(world, operator, { name: 'ci' })
    assert.equal(await works(world, secret), false)
    assert.deepEqual(await grantsOfPrincipal(world.metadata, id), [])
    const missing = refusal('not-found', /no robot ci/)
    await assert.rejects(showRobot(world, 'ci'), missing)
    await assert.rejects(removeRobot(world, operator, { name: 'ci' }), missing)
    await assert.rejects(change(true), missing)
    const again = await createRobot(world, operator, { name: 'ci' })
    assert.notEqual(again.id, id)
  })

  test('is not a user of that name: nothing here touches users', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    const missing = refusal('not-found', /no robot ann/)
    const identity = operatorIdentity
    await assert.rejects(removeRobot(world, operator, { name: 'ann' }), missing)
    await assert.rejects(rotateRobot(world, operator, { name: 'ann', identity }), missing)
    const disabling = changeRobot(world, operator, { name: 'ann', identity, disabled: true })
    await assert.rejects(disabling, missing)
    assert.equal((await findPrincipalByName(world.metadata, 'ann'))?.id, ann.id)
  })

  test('is listed for its maker, or for all, a page at a time', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    await createRobot(world, operator, { name: 'zero' })
    for (const name of ['two', 'one']) await createRobot(world, ann, { name })
    const list = async (page: Parameters<typeof listRobots>[1]) =>
      (await listRobots(world, page)).map(({ name }) => name)
    assert.deepEqual(await list({ after: 0, limit: 9 }), ['zero', 'two', 'one'])
    assert.deepEqual(await list({ createdBy: ann.id, after: 0, limit: 9 }), ['two', 'one'])
    const [first] = await listRobots(world, { after: 0, limit: 1 })
    assert.deepEqual(await list({ after: first?.id ?? 0, limit: 1 }), ['two'])
    await world.metadata.write((tx) => deletePrincipal(tx, ann.id))
    assert.deepEqual((await showRobot(world, 'two')).createdBy, { id: ann.id, name: undefined })
  })
})

suite('whoever makes a robot', () => {
  const places = ['*', '/', 'web/', 'web/app', 'web/*', 'web/**', 'w*/app', 'other/', 'other/app']
  const names = ['app', 'web/app', 'web/x/y', 'wide/app', 'other/app', 'else/app']
  const scope = fc
    .tuple(fc.constantFrom(...places), fc.subarray([...actions], { minLength: 1 }))
    .map(([place, given]) => `${place}:${given.join(',')}`)

  /** Everything that can be asked of repositories and places. */
  function rightsOf(identity: Identity): ReadonlySet<string> {
    const rights = new Set<string>()
    for (const name of names) {
      for (const action of actions) {
        const resource = { type: 'repository', name: parseRepositoryName(name) } as const
        const { allowed } = decide(identity, { action, resource }, { repository: undefined })
        if (allowed) rights.add(`${name} ${action}`)
      }
    }
    const installation = { action: 'admin', resource: { type: 'installation' } } as const
    if (decide(identity, installation, { repository: undefined }).allowed) rights.add('everything')
    return rights
  }

  test('never gives it what they lack, nor gains by it what it was given since', async () => {
    await using world = await openWorld()
    const placeIn = (text: string) => text.slice(0, text.lastIndexOf(':'))
    const case_ = fc.record({
      own: fc.uniqueArray(scope, { maxLength: 4, selector: placeIn }),
      asked: fc.uniqueArray(scope, { minLength: 1, maxLength: 2, selector: placeIn }),
      later: fc.array(scope, { maxLength: 1 }),
    })
    const own = ['web/:pull,push,admin']
    const examples: [{ own: string[]; asked: string[]; later: string[] }][] = [
      [{ own, asked: ['web/app:pull'], later: [] }],
      [{ own, asked: ['web/**:pull'], later: ['web/:overwrite'] }],
    ]
    const counts = { people: 0, made: 0, renewed: 0, refused: 0 }
    const closed = fc.asyncProperty(case_, async ({ own: given, asked, later }) => {
      const ann = await addUser(world, `ann${(counts.people += 1)}`)
      for (const one of given) await give(world, ann.id, one)
      const maker = await identityOf(world, ann.name)
      const makers = rightsOf(maker)
      // Whoever administers the installation can do whatever they like.
      if (makers.has('everything')) return
      const name = `ci${counts.people}`
      const needed = permissionsToGive(readFirstGrants(asked))
      if (!needed.every((each) => decide(maker, each, { repository: undefined }).allowed)) return
      counts.made += 1
      const { id, secret } = await createRobot(world, ann, { name, scopes: asked })
      for (const right of rightsOf(await identityOf(world, name))) {
        assert.ok(makers.has(right), `the robot got ${right}`)
      }
      const places = asked.map(placeIn)
      for (const one of later) if (!places.includes(placeIn(one))) await give(world, id, one)
      const robots = rightsOf(await identityOf(world, name))
      try {
        await rotateRobot(world, ann, { name, identity: maker })
      } catch {
        counts.refused += 1
        assert.equal(await works(world, secret), true, 'a refusal changes nothing')
        return
      }
      counts.renewed += 1
      for (const right of robots) assert.ok(makers.has(right), `rotation gave ${right}`)
    })
    await fc.assert(closed, { numRuns: 300, seed: 7, examples })
    assert.ok(counts.made > 5 && counts.renewed > 2 && counts.refused > 2, JSON.stringify(counts))
  })

  test('gets no secret of it once they have lost what it may do', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    await give(world, ann.id, 'web/:pull,push,admin')
    const scopes = ['web/app:pull,push']
    const { secret, id } = await createRobot(world, ann, { name: 'ci', scopes })
    const before = await identityOf(world, 'ann')
    await rotateRobot(world, ann, { name: 'ci', identity: before })
    const after: Identity = { ...before, grants: [] }
    const denied = refusal('denied', /secret of the robot ci/, /web\/app:pull,push/)
    await assert.rejects(rotateRobot(world, ann, { name: 'ci', identity: after }), denied)
    await changeRobot(world, ann, { name: 'ci', identity: after, disabled: true })
    const enabling = changeRobot(world, ann, { name: 'ci', identity: after, disabled: false })
    await assert.rejects(enabling, denied)
    const { token } = await showRobot(world, 'ci')
    // The token API is no way round.
    const around = rotateToken(world, ann, { id: token?.id ?? 0 })
    await assert.rejects(around, refusal('invalid', /that of a robot/))
    assert.equal(token?.secrets.length, 2)
    assert.equal(await works(world, secret), true)
    const itself = await identityOf(world, 'ci')
    const own = rotateRobot(world, { id, name: 'ci' }, { name: 'ci', identity: itself })
    await assert.rejects(own, refusal('denied', /for itself/))
  })
})
