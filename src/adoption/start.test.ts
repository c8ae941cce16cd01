import assert from 'node:assert/strict'
import { mkdtemp, readFile, readdir, rm, stat, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { volumeWriter, writeImage } from '../../test/support/generated-volume.ts'
import { openSqlite } from '../metadata/dialects/sqlite.ts'
import { adoptedSetting } from '../metadata/adoption.ts'
import { findRepository, insertRepository } from '../metadata/repositories.ts'
import { findSetting } from '../metadata/settings.ts'
import { findTag } from '../metadata/tags.ts'
import { parseRepositoryName, parseTag } from '../oci/reference.ts'
import { adoptWhenDue, AdoptedElsewhereError, markerFile, volumeState } from './start.ts'

const app = parseRepositoryName('app')

async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-adoption-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  return folder
}

const open = async (folder: string, name = 'carrel.db') =>
  openSqlite({ file: join(folder, name), migrate: true })

test('the first start takes over, and no other', async (t) => {
  const folder = await aFolder(t)
  const image = writeImage(volumeWriter(folder), 'app', { word: 'one', tag: 'v1' })
  await using metadata = await open(folder)
  let begun = 0
  const onBegin = () => void (begun += 1)
  const taken = await adoptWhenDue(metadata, folder, { onBegin })
  assert.ok(typeof taken !== 'string')
  assert.deepEqual([taken.repositories, taken.tags, taken.manifests], [1, 1, 1])
  const repository = await findRepository(metadata, app)
  assert.equal(repository?.visibility, 'private')
  assert.equal((await findTag(metadata, repository.id, parseTag('v1')))?.digest, image)
  const setting = await findSetting(metadata, adoptedSetting)
  assert.equal((JSON.parse(setting ?? '') as { tags: number }).tags, 1)
  assert.match(await readFile(join(folder, markerFile), 'utf8'), /Do not start registry:2/)
  assert.equal(await adoptWhenDue(metadata, folder, { onBegin }), 'adopted')
  assert.equal(begun, 1)
})

test('a folder without a volume stays as it is', async (t) => {
  const folder = await aFolder(t)
  await using metadata = await open(folder)
  assert.equal(await adoptWhenDue(metadata, folder), 'none')
  assert.ok(!(await readdir(folder)).includes(markerFile))
})

test('an installation with images of its own takes nothing over', async (t) => {
  const folder = await aFolder(t)
  await using metadata = await open(folder)
  const repository = { name: app, visibility: 'private', createdBy: undefined } as const
  await metadata.write(async (tx) => insertRepository(tx, repository))
  writeImage(volumeWriter(folder), 'other', { word: 'one', tag: 'v1' })
  assert.equal(await adoptWhenDue(metadata, folder), 'left')
  assert.equal(await findRepository(metadata, parseRepositoryName('other')), undefined)
})

test('a lost database does not have the volume taken over again; a rebuilt one has it', async (t) => {
  const folder = await aFolder(t)
  writeImage(volumeWriter(folder), 'app', { word: 'one', tag: 'v1' })
  {
    await using metadata = await open(folder)
    await adoptWhenDue(metadata, folder)
  }
  await using lost = await open(folder, 'new.db')
  await assert.rejects(volumeState(lost, folder), AdoptedElsewhereError)
  const repository = { name: app, visibility: 'private', createdBy: undefined } as const
  await lost.write(async (tx) => insertRepository(tx, repository))
  assert.equal(await volumeState(lost, folder), 'adopted')
})

test('one that failed goes on at the next start, where it may be what it was', async (t) => {
  const folder = await aFolder(t)
  const volume = volumeWriter(folder)
  for (const word of ['one', 'two', 'three']) writeImage(volume, 'app', { word, tag: word })
  await using metadata = await open(folder)
  let writes = 0
  const failing = adoptWhenDue(metadata, folder, {
    rowsAtOnce: 3,
    async beforeWrite() {
      writes += 1
      if (writes === 3) throw new Error('the power went')
    },
  })
  await assert.rejects(failing, /the power went/)
  assert.equal(await findSetting(metadata, adoptedSetting), undefined)
  assert.equal(await volumeState(metadata, folder), 'due')
  const taken = await adoptWhenDue(metadata, folder)
  assert.ok(typeof taken !== 'string' && taken.tags === 3)
})

test('unfinished uploads of more than a week go, younger ones stay', async (t) => {
  const folder = await aFolder(t)
  const volume = volumeWriter(folder)
  writeImage(volume, 'app', { word: 'one', tag: 'v1' })
  const tree = join(folder, 'docker/registry/v2/repositories/app/_uploads')
  for (const name of ['old', 'young']) {
    volume.file(`repositories/app/_uploads/${name}/data`, 'bytes')
  }
  const before = (Date.now() - 8 * 86_400_000) / 1000
  for (const path of ['old/data', 'old']) await utimes(join(tree, path), before, before)
  await using metadata = await open(folder)
  await adoptWhenDue(metadata, folder)
  assert.deepEqual(await readdir(tree), ['young'])
  assert.ok((await stat(join(tree, 'young/data'))).isFile())
})
