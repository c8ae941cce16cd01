// Damage of every kind is planted in a real store and must be found; what is not damage must not be.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { findBlob } from '../metadata/blobs.ts'
import { openSqlite } from '../metadata/dialects/sqlite.ts'
import { inspectSqlite } from '../metadata/dialects/sqlite-inspect.ts'
import { insertUploadPart, saveUpload } from '../metadata/uploads.ts'
import { digestOf } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import { newUploadKey } from '../storage/layout.ts'
import { checkBlob } from './check-blobs.ts'
import { fsck } from './fsck.ts'
import type { Progress } from './report.ts'
import { spotCheck } from './spot-check.ts'
import { breakTable, openSample, openStore, type Store } from './test-support.ts'

suite('fsck', () => {
  test('finds nothing wrong with an empty installation', async () => {
    await using store = await openStore()
    assert.deepEqual(await fsck(store), {
      ok: true,
      deep: true,
      repositories: 0,
      tags: 0,
      manifests: 0,
      blobs: 0,
      bytes: 0,
      repaired: 0,
      problems: [],
      notes: [],
    })
  })

  test('finds nothing wrong with images, indexes, referrers and sha512, and counts them', async () => {
    await using store = await openSample()
    const report = await fsck(store)
    assert.deepEqual(report.problems, [])
    assert.deepEqual(report.notes, [])
    const { ok, repositories, tags, manifests, blobs } = report
    assert.deepEqual(
      { ok, repositories, tags, manifests, blobs },
      { ok: true, repositories: 1, tags: 2, manifests: 4, blobs: 6 },
    )
    assert.ok(report.bytes > 2 * 40_000)
  })

  test('reads every byte of every blob and says how far it is', async () => {
    await using store = await openSample()
    const seen: Progress[] = []
    await fsck(store, (progress) => seen.push(progress))
    const bytes = seen.filter(({ phase }) => phase === 'blobs').at(-1)
    assert.equal(bytes?.unit, 'bytes')
    assert.ok(bytes.total > 80_000)
    assert.equal(bytes.done, bytes.total)
    const manifests = seen.filter(({ phase }) => phase === 'manifests').at(-1)
    assert.deepEqual([manifests?.done, manifests?.total], [4, 4])
  })

  test('finds a flipped bit wherever it is', async () => {
    await using store = await openSample()
    const places = [store.image.layer, store.image.config, store.other.layer, store.big]
    const place = fc.record({
      digest: fc.constantFrom(...places),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      bit: fc.integer({ min: 0, max: 7 }),
    })
    await fc.assert(
      fc.asyncProperty(place, async ({ digest, at, bit }) => {
        await store.flip(digest, at, bit)
        const report = await fsck(store)
        await store.flip(digest, at, bit)
        assert.equal(report.ok, false)
        const found = report.problems.map((problem) => [problem.kind, problem.digest, problem.name])
        assert.deepEqual(found, [['blob-damaged', digest, 'team/app']])
      }),
      { numRuns: 25 },
    )
    assert.equal((await fsck(store)).ok, true)
  })

  test('finds a blob that is cut short, one that is longer and one that is gone', async () => {
    await using store = await openSample()
    const whole = await readFile(await store.pathOf(store.image.layer))
    await truncate(await store.pathOf(store.image.layer), 39_999)
    await writeFile(await store.pathOf(store.other.layer), Buffer.concat([whole, whole]))
    await unlink(await store.pathOf(store.big))
    assert.deepEqual(await kindsIn(store), {
      'blob-size': [store.image.layer, store.other.layer].toSorted(),
      'blob-missing': [store.big],
    })
  })

  test('finds a blob whose row points to the bytes of another one', async () => {
    await using store = await openSample()
    const other = (await findBlob(store.metadata, store.other.layer))?.storageKey
    store.sql('update blobs set storage_key = ? where digest = ?', other, store.image.layer)
    assert.deepEqual(await kindsIn(store), { 'blob-damaged': [store.image.layer] })
  })

  test('finds a row whose storage key leads out of the storage, and one with no bytes at all', async () => {
    await using store = await openSample()
    store.sql('update blobs set storage_key = ? where digest = ?', '../carrel.db', store.big)
    store.sql('update blobs set content = null where digest = ?', store.image.config)
    assert.deepEqual(await kindsIn(store), {
      'blob-missing': [store.big, store.image.config].toSorted(),
    })
  })

  test('finds a manifest whose bytes or size changed', async () => {
    await using store = await openSample()
    store.sql(
      'update manifests set content = ? where digest = ?',
      Buffer.from('{}'),
      store.image.digest,
    )
    store.sql('update manifests set size = 7 where digest = ?', store.other.digest)
    const kinds = await kindsIn(store)
    assert.deepEqual(kinds['manifest-damaged'], [store.image.digest, store.other.digest].toSorted())
    // The index says how long it is.
    assert.deepEqual(kinds['content-size'], [store.other.digest])
  })

  test('finds a tag whose manifest is gone, and the index that needs it', async () => {
    await using store = await openSample()
    store.sql('delete from manifests where digest = ?', store.image.digest)
    const report = await fsck(store)
    const found = report.problems.map(({ kind, name, digest }) => ({ kind, name, digest }))
    const { digest } = store.image
    assert.deepEqual(found, [
      { kind: 'content-missing', name: 'team/app', digest },
      { kind: 'orphan-rows', name: undefined, digest: undefined },
      { kind: 'tag-broken', name: 'team/app:1.0', digest },
    ])
  })

  test('finds a blob that was taken out of a repository whose manifest needs it', async () => {
    await using store = await openSample()
    store.sql('delete from repository_blobs where digest = ?', store.image.layer)
    assert.deepEqual(await kindsIn(store), { 'content-missing': [store.image.layer] })
  })

  test('finds a repository that has a blob which the installation does not', async () => {
    await using store = await openSample()
    store.sql('delete from blobs where digest = ?', store.big)
    assert.deepEqual(await kindsIn(store), { 'link-broken': [store.big] })
  })

  test('finds a manifest whose needs the database forgot', async () => {
    await using store = await openSample()
    store.sql('delete from manifest_blobs where blob = ?', store.image.layer)
    store.sql('delete from manifest_children where child = ?', store.other.digest)
    store.sql('update manifests set subject = null where subject is not null')
    assert.deepEqual(await kindsIn(store), {
      'reference-missing': [store.image.digest, store.index, store.referrer].toSorted(),
    })
  })

  test('finds rows of a repository that is gone', async () => {
    await using store = await openSample()
    store.sql('delete from repositories')
    assert.deepEqual(await kindsIn(store), { 'orphan-rows': [] })
  })

  test('finds damage in the file of the database, and goes on with what can still be read', async () => {
    await using store = await openSample()
    const copy = join(store.dir, 'copy.db')
    store.sql('vacuum into ?', copy)
    assert.deepEqual(inspectSqlite(copy, 'thorough').damage, [])
    await breakTable(copy, 'tags')
    await store.flip(store.big, 0.5, 1)
    await using metadata = await openSqlite({ file: copy })
    const unaware = await fsck({ ...store, metadata })
    const kinds = unaware.problems.map(({ kind }) => kind)
    assert.ok(kinds.includes('database-damaged'))
    assert.ok(kinds.includes('blob-damaged'))
    const databaseDamage = inspectSqlite(copy, 'quick').damage
    assert.ok(databaseDamage.length > 0)
    const aware = await fsck({ ...store, metadata, databaseDamage })
    assert.ok(aware.problems.length > unaware.problems.length)
  })

  test('a file whose first page is destroyed is damaged too', async () => {
    await using store = await openSample()
    const copy = join(store.dir, 'copy.db')
    store.sql('vacuum into ?', copy)
    await writeFile(copy, randomBytes(8192))
    assert.equal(inspectSqlite(copy, 'quick').damage.length, 1)
  })

  test('notes what nothing refers to, and calls it no problem', async () => {
    await using store = await openSample()
    const { key } = await store.blobs.writeBytes(
      Buffer.from('left by a crash'),
      digestOf(Buffer.from('left by a crash')),
    )
    await store.addBlob(randomBytes(20), undefined)
    const report = await fsck(store)
    assert.equal(report.ok, true, JSON.stringify(report.problems))
    assert.equal(report.notes.length, 2)
    assert.match(report.notes[0] ?? '', /^1 blob \(20 bytes\) in no repository/)
    assert.match(report.notes[1] ?? '', /^1 unreferenced object \(15 bytes\) in the storage/)
    await store.blobs.delete([key])
  })

  test('notes parts of uploads without bytes and bytes without upload, as nothing of them was promised', async () => {
    await using store = await openSample()
    await store.metadata.write(async (tx) => {
      await saveUpload(tx, { id: 'torn', repositoryId: 1, principalId: undefined, state: 'open' })
      const part = {
        startOffset: 0,
        size: 9,
        digest: digestOf(Buffer.from('x')),
        content: undefined,
      }
      await insertUploadPart(tx, 'torn', { ...part, storageKey: newUploadKey() })
    })
    await store.blobs.writePart(Readable.from([Buffer.from('bytes')]), { algorithm: 'sha256' })
    const report = await fsck(store)
    assert.equal(report.ok, true)
    assert.equal(report.notes.length, 2)
    assert.match(report.notes[0] ?? '', /^1 part of unfinished uploads without all bytes/)
    assert.match(report.notes[1] ?? '', /^1 part of abandoned uploads \(5 bytes\)/)
  })

  test('looks at deleted repositories too, by the name that they had, but not at one that is being purged', async () => {
    await using store = await openSample()
    const hide = `update repositories set deleted_name = name, name = '~1', deleted_at = ?`
    store.sql(hide, '5')
    store.sql('delete from repository_blobs where digest = ?', store.image.layer)
    const report = await fsck(store)
    assert.deepEqual(
      report.problems.map(({ kind, name, digest }) => [kind, name, digest]),
      [['content-missing', 'team/app', store.image.layer]],
    )
    assert.deepEqual([report.repositories, report.manifests], [0, 4])
    store.sql(hide, '0')
    assert.deepEqual((await fsck(store)).problems, [])
  })

  test('finds a deleted manifest that could not be restored whole', async () => {
    await using store = await openSample()
    const bytes = Buffer.from('{"schemaVersion":2}')
    const digest = digestOf(bytes)
    store.sql(
      `insert into deleted_manifests (id, repository_id, digest, media_type, size, content, pushed_at,
        tags, deleted_at, reason, purge_after) values (1, 1, ?, 'x', 19, ?, 0, '[]', 0, 'deleted', 0)`,
      digest,
      bytes,
    )
    const needs =
      'insert into deleted_manifest_contents (deleted_id, repository_id, digest) values (1, 1, ?)'
    for (const needed of [store.big, store.image.digest, digest]) store.sql(needs, needed)
    assert.deepEqual((await fsck(store)).problems, [])
    const gone = digestOf(Buffer.from('gone'))
    store.sql(needs, gone)
    store.sql('update deleted_manifests set content = ?', Buffer.from('{"schemaVersion":1}'))
    assert.deepEqual(await kindsIn(store), {
      'deleted-content-missing': [gone],
      'manifest-damaged': [digest],
    })
  })

  test('what lies in the trash or the quarantine is referred to', async () => {
    await using store = await openSample()
    const key = (await findBlob(store.metadata, store.big))?.storageKey
    store.sql(
      `insert into blob_trash (digest, size, storage_key, links, trashed_at, purge_after)
        values (?, 3000000, ?, '[]', 0, 1)`,
      store.big,
      key,
    )
    store.sql('delete from repository_blobs where digest = ?', store.big)
    store.sql('delete from blobs where digest = ?', store.big)
    assert.deepEqual((await fsck(store)).notes, [])
    await unlink(join(store.dir, 'storage', key ?? ''))
    assert.match((await fsck(store)).notes.join(), /^1 collected blob could not be put back/)
    const aside = await store.blobs.setBytesAside(Buffer.from('wrong'), store.big)
    const unnoted = await fsck(store)
    assert.equal(unnoted.ok, true)
    assert.match(unnoted.notes.join(), /1 object \(5 bytes\) in the quarantine.* Of 1 no row tells/)
    store.sql(
      `insert into quarantine (digest, storage_key, size, found_at, found_by) values (?, ?, 5, 0, 'read')`,
      store.big,
      aside,
    )
    assert.doesNotMatch((await fsck(store)).notes.join(), /no row tells/)
  })

  test('without reading finds what is missing or of another size, and no changed bit', async () => {
    await using store = await openSample()
    await store.flip(store.other.layer, 0.5, 1)
    await truncate(await store.pathOf(store.image.layer), 39_999)
    await unlink(await store.pathOf(store.big))
    const seen: Progress[] = []
    const report = await fsck({ ...store, deep: false }, (progress) => seen.push(progress))
    assert.deepEqual(
      report.problems.map(({ kind, digest }) => [kind, digest]),
      [
        ['blob-missing', store.big],
        ['blob-size', store.image.layer],
      ],
    )
    assert.deepEqual(seen.filter(({ phase }) => phase === 'blobs').at(-1), {
      phase: 'blobs',
      done: 6,
      total: 6,
      unit: 'items',
    })
  })

  test('a blob that is collected or pushed anew while it is being looked at is no problem', async () => {
    await using store = await openSample()
    const row = await findBlob(store.metadata, store.big)
    assert.ok(row)
    const bytes = await readFile(await store.pathOf(store.big))
    await unlink(await store.pathOf(store.big))
    assert.equal((await checkBlob(store, row))?.kind, 'blob-missing')
    const { key } = await store.blobs.writeBytes(bytes, store.big)
    store.sql('update blobs set storage_key = ? where digest = ?', key, store.big)
    assert.equal(await checkBlob(store, row), undefined)
    store.sql('delete from blobs where digest = ?', store.big)
    assert.equal(await checkBlob(store, row), undefined)
  })

  test('finds nothing wrong beside pushes', async () => {
    await using store = await openSample()
    let pushing = true
    let pushed = 0
    const pushes = (async () => {
      while (pushing) {
        await store.pushImage(`t${pushed}` as Tag)
        pushed += 1
      }
    })()
    for (let round = 0; round < 5; round++) {
      const report = await fsck(store)
      assert.deepEqual(report.problems, [])
    }
    pushing = false
    await pushes
    assert.ok(pushed > 0)
    assert.equal((await fsck(store)).tags, 2 + pushed)
  })
})

