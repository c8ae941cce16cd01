import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { damageVolume } from '../../test/support/adoption-damage.ts'
import { pointTag, volumeWriter, writeImage } from '../../test/support/generated-volume.ts'
import { fileOfKey, openBlobs } from '../compose-stores.ts'
import { openSqlite } from '../metadata/dialects/sqlite.ts'
import { digestOf } from '../oci/digest.ts'
import type { Key } from '../storage/driver.ts'
import { adoptWhenDue } from './start.ts'
import { exportImages, type Exported, type ExportOptions } from './export.ts'
import { ForeignFolderError } from './export-files.ts'
import { checkRegistry2 } from './report.ts'

interface World {
  readonly folder: string
  readonly run: (options: Partial<ExportOptions>) => Promise<Exported>
}

/** An installation that has taken over what `make` writes. */
async function aWorld(t: TestContext, make: (folder: string) => void): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-adoption-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  make(folder)
  const metadata = await openSqlite({ file: join(folder, 'carrel.db'), migrate: true })
  t.after(async () => metadata[Symbol.asyncDispose]())
  await adoptWhenDue(metadata, folder)
  const storage = await openBlobs(folder)
  t.after(async () => storage[Symbol.asyncDispose]())
  const deps = { metadata, blobs: storage.blobs, fileOf: (key: Key) => fileOfKey(folder, key) }
  return {
    folder,
    run: async (options) =>
      exportImages(deps, {
        layout: 'registry2',
        directory: join(folder, 'back'),
        matches: () => true,
        ...options,
      }),
  }
}

test('links have 71 bytes, large files are shared, and the history of a tag is there', async (t) => {
  const { folder, run } = await aWorld(t, (root) => {
    const volume = volumeWriter(root)
    writeImage(volume, 'app', { word: 'one', tag: 'v1', at: 1_700_000_100 })
    const second = writeImage(volume, 'app', { word: 'two', tag: 'v2', at: 1_700_000_200 })
    pointTag(volume, 'app:v1', second, 1_700_000_300)
    writeImage(volume, 'other', { word: 'three', tag: 'v1' })
  })
  const progress: string[] = []
  const done = await run({
    matches: (name) => name === 'app',
    onProgress: (at, total) => progress.push(`${at}/${total}`),
  })
  assert.deepEqual([done.repositories, done.tags, done.manifests, done.blobs], [1, 2, 2, 5])
  assert.equal(done.linked, 5)
  assert.equal(progress.at(-1), '9/9')
  const tree = join(folder, 'back/docker/registry/v2')
  assert.deepEqual(await readdir(join(tree, 'repositories')), ['app'])
  const tag = join(tree, 'repositories/app/_manifests/tags/v1')
  assert.equal((await readdir(join(tag, 'index/sha256'))).length, 2)
  const current = await readFile(join(tag, 'current/link'), 'utf8')
  assert.equal(current.length, 71)
  assert.equal((await stat(join(tag, 'current/link'))).mtime.getTime(), 1_700_000_300_000)
  const layer = digestOf(Buffer.from('layer one')).slice('sha256:'.length)
  const data = `blobs/sha256/${layer.slice(0, 2)}/${layer}/data`
  const original = await stat(join(folder, 'docker/registry/v2', data))
  assert.equal((await stat(join(tree, data))).ino, original.ino)
  assert.equal((await checkRegistry2(join(folder, 'back'))).ok, true)
})

test('what was cut short goes on; another layout, or a folder of others, is refused', async (t) => {
  const { folder, run } = await aWorld(t, (root) => {
    writeImage(volumeWriter(root), 'app', { word: 'one', tag: 'v1' })
  })
  const first = await run({})
  const data = join(folder, 'back/docker/registry/v2/blobs/sha256')
  const [shard = ''] = await readdir(data)
  await rm(join(data, shard), { recursive: true })
  const second = await run({})
  assert.equal(second.kept + second.linked + second.copied, first.linked + first.copied)
  assert.ok(second.linked + second.copied > 0)
  await assert.rejects(run({ layout: 'oci' }), ForeignFolderError)
  const foreign = join(folder, 'foreign')
  await mkdir(foreign)
  await writeFile(join(foreign, 'photo'), 'of somebody')
  await assert.rejects(run({ directory: foreign }), ForeignFolderError)
  assert.deepEqual(await readdir(foreign), ['photo'])
})

test('what is lost is named; content of sha512 is written under its sha256', async (t) => {
  const { folder, run } = await aWorld(t, (root) => {
    damageVolume(root, join(root, 'outside'))
  })
  const done = await run({})
  const lost = done.problems.map(({ kind, name }) => `${kind} ${name}`).sort()
  assert.deepEqual(lost, [
    'blob-lost d/lost-layer',
    'blob-lost d/temporary',
    'blob-lost d/truncated',
    'blob-lost d/zero-layer',
  ])
  assert.match(done.notes.join(), /1 sha512 digest: /)
  const links = join(folder, 'back/docker/registry/v2/repositories/d/sha512/_layers')
  assert.deepEqual((await readdir(links)).sort(), ['sha256', 'sha512'])
  const report = await checkRegistry2(join(folder, 'back'))
  // The repository that has a manifest of schema 1 alone comes out with its blobs alone.
  assert.equal(report.findings['ghost']?.examples[0]?.name, 'd/schema1')
  for (const kind of ['tag-broken', 'manifest-lost', 'manifest-damaged', 'odd'] as const) {
    assert.equal(report.findings[kind], undefined)
  }
  assert.equal(report.findings['blob-lost']?.count, 4)
})

test('an OCI layout lists every tag, and untagged images without a name', async (t) => {
  const { folder, run } = await aWorld(t, (root) => {
    const volume = volumeWriter(root)
    writeImage(volume, 'team/app', { word: 'one', tag: 'v1' })
    writeImage(volume, 'team/app', { word: 'untagged' })
  })
  await run({ layout: 'oci' })
  const index = JSON.parse(await readFile(join(folder, 'back/index.json'), 'utf8')) as {
    manifests: { digest: string; annotations?: Record<string, string> }[]
  }
  const names = index.manifests.map(({ annotations }) => Object.values(annotations ?? {}).join())
  assert.deepEqual(names.sort(), ['', 'team/app:v1'])
  for (const { digest } of index.manifests) {
    const bytes = await readFile(join(folder, 'back/blobs', digest.replace(':', '/')))
    assert.equal(digestOf(bytes), digest)
  }
})
