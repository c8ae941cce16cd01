import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changePrincipal, findPrincipalByName } from '../metadata/principals.ts'
import { noteGrantUses } from '../metadata/grant-uses.ts'
import { noteSeen } from '../metadata/last-seen.ts'
import { query } from '../metadata/query.ts'
import { findRepository } from '../metadata/repositories.ts'
import { aRepository, name } from '../metadata/suite-cases/case.ts'
import { addGrant } from './grants.ts'
import { whoCan } from './review-repository.ts'
import { reviewAccess, type ReviewQuery } from './review.ts'
import { addUser, openWorld, operator, refusal, type World } from './test-support/world.ts'

const day = 24 * 60 * 60 * 1000

const age = query<{ at: number }>()((db, p) =>
  db.updateTable('grants').set({ granted_at: p.at, changed_at: p.at }),
)
const ageUsers = query<{ at: number }>()((db, p) =>
  db.updateTable('principals').set({ created_at: p.at }),
)

/** All that is there was made so many days ago. */
async function makeOlder({ metadata }: World, days: number): Promise<void> {
  const at = Date.now() - days * day
  await metadata.write(async (tx) => {
    await tx.run(age, { at })
    await tx.run(ageUsers, { at })
  })
}

async function rows({ metadata }: World, asked: ReviewQuery = {}): Promise<readonly string[]> {
  const told: string[] = []
  for await (const { kind, who, where, flags } of reviewAccess({ metadata }, asked)) {
    told.push(`${kind} ${who} ${where} [${flags.join(' ')}]`)
  }
  return told
}

async function give(world: World, who: string, where: string, actions: string) {
  return (await addGrant(world, operator, { who, where, actions })).id
}

test('the report has every grant, and what is allowed without one', async () => {
  await using world = await openWorld()
  await addUser(world, 'ann', { admin: true })
  await addUser(world, 'bob')
  await give(world, 'user:bob', 'web/', 'writer')
  await give(world, 'signed-in', 'api/app', 'reader')
  await world.metadata.write(async (tx) => {
    await aRepository(tx, 'web/site', 'public')
    await aRepository(tx, 'web/wiki', 'internal')
    await aRepository(tx, 'web/app', 'private')
  })
  assert.deepEqual(await rows(world), [
    'grant user:bob web/ [no-expiry]',
    'grant signed-in api/app [no-expiry]',
    'administrator user:ann * [no-expiry]',
    'visibility anonymous web/site [no-expiry]',
    'visibility signed-in web/wiki [no-expiry]',
  ])
  assert.deepEqual(await rows(world, { where: 'api/' }), ['grant signed-in api/app [no-expiry]'])
  assert.deepEqual(await rows(world, { where: 'web/wiki' }), [
    'visibility signed-in web/wiki [no-expiry]',
  ])
  await assert.rejects(rows(world, { where: '//' }), refusal('invalid', /granted on/))
})

test('what is younger than the window is judged neither for its use nor for its breadth', async () => {
  await using world = await openWorld()
  await addUser(world, 'ann')
  const never = await give(world, 'user:ann', 'a/app', 'writer')
  const broad = await give(world, 'user:ann', 'b/app', 'writer')
  const whole = await give(world, 'user:ann', 'c/app', 'reader')
  const stale = await give(world, 'user:ann', 'd/app', 'reader')
  const now = Date.now()
  await makeOlder(world, 100)
  await world.metadata.write((tx) =>
    noteGrantUses(tx, [
      { grantId: broad, at: now, actions: ['push'] },
      { grantId: whole, at: now, actions: ['pull'] },
      { grantId: stale, at: now - 95 * day, actions: ['pull'] },
    ]),
  )
  assert.deepEqual(await rows(world), [
    'grant user:ann a/app [never-used unused no-expiry]',
    'grant user:ann b/app [broader-than-used no-expiry]',
    'grant user:ann c/app [no-expiry]',
    'grant user:ann d/app [unused no-expiry]',
  ])
  assert.deepEqual(await rows(world, { flags: ['unused', 'never-used'] }), [
    'grant user:ann a/app [never-used unused no-expiry]',
  ])
  const young = await rows(world, { unusedMs: 101 * day })
  assert.ok(young.every((row) => row.endsWith('[no-expiry]')))
  assert.deepEqual(await rows(world, { unusedMs: 96 * day, flags: ['unused'] }), [
    'grant user:ann a/app [never-used unused no-expiry]',
  ])
  assert.ok(never > 0)
})

test('administrators and holders that are disabled or never come are told of', async () => {
  await using world = await openWorld()
  const { id } = await addUser(world, 'ann', { admin: true })
  await addUser(world, 'root', { admin: true })
  await addUser(world, 'bob')
  await give(world, 'user:bob', 'web/', 'reader')
  await makeOlder(world, 100)
  await world.metadata.write(async (tx) => {
    await noteSeen(tx, [{ principalId: id, at: Date.now() - 91 * day }])
    for (const who of ['bob', 'ann']) {
      const row = await findPrincipalByName(tx, who)
      assert.ok(row)
      await changePrincipal(tx, { ...row, disabled: true })
    }
  })
  assert.deepEqual(await rows(world, { flags: ['unused'] }), [
    'grant user:bob web/ [never-used unused no-expiry disabled-holder]',
    'administrator user:ann * [unused no-expiry disabled-holder]',
    'administrator user:root * [never-used unused no-expiry]',
  ])
})

test('who can do what to a repository is told with every way', async () => {
  await using world = await openWorld()
  await addUser(world, 'ann', { admin: true })
  await addUser(world, 'bob')
  await give(world, 'user:bob', 'web/', 'reader')
  await give(world, 'user:bob', 'web/app', 'pull,push')
  await give(world, 'user:bob', 'api/', 'owner')
  await give(world, 'signed-in', '**pp', 'reader')
  await world.metadata.write((tx) => aRepository(tx, 'web/app', 'public'))
  const { exists, holders } = await whoCan(world, 'web/app')
  assert.equal(exists, true)
  assert.deepEqual(
    holders.map(({ who, actions, ways }) => {
      const told = ways.map((way) => (way.kind === 'grant' ? way.grant.where : way.kind))
      return `${who} ${actions.join(',')} by ${told.join(' ')}`
    }),
    [
      'user:bob pull,push by web/ web/app',
      'signed-in pull by **pp',
      'anonymous pull by visibility',
      'user:ann pull,push,overwrite,delete,decide,admin by administrator',
    ],
  )
})

test('a grant on a repository that was made again under its name gives nothing on the new one', async () => {
  await using world = await openWorld()
  await addUser(world, 'bob')
  await world.metadata.write((tx) => aRepository(tx, 'web/app'))
  await give(world, 'user:bob', 'web/app', 'reader')
  assert.equal((await whoCan(world, 'web/app')).holders.length, 1)
  const found = await findRepository(world.metadata, name('web/app'))
  const rename = query<{ id: number }>()((db, p) =>
    db.updateTable('repositories').set({ name: 'old/app' }).where('id', '=', p.id),
  )
  await world.metadata.write(async (tx) => {
    await tx.run(rename, { id: found?.id ?? 0 })
    await aRepository(tx, 'web/app')
  })
  assert.deepEqual((await whoCan(world, 'web/app')).holders, [])
  await assert.rejects(whoCan(world, 'Web'), refusal('invalid', /cannot be the name/))
})
