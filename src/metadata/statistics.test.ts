// Statistics and inspection on both dialects: sums, recursion and anti-joins are where dialects differ.
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { insertBlob, linkBlob } from './blobs.ts'
import {
  countOrphans,
  countUnlinkedBlobs,
  findTotals,
  latestMoment,
  listDanglingLinks,
  listDanglingTags,
  listStoredParts,
  loadManifestBatch,
  repositoriesHolding,
  storedPartSize,
} from './inspection.ts'
import { keysInUseBetween } from './inspection-kept.ts'
import type { MetadataStore } from './metadata-store.ts'
import {
  findRepositoryStatistics,
  listRepositoryStatistics,
  listTagStatistics,
} from './statistics.ts'
import { aBlob, aManifest, aRepository, aTag, aUser, digest, name } from './suite-cases/case.ts'
import { setTag } from './tags.ts'
import { createPostgresSchema, postgresIsMissing } from './test-support/postgres.ts'
import { anSqliteFile } from './test-support/sqlite.ts'
import { openAt } from './test-support/store-address.ts'
import { insertUploadPart, saveUpload } from './uploads.ts'
import { parseTag } from '../oci/reference.ts'

suite('statistics and inspection on SQLite', () => {
  cases(async (t) => openAt(await anSqliteFile(t), { migrate: true }))
})

suite('statistics and inspection on PostgreSQL', { skip: postgresIsMissing }, () => {
  cases(async () => {
    const { url } = await createPostgresSchema()
    return openAt({ dialect: 'postgres', url }, { migrate: true })
  })
})

/** More than 2 to the power of 32, so that a sum of a few needs more than 32 bits. */
const large = 5_000_000_000

