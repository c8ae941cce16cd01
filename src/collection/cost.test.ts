// What a run costs is told by what there is to collect, not by what is kept: no statement of it reads a whole table.
// And asking for what is there costs the same as ever while its review is far.
//
//   CARREL_TEST_DELETES=1000000 deletes so many manifests and collects them, and tells how many a second
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { dueInBinQuery } from '../metadata/bin-lists.ts'
import { trashQueries } from '../metadata/blob-trash.ts'
import { findLinkedBlob, insertBlob, linkBlob } from '../metadata/blobs.ts'
import { collectionQueries, putOffBlob } from '../metadata/collection.ts'
import { binQueries } from '../metadata/deleted-manifests.ts'
import { openSqlite } from '../metadata/dialects/sqlite.ts'
import { findManifest, insertManifest } from '../metadata/manifests.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { purgeQueries } from '../metadata/purge-repository.ts'
import type { Query } from '../metadata/query.ts'
import { reviewBlob, reviewManifest } from '../metadata/reviews.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import { removeManifest } from '../registry/delete.ts'
import { ensureRepository } from '../registry/repository.ts'
import { aRegistry, pushBlob } from '../registry/test-support/registry.ts'
import { createBlobStore } from '../storage/blob-store.ts'
import { createMemoryDriver } from '../storage/drivers/memory/memory-driver.ts'
import { collect } from './collect.ts'
import { createUseLeases } from './lease-of-use.ts'

