// A volume that the real registry:2 has written is taken over as it is, and the way back leads to the real registry:2.
import assert from 'node:assert/strict'
import { cp, lstat, mkdir, readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { treeFolder } from '../src/adoption/places.ts'
import { adoptInChild } from './support/adopt-in-child.ts'
import { damageVolume, type Damage } from './support/adoption-damage.ts'
import { fillRegistry2, pushBuildCache, type World } from './support/adoption-world.ts'
import { adoptedRows } from './support/adopted-rows.ts'
import { writeManyTags } from './support/generated-volume.ts'
import { runProgram } from './support/processes.ts'
import {
  collectRegistry2,
  differences,
  pushBlob,
  pushImage,
  readEverything,
  startRegistry2,
  type Place,
  type Served,
} from './support/registry2-peer.ts'
import { startRegistry, type StartedRegistry } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const carrel = fileURLToPath(new URL('../carrel', import.meta.url))
const sqlite = { postgres: false } as const
const tagCount = Number(process.env['CARREL_TEST_ADOPTION_TAGS'] ?? 1000)
const kills = 10

const placeOf = ({ url, authorization }: StartedRegistry): Place => ({ url, authorization })

interface Volume {
  readonly root: string
  readonly world: World
  /** What registry:2 serves from it. */
  readonly served: Served
}

/** Written by the real registry:2, and read with it again when something was done to it. */
async function aVolume(
  folder: string,
  change?: (root: string) => Promise<void> | void,
): Promise<Volume> {
  const root = join(folder, 'volume')
  const read = async <T>(work: (place: Place) => Promise<T>) => {
    await using registry = await startRegistry2(root, folder)
    const result = await work(registry)
    const served = await readEverything(registry)
    await registry.stop()
    return { result, served }
  }
  const { result: world, served } = await read(async (place) => {
    const made = await fillRegistry2(place)
    await pushBuildCache(place, 'team/cache')
    return made
  })
  if (change === undefined) return { root, world, served }
  await change(root)
  return { root, world, served: (await read(async () => undefined)).served }
}

/** Everything in the tree, with what would tell a change or a copy. */
async function treeOf(root: string): Promise<readonly string[]> {
  const tree = join(root, treeFolder)
  const names = await readdir(tree, { recursive: true })
  const lines = names.sort().map(async (name) => {
    const { size, mtimeMs, ino } = await lstat(join(tree, name))
    return `${name} ${size} ${mtimeMs} ${ino}`
  })
  return Promise.all(lines)
}

interface Check {
  readonly ok: boolean
  readonly tags: number
  readonly losses: number
  readonly reclaimable: { readonly bytes: number }
  readonly findings: Readonly<
    Record<string, { readonly count: number; readonly examples: readonly { name?: string }[] }>
  >
}

async function check(root: string): Promise<Check> {
  const { stdout, stderr, code } = await runProgram(carrel, ['adopt', '--check', root, '--json'])
  const report = JSON.parse(stdout === '' ? 'null' : stdout) as Check | null
  assert.ok(report !== null, stderr)
  assert.equal(code, report.ok ? 0 : 1)
  return report
}

interface Fsck {
  readonly problems: readonly { readonly kind: string }[]
  readonly notes: readonly string[]
}

async function fsck(root: string): Promise<Fsck> {
  const { stdout } = await runProgram(carrel, ['fsck', '--deep', '--json', '--data', root])
  return JSON.parse(stdout) as Fsck
}

async function exportTo(directory: string, data: string, layout = 'registry2') {
  const args = ['export', '--layout', layout, directory, '--data', data, '--json']
  const { stdout, stderr, code } = await runProgram(carrel, args)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as { readonly linked: number; readonly kept: number; notes: string[] }
}

const isWhole = (value: string) => value.startsWith('sha256:')

/** Names of the tags that can be pulled. */
function tagsOf(served: Served): readonly string[] {
  return [...served]
    .filter(([name, value]) => !name.includes('@') && isWhole(value))
    .map(([n]) => n)
}

void suite('a volume of registry:2', () => {
  test('clean: the same tags, digests and bytes, and not a file is touched', async () => {
    await using folder = await temporaryFolder('adopt')
    const { root, served, world } = await aVolume(folder.path)
    const before = await treeOf(root)
    const report = await check(root)
    assert.deepEqual([report.ok, report.losses], [true, 0])
    assert.equal(report.tags, tagsOf(served).length)
    assert.equal(report.findings['ghost']?.examples[0]?.name, 'gone/all')
    assert.equal(report.findings['upload']?.count, 1)
    assert.ok(report.reclaimable.bytes > 0)
    assert.deepEqual(await readdir(root), ['docker'])

    await using registry = await startRegistry({ data: root, ...sqlite })
    const place = placeOf(registry)
    const adopted = await readEverything(place)
    assert.deepEqual(differences(served, adopted), [])
    assert.deepEqual([...tagsOf(adopted)].sort(), [...tagsOf(served)].sort())
    await checkReferrers(registry, world)
    checkHistory(registry, world)
    assert.equal((await fetch(`${registry.url}/v2/team/app/manifests/latest`)).status, 401)
    const { problems, notes } = await fsck(root)
    assert.deepEqual(problems, [])
    // The manifests' own files are second copies, and no garbage.
    assert.doesNotMatch(notes.join('\n'), /unreferenced/)

    await pushImage(place, 'team/new', { layers: [Buffer.alloc(50_000, 1)], tag: 'v1' })
    assert.deepEqual(await treeOf(root), before)
    await registry.stop()
    const note = await readFile(join(root, 'ADOPTED-BY-CARREL.txt'), 'utf8')
    assert.match(note, /Do not start registry:2/)

    await using again = await startRegistry({ data: root, ...sqlite })
    assert.doesNotMatch(again.log(), /volume of registry:2/)
    const later = await readEverything({ ...place, url: again.url })
    assert.deepEqual(differences(served, later), [])
    assert.ok(later.has('team/new:v1'))
  })

  for (const options of [[], ['--delete-untagged']]) {
    test(`after its own garbage-collect ${options.join(' ')}`, async () => {
      await using folder = await temporaryFolder('adopt')
      const { root, served } = await aVolume(folder.path, async (volume) =>
        collectRegistry2(volume, folder.path, options),
      )
      const report = await check(root)
      // Version 2.8 deletes what a tagged index holds, as that has no tag of its own.
      const isBroken = options.length > 0
      assert.equal(report.findings['index-broken']?.count ?? 0, isBroken ? 2 : 0)
      assert.equal(report.ok, !isBroken)
      await using registry = await startRegistry({ data: root, ...sqlite })
      const adopted = await readEverything(placeOf(registry))
      assert.deepEqual(differences(served, adopted), [])
      assert.ok(tagsOf(served).length >= 14)
    })
  }

  test('damaged in every known way: all that can be read is, and the rest is told', async () => {
    await using folder = await temporaryFolder('adopt')
    let damage: Damage | undefined
    const { root, served } = await aVolume(folder.path, (volume) => {
      damage = damageVolume(volume, join(folder.path, 'outside'))
    })
    assert.ok(damage !== undefined)
    const before = await treeOf(root)
    const { findings, ok } = await check(root)
    assert.equal(ok, false)
    const counts = Object.keys(damage.expected).map((kind) => [kind, findings[kind]?.count ?? 0])
    assert.deepEqual(Object.fromEntries(counts), damage.expected)
    for (const kind of ['ghost', 'leftover', 'odd', 'orphan']) {
      assert.ok((findings[kind]?.count ?? 0) > 0, kind)
    }

    await using registry = await startRegistry({ data: root, ...sqlite })
    const place = placeOf(registry)
    assert.match(registry.log(), /could not be taken over/)
    const adopted = await readEverything(place)
    // Wrong bytes, schema 1, names of more than 200 characters, what lies behind symbolic links: registry:2 serves them.
    const isServedWrongly = (name: string, value: string) =>
      !name.startsWith('team/') &&
      ((name.includes('@') && !name.endsWith(value)) ||
        /^d\/(schema1|linked|links-to|long)/.test(name))
    const rightly = new Map([...served].filter(([name, value]) => !isServedWrongly(name, value)))
    assert.deepEqual(differences(rightly, adopted), [])
    const tags = new Set(tagsOf(adopted))
    assert.deepEqual(
      damage.readable.filter((tag) => !tags.has(tag)),
      [],
    )
    assert.deepEqual(
      damage.lost.filter((tag) => tags.has(tag)),
      [],
    )
    for (const blob of damage.blobs) {
      assert.equal(await statusOf(place, blob.replace('@', '/blobs/')), 200, blob)
    }
    assert.equal(await statusOf(place, `d/links-to/blobs/${damage.secret}`), 404)
    const lost = `d/lost-layer/blobs/${await lostLayer(place)}`
    assert.equal(await statusOf(place, lost), 404)
    // It comes back with the same bytes.
    await pushBlob(place, 'd/lost-layer', Buffer.from('layer lost'))
    assert.equal(await statusOf(place, lost), 200)
    assert.deepEqual(await treeOf(root), before)
  })

  test(`killed at ${kills} random moments, and completed by the next start`, async (t) => {
    await using folder = await temporaryFolder('adopt')
    const root = join(folder.path, 'volume')
    await mkdir(root)
    writeManyTags(root, tagCount, 40)
    const took = await adoptInChild(root)
    const expected = adoptedRows(root)
    assert.equal(expected.tags.length, took.tags)
    t.diagnostic(
      `${took.tags} tags taken over in ${took.seconds.toFixed(1)} s: ${Math.round(took.tags / took.seconds)} a second`,
    )
    // Of few tags most of the time is the start of threads.
    if (tagCount >= 50_000) assert.ok(took.tags / took.seconds > 100_000 / 60)
    let cut = 0
    for (let round = 0; round < kills; round += 1) {
      for (const name of await readdir(root)) {
        if (name !== 'docker') await rm(join(root, name), { recursive: true })
      }
      const delayMs = Math.random() * took.seconds * 700
      const killed = await adoptInChild(root, delayMs)
      if (!killed.complete) cut += 1
      if (!killed.complete) await adoptInChild(root)
      assert.deepEqual(adoptedRows(root), expected, `killed after ${delayMs} ms`)
    }
    t.diagnostic(`killed ${cut} times before the end`)
    assert.ok(cut > 0)
  })

  test('the way back: the real registry:2 serves an export, and it can be taken over again', async () => {
    await using folder = await temporaryFolder('adopt')
    const { root, served } = await aVolume(folder.path)
    const back = join(folder.path, 'back')
    let adopted: Served
    {
      await using registry = await startRegistry({ data: root, ...sqlite })
      const place = placeOf(registry)
      const subject = await pushImage(place, 'team/later', {
        layers: [Buffer.alloc(70_000, 9)],
        tag: 'v1',
      })
      await pushImage(place, 'team/later', {
        layers: [Buffer.from('attestation')],
        more: { subject, artifactType: 'application/vnd.example' },
      })
      adopted = await readEverything(place)
      const first = await exportTo(back, root)
      assert.ok(first.linked > 20)
      const second = await exportTo(back, root)
      assert.ok(second.linked === 0 && second.kept > 20)
      await registry.stop()
    }
    assert.deepEqual(differences(served, adopted), [])
    const firstRows = adoptedRows(root)
    await using registry2 = await startRegistry2(back, folder.path)
    const returned = await readEverything(registry2)
    await registry2.stop()
    assert.deepEqual(differences(adopted, returned), [])
    assert.deepEqual(differences(served, returned), [])
    // Clients of registry:2 find what is attached under a tag.
    assert.ok([...returned.keys()].some((name) => name.startsWith('team/later:sha256-')))

    await adoptInChild(back)
    const again = adoptedRows(back)
    const isOld = (row: string) => !row.includes('team/later')
    for (const kind of ['manifests', 'tags', 'uses', 'children', 'changes', 'links'] as const) {
      const wanted = firstRows[kind].filter(isOld)
      const found = new Set(again[kind])
      assert.deepEqual(
        wanted.filter((row) => !found.has(row)),
        [],
        kind,
      )
    }
  })

  test('an export as an OCI layout has every tag, and refuses a folder of others', async () => {
    await using folder = await temporaryFolder('adopt')
    const { root, served } = await aVolume(folder.path)
    await adoptInChild(root)
    const layout = join(folder.path, 'layout')
    await exportTo(layout, root, 'oci')
    const text = await readFile(join(layout, 'index.json'), 'utf8')
    const { manifests } = JSON.parse(text) as {
      manifests: { digest: string; annotations?: Record<string, string> }[]
    }
    const names = new Map(
      manifests.map(({ digest, annotations }) => [
        annotations?.['org.opencontainers.image.ref.name'] ?? '',
        digest,
      ]),
    )
    for (const tag of tagsOf(served)) {
      assert.equal(names.get(tag), served.get(tag)?.split(' ')[0], tag)
    }
    for (const [name, value] of served) {
      const [digest = ''] = isWhole(value) ? value.split(' ') : ['']
      if (digest === '') continue
      const bytes = await readFile(join(layout, 'blobs', digest.replace(':', '/')))
      assert.ok(bytes.length > 0, name)
    }
    const other = join(folder.path, 'other')
    await cp(join(root, 'docker'), join(other, 'docker'), { recursive: true })
    const args = ['export', '--layout', 'registry2', other, '--data', root]
    const refused = await runProgram(carrel, args)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /is not empty/)
  })

  test('a volume whose database is lost is not taken over a second time', async () => {
    await using folder = await temporaryFolder('adopt')
    const root = join(folder.path, 'volume')
    writeManyTags(root, 20, 2)
    await adoptInChild(root)
    for (const name of await readdir(root)) {
      if (name.startsWith('carrel.db')) await rm(join(root, name))
    }
    const options = { env: { ...process.env, CARREL_ADMIN_PASSWORD: undefined } }
    const args = ['serve', '--data', root, '--listen', '127.0.0.1:0']
    const { code, stderr } = await runProgram(carrel, args, options)
    assert.equal(code, 1)
    assert.match(stderr, /taken over before/)
    assert.match(stderr, /carrel rebuild --data/)
  })
})

