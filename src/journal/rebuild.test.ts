import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { findLinkedBlob } from '../metadata/blobs.ts'
import { countJournalQueue } from '../metadata/journal-queue.ts'
import { pageOfDeletedManifests } from '../metadata/journal-reading.ts'
import { createPostgresSchema, postgresIsMissing } from '../metadata/test-support/postgres.ts'
import { openPostgres } from '../metadata/dialects/postgres.ts'
import { insertPrincipal, findPrincipalByName } from '../metadata/principals.ts'
import { findRepository } from '../metadata/repositories.ts'
import { ociImageConfig } from '../oci/media-types.ts'
import { parseRepositoryName, parseTag } from '../oci/reference.ts'
import { removeManifest, removeRepository, removeTag } from '../registry/delete.ts'
import { ensureRepository } from '../registry/repository.ts'
import {
  anImage,
  anIndex,
  describe,
  describeManifest,
  layerType,
  push,
  pushContent,
} from '../registry/test-support/images.ts'
import { bigSize, content, pullBlob, pushBlob } from '../registry/test-support/registry.ts'
import type { Key } from '../storage/driver.ts'
import { createJournal } from './journal.ts'
import { readJournal } from './read-journal.ts'
import { rebuild } from './rebuild.ts'
import { Findings } from './report.ts'
import { encodeSegment, headerOf } from './segment.ts'
import { aWorld, rebuildFrom, tellAll, type World } from './test-support/world.ts'

const thorough = process.env['CI'] === 'true'

async function withRepository(t: TestContext, name = 'team/app'): Promise<World> {
  const world = await aWorld(t)
  return withOther(world, name)
}

async function withOther(world: World, name: string): Promise<World> {
  const repository = await ensureRepository(world.metadata, parseRepositoryName(name), undefined)
  return { ...world, here: repository.id }
}

/** An image whose layer lies in the storage. */
async function pushBig(world: World, seed: number, tag: string) {
  const layer = content(bigSize, seed)
  const config = Buffer.from(`{"seed":${seed}}`)
  for (const bytes of [layer, config]) await pushBlob(world, bytes, world.here)
  const image = anImage(describe(ociImageConfig, config), [describe(layerType, layer)])
  await push(world, image, tag)
  return { image, layer, digest: describe('', layer).digest, config: describe('', config).digest }
}

async function bytesOf({ blobs }: World, key: Key): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await blobs.open(key)) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}

async function overwrite({ driver }: World, key: Key, bytes: Uint8Array): Promise<void> {
  await driver.write(key, [bytes])
}

async function objectsOf(world: World): Promise<Key[]> {
  const keys: Key[] = []
  for await (const { key } of world.blobs.listBlobs()) keys.push(key)
  return keys
}

async function segmentsOf(world: World): Promise<Key[]> {
  const keys: Key[] = []
  for await (const { key } of world.blobs.listJournal()) keys.push(key)
  return keys
}

const kindsOf = (findings: readonly { readonly kind: string }[]) =>
  findings.map(({ kind }) => kind).toSorted()

test('a blob that is gone leaves its manifest whole, and the next push heals it', async (t) => {
  const world = await withRepository(t)
  const { digest, layer } = await pushBig(world, 1, 'v1')
  await createJournal(world).run()
  await world.blobs.delete(await objectsOf(world))
  const { findings, metadata } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(
    findings.map(({ kind, name, digest: of }) => [kind, name, of]),
    [['blob-missing', 'team/app', digest]],
  )
  const again = { ...world, metadata }
  assert.equal(await findLinkedBlob(metadata, world.here, digest), undefined)
  await pushBlob(again, layer, world.here)
  assert.deepEqual(await pullBlob(again, digest), layer)
})

test('a torn object is told from a whole one; of two the right one is taken', async (t) => {
  const world = await withRepository(t)
  const { digest, layer } = await pushBig(world, 1, 'v1')
  await createJournal(world).run()
  const [key] = await objectsOf(world)
  await overwrite(world, key!, layer.subarray(0, 1000))
  const torn = await rebuildFrom(t, world.blobs)
  assert.deepEqual(kindsOf(torn.findings), ['blob-missing'])
  await world.blobs.writeBytes(layer, digest)
  const healed = await rebuildFrom(t, world.blobs)
  assert.deepEqual(healed.findings, [])
  assert.deepEqual(await pullBlob({ ...world, metadata: healed.metadata }, digest), layer)
})

test('deep: one turned bit in a blob is found', async (t) => {
  const world = await withRepository(t)
  const { digest, layer } = await pushBig(world, 1, 'v1')
  await pushBig(world, 2, 'v2')
  await createJournal(world).run()
  const key = (await objectsOf(world)).find((each) => each.includes(digest.slice(7)))!
  const wrong = Buffer.from(layer)
  wrong[777]! ^= 4
  await overwrite(world, key, wrong)
  assert.deepEqual((await rebuildFrom(t, world.blobs)).findings, [])
  const { findings } = await rebuildFrom(t, world.blobs, { deep: true })
  assert.deepEqual(
    findings.map(({ kind, digest: of }) => [kind, of]),
    [
      ['blob-damaged', digest],
      ['blob-missing', digest],
    ],
  )
})

