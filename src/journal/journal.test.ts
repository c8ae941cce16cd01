import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countJournalQueue, listJournalQueue } from '../metadata/journal-queue.ts'
import { findJournalState, requestJournalBase } from '../metadata/journal-state.ts'
import { takeLease } from '../metadata/leases.ts'
import { findRepository } from '../metadata/repositories.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import { StorageFullError } from '../oci/errors.ts'
import { ensureRepository } from '../registry/repository.ts'
import { pushImage } from '../registry/test-support/images.ts'
import { withFaults, type DriverCall, type Fault } from '../storage/fault-driver.ts'
import { createJournal } from './journal.ts'
import { decodeSegment } from './segment.ts'
import {
  aWorld,
  rebuildFrom,
  tellAll,
  type World,
  type WorldOptions,
} from './test-support/world.ts'

async function withRepository(t: Parameters<typeof aWorld>[0], options?: WorldOptions) {
  const world = await aWorld(t, options)
  const { metadata } = world
  const repository = await ensureRepository(metadata, parseRepositoryName('team/app'), undefined)
  return { ...world, here: repository.id }
}

async function segmentsOf({ blobs }: Pick<World, 'blobs'>) {
  const segments = []
  for await (const { key, sequence } of blobs.listJournal()) {
    const chunks: Uint8Array[] = []
    for await (const chunk of await blobs.open(key)) chunks.push(chunk as Uint8Array)
    segments.push({ key, sequence, ...decodeSegment(Buffer.concat(chunks)) })
  }
  return segments
}

test('an empty installation writes nothing', async (t) => {
  const world = await aWorld(t)
  await createJournal(world).run()
  assert.deepEqual(await segmentsOf(world), [])
})

test('the first segment is a base, later ones tell what is new, and the queue is empty then', async (t) => {
  const world = await withRepository(t)
  await pushImage(world, 'one', 'v1')
  const journal = createJournal(world)
  await journal.run()
  await pushImage(world, 'two', 'v2')
  await journal.run()
  await journal.run()
  const segments = await segmentsOf(world)
  assert.deepEqual(
    segments.map(({ sequence, header }) => [sequence, header.base?.last]),
    [
      [1, true],
      [2, undefined],
    ],
  )
  const kinds = segments[1]?.lines.map(({ kind }) => kind)
  assert.deepEqual(kinds, ['blob', 'blob', 'manifest', 'change', 'tag'])
  assert.equal(await countJournalQueue(world.metadata), 0)
})

test('a database from the journal alone is the one that was lost', async (t) => {
  const world = await withRepository(t)
  await pushImage(world, 'one', 'v1')
  await pushImage(world, 'two', 'v1')
  await createJournal(world).run()
  const { file, findings, rebuilt } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(tellAll(file), tellAll(world.file))
  assert.deepEqual(findings, [])
  assert.equal(rebuilt.manifests, 2)
})

test('what was there before the journal comes back too', async (t) => {
  const world = await withRepository(t)
  await pushImage(world, 'one', 'v1')
  await world.metadata.write(async (tx) => {
    for (const { id } of await listJournalQueue(tx, 100)) {
      const { removeFromJournalQueue } = await import('../metadata/journal-queue.ts')
      await removeFromJournalQueue(tx, [id])
    }
  })
  await createJournal(world).run()
  const { file } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(tellAll(file), tellAll(world.file))
})

test('while the storage is full the queue waits; afterwards all of it is written', async (t) => {
  const faults: { plan: (call: DriverCall) => Fault | undefined } = { plan: () => undefined }
  const wrap: WorldOptions['wrap'] = (driver) => withFaults(driver, (call) => faults.plan(call))
  const world = await withRepository(t, { wrap })
  const journal = createJournal(world)
  await journal.run()
  faults.plan = ({ operation }) =>
    operation === 'write' ? { kind: 'fail', error: new StorageFullError() } : undefined
  await pushImage(world, 'one', 'v1')
  await assert.rejects(journal.run(), StorageFullError)
  await assert.rejects(journal.run(), StorageFullError)
  const waiting = await countJournalQueue(world.metadata)
  assert.ok(waiting > 0)
  faults.plan = () => undefined
  await journal.run()
  assert.equal(await countJournalQueue(world.metadata), 0)
  const { file } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(tellAll(file), tellAll(world.file))
})