async function statusOf({ url, authorization = '' }: Place, path: string): Promise<number> {
  const response = await fetch(`${url}/v2/${path}`, { headers: { authorization } })
  await response.arrayBuffer()
  return response.status
}

async function lostLayer({ url, authorization = '' }: Place): Promise<string> {
  const response = await fetch(`${url}/v2/d/lost-layer/manifests/v1`, {
    headers: { authorization },
  })
  const { layers } = (await response.json()) as { layers: { digest: string }[] }
  return layers[1]?.digest ?? ''
}

async function checkReferrers({ url, authorization }: StartedRegistry, world: World) {
  const path = `/v2/team/signed/referrers/${world.subject.digest}`
  const response = await fetch(`${url}${path}`, { headers: { authorization } })
  const { manifests } = (await response.json()) as { manifests: unknown }
  const artifactType = 'application/vnd.example.signature'
  const expected = { ...world.attached, artifactType, annotations: { 'org.example.by': 'ann' } }
  assert.deepEqual(manifests, [expected])
}

/** Every image that `latest` was, in order, with the times of then. */
function checkHistory({ dataDir }: StartedRegistry, { versions }: World): void {
  const changes = adoptedRows(dataDir)
    .changes.map(
      (row) => JSON.parse(row) as { name: string; tag: string; digest: string; at: number },
    )
    .filter(({ name, tag }) => name === 'team/app' && tag === 'latest')
  assert.deepEqual(
    changes.map(({ digest }) => digest),
    versions.map(({ digest }) => digest),
  )
  const times = changes.map(({ at }) => at)
  assert.ok(times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0)))
}