test('one turned bit anywhere in the journal: that segment is told and left out, nothing is made up', async (t) => {
  const world = await withRepository(t)
  const limits = { segmentBytes: 500, looseBytes: 1e9, looseSegments: 1000 }
  await pushBig(world, 1, 'v1')
  await pushBig(world, 2, 'v1')
  const journal = createJournal({ ...world, limits })
  await journal.run()
  await pushBig(world, 3, 'v1')
  await push(world, anIndex([describeManifest((await pushBig(world, 4, 'v2')).image)]), 'all')
  await journal.run()
  await removeTag(world.metadata, world.here, parseTag('v2'))
  await journal.run()
  const before = tellAll(world.file)
  const rows = (name: string) => new Set(before[name]?.map((row) => JSON.stringify(row)))
  const segments = await segmentsOf(world)
  assert.ok(segments.length > 6)
  let flips = 0
  for (const [index, key] of segments.entries()) {
    const whole = await bytesOf(world, key)
    const places = thorough ? [0.01, 0.3, 0.7, 0.999] : [(index + 0.5) / segments.length]
    for (const at of places.map((part) => Math.floor(part * whole.length))) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 1 << (at % 8)
      await overwrite(world, key, damaged)
      const { findings, file } = await rebuildFrom(t, world.blobs)
      const told = findings.filter(({ kind }) => kind === 'segment-damaged')
      assert.deepEqual(
        told.map(({ name }) => name),
        [key],
      )
      const after = tellAll(file)
      for (const name of ['manifests', 'history', 'bin']) {
        const known = rows(name)
        for (const row of after[name] ?? []) {
          const text = JSON.stringify(row)
          assert.ok(known.has(text) || findings.length > 1, `${name}: ${text}`)
        }
      }
      flips += 1
    }
    await overwrite(world, key, whole)
  }
  t.diagnostic(`${flips} bits turned`)
  assert.deepEqual(tellAll((await rebuildFrom(t, world.blobs)).file), before)
})

test('of a base without one of its parts the rest is used, and that is told', async (t) => {
  const world = await withRepository(t)
  await pushBig(world, 1, 'v1')
  const limits = { segmentBytes: 300, looseBytes: 1e9, looseSegments: 1000 }
  await createJournal({ ...world, limits }).run()
  const [first, ...others] = await segmentsOf(world)
  assert.ok(others.length > 1)
  await world.blobs.delete([first!])
  const { findings, metadata } = await rebuildFrom(t, world.blobs)
  assert.ok(kindsOf(findings).includes('base-missing'))
  const unnamed = findings.find(({ kind }) => kind === 'repository-unnamed')
  if (unnamed !== undefined) {
    const row = await findRepository(metadata, parseRepositoryName(unnamed.name ?? ''))
    assert.equal(row?.visibility, 'private')
  }
})

test('a segment of a newer format is told and left out', async (t) => {
  const world = await withRepository(t)
  await pushBig(world, 1, 'v1')
  await createJournal(world).run()
  const header = headerOf(await bytesOf(world, (await segmentsOf(world))[0]!))
  const { base: _, ...rest } = header
  const newer = encodeSegment({ ...rest, version: 2, sequence: 99 }, ['{"kind":"new"}'])
  await world.blobs.writeSegment(99, newer)
  const { findings, file } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(kindsOf(findings), ['segment-damaged'])
  assert.match(findings[0]?.message ?? '', /newer Carrel/)
  assert.deepEqual(tellAll(file), tellAll(world.file))
})

test('a foreign layer that nobody pushed opens nothing, whoever else has those bytes', async (t) => {
  const owner = await withRepository(t, 'secret/app')
  const { layer } = await pushBig(owner, 1, 'v1')
  const attacker = await withOther(owner, 'other/app')
  const foreign = describe('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', layer)
  const config = Buffer.from('{}')
  await pushBlob(attacker, config, attacker.here)
  await push(attacker, anImage(describe(ociImageConfig, config), [foreign]), 'v1')
  await createJournal(owner).run()
  const { metadata, findings, file } = await rebuildFrom(t, owner.blobs)
  assert.equal(await findLinkedBlob(metadata, attacker.here, foreign.digest), undefined)
  assert.ok(await findLinkedBlob(metadata, owner.here, foreign.digest))
  assert.deepEqual(findings, [])
  assert.deepEqual(tellAll(file), tellAll(owner.file))
})

test('deleted things come back deleted; what could not be restored is left out', async (t) => {
  const world = await withRepository(t)
  const first = await pushBig(world, 1, 'v1')
  const second = await pushBig(world, 2, 'v2')
  for (const { image } of [first, second]) {
    await removeManifest(world.metadata, world.here, describeManifest(image).digest)
  }
  const gone = await withOther(world, 'team/gone')
  await pushBig(gone, 1, 'v1')
  await removeRepository(world.metadata, gone.here)
  await createJournal(world).run()
  const key = (await objectsOf(world)).find((each) => each.includes(second.digest.slice(7)))!
  await world.blobs.delete([key])
  const { metadata, rebuilt, findings } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(findings, [])
  assert.equal(rebuilt.leftOutOfBin, 1)
  assert.equal(rebuilt.deletedRepositories, 1)
  const bin = await pageOfDeletedManifests(metadata, { after: 0, limit: 9 })
  assert.deepEqual(
    bin.map(({ digest }) => digest),
    [describeManifest(first.image).digest],
  )
})