test('a crash between segment and queue is noticed, and the journal goes on without a new base', async (t) => {
  const faults: { plan: (call: DriverCall) => Fault | undefined } = { plan: () => undefined }
  const wrap: WorldOptions['wrap'] = (driver) => withFaults(driver, (call) => faults.plan(call))
  const world = await withRepository(t, { wrap })
  await createJournal(world).run()
  await pushImage(world, 'one', 'v1')
  faults.plan = ({ operation }) =>
    operation === 'write' ? { kind: 'lose-answer', error: new Error('crash') } : undefined
  await assert.rejects(createJournal(world).run(), /crash/)
  faults.plan = () => undefined
  await createJournal(world).run()
  const segments = await segmentsOf(world)
  assert.equal(segments.filter(({ header }) => header.base !== undefined).length, 1)
  assert.deepEqual(
    segments.map(({ sequence }) => sequence),
    [1, 2, 3],
  )
  const { file } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(tellAll(file), tellAll(world.file))
})

test('segments that the database does not know, or that are gone, have it begin anew', async (t) => {
  const world = await withRepository(t)
  await createJournal(world).run()
  await pushImage(world, 'one', 'v1')
  await createJournal(world).run()
  const last = (await segmentsOf(world)).at(-1)
  await world.blobs.delete([last!.key])
  await createJournal(world).run()
  const bases = (await segmentsOf(world)).filter(({ header }) => header.base !== undefined)
  assert.equal(bases.length, 2)
  await world.metadata.write(async (tx) => requestJournalBase(tx))
  await createJournal(world).run()
  const again = (await segmentsOf(world)).filter(({ header }) => header.base !== undefined)
  assert.equal(again.length, 3)
  const { file } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(tellAll(file), tellAll(world.file))
})

test('a new base in several parts replaces what came before it, and only then', async (t) => {
  const world = await withRepository(t)
  const limits = { segmentBytes: 600, looseBytes: 3000, looseSegments: 1000 }
  const journal = createJournal({ ...world, limits })
  for (let count = 0; count < 12; count += 1) {
    await pushImage(world, `image ${count}`, `v${count % 3}`)
    await journal.run()
  }
  const state = await findJournalState(world.metadata)
  assert.ok((state?.base?.from ?? 0) > 5, 'no new base was written')
  assert.ok((state?.base?.parts ?? 0) > 3)
  const segments = await segmentsOf(world)
  assert.equal(segments[0]?.sequence, state?.base?.from)
  assert.equal(segments.length, state?.segments)
  const { file } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(tellAll(file), tellAll(world.file))
})

test('a base that fails takes its parts away, and the one before stays', async (t) => {
  const faults: { plan: (call: DriverCall) => Fault | undefined } = { plan: () => undefined }
  const wrap: WorldOptions['wrap'] = (driver) => withFaults(driver, (call) => faults.plan(call))
  const world = await withRepository(t, { wrap })
  const limits = { segmentBytes: 400, looseBytes: 3_000, looseSegments: 1000 }
  const journal = createJournal({ ...world, limits })
  await journal.run()
  for (let count = 0; count < 6; count += 1) await pushImage(world, `image ${count}`, 'v')
  await createJournal({ ...world, limits: { ...limits, looseBytes: 1_000_000 } }).run()
  const before = await segmentsOf(world)
  let writes = 0
  faults.plan = ({ operation }) => {
    if (operation !== 'write') return undefined
    writes += 1
    return writes > 3 ? { kind: 'fail', error: new StorageFullError() } : undefined
  }
  await pushImage(world, 'last', 'v')
  const failing = createJournal({ ...world, limits })
  await assert.rejects(failing.run(), StorageFullError)
  assert.ok(writes > 3)
  const bases = (await segmentsOf(world)).filter(({ header }) => header.base !== undefined)
  assert.equal(bases.length, before.filter(({ header }) => header.base !== undefined).length)
  faults.plan = () => undefined
  await failing.run()
  const { file } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(tellAll(file), tellAll(world.file))
})

