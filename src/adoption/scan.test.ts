import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import {
  folderOf,
  pointTag,
  volumeWriter,
  writeImage,
  writeManifest,
} from '../../test/support/generated-volume.ts'
import { checkRegistry2, findVolume } from './report.ts'
import { scanRegistry2 } from './scan.ts'
import type { Scanned } from './scanned.ts'

async function aRoot(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'carrel-adoption-'))
  t.after(async () => rm(root, { recursive: true, force: true }))
  return root
}

async function scanned(root: string): Promise<readonly Scanned[]> {
  const all: Scanned[] = []
  await using scan = await scanRegistry2(root, { now: 5_000_000_000_000 })
  for await (const one of scan.scanned) all.push(one)
  return all
}

test('an image comes with its times, its blobs where they lie, and what its tag was before', async (t) => {
  const root = await aRoot(t)
  const volume = volumeWriter(root)
  const first = writeImage(volume, 'team/app', { word: 'one', tag: 'v1', at: 1_700_000_100 })
  const second = writeImage(volume, 'team/app', { word: 'two', at: 1_700_000_200 })
  pointTag(volume, 'team/app:v1', second, 1_700_000_300)
  const all = await scanned(root)
  assert.deepEqual(
    all.map(({ kind }) => kind),
    ['repository', 'manifests', 'contents'],
  )
  const [repository, manifests, contents] = all
  assert.deepEqual(repository, {
    kind: 'repository',
    name: 'team/app',
    createdAt: 1_700_000_100_000,
  })
  assert.ok(manifests?.kind === 'manifests' && contents?.kind === 'contents')
  const found = manifests.manifests.find(({ digest }) => digest === first)
  assert.equal(found?.pushedAt, 1_700_000_100_000)
  const layer = digestOf(Buffer.from('layer one'))
  const hex = layer.slice('sha256:'.length)
  assert.deepEqual(
    found?.blobs.find(({ digest }) => digest === layer),
    {
      digest: layer,
      content: layer,
      size: 9,
      key: `docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`,
      createdAt: 1_600_000_000_000,
      linkedAt: 1_700_000_100_000,
    },
  )
  assert.deepEqual(contents.tags, [{ tag: 'v1', digest: second, updatedAt: 1_700_000_300_000 }])
  assert.deepEqual(contents.changes, [
    { tag: 'v1', digest: first, changedAt: 1_700_000_100_000 },
    { tag: 'v1', digest: second, changedAt: 1_700_000_300_000 },
  ])
})

test('a tag whose link is damaged keeps its history, and ends', async (t) => {
  const root = await aRoot(t)
  const volume = volumeWriter(root)
  const image = writeImage(volume, 'app', { word: 'one', tag: 'v1', at: 1_700_000_000 })
  volume.link('app/_manifests/tags/v1/current', '')
  const contents = (await scanned(root)).find(({ kind }) => kind === 'contents')
  assert.ok(contents?.kind === 'contents')
  assert.deepEqual(contents.tags, [])
  assert.deepEqual(contents.changes, [
    { tag: 'v1', digest: image, changedAt: 1_700_000_000_000 },
    { tag: 'v1', digest: undefined, changedAt: 5_000_000_000_000 },
  ])
})

test('an index of several levels holds what is there, whatever is read first', async (t) => {
  const root = await aRoot(t)
  const volume = volumeWriter(root)
  const type = 'application/vnd.oci.image.index.v1+json'
  const image = writeImage(volume, 'app', { word: 'leaf' })
  const index = (children: readonly string[], tag?: string) =>
    writeManifest(volume, 'app', {
      manifest: {
        schemaVersion: 2,
        manifests: children.map((digest) => ({ mediaType: type, digest, size: 1 })),
      },
      tag,
    })
  const inner = index([image])
  const outer = index([inner, `sha256:${'0'.repeat(64)}`], 'v1')
  const all = await scanned(root)
  const contents = all.find(({ kind }) => kind === 'contents')
  assert.ok(contents?.kind === 'contents')
  const expected = [
    { manifest: inner, child: image },
    { manifest: outer, child: inner },
  ]
  const byManifest = (a: { manifest: string }, b: { manifest: string }) =>
    a.manifest < b.manifest ? -1 : 1
  assert.deepEqual([...contents.children].sort(byManifest), expected.sort(byManifest))
  const report = await checkRegistry2(root)
  assert.equal(report.findings['index-broken']?.examples[0]?.digest, outer)
})

test('an empty volume has nothing, and no volume is none', async (t) => {
  const root = await aRoot(t)
  assert.equal(await findVolume(root), undefined)
  await mkdir(join(root, 'docker/registry/v2'), { recursive: true })
  assert.equal(await findVolume(root), root)
  assert.equal(await findVolume(join(root, 'docker/registry/v2')), root)
  assert.equal(await findVolume(join(root, 'docker')), root)
  const report = await checkRegistry2(root)
  assert.deepEqual(
    [report.ok, report.repositories, report.blobs, Object.keys(report.findings)],
    [true, 0, 0, []],
  )
})

test('what no repository has is told with its bytes, and what a refused name has is not', async (t) => {
  const root = await aRoot(t)
  const volume = volumeWriter(root)
  volume.blob(Buffer.alloc(1234, 5))
  writeImage(volume, 'team/Upper', { word: 'upper', tag: 'v1' })
  const unneeded = volume.blob(Buffer.alloc(100, 6))
  writeImage(volume, 'app', { word: 'one', tag: 'v1' })
  volume.link(`app/_layers/${folderOf(unneeded.digest)}`, unneeded.digest)
  const report = await checkRegistry2(root)
  assert.equal(report.ok, false)
  assert.deepEqual(report.reclaimable, { blobs: 2, bytes: 1334 })
  assert.equal(report.findings['orphan']?.bytes, 1234)
  assert.equal(report.findings['name-refused']?.examples[0]?.name, 'team/Upper')
})

test('a folder that cannot be read ends the scan with the name of it', async (t) => {
  if (process.getuid?.() === 0) {
    t.skip('root reads everything')
    return
  }
  const root = await aRoot(t)
  writeImage(volumeWriter(root), 'app', { word: 'one', tag: 'v1' })
  const closed = join(root, 'docker/registry/v2/repositories/app/_layers')
  await chmod(closed, 0)
  t.after(async () => chmod(closed, 0o700))
  await assert.rejects(checkRegistry2(root), { code: 'EACCES', path: closed })
})

test('a blob that is larger than its manifest says is read before it is called damaged', async (t) => {
  const root = await aRoot(t)
  const volume = volumeWriter(root)
  writeImage(volume, 'app', { word: 'one', tag: 'v1' })
  const layer = digestOf(Buffer.from('layer one')).slice('sha256:'.length)
  const path = join(root, 'docker/registry/v2/blobs/sha256', layer.slice(0, 2), layer, 'data')
  await writeFile(path, 'layer one and more')
  const report = await checkRegistry2(root)
  assert.deepEqual(Object.keys(report.findings), ['blob-damaged'])
})