test('an index keeps what is left of it', async (t) => {
  const world = await withRepository(t)
  const { image } = await pushBig(world, 1, 'v1')
  const limits = { segmentBytes: 1, looseBytes: 1e9, looseSegments: 1000 }
  const journal = createJournal({ ...world, limits })
  await journal.run()
  const child = (await pushBig(world, 2, 'child')).image
  await journal.run()
  const kept = new Set(await segmentsOf(world))
  await push(world, anIndex([describeManifest(image), describeManifest(child)]), 'all')
  await journal.run()
  // The segments with the child are lost.
  for (const key of kept) {
    const text = (await bytesOf(world, key)).toString()
    const lost = text.includes(`"digest":"${describeManifest(child).digest}"`)
    if (lost) await world.blobs.delete([key])
  }
  const { findings, file } = await rebuildFrom(t, world.blobs)
  assert.deepEqual(kindsOf(findings), ['child-missing'])
  const tags = tellAll(file)['tags'] as readonly { readonly name: string }[]
  assert.deepEqual(
    tags.map(({ name }) => name),
    ['all', 'v1'],
  )
})

test('people come back by name and cannot sign in; ids are never given out again', async (t) => {
  const world = await withRepository(t)
  const { metadata } = world
  await metadata.write(async (tx) => {
    await insertPrincipal(tx, { name: 'admin', provider: 'local', passwordHash: 'x', admin: true })
    await insertPrincipal(tx, { name: 'ann', provider: 'local', passwordHash: 'x', admin: true })
  })
  const ann = await findPrincipalByName(metadata, 'ann')
  const gone = await ensureRepository(metadata, parseRepositoryName('team/gone'), ann?.id)
  await createJournal(world).run()
  const db = new DatabaseSync(world.file)
  db.exec(
    `delete from repositories where id = ${gone.id}; delete from principals where name = 'ann'`,
  )
  db.close()
  const { queueForJournal } = await import('../metadata/journal-queue.ts')
  await metadata.write(async (tx) =>
    queueForJournal(tx, [{ kind: 'repository-purged', repositoryId: gone.id }]),
  )
  await createJournal(world).run()
  const rebuilt = await rebuildFrom(t, world.blobs)
  const found = await findPrincipalByName(rebuilt.metadata, 'ann')
  assert.equal(found?.id, ann?.id)
  assert.equal(found?.disabled, true)
  assert.equal(found?.admin, false)
  assert.equal(found?.passwordHash, undefined)
  const admin = await findPrincipalByName(rebuilt.metadata, 'admin')
  assert.equal(admin?.disabled, false)
  assert.equal(admin?.passwordHash, undefined)
  const next = await ensureRepository(rebuilt.metadata, parseRepositoryName('team/new'), undefined)
  assert.ok(next.id > gone.id)
})

test('PostgreSQL is read and written alike', { skip: postgresIsMissing }, async (t) => {
  const world = await withRepository(t)
  const { image } = await pushBig(world, 1, 'v1')
  await pushBig(world, 2, 'v1')
  await removeManifest(world.metadata, world.here, describeManifest(image).digest)
  const gone = await withOther(world, 'team/gone')
  await pushContent(gone, ['{}'])
  await removeRepository(world.metadata, gone.here)
  await createJournal(world).run()
  const schema = await createPostgresSchema()
  await using postgres = await openPostgres({ url: schema.url, migrate: true, maxConnections: 3 })
  const findings = new Findings()
  const onProgress = () => undefined
  const journal = await readJournal(world.blobs, findings, onProgress)
  const { blobs } = world
  await rebuild({ metadata: postgres, blobs, journal, deep: false, findings, onProgress })
  assert.deepEqual(findings.all, [])
  // What PostgreSQL has now goes into a journal after it, and back.
  const node = createJournal({ metadata: postgres, blobs })
  await node.run()
  const made = await ensureRepository(postgres, parseRepositoryName('team/new'), undefined)
  assert.ok(made.id > gone.here)
  await pushBig({ ...world, metadata: postgres, here: made.id }, 5, 'new')
  // Another node has to wait for the lease.
  await createJournal({ metadata: postgres, blobs }).run()
  assert.ok((await countJournalQueue(postgres)) > 0)
  await node.end()
  await createJournal({ metadata: postgres, blobs }).run()
  assert.equal(await countJournalQueue(postgres), 0)
  const back = await rebuildFrom(t, blobs)
  assert.deepEqual(back.findings, [])
  const before = tellAll(world.file)
  const after = tellAll(back.file)
  for (const name of ['bin', 'binContents', 'settings']) assert.deepEqual(after[name], before[name])
  assert.equal(after['repositories']?.length, 3)
  assert.equal(after['tags']?.length, (before['tags']?.length ?? 0) + 1)
})
