// A run that fails anywhere takes away nothing that is needed, and the next one does what is left: at every statement,
// with every answer of the database lost, and at every delete in the storage.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { listTrash } from '../metadata/blob-trash.ts'
import { openSqlite } from '../metadata/dialects/sqlite.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { query } from '../metadata/query.ts'
import { createBlobStore } from '../storage/blob-store.ts'
import { parseKey, type StorageDriver } from '../storage/driver.ts'
import { createMemoryDriver } from '../storage/drivers/memory/memory-driver.ts'
import { withFaults } from '../storage/fault-driver.ts'
import { collect } from './collect.ts'
import { withFault, type Fault } from './test-support/faulty-store.ts'
import { build, dayMs, graphs, type Graph } from './test-support/graph.ts'
import { expectedInTheEnd, sane, worldOf } from './test-support/model.ts'
import { empty, stateOf } from './test-support/state.ts'

const none = { untaggedMs: 0, unreferencedMs: 0, trashMs: 0, deletedMs: 0 }
const now = Date.now()
const later = now + 1000 * dayMs

/** One with some of everything, and small enough to fail at every step of it. */
const graph = aGraph()

function aGraph(): Graph {
  const found = fc
    .sample(graphs.map(sane), { numRuns: 400, seed: 7 })
    .filter(({ nodes, deleted }) => nodes.length > 15 && nodes.length < 25 && deleted !== undefined)
    .find(({ nodes }) => new Set(nodes.map(({ bin }) => bin)).size === 3)
  if (found === undefined) throw new Error('there is no such graph among those that were made up')
  return found
}

const keys = query<object>()((db) =>
  db.selectFrom('blobs').select(['digest', 'storage_key as key']).orderBy('digest'),
)
const needed = query<object>()((db) =>
  db.selectFrom('deleted_manifest_contents').select('digest').distinct(),
)

interface Place {
  readonly metadata: MetadataStore
  readonly driver: StorageDriver
}

async function aPlace(t: { after: (end: () => Promise<void>) => void }): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-collection-'))
  const file = join(folder, 'carrel.db')
  const metadata = await openSqlite({ file, migrate: true, syncLog: async () => undefined })
  t.after(async () => {
    await metadata[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  return { metadata, driver: createMemoryDriver() }
}

async function objectsOf({ driver }: Place): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { key } of driver.list(parseKey('blobs'))) found.push(key)
  return found.toSorted()
}

async function fill({ metadata, driver }: Place) {
  await empty(metadata)
  const world = worldOf(graph, await build(metadata, graph, now))
  for (const [number] of graph.blobs.entries()) {
    await driver.write(parseKey(`blobs/${number}`), [Buffer.alloc(10)])
  }
  return expectedInTheEnd(world)
}

/** What stays for ever is there, and no row is without its object. */
async function assertNothingLost(
  place: Place,
  end: Awaited<ReturnType<typeof fill>>,
  said: string,
): Promise<void> {
  const state = await stateOf(place.metadata)
  for (const part of ['live', 'blobs', 'links'] as const) {
    const there = new Set(state[part])
    for (const one of end[part]) assert.ok(there.has(one), `${said}: ${part} ${one} is gone`)
  }
  const objects = new Set(await objectsOf(place))
  const rows = await place.metadata.all(keys, {})
  for (const { key } of rows) assert.ok(objects.has(key ?? ''), `${said}: ${key} is gone`)
  // What can still be put back out of the trash would be whole.
  for (const { storageKey = '' } of await listTrash(place.metadata, { after: 0, limit: 999 })) {
    assert.ok(objects.has(storageKey), `${said}: ${storageKey}, which is in the trash, is gone`)
  }
  // What is in the bin can be restored.
  const known = new Set([...state.blobs, ...state.live.map((one) => one.replace(/^\d+@/, ''))])
  for (const one of state.bin) known.add(one.replace(/^\d+@/, ''))
  for (const { digest } of await place.metadata.all(needed, {})) {
    assert.ok(known.has(digest), `${said}: ${digest}, which the bin holds, is gone`)
  }
}

async function assertGoesOn(place: Place, end: Awaited<ReturnType<typeof fill>>, said: string) {
  const deps = { metadata: place.metadata, blobs: createBlobStore(place.driver) }
  const report = await collect(deps, { ...none, now: later + 10 * dayMs })
  assert.equal(report.errors, 0, `${said}: ${report.errorMessages.join()}`)
  assert.deepEqual(await stateOf(place.metadata), end, said)
  const rows = await place.metadata.all(keys, {})
  assert.deepEqual(await objectsOf(place), rows.map(({ key }) => key ?? '').toSorted(), said)
}

void test('a failure at any statement, or of any answer, loses nothing', async (t) => {
  const place = await aPlace(t)
  const tried = { statement: 0, answer: 0 }
  const step = process.env['CI'] === 'true' ? 1 : 4
  const first = Date.now() % step
  for (const at of ['statement', 'answer'] as const) {
    const [from, by] = at === 'statement' ? [first, step] : [0, 1]
    for (let number = from; number < 5000; number += by) {
      const fault: Fault = { at, number }
      const said = `${at} ${number}`
      const end = await fill(place)
      const { store, hasFailed } = withFault(place.metadata, fault)
      const deps = { metadata: store, blobs: createBlobStore(place.driver) }
      const report = await collect(deps, { ...none, now: later }).catch(() => undefined)
      if (!hasFailed()) break
      tried[at] += 1
      await assertNothingLost(place, end, said)
      // Whoever fails at the very end has still let the lease go, or it ends by itself.
      await place.metadata.write(async (tx) => void (await tx.run(endLeases, {})))
      await assertGoesOn(place, end, said)
      assert.ok(report === undefined || report.errors > 0 || at === 'answer' || number > 3, said)
    }
  }
  t.diagnostic(
    `failed at ${tried.statement} statements (from ${first}) and ${tried.answer} answers`,
  )
  assert.ok(tried.statement > 100 && tried.answer > 10)
})

const endLeases = query<object>()((db) => db.deleteFrom('leases'))

void test('a failure of any delete in the storage loses nothing, and is told', async (t) => {
  const place = await aPlace(t)
  const fails = { all: 0, number: -1, before: false }
  const driver = withFaults(place.driver, ({ operation }) => {
    if (operation !== 'delete') return undefined
    const isHere = fails.all === fails.number
    fails.all += 1
    const error = new Error('made to fail')
    return isHere ? { kind: fails.before ? 'fail' : 'lose-answer', error } : undefined
  })
  for (const before of [true, false]) {
    for (let number = 0; ; number += 1) {
      Object.assign(fails, { all: 0, number, before })
      const end = await fill(place)
      const deps = { metadata: place.metadata, blobs: createBlobStore(driver) }
      await collect(deps, { ...none, now: later })
      if (fails.all <= number) break
      await assertNothingLost(place, end, `delete ${number}`)
      fails.number = -1
      await assertGoesOn(place, end, `delete ${number}`)
    }
  }
  const end = await fill(place)
  const broken = withFaults(place.driver, ({ operation }) =>
    operation === 'delete' ? { kind: 'fail', error: new Error('made to fail') } : undefined,
  )
  const deps = { metadata: place.metadata, blobs: createBlobStore(broken) }
  const report = await collect(deps, { ...none, now: later })
  assert.ok(report.errors > 0 && report.purgedBlobs === 0 && report.bytes === 0)
  assert.match(report.errorMessages[0] ?? '', /^sha\d+:.*made to fail/)
  await assertNothingLost(place, end, 'every delete')
  await assertGoesOn(place, end, 'every delete')
})
