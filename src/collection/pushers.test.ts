// Many push images that share layers, others delete, and collection never stops, with delays of almost nothing: what was
// accepted is whole. A push that is refused because a blob went is repeated, as clients do.
//
//   CARREL_TEST_GC_SECONDS=600 for longer
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { findLinkedBlob } from '../metadata/blobs.ts'
import { openPostgres } from '../metadata/dialects/postgres.ts'
import { openSqlite } from '../metadata/dialects/sqlite.ts'
import { findManifestByTag } from '../metadata/manifests.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { createPostgresSchema, postgresIsMissing } from '../metadata/test-support/postgres.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { parseRepositoryName, parseTag } from '../oci/reference.ts'
import { removeManifest, removeTag } from '../registry/delete.ts'
import { ensureRepository } from '../registry/repository.ts'
import { anImage, bytesOf, push } from '../registry/test-support/images.ts'
import {
  content,
  pullBlob,
  pushBlob,
  type TestRegistry,
} from '../registry/test-support/registry.ts'
import { createUploadTickets } from '../registry/upload-ticket.ts'
import { createBlobStore } from '../storage/blob-store.ts'
import { createMemoryDriver } from '../storage/drivers/memory/memory-driver.ts'
import { collect } from './collect.ts'
import { createUseLeases } from './lease-of-use.ts'

const seconds = Number(process.env['CARREL_TEST_GC_SECONDS'] ?? 4)
const pushers = 20
const layerSize = 20_000
const mostTries = 50

interface Accepted {
  readonly repositoryId: number
  readonly tag: string
  readonly digest: Digest
  readonly layers: readonly Buffer[]
  isDeleted: boolean
}

async function aRegistryOn(metadata: MetadataStore): Promise<TestRegistry> {
  const driver = createMemoryDriver()
  const make = async (name: string) =>
    (await ensureRepository(metadata, parseRepositoryName(name), undefined)).id
  return {
    metadata,
    driver,
    blobs: createBlobStore(driver),
    tickets: createUploadTickets(Buffer.alloc(32, 7), 86_400_000),
    here: await make('team/here'),
    there: await make('team/there'),
  }
}

interface Tally {
  readonly accepted: Accepted[]
  refused: number
  collected: number
  purged: number
}

async function pushersAgainstCollection(t: TestContext, metadata: MetadataStore): Promise<void> {
  const registry = await aRegistryOn(metadata)
  const until = performance.now() + seconds * 1000
  const isOn = () => performance.now() < until
  const tally: Tally = { accepted: [], refused: 0, collected: 0, purged: 0 }
  await Promise.all([
    ...Array.from({ length: pushers }, async (_, number) =>
      pushOften(registry, tally, number, isOn),
    ),
    deleteOften(registry, tally, isOn),
    collectOften(registry, tally, isOn),
  ])
  const broken: string[] = []
  for (const image of tally.accepted) {
    if (!image.isDeleted && !(await isWhole(registry, image))) broken.push(image.tag)
  }
  const { refused, collected, purged, accepted } = tally
  const deleted = accepted.filter(({ isDeleted }) => isDeleted).length
  t.diagnostic(
    `${accepted.length} pushes accepted, ${refused} tries refused, ${deleted} deleted, ${collected} blobs trashed, ${purged} purged`,
  )
  assert.deepEqual(broken, [])
  assert.ok(accepted.length > 3 * pushers && purged > 3)
}

/** Base layers that all share, and one of its own. */
async function pushOften(
  registry: TestRegistry,
  tally: Tally,
  pusher: number,
  isOn: () => boolean,
): Promise<void> {
  for (let round = 0; isOn(); round += 1) {
    const repositoryId = (pusher + round) % 3 === 0 ? registry.there : registry.here
    const layers = [
      content(layerSize, (pusher + round) % 4),
      content(layerSize, 4 + (round % 3)),
      Buffer.from(`${pusher} ${round}`),
    ]
    const tag = `p${pusher}-${round}`
    for (let attempt = 0; attempt < mostTries; attempt += 1) {
      try {
        const digest = await pushOnce(registry, { repositoryId, layers, tag })
        tally.accepted.push({ repositoryId, tag, digest, layers, isDeleted: false })
        break
      } catch (error) {
        if (!(error instanceof OciError) || error.code !== 'MANIFEST_BLOB_UNKNOWN') throw error
        tally.refused += 1
      }
    }
  }
}

