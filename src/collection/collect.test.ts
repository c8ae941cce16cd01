// The collector with real pushes: what it leaves alone, what it takes, and that it takes it back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listAudit } from '../metadata/audit.ts'
import { findDeletedManifest } from '../metadata/deleted-manifests.ts'
import { listJournalQueue } from '../metadata/journal-queue.ts'
import { endLease, takeLease } from '../metadata/leases.ts'
import { findManifest, findManifestByTag } from '../metadata/manifests.ts'
import { parseTag } from '../oci/reference.ts'
import { digestOf } from '../oci/digest.ts'
import { removeBlob, removeManifest, removeRepository, removeTag } from '../registry/delete.ts'
import { restoreManifest } from '../registry/restore-manifest.ts'
import {
  anIndex,
  bytesOf,
  describeManifest,
  push,
  pushContent,
  pushImage,
} from '../registry/test-support/images.ts'
import {
  aRegistry,
  bigSize,
  content,
  objects,
  pullBlob,
  pushBlob,
  sha512,
  type TestRegistry,
} from '../registry/test-support/registry.ts'
import { day } from '../registry/test-support/reviews.ts'
import { collect, type CollectionReport, type CollectOptions } from './collect.ts'
import { findLastRun } from './last-run.ts'
import { previewCollection } from './preview.ts'
import { collectionStatus, listWaiting } from './status.ts'
import { undoCollection } from './undo.ts'

const usual = {
  untaggedMs: 14 * day,
  unreferencedMs: day,
  trashMs: day,
  deletedMs: 14 * day,
}
const none = { untaggedMs: 0, unreferencedMs: 0, trashMs: 0, deletedMs: 0 }
const v1 = parseTag('v1')
const audit = { event: 'collection.undone', actor: { name: 'tester' }, subject: 'x' } as const

async function run(
  registry: TestRegistry,
  options: Partial<CollectOptions>,
): Promise<CollectionReport> {
  const report = await collect(registry, { ...usual, ...options })
  assert.equal(report.errors, 0, report.errorMessages.join('\n'))
  return report
}

/** An image with a layer that lies in the storage. */
async function pushBig(registry: TestRegistry, seed: number, tag?: string) {
  const layer = content(bigSize, seed)
  await pushBlob(registry, layer)
  const image = await pushContent(registry, [`{"seed":${seed}}`])
  const described = {
    mediaType: 'application/octet-stream',
    digest: digestOf(layer),
    size: bigSize,
  }
  const whole = { ...image, layers: [described] }
  await push(registry, whole, tag)
  return { ...describeManifest(whole), layer: digestOf(layer) }
}

test('when all is deleted and its time is over, nothing is left in the storage', async (t) => {
  const registry = await aRegistry(t, { driver: 'filesystem' })
  const { metadata, here, there } = registry
  const index = anIndex([await pushBig(registry, 1), await pushBig(registry, 2, 'v2')])
  await push(registry, index, 'v1')
  const long = content(bigSize, 3)
  await pushBlob(registry, long, there, 'sha512')
  await pushBlob(registry, content(bigSize, 1), there)
  assert.equal((await objects(registry, 'blobs')).length, 3)
  await run(registry, { ...usual, now: Date.now() + 100 * day })
  // Two of them are used; nobody used the third.
  assert.equal((await objects(registry, 'blobs')).length, 3)
  await run(registry, { ...usual, now: Date.now() + 200 * day })
  assert.equal((await objects(registry, 'blobs')).length, 2)
  assert.equal(await pullBlob(registry, sha512(long), there), undefined)
  await removeManifest(metadata, here, describeManifest(index).digest)
  await removeRepository(metadata, there)
  const report = await run(registry, none)
  // The second image has a tag of its own.
  assert.ok(await findManifestByTag(metadata, here, parseTag('v2')))
  assert.equal(report.bytes, bigSize + '{"seed":1}'.length)
  await removeRepository(metadata, here)
  await run(registry, none)
  assert.deepEqual(await objects(registry, 'blobs'), [])
  const entries = (await listJournalQueue(metadata, 999)).flatMap((each) => each.entries)
  assert.equal(entries.filter(({ kind }) => kind === 'repository-purged').length, 2)
  const purged = await listAudit(metadata, { after: 0, event: 'repository.purged', limit: 9 })
  assert.deepEqual(
    purged.map(({ subject }) => subject),
    ['team/here', 'team/there'].toReversed(),
  )
})