test("another installation's journal is left alone", async (t) => {
  const old = await withRepository(t)
  await pushImage(old, 'one', 'v1')
  await createJournal(old).run()
  const fresh = await withRepository(t, { driver: old.driver, installation: 'installation-two' })
  await assert.rejects(createJournal(fresh).run(), /journal of another installation/)
  assert.equal((await segmentsOf(old)).length, 1)
  const { metadata } = await rebuildFrom(t, old.blobs)
  assert.ok(await findRepository(metadata, parseRepositoryName('team/app')))
})

test('a node that lost the lease takes back what it wrote', async (t) => {
  const faults: { plan: (call: DriverCall) => Fault | undefined } = { plan: () => undefined }
  const wrap: WorldOptions['wrap'] = (driver) => withFaults(driver, (call) => faults.plan(call))
  const world = await withRepository(t, { wrap })
  const journal = createJournal(world)
  await journal.run()
  await pushImage(world, 'one', 'v1')
  const { metadata } = world
  const before = (await segmentsOf(world)).length
  let stolen: Promise<unknown> = Promise.resolve()
  faults.plan = ({ operation }) => {
    if (operation !== 'write') return undefined
    stolen = metadata.write(async (tx) => {
      const { endLease } = await import('../metadata/leases.ts')
      await endLease(tx, 'journal', 'server')
      await takeLease(tx, 'journal', { holder: 'another', forMs: 60_000 })
    })
    return { kind: 'stall', forMs: 20 }
  }
  await assert.rejects(journal.run(), /another node/)
  await stolen
  assert.equal((await segmentsOf(world)).length, before)
  assert.ok((await countJournalQueue(metadata)) > 0)
  faults.plan = () => undefined
  await journal.run()
  assert.equal((await segmentsOf(world)).length, before)
})

test('small content is told once, and again after a new base', async (t) => {
  const world = await withRepository(t)
  const journal = createJournal(world)
  await journal.run()
  await pushImage(world, 'one', 'v1')
  await journal.run()
  const other = await ensureRepository(world.metadata, parseRepositoryName('team/b'), undefined)
  const elsewhere = { ...world, here: other.id }
  await pushImage(elsewhere, 'one', 'v1')
  await journal.run()
  const told = (await segmentsOf(world)).flatMap(({ lines }) => lines)
  assert.equal(told.filter(({ kind }) => kind === 'blob').length, 2)
  const { file } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(tellAll(file), tellAll(world.file))
})

test('a process that ends at once has written a base all the same, and no more than the first', async (t) => {
  const world = await withRepository(t)
  await pushImage(world, 'one', 'v1')
  const limits = { segmentBytes: 600, looseBytes: 100, looseSegments: 1 }
  const journal = createJournal({ ...world, limits })
  journal.stop()
  await journal.end()
  const { file, findings } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(findings, [])
  assert.deepEqual(tellAll(file), tellAll(world.file))
  for (let count = 0; count < 4; count += 1) await pushImage(world, `image ${count}`, 'v')
  const again = createJournal({ ...world, limits })
  again.stop()
  await again.end()
  const bases = new Set((await segmentsOf(world)).map(({ header }) => header.base?.id))
  assert.equal(bases.size, 2, 'one base, and segments without')
  assert.deepEqual(tellAll((await rebuildFrom(t, world.blobs)).file), tellAll(world.file))
})