async function pushOnce(
  registry: TestRegistry,
  image: {
    readonly repositoryId: number
    readonly layers: readonly Buffer[]
    readonly tag: string
  },
): Promise<Digest> {
  const { repositoryId, layers, tag } = image
  const leases = createUseLeases(registry.metadata, { untaggedMs: 1000, unreferencedMs: 1000 })
  for (const layer of layers) {
    // A client asks before it uploads, and believes what it hears.
    const digest = digestOf(layer)
    const found = await findLinkedBlob(registry.metadata, repositoryId, digest)
    const isThere = found !== undefined && (await leases.blob(digest, found.reviewAfter))
    if (!isThere) await pushBlob(registry, layer, repositoryId)
  }
  const described = layers.map((layer) => ({
    mediaType: 'application/octet-stream',
    digest: digestOf(layer),
    size: layer.length,
  }))
  const [config] = described
  if (config === undefined) throw new Error('an image has layers')
  const manifest = anImage(config, described)
  await push(registry, manifest, tag, { repositoryId })
  return digestOf(bytesOf(manifest))
}

async function deleteOften(
  { metadata }: TestRegistry,
  { accepted }: Tally,
  isOn: () => boolean,
): Promise<void> {
  for (let round = 0; isOn(); round += 1) {
    await sleep(5)
    const image = accepted[(round * 7) % Math.max(1, accepted.length)]
    if (image === undefined || image.isDeleted) continue
    image.isDeleted = true
    const { repositoryId, tag, digest } = image
    if (round % 2 === 0) await removeManifest(metadata, repositoryId, digest)
    else await removeTag(metadata, repositoryId, parseTag(tag))
  }
}

async function collectOften(
  registry: TestRegistry,
  tally: Tally,
  isOn: () => boolean,
): Promise<void> {
  for (let round = 0; isOn(); round += 1) {
    const ms = [0, 20, 200, 2000][round % 4] ?? 0
    const keep = { untaggedMs: ms, unreferencedMs: ms, trashMs: ms / 4, deletedMs: ms / 2 }
    const report = await collect(registry, keep)
    assert.equal(report.errors, 0, report.errorMessages.join('\n'))
    tally.collected += report.blobs
    tally.purged += report.purgedBlobs
    await sleep(3)
  }
}

async function isWhole(
  registry: TestRegistry,
  { repositoryId, tag, digest, layers }: Accepted,
): Promise<boolean> {
  const manifest = await findManifestByTag(registry.metadata, repositoryId, parseTag(tag))
  if (manifest?.digest !== digest) return false
  for (const layer of layers) {
    const stored = await pullBlob(registry, digestOf(layer), repositoryId).catch(() => undefined)
    if (stored?.equals(layer) !== true) return false
  }
  return true
}

const timeout = 60_000 + 3000 * seconds

void test(`SQLite: ${pushers} pushers against collection`, { timeout }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-pushers-'))
  const file = join(folder, 'carrel.db')
  const metadata = await openSqlite({ file, migrate: true })
  t.after(async () => {
    await metadata[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  await pushersAgainstCollection(t, metadata)
})

const skip = postgresIsMissing

void test(`PostgreSQL: ${pushers} pushers against collection`, { timeout, skip }, async (t) => {
  const { url } = await createPostgresSchema()
  await using metadata = await openPostgres({ url, maxConnections: 8, migrate: true })
  await pushersAgainstCollection(t, metadata)
})