function cases(open: (t: TestContext) => Promise<MetadataStore>): void {
  test('a repository counts its own tags, manifests and bytes, each blob once', async (t) => {
    await using store = await open(t)
    await store.write(async (tx) => {
      const one = await aRepository(tx, 'team/one')
      const two = await aRepository(tx, 'team/two', 'public')
      await aRepository(tx, 'empty')
      const layer = await aLargeBlob(tx, 'layer', one, two)
      const config = await aBlob(tx, 'config', one)
      const first = await aManifest(tx, one, 'first', { blobs: [layer, config] })
      const second = await aManifest(tx, one, 'second', { blobs: [layer] })
      await aManifest(tx, two, 'first', { blobs: [layer] })
      await aTag(tx, one, '1', first)
      await aTag(tx, one, '2', second)
      await aTag(tx, one, 'latest', second)
    })
    const all = await listRepositoryStatistics(store, { after: '', limit: 10 })
    assert.deepEqual(
      all.map(({ name: each, tags, manifests, bytes }) => ({ name: each, tags, manifests, bytes })),
      [
        { name: 'empty', tags: 0, manifests: 0, bytes: 0 },
        { name: 'team/one', tags: 3, manifests: 2, bytes: large + 6 + 5 + 6 },
        { name: 'team/two', tags: 0, manifests: 1, bytes: large + 5 },
      ],
    )
    assert.equal(all[0]?.pushedAt, undefined)
    assert.ok(Math.abs(Date.now() - (all[1]?.pushedAt ?? 0)) < 60_000)
    const rest = await listRepositoryStatistics(store, { after: 'empty', limit: 1 })
    assert.deepEqual(rest, [all[1]])
    assert.deepEqual(await findRepositoryStatistics(store, name('team/two')), all[2])
    assert.equal(await findRepositoryStatistics(store, name('team/three')), undefined)
  })

  test('a tag of an index weighs all that it leads to, shared things once', async (t) => {
    await using store = await open(t)
    const id = await store.write(async (tx) => {
      const repository = await aRepository(tx, 'team/one')
      const other = await aRepository(tx, 'team/other')
      const user = await aUser(tx, 'ann')
      const layer = await aLargeBlob(tx, 'layer', repository, other)
      const config = await aBlob(tx, 'config', repository, other)
      const amd = await aManifest(tx, repository, 'amd', { blobs: [layer, config] })
      const arm = await aManifest(tx, repository, 'arm64', { blobs: [layer] })
      const index = await aManifest(tx, repository, 'index', { children: [amd, arm] })
      const nested = await aManifest(tx, repository, 'nested', { children: [index, amd] })
      // The same digests in another repository do not count twice.
      await aManifest(tx, other, 'amd', { blobs: [layer, config] })
      await aTag(tx, repository, 'a', amd)
      await aTag(tx, repository, 'b', arm)
      await aTag(tx, repository, 'c', index)
      const updatedBy = user
      await setTag(tx, { repositoryId: repository, tag: parseTag('d'), digest: nested, updatedBy })
      return repository
    })
    const tags = await listTagStatistics(store, id, { after: '', limit: 10 })
    assert.deepEqual(
      tags.map((tag) => [tag.name, tag.digest, tag.bytes, tag.updatedBy]),
      [
        ['a', digest('amd'), 3 + large + 6, undefined],
        ['b', digest('arm64'), 5 + large, undefined],
        ['c', digest('index'), 5 + 3 + 5 + large + 6, undefined],
        ['d', digest('nested'), 6 + 5 + 3 + 5 + large + 6, 'ann'],
      ],
    )
    assert.equal(tags[0]?.mediaType, 'application/vnd.oci.image.manifest.v1+json')
    const page = await listTagStatistics(store, id, { after: 'b', limit: 1 })
    assert.deepEqual(page, [tags[2]])
    assert.deepEqual(await listTagStatistics(store, id + 1000, { after: '', limit: 10 }), [])
  })

  test('what hangs together has no loose ends, and the totals are right', async (t) => {
    await using store = await open(t)
    assert.deepEqual(await findTotals(store), {
      repositories: 0,
      tags: 0,
      manifests: 0,
      blobs: 0,
      blobBytes: 0,
    })
    assert.equal(await latestMoment(store), undefined)
    await store.write(async (tx) => {
      const one = await aRepository(tx, 'team/one')
      const layer = await aLargeBlob(tx, 'layer', one)
      await aLargeBlob(tx, 'alone')
      await aTag(tx, one, '1', await aManifest(tx, one, 'first', { blobs: [layer] }))
    })
    assert.deepEqual(await findTotals(store), {
      repositories: 1,
      tags: 1,
      manifests: 1,
      blobs: 2,
      blobBytes: 2 * large,
    })
    assert.deepEqual(await listDanglingTags(store, 10), [])
    assert.deepEqual(await listDanglingLinks(store, 10), [])
    assert.equal(await countOrphans(store), 0)
    assert.deepEqual(await countUnlinkedBlobs(store), { count: 1, bytes: large })
    const latest = await latestMoment(store)
    assert.ok(latest !== undefined && Math.abs(Date.now() - latest.getTime()) < 60_000)
  })

  test('a batch of manifests comes with what the rows say of each', async (t) => {
    await using store = await open(t)
    const id = await store.write(async (tx) => {
      const one = await aRepository(tx, 'team/one')
      const layer = await aLargeBlob(tx, 'layer', one)
      const child = await aManifest(tx, one, 'child', { blobs: [layer] })
      await aManifest(tx, one, 'index', { children: [child], subject: digest('absent') })
      return one
    })
    const whole = await loadManifestBatch(store, id, { after: '', limit: 10 })
    assert.equal(whole.manifests.length, 2)
    assert.deepEqual(whole.blobs, [
      { manifest: digest('child'), digest: digest('layer'), size: large },
    ])
    assert.deepEqual(whole.children, [
      { manifest: digest('index'), digest: digest('child'), size: 5 },
    ])
    const index = whole.manifests.find((manifest) => manifest.digest === digest('index'))
    assert.equal(index?.subject, digest('absent'))
    assert.equal(Buffer.from(index.content).toString(), 'index')
    const [first, second] = [digest('child'), digest('index')].toSorted()
    const page = await loadManifestBatch(store, id, { after: first ?? '', limit: 1 })
    assert.deepEqual(
      page.manifests.map((manifest) => manifest.digest),
      [second],
    )
    assert.deepEqual(
      [...page.blobs, ...page.children].map((use) => use.manifest),
      [second],
    )
    assert.deepEqual(await loadManifestBatch(store, id, { after: second ?? '', limit: 1 }), {
      manifests: [],
      blobs: [],
      children: [],
    })
  })

  test('storage keys are found by digest, holders by blob, parts by key', async (t) => {
    await using store = await open(t)
    await store.write(async (tx) => {
      const one = await aRepository(tx, 'team/one')
      const two = await aRepository(tx, 'team/two')
      await aLargeBlob(tx, 'layer', two, one)
      await aBlob(tx, 'config', one)
      await saveUpload(tx, { id: 'u', repositoryId: one, principalId: undefined, state: 'open' })
      const part = { size: large, digest: digest('part'), content: undefined }
      await insertUploadPart(tx, 'u', { ...part, startOffset: 0, storageKey: 'uploads/b' })
      await insertUploadPart(tx, 'u', { ...part, startOffset: large, storageKey: 'uploads/a' })
      const small = { startOffset: 2 * large, size: 1, storageKey: undefined }
      await insertUploadPart(tx, 'u', { ...part, ...small, content: Buffer.from('x') })
    })
    const [from, to] = [digest('layer'), digest('config')].toSorted() as [never, never]
    assert.deepEqual([...(await keysInUseBetween(store, from, to))], ['blobs/layer'])
    assert.deepEqual(await repositoriesHolding(store, digest('layer'), 5), ['team/one', 'team/two'])
    assert.deepEqual(await repositoriesHolding(store, digest('layer'), 1), ['team/one'])
    const parts = await listStoredParts(store, { after: '', limit: 10 })
    assert.deepEqual(parts, [
      { key: 'uploads/a', size: large },
      { key: 'uploads/b', size: large },
    ])
    assert.deepEqual(await listStoredParts(store, { after: 'uploads/a', limit: 10 }), [parts[1]])
    assert.equal(await storedPartSize(store, 'uploads/b'), large)
    assert.equal(await storedPartSize(store, 'uploads/c'), undefined)
  })
}

/** A blob that is said to lie in the storage. */
async function aLargeBlob(
  tx: Parameters<typeof insertBlob>[0],
  word: string,
  ...repositoryIds: readonly number[]
) {
  const storageKey = `blobs/${word}`
  await insertBlob(tx, { digest: digest(word), size: large, storageKey, content: undefined })
  for (const id of repositoryIds) await linkBlob(tx, id, digest(word))
  return digest(word)
}