async function aDatabase(t: TestContext): Promise<{ metadata: MetadataStore; file: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-cost-'))
  const file = join(folder, 'carrel.db')
  const metadata = await openSqlite({ file, migrate: true })
  t.after(async () => {
    await metadata[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  return { metadata, file }
}

test('no statement of a run reads a whole table', async (t) => {
  const { file } = await aDatabase(t)
  using db = new DatabaseSync(file)
  const queries: Readonly<Record<string, Query<never, unknown>>> = {
    ...collectionQueries,
    ...binQueries,
    ...trashQueries,
    ...purgeQueries,
    dueInBin: dueInBinQuery,
  }
  for (const [name, query] of Object.entries(queries)) {
    const { sql } = query.compiled.sqlite
    const plan = db.prepare(`explain query plan ${sql}`).all()
    const details = plan.map((row) => String(row['detail']))
    assert.ok(details.length > 0 || /^insert/i.test(sql), name)
    for (const detail of details) {
      // What was put together by the statement itself is small.
      const isTable = /^SCAN (?!.*(?:\(subquery|CONSTANT|SUBQUERY))/.test(detail)
      assert.ok(!isTable, `${name}: ${detail}\n${sql}`)
    }
  }
  assert.ok(Object.keys(queries).length > 25)
  // That such a statement would be seen.
  const scan = db.prepare('explain query plan select size from manifests where size = 1').all()
  assert.match(String(scan[0]?.['detail']), /^SCAN manifests/)
})

test('whoever asks whether something is there puts its review off when that is near, and only then', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const digest = await pushBlob(registry, Buffer.from('content'))
  const reviewOf = async () => (await findLinkedBlob(metadata, here, digest))?.reviewAfter ?? 0
  const day = 86_400_000
  const hour = 3_600_000
  const far = createUseLeases(metadata, { untaggedMs: 14 * day, unreferencedMs: day })
  const before = await reviewOf()
  assert.equal(await far.blob(digest, before), true)
  assert.equal(await reviewOf(), before)
  // What is due soon is given an hour, or as long as things stay anyway.
  const near = createUseLeases(metadata, { untaggedMs: 14 * day, unreferencedMs: hour / 2 })
  await metadata.write(async (tx) => reviewBlob(tx, digest))
  const soon = (await reviewOf()) - 10 * 60_000
  const lease = { digest, before: Number.MAX_SAFE_INTEGER, reviewAfter: soon }
  await metadata.write(async (tx) => putOffBlob(tx, lease))
  assert.equal(await near.blob(digest, soon), true)
  const later = await reviewOf()
  assert.ok(Math.abs(later - (Date.now() + day)) < 5000)
  // It is gone: whoever asked looks again.
  assert.equal(await near.blob(digestOf(Buffer.from('gone')), soon), false)
  assert.equal(await near.blob(digest, undefined), true)
  // For manifests the same, unless they stay for ever.
  const manifest = await aManifest(metadata, here, 0, [])
  const seen = (await findManifest(metadata, here, manifest))?.reviewAfter
  const now = createUseLeases(metadata, { untaggedMs: 0, unreferencedMs: 0 })
  assert.equal(await far.manifest(here, manifest, seen), true)
  assert.equal((await findManifest(metadata, here, manifest))?.reviewAfter, seen)
  await metadata.write(async (tx) => reviewManifest(tx, here, manifest))
  const forever = createUseLeases(metadata, { untaggedMs: Infinity, unreferencedMs: 0 })
  assert.equal(await forever.manifest(here, manifest, 0), true)
  assert.equal(await now.manifest(here, digestOf(Buffer.from('gone')), 0), false)
})

const deletes = Number(process.env['CARREL_TEST_DELETES'] ?? 2000)
const atOnce = 64
const timeout = 60_000 + deletes * 5

test(`${deletes} manifests are deleted and collected`, { timeout }, async (t) => {
  const { metadata } = await aDatabase(t)
  const { id } = await ensureRepository(metadata, parseRepositoryName('team/app'), undefined)
  const shared = Buffer.from('layer of all')
  await metadata.write(async (tx) => {
    await insertBlob(tx, { ...blobOf(shared), content: shared })
    await linkBlob(tx, id, digestOf(shared))
  })
  const digests: Digest[] = []
  for (let number = 0; number < deletes; number += 1) {
    const own = Buffer.from(`layer ${number}`)
    if (number % 10 === 0) {
      await metadata.write(
        async (tx) => {
          await insertBlob(tx, { ...blobOf(own), storageKey: `blobs/${number}` })
          await linkBlob(tx, id, digestOf(own))
        },
        { durable: false },
      )
    }
    const held = [digestOf(shared), ...(number % 10 === 0 ? [digestOf(own)] : [])]
    digests.push(await aManifest(metadata, id, number, held))
  }
  // As a server does, or the log of the database grows and grows.
  const upkeep = setInterval(() => void metadata.maintain().catch(() => undefined), 500)
  t.after(() => clearInterval(upkeep))
  const perSecond: Record<string, number> = {}
  await measured('deleted', async () => {
    for (let from = 0; from < deletes; from += atOnce) {
      const some = digests.slice(from, from + atOnce)
      await Promise.all(some.map(async (digest) => removeManifest(metadata, id, digest)))
    }
  })
  const deps = { metadata, blobs: createBlobStore(createMemoryDriver()) }
  await measured('collected', async () => {
    const none = { untaggedMs: 0, unreferencedMs: 0, trashMs: 0, deletedMs: 0 }
    const report = await collect(deps, none)
    assert.equal(report.errors, 0, report.errorMessages.join('\n'))
    assert.equal(report.purgedManifests, deletes)
    assert.equal(report.purgedBlobs, Math.ceil(deletes / 10) + 1)
  })
  const told = Object.entries(perSecond).map(([what, rate]) => `${what} ${Math.round(rate)}/s`)
  t.diagnostic(`${deletes} manifests: ${told.join(', ')}`)
  // The machine of a test may be busy with others; on the long run, which has it for itself, the figure counts.
  if (deletes < 10_000) return
  for (const rate of Object.values(perSecond)) assert.ok(rate >= 1000, told.join())

  async function measured(what: string, work: () => Promise<void>): Promise<void> {
    const started = performance.now()
    await work()
    perSecond[what] = deletes / ((performance.now() - started) / 1000)
  }
})

function blobOf(bytes: Buffer) {
  const { length: size } = bytes
  return { digest: digestOf(bytes), size, storageKey: undefined, content: undefined }
}

async function aManifest(
  metadata: MetadataStore,
  repositoryId: number,
  number: number,
  blobs: readonly Digest[],
): Promise<Digest> {
  const content = Buffer.from(`{"schemaVersion":2,"annotations":{"number":"${number}"}}`)
  const digest = digestOf(content)
  await metadata.write(
    async (tx) =>
      insertManifest(tx, {
        repositoryId,
        digest,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        size: content.length,
        content,
        subject: undefined,
        artifactType: undefined,
        annotations: undefined,
        pushedBy: undefined,
        tagged: false,
        blobs,
        children: [],
      }),
    { durable: false },
  )
  return digest
}
