import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCheckPassword } from '../auth/check-password.ts'
import { aDirectory, aRecord } from '../auth/test-support/identities.ts'
import type { AuditEntry } from '../metadata/audit.ts'
import { isKnownClient } from '../metadata/login-attempts.ts'
import { addUser, openWorld, type World } from './test-support/world.ts'
import { createLoginGate } from './login-gate.ts'

const client = { address: '192.0.2.20' }
const tooMany = { code: 'TOOMANYREQUESTS' }

async function aGate(world: World) {
  const audited: AuditEntry[] = []
  const gate = createLoginGate({ metadata: world.metadata, audit: (entry) => audited.push(entry) })
  const ann = await addUser(world, 'ann')
  const isKnown = async () =>
    isKnownClient(world.metadata, { account: 'ann', network: client.address })
  return { gate, ann, audited, isKnown }
}

test('a sign-in that succeeded gives its attempt back, and its client is known from then on', async () => {
  await using world = await openWorld()
  const { gate, ann, isKnown, audited } = await aGate(world)
  for (let attempt = 0; attempt < 15; attempt += 1) {
    await (await gate.enter('ann', client, undefined)).ended(ann)
  }
  assert.equal(await isKnown(), true)
  assert.deepEqual(audited, [])
})

test('a right password that a code has to follow stays counted, and its client unknown', async () => {
  await using world = await openWorld()
  const { gate, ann, isKnown, audited } = await aGate(world)
  for (let attempt = 0; attempt < 10; attempt += 1) {
    await (await gate.enter('ann', client, undefined)).ended({ ...ann, secondFactor: true })
  }
  assert.equal(await isKnown(), false)
  await assert.rejects(gate.enter('ann', client, undefined), tooMany)
  assert.deepEqual(
    audited.map(({ event }) => event),
    ['login.throttled'],
  )
})

test('when the code was right too, here or on another node, attempts are given back and the client is known', async () => {
  await using world = await openWorld()
  const { gate, ann, isKnown } = await aGate(world)
  const other = createLoginGate({ metadata: world.metadata, audit: () => undefined })
  for (let attempt = 0; attempt < 25; attempt += 1) {
    await (await gate.enter('ann', client, undefined)).ended({ ...ann, secondFactor: true })
    await other.completed('ann', client, ann)
  }
  assert.equal(await isKnown(), true)
})

test('completing gives nothing back to others that share the address', async () => {
  await using world = await openWorld()
  const { gate, ann } = await aGate(world)
  for (let attempt = 0; attempt < 10; attempt += 1) {
    await (await gate.enter('bob', client, undefined)).ended(undefined)
  }
  await (await gate.enter('ann', client, undefined)).ended({ ...ann, secondFactor: true })
  await gate.completed('ann', client, ann)
  await assert.rejects(gate.enter('bob', client, undefined), tooMany)
})

test('a check that fails for our own reasons costs no attempt', async () => {
  await using world = await openWorld()
  const { gate, audited } = await aGate(world)
  const check = createCheckPassword({
    principals: {
      ...aDirectory,
      findByName: async () => aRecord('ann', { passwordHash: '$argon2id$own' }),
    },
    passwords: {
      verify: async () => {
        throw new Error('the queue is full')
      },
    },
    gate,
    warn: () => undefined,
  })
  for (let attempt = 0; attempt < 15; attempt += 1) {
    await assert.rejects(check('ann', 'x', client), /the queue is full/)
  }
  assert.deepEqual(audited, [])
})