suite('spotCheck', () => {
  test('reads some blobs and finds the damaged one among few', async () => {
    await using store = await openSample()
    const healthy = await spotCheck(store, { blobs: 50, maxBytes: 1e9 })
    assert.deepEqual(healthy.problems, [])
    assert.ok(healthy.blobs >= 1 && healthy.blobs <= 6)
    for (const digest of [
      store.image.layer,
      store.other.layer,
      store.image.config,
      store.other.config,
    ]) {
      await store.flip(digest, 0.5, 0)
    }
    const { problems } = await spotCheck(store, { blobs: 50, maxBytes: 1e9 })
    assert.ok(problems.length > 0)
  })

  test('reads no more than it may', async () => {
    await using store = await openSample()
    const { bytes } = await spotCheck(store, { blobs: 50, maxBytes: 50_000 })
    assert.ok(bytes <= 50_000)
  })
})

/** The kinds of problems, each with the digests it is about, in order. */
async function kindsIn(store: Store): Promise<Partial<Record<string, string[]>>> {
  const report = await fsck(store)
  assert.equal(report.ok, false)
  const kinds: Partial<Record<string, string[]>> = {}
  for (const { kind, digest, message } of report.problems) {
    assert.match(message, /\.$/)
    const list = (kinds[kind] ??= [])
    if (digest !== undefined) list.push(digest)
  }
  for (const list of Object.values(kinds)) list?.sort()
  return kinds
}