test('things stay for as long as the settings say, and no longer', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const image = await pushBig(registry, 1, 'v1')
  const start = Date.now()
  await removeTag(metadata, here, v1)
  const isThere = async () => (await findManifest(metadata, here, image.digest)) !== undefined
  await run(registry, { now: start + 13.9 * day })
  assert.ok(await isThere())
  const second = await run(registry, { now: start + 14.1 * day })
  assert.ok(!(await isThere()))
  assert.equal(second.manifests, 1)
  assert.equal((await findDeletedManifest(metadata, here, image.digest))?.reason, 'collected')
  // Everything that it holds is there as long as it is in the bin.
  assert.ok(await pullBlob(registry, image.layer))
  await run(registry, { now: start + 15 * day })
  assert.ok(await pullBlob(registry, image.layer))
  await run(registry, { now: start + 15.2 * day })
  assert.equal(await findDeletedManifest(metadata, here, image.digest), undefined)
  // An hour for clients that were told that it is there, and a day in the trash.
  assert.ok(await pullBlob(registry, image.layer))
  await run(registry, { now: start + 15.3 * day })
  assert.equal(await pullBlob(registry, image.layer), undefined)
  assert.equal((await objects(registry, 'blobs')).length, 1)
  const last = await run(registry, { now: start + 16.4 * day })
  assert.equal((await objects(registry, 'blobs')).length, 0)
  assert.equal(last.bytes, bigSize + '{"seed":1}'.length)
  assert.equal((await findLastRun(metadata))?.totalBytes, last.bytes)
})

test('what was deleted by somebody can be restored until keep.deleted is over', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const image = await pushBig(registry, 1, 'v1')
  const start = Date.now()
  await removeManifest(metadata, here, image.digest)
  // Even what is taken out of the repository by itself.
  await removeBlob(metadata, here, image.layer)
  await run(registry, { now: start + 13.9 * day })
  const asked = { repositoryId: here, digest: image.digest }
  assert.ok(await restoreManifest(metadata, asked, audit))
  assert.ok(await pullBlob(registry, image.layer))
  await removeManifest(metadata, here, image.digest)
  await run(registry, { now: start + 14.1 * day })
  assert.equal(await restoreManifest(metadata, asked, audit), undefined)
})

test('images without a tag stay for ever where the settings say so', async (t) => {
  const registry = await aRegistry(t)
  const image = await pushBig(registry, 1)
  await run(registry, { ...none, untaggedMs: Infinity, now: Date.now() + 1000 * day })
  assert.ok(await findManifest(registry.metadata, registry.here, image.digest))
  assert.ok(await pullBlob(registry, image.layer))
  const forever = { untaggedMs: Infinity, unreferencedMs: Infinity, trashMs: Infinity }
  await run(registry, { ...forever, deletedMs: Infinity, now: Date.now() + 1000 * day })
})

test('indexes in indexes, each level twice, are looked at in no time', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  let level = [await pushImage(registry, 'a'), await pushImage(registry, 'b')]
  const deepest = level
  for (let depth = 0; depth < 20; depth += 1) {
    const indexes = [anIndex(level, { annotations: { depth: 'a' } }), anIndex(level)]
    for (const index of indexes) await push(registry, index)
    level = indexes.map(describeManifest)
  }
  const index = anIndex(level)
  await push(registry, index, 'v1')
  const far = { now: Date.now() + 100 * day }
  const started = performance.now()
  assert.equal((await run(registry, far)).manifests, 0)
  for (const { digest } of deepest) assert.ok(await findManifest(metadata, here, digest))
  await removeTag(metadata, here, v1)
  assert.equal((await run(registry, none)).manifests, 43)
  const seconds = (performance.now() - started) / 1000
  t.diagnostic(`two runs over 43 manifests in 21 levels: ${seconds.toFixed(2)} s`)
  // Were each way down walked, there would be two million.
  assert.ok(seconds < 20)
})

test('an index that refers to its own child goes with it, and stays with it', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const child = await pushImage(registry, 'child')
  const index = anIndex([child], { subject: child })
  await push(registry, index)
  await push(registry, index, 'v1')
  const far = Date.now() + 100 * day
  assert.equal((await run(registry, { now: far })).manifests, 0)
  await removeTag(metadata, here, v1)
  assert.equal((await run(registry, { now: far })).manifests, 2)
  for (const { digest } of [child, describeManifest(index)]) {
    assert.equal(await findManifest(metadata, here, digest), undefined)
  }
})

test('only one collects at a time, and nothing is purged while a backup is made', async (t) => {
  const registry = await aRegistry(t)
  const { metadata } = registry
  const lease = { holder: 'another', forMs: day }
  await pushBlob(registry, content(bigSize))
  const take = async (name: 'collection' | 'backup') =>
    metadata.write(async (tx) => takeLease(tx, name, lease))
  const end = async (name: 'collection' | 'backup') =>
    metadata.write(async (tx) => endLease(tx, name, lease.holder))
  await take('collection')
  assert.equal((await run(registry, none)).busy, true)
  assert.equal(await findLastRun(metadata), undefined)
  await end('collection')
  await take('backup')
  const held = await run(registry, none)
  assert.deepEqual([held.busy, held.blobs, held.purgedBlobs, held.bytes], [false, 1, 0, 0])
  assert.equal((await objects(registry, 'blobs')).length, 1)
  assert.equal((await previewCollection(metadata, none)).heldByBackup, true)
  await end('backup')
  assert.equal((await run(registry, none)).bytes, bigSize)
  assert.deepEqual(await objects(registry, 'blobs'), [])
})

