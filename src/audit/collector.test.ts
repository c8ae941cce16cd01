import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createAuditCollector, type CollectorOptions } from './collector.ts'
import { anEntry, anInstallation } from './test-support/logs.ts'
import { listAudit, type AuditRow } from '../metadata/audit.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'

/** A database that can be out of order: then nothing is written. */
async function aFragileDatabase(t: TestContext) {
  const store = await anInstallation(t)
  const state = {
    isBroken: false,
    before: Promise.resolve(),
    writes: 0,
    durable: [] as (boolean | undefined)[],
  }
  const write: MetadataStore['write'] = async (work, options) => {
    await state.before
    if (state.isBroken) throw new Error('out of order')
    state.writes += 1
    state.durable.push(options?.durable)
    return store.write(work, options)
  }
  return {
    state,
    metadata: { write },
    rows: async () => listAudit(store, { after: 0, limit: 5000 }),
  }
}

function collectorOf(
  metadata: Pick<MetadataStore, 'write'>,
  options: Omit<CollectorOptions, 'warn'> = {},
) {
  const warnings: string[] = []
  const warn = (message: string): void => {
    warnings.push(message)
  }
  return { ...createAuditCollector(metadata, { flushEveryMs: 10_000, ...options, warn }), warnings }
}

const numbers = (rows: readonly AuditRow[]): unknown[] => rows.map(({ detail }) => detail['number'])

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 200; round += 1) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.fail('it did not happen within 2 s')
}

test('entries are written together, in order, with the time when they were added', async (t) => {
  const { state, metadata, rows } = await aFragileDatabase(t)
  const collector = collectorOf(metadata)
  const before = Date.now()
  for (let number = 0; number < 20; number += 1) {
    const { at: _, ...entry } = anEntry(number)
    collector.add(entry)
  }
  const added = Date.now()
  assert.deepEqual(await rows(), [])
  await new Promise((resolve) => setTimeout(resolve, 20))
  await collector.flush()
  const written = await rows()
  assert.deepEqual(
    numbers(written),
    Array.from({ length: 20 }, (_, number) => number),
  )
  assert.ok(written.every(({ at }) => at >= before && at <= added))
  assert.deepEqual([state.writes, state.durable], [1, [false]])
  await collector.flush()
  assert.equal(state.writes, 1)
  await collector.close()
  assert.deepEqual(collector.warnings, [])
})

test('entries are written after a moment without being asked for', async (t) => {
  const { metadata, rows } = await aFragileDatabase(t)
  const collector = collectorOf(metadata, { flushEveryMs: 5 })
  collector.add(anEntry(1))
  await until(async () => (await rows()).length === 1)
  collector.add(anEntry(2))
  await until(async () => (await rows()).length === 2)
  await collector.close()
})

test('many at once are written without waiting, and all of them', async (t) => {
  const { state, metadata, rows } = await aFragileDatabase(t)
  const collector = collectorOf(metadata)
  for (let number = 0; number < 2300; number += 1) collector.add(anEntry(number))
  await until(async () => (await rows()).length === 2300)
  assert.deepEqual(
    numbers(await rows()),
    Array.from({ length: 2300 }, (_, number) => number),
  )
  assert.equal(state.writes, 5)
  await collector.close()
})

test('what is added while others are written is written as well', async (t) => {
  const { metadata, rows } = await aFragileDatabase(t)
  const collector = collectorOf(metadata, { flushEveryMs: 5 })
  for (let round = 0; round < 50; round += 1) {
    collector.add(anEntry(round))
    if (round % 3 === 0) void collector.flush()
    if (round % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await collector.flush()
  assert.equal((await rows()).length, 50)
  await collector.close()
})

test('while nothing can be written, entries wait; it is said once, and they come later', async (t) => {
  const { state, metadata, rows } = await aFragileDatabase(t)
  const collector = collectorOf(metadata, { flushEveryMs: 5 })
  state.isBroken = true
  collector.add(anEntry(0))
  await collector.flush()
  collector.add(anEntry(1))
  await collector.flush()
  assert.deepEqual(collector.warnings, [
    'The audit log cannot be written now; entries wait in memory.',
  ])
  state.isBroken = false
  await until(async () => (await rows()).length === 2)
  assert.deepEqual(numbers(await rows()), [0, 1])
  assert.equal(collector.warnings.length, 1)
  state.isBroken = true
  collector.add(anEntry(2))
  await collector.flush()
  assert.equal(collector.warnings.length, 2)
  state.isBroken = false
  await collector.close()
  assert.deepEqual(numbers(await rows()), [0, 1, 2])
})

test('more than can wait are lost: said once, and counted in an entry', async (t) => {
  const { state, metadata, rows } = await aFragileDatabase(t)
  const collector = collectorOf(metadata, { maxEntries: 10 })
  state.isBroken = true
  for (let number = 0; number < 25; number += 1) {
    collector.add(anEntry(number))
    if (number % 5 === 0) await collector.flush()
  }
  assert.deepEqual(collector.warnings, [
    'The audit log cannot be written now; entries wait in memory.',
    'Entries of the audit log are being lost: 10 are waiting to be written already.',
  ])
  state.isBroken = false
  await collector.flush()
  const written = await rows()
  assert.deepEqual(
    numbers(written.slice(0, 10)),
    Array.from({ length: 10 }, (_, n) => n),
  )
  const { event, detail } = written.at(-1) ?? {}
  assert.deepEqual([written.length, event, detail], [11, 'audit.lost', { count: 15 }])
  collector.add(anEntry(30))
  await collector.close()
  assert.deepEqual([(await rows()).length, collector.warnings.length], [12, 2])
})

test('what is lost while others are written is counted as well', async (t) => {
  const { state, metadata, rows } = await aFragileDatabase(t)
  const collector = collectorOf(metadata, { maxEntries: 10 })
  const slow = Promise.withResolvers<void>()
  state.before = slow.promise
  for (let number = 0; number < 12; number += 1) collector.add(anEntry(number))
  const flushed = collector.flush()
  await new Promise((resolve) => setImmediate(resolve))
  for (let number = 12; number < 15; number += 1) collector.add(anEntry(number))
  slow.resolve()
  await flushed
  const lost = (await rows()).filter(({ event }) => event === 'audit.lost')
  assert.deepEqual(
    lost.map(({ detail }) => detail['count']),
    [2, 3],
  )
  await collector.close()
})

test('what cannot be written at the end, or comes after it, is lost, and that is said', async (t) => {
  const { state, metadata, rows } = await aFragileDatabase(t)
  const collector = collectorOf(metadata)
  collector.add(anEntry(0))
  await collector.flush()
  state.isBroken = true
  collector.add(anEntry(1))
  collector.add(anEntry(2))
  await collector.close()
  collector.add(anEntry(3))
  collector.add(anEntry(4))
  assert.deepEqual(collector.warnings.slice(1), [
    'Entries of the audit log that could not be written are lost: 2.',
    'Entries of the audit log are lost: they came after it was closed.',
  ])
  assert.equal((await rows()).length, 1)
})
