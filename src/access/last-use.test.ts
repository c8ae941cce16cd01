import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { listGrants } from '../metadata/grant-rows.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { findPrincipalById } from '../metadata/principals.ts'
import { insertToken, listTokens } from '../metadata/tokens.ts'
import { createUseRecorder, type Use } from './last-use.ts'
import { addUser, give, openWorld, type World } from './test-support/world.ts'

const page = { after: 0, limit: 100 }

async function aGrant(world: World) {
  const { id } = await addUser(world, 'ann')
  await give(world, id, 'web/:pull,push,overwrite,delete')
  const [grant] = await listGrants(world.metadata, {}, page)
  assert.ok(grant)
  const tokenId = await world.metadata.write((tx) =>
    insertToken(tx, {
      kind: 'personal',
      principalId: id,
      name: 'ci',
      scopes: undefined,
      expiresAt: undefined,
      createdBy: undefined,
      hash: 'ab',
    }),
  )
  return { principalId: id, grantId: grant.id, tokenId }
}

async function usesOf({ metadata }: World) {
  const [grant] = await listGrants(metadata, {}, page)
  assert.ok(grant)
  return { at: grant.lastUsedAt, actions: grant.actionsUsed.split(',').toSorted().join(',') }
}

/** Fails so many times first. */
function failing(metadata: MetadataStore, times: number) {
  const state = { left: times, writes: 0 }
  const write: MetadataStore['write'] = async (work, options) => {
    state.writes += 1
    if (state.left > 0) {
      state.left -= 1
      throw new Error('database is locked')
    }
    return metadata.write(work, options)
  }
  return { state, write }
}

const quiet = { flushEveryMs: 60_000, warn: (message: string) => assert.fail(message) }

test('what was used is written together: times, actions, addresses, and who was seen', async () => {
  await using world = await openWorld()
  const { grantId, principalId, tokenId } = await aGrant(world)
  const { state, write } = failing(world.metadata, 0)
  await using recorder = createUseRecorder({ write }, quiet)
  const token = { tokenId, secretHash: 'ab' }
  recorder.used({ grantId, action: 'pull', principalId, ...token, address: '10.0.0.1', at: 5000 })
  recorder.used({ grantId, action: 'create', principalId, ...token, address: '10.0.0.2', at: 7000 })
  recorder.used({ grantId, action: 'pull', principalId, ...token, address: '10.0.0.3', at: 6000 })
  assert.deepEqual(await usesOf(world), { at: undefined, actions: '' })
  await recorder.flush()
  assert.equal(state.writes, 1)
  assert.deepEqual(await usesOf(world), { at: 7000, actions: 'pull,push' })
  const [listed] = await listTokens(world.metadata, page)
  assert.equal(listed?.lastUsedAt, 7000)
  assert.equal(listed?.lastUsedFrom, '10.0.0.2')
  assert.equal(listed?.secrets[0]?.lastUsedAt, 7000)
  assert.equal((await findPrincipalById(world.metadata, principalId))?.lastSeenAt, 7000)
  await recorder.flush()
  assert.equal(state.writes, 1, 'without anything new nothing is written')
})

test('a use that has no grant is told of the principal alone, and one that has nothing is no work', async () => {
  await using world = await openWorld()
  const { principalId } = await aGrant(world)
  const { state, write } = failing(world.metadata, 0)
  await using recorder = createUseRecorder({ write }, quiet)
  recorder.used({ at: 1 })
  await recorder.flush()
  assert.equal(state.writes, 0)
  recorder.used({ grantId: undefined, action: 'pull', principalId, at: 9 })
  await recorder.flush()
  assert.equal((await findPrincipalById(world.metadata, principalId))?.lastSeenAt, 9)
  assert.deepEqual(await usesOf(world), { at: undefined, actions: '' })
})

test('what comes together is written by itself after a while, once', async () => {
  await using world = await openWorld()
  const { grantId } = await aGrant(world)
  const { state, write } = failing(world.metadata, 0)
  await using recorder = createUseRecorder({ write }, { ...quiet, flushEveryMs: 30 })
  for (let at = 1; at <= 100; at += 1) recorder.used({ grantId, action: 'pull', at })
  for (let tries = 0; state.writes === 0 && tries < 200; tries += 1) await sleep(10)
  await sleep(90)
  assert.equal(state.writes, 1)
  assert.deepEqual(await usesOf(world), { at: 100, actions: 'pull' })
})