test('what was collected comes back whole while it is in the trash', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here, there } = registry
  const image = await pushBig(registry, 1)
  const index = anIndex([image])
  await push(registry, index)
  const loose = content(bigSize, 9)
  await pushBlob(registry, loose)
  await pushBlob(registry, loose, there)
  const keep = { ...none, trashMs: Infinity }
  const taken = await run(registry, keep)
  assert.deepEqual([taken.manifests, taken.blobs], [2, 1])
  assert.equal(await pullBlob(registry, digestOf(loose), there), undefined)
  // What somebody deleted is no matter of it.
  const other = await pushImage(registry, 'other', 'v1')
  await removeManifest(metadata, here, other.digest)
  const { errors, manifests, blobs } = await undoCollection(metadata, audit)
  assert.deepEqual({ errors, manifests, blobs }, { errors: 0, manifests: 2, blobs: 1 })
  for (const repository of [here, there]) {
    assert.deepEqual(await pullBlob(registry, digestOf(loose), repository), loose)
  }
  const found = await findManifest(metadata, here, describeManifest(index).digest)
  assert.deepEqual(Buffer.from(found?.content ?? []), bytesOf(index))
  assert.ok(await pullBlob(registry, image.layer))
  assert.equal(await findManifest(metadata, here, other.digest), undefined)
  // It is looked at again a day later, and goes when nothing uses it then.
  const again = { ...usual, trashMs: Infinity, now: Date.now() + 15 * day }
  const second = await run(registry, again)
  // The index, which keeps its child until it is purged; and what was deleted before is purged.
  assert.deepEqual([second.manifests, second.blobs, second.purgedManifests], [1, 3, 1])
})

test('what a push brings again is none of the trash, and stays when that is purged', async (t) => {
  const registry = await aRegistry(t)
  const { metadata } = registry
  await pushBlob(registry, content(bigSize))
  await run(registry, { ...none, trashMs: Infinity })
  const digest = await pushBlob(registry, content(bigSize))
  assert.equal((await objects(registry, 'blobs')).length, 2)
  assert.equal((await undoCollection(metadata, audit)).blobs, 0)
  await run(registry, { ...usual, trashMs: 0 })
  assert.equal((await objects(registry, 'blobs')).length, 1)
  assert.ok(await pullBlob(registry, digest))
})

test('a look ahead says what a run does, and changes nothing', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  await pushBig(registry, 1)
  const deleted = await pushBig(registry, 2, 'v1')
  await removeManifest(metadata, here, deleted.digest)
  await pushBlob(registry, content(bigSize, 3))
  const soon = { ...usual, untaggedMs: 0, unreferencedMs: 0 }
  const before = await listWaiting(metadata, usual, 9)
  const seen = await previewCollection(metadata, soon)
  assert.deepEqual(await listWaiting(metadata, usual, 9), before)
  assert.deepEqual([seen.manifests, seen.blobs, seen.trashedBytes, seen.bytes], [1, 1, bigSize, 0])
  const reasons = before.things.map(({ reason }) => reason)
  assert.deepEqual(reasons.toSorted(), ['deleted', 'unreferenced', 'untagged'])
  const [bin] = before.things
  assert.deepEqual([bin?.repository, bin?.digest, bin?.tags], ['team/here', deleted.digest, ['v1']])
  const untagged = before.things.find(({ reason }) => reason === 'untagged')
  assert.ok(Math.abs((untagged?.due ?? 0) - Date.now() - 14 * day) < 60_000)
  const status = await collectionStatus(metadata, usual)
  assert.equal(status.reclaimable.bytes, 3 * bigSize + '{"seed":1}{"seed":2}'.length)
  const report = await run(registry, soon)
  assert.deepEqual([report.manifests, report.blobs], [seen.manifests, seen.blobs])
  assert.equal((await collectionStatus(metadata, usual)).trash.bytes, bigSize)
  assert.ok((await previewCollection(metadata, { ...soon, trashMs: 0 })).bytes >= bigSize)
})

test('a run that is to end early says so, and the next one goes on', async (t) => {
  const registry = await aRegistry(t)
  for (let seed = 0; seed < 5; seed += 1) await pushBlob(registry, content(bigSize, seed))
  const ended = await run(registry, { ...none, signal: AbortSignal.abort() })
  assert.deepEqual([ended.complete, ended.blobs], [false, 0])
  const next = await run(registry, none)
  assert.deepEqual([next.complete, next.blobs, next.purgedBlobs], [true, 5, 5])
})