test('a flush that fails loses nothing, warns once and is tried again', async () => {
  await using world = await openWorld()
  const { grantId } = await aGrant(world)
  const { state, write } = failing(world.metadata, 2)
  const warnings: string[] = []
  const options = { flushEveryMs: 60_000, warn: (message: string) => warnings.push(message) }
  await using recorder = createUseRecorder({ write }, options)
  recorder.used({ grantId, action: 'pull', at: 5 })
  await recorder.flush()
  recorder.used({ grantId, action: 'push', at: 3 })
  await recorder.flush()
  assert.deepEqual(await usesOf(world), { at: undefined, actions: '' })
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /kept for later: database is locked/)
  await recorder.flush()
  assert.equal(state.writes, 3)
  assert.deepEqual(await usesOf(world), { at: 5, actions: 'pull,push' })
})

test('a failed flush is tried again by itself', async () => {
  await using world = await openWorld()
  const { grantId } = await aGrant(world)
  const { state, write } = failing(world.metadata, 1)
  const options = { flushEveryMs: 20, warn: () => undefined }
  await using recorder = createUseRecorder({ write }, options)
  recorder.used({ grantId, action: 'pull', at: 5 })
  for (let tries = 0; state.writes < 2 && tries < 200; tries += 1) await sleep(10)
  await recorder.flush()
  assert.deepEqual(await usesOf(world), { at: 5, actions: 'pull' })
})

test('while nothing can be written, memory is bounded, and that is told', async () => {
  await using world = await openWorld()
  const { grantId } = await aGrant(world)
  const { state, write } = failing(world.metadata, 1)
  const warnings: string[] = []
  const warn = (message: string) => warnings.push(message)
  await using recorder = createUseRecorder({ write }, { flushEveryMs: 60_000, maxEntries: 3, warn })
  recorder.used({ grantId, action: 'pull', at: 1 })
  for (let id = 1000; id < 1010; id += 1) recorder.used({ grantId: id, action: 'pull', at: 1 })
  recorder.used({ grantId, action: 'push', at: 2 })
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /more than 3 /)
  await recorder.flush()
  await recorder.flush()
  assert.equal(state.left, 0)
  assert.deepEqual(await usesOf(world), { at: 2, actions: 'pull,push' })
})

test('two processes only move times forward, and actions come together', async () => {
  await using world = await openWorld()
  const { grantId, principalId } = await aGrant(world)
  await using one = createUseRecorder(world.metadata, quiet)
  await using other = createUseRecorder(world.metadata, quiet)
  one.used({ grantId, principalId, action: 'delete', at: 9000 })
  other.used({ grantId, principalId, action: 'pull', at: 4000 })
  await Promise.all([one.flush(), other.flush()])
  assert.deepEqual(await usesOf(world), { at: 9000, actions: 'delete,pull' })
  assert.equal((await findPrincipalById(world.metadata, principalId))?.lastSeenAt, 9000)
})

test('closing writes the rest, and what comes later is not noted', async () => {
  await using world = await openWorld()
  const { grantId } = await aGrant(world)
  const recorder = createUseRecorder(world.metadata, quiet)
  recorder.used({ grantId, action: 'pull', at: 5 })
  await recorder.close()
  assert.deepEqual(await usesOf(world), { at: 5, actions: 'pull' })
  recorder.used({ grantId, action: 'push', at: 6 })
  await recorder.flush()
  assert.deepEqual(await usesOf(world), { at: 5, actions: 'pull' })
})

test('what cannot even be written at the end is told to be lost', async () => {
  await using world = await openWorld()
  const { grantId } = await aGrant(world)
  const { write } = failing(world.metadata, 1)
  const warnings: string[] = []
  const warn = (message: string) => warnings.push(message)
  const recorder = createUseRecorder({ write }, { flushEveryMs: 60_000, warn })
  recorder.used({ grantId, action: 'pull', at: 5 })
  await recorder.close()
  assert.match(warnings.at(-1) ?? '', /is lost/)
})

test('more than a transaction should hold is written in several', async () => {
  await using world = await openWorld()
  const { grantId } = await aGrant(world)
  const { state, write } = failing(world.metadata, 0)
  await using recorder = createUseRecorder({ write }, quiet)
  for (let id = 10_000; id < 14_500; id += 1) recorder.used({ grantId: id, action: 'pull', at: 1 })
  recorder.used({ grantId, action: 'pull', at: 1 })
  await recorder.flush()
  assert.equal(state.writes, 3)
  assert.deepEqual(await usesOf(world), { at: 1, actions: 'pull' })
})

test('flushes that are asked for at once write what was used before each of them', async () => {
  await using world = await openWorld()
  const { grantId } = await aGrant(world)
  await using recorder = createUseRecorder(world.metadata, quiet)
  const use: Use = { grantId, action: 'pull', at: 1 }
  recorder.used(use)
  const first = recorder.flush()
  recorder.used({ ...use, action: 'push', at: 2 })
  const second = recorder.flush()
  await second
  assert.deepEqual(await usesOf(world), { at: 2, actions: 'pull,push' })
  await first
})
