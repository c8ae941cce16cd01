// What a run does beyond copying rows: blobs that are damaged or move, files, old snapshots.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { insertBlob } from '../metadata/blobs.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { parseKey, type Key } from '../storage/driver.ts'
import { newBlobKey } from '../storage/layout.ts'
import { openBlobOf } from './heal.ts'
import { prune } from './prune.ts'
import { listSnapshotIds, newestSnapshot } from './snapshot.ts'
import {
  anArchive,
  anSqliteWorld,
  backUp,
  bytesOf,
  contentsOf,
  restoreTo,
  type World,
} from './test-support/archives.ts'
import {
  everything,
  flip,
  forget,
  keysOf,
  markDamaged,
  setPlace,
  withBlobs,
  type StoredBlob,
} from './test-support/blobs.ts'
import { verifyArchive } from './verify.ts'

suite('a run', () => {
  test('copies what is new, once', async (t) => {
    const world = await anSqliteWorld(t)
    const archive = await anArchive()
    await withBlobs(world, [10, 70_000, 200_000])
    assert.deepEqual((await backUp(archive, world)).copied, { blobs: 3, bytes: 270_010 })
    assert.deepEqual((await backUp(archive, world)).copied, { blobs: 0, bytes: 0 })
    await withBlobs(world, [5])
    const { copied, snapshot } = await backUp(archive, world)
    assert.deepEqual(copied, { blobs: 1, bytes: 5 })
    assert.deepEqual([snapshot.counts.blobs, snapshot.counts.bytes], [4, 270_015])
    assert.equal((await listSnapshotIds(archive)).length, 3)
  })

  test('names blobs that are damaged, keeps them out and everything else in', async (t) => {
    const world = await anSqliteWorld(t)
    const archive = await anArchive()
    const [good, changed, gone, short] = await withBlobs(world, [1000, 2000, 3000, 4000])
    await world.driver.write(changed?.key as Key, [randomBytes(2000)])
    await world.driver.delete([gone?.key as Key])
    await world.driver.write(short?.key as Key, [short?.bytes.subarray(0, 3999) as Buffer])
    const { snapshot, missing, copied } = await backUp(archive, world)
    assert.deepEqual(
      missing.map(({ digest }) => digest).toSorted(),
      [changed, gone, short].map((blob) => blob?.digest).toSorted(),
    )
    assert.equal(snapshot.complete, false)
    assert.deepEqual(snapshot.missing.toSorted(), missing.map(({ digest }) => digest).toSorted())
    assert.equal(copied.blobs, 1)
    assert.equal((await keysOf(archive, 'blobs')).length, 1)
    const { restored, metadata } = await restoreTo(t, 'sqlite', archive, snapshot)
    assert.equal(restored.blobs, 1)
    assert.deepEqual(
      restored.lost.map(({ digest }) => digest).toSorted(),
      snapshot.missing.toSorted(),
    )
    // What is lost counts as absent until it is pushed again.
    const again = {
      digest: gone?.digest as Digest,
      size: 3000,
      storageKey: 'k',
      content: undefined,
    }
    assert.equal(await metadata.write(async (tx) => insertBlob(tx, again)), true)
    assert.equal(
      await metadata.write(async (tx) =>
        insertBlob(tx, { ...again, digest: good?.digest as Digest }),
      ),
      false,
    )
  })

  test('follows a blob that moved while the run was on', async (t) => {
    const world = await anSqliteWorld(t)
    const archive = await anArchive()
    const [blob] = await withBlobs(world, [1000])
    const moved = newBlobKey(blob?.digest as Digest)
    // The snapshot says one place; when it is looked for, it is at another.
    const blobs: World['blobs'] = {
      ...world.blobs,
      async open(key) {
        if (key === blob?.key) {
          await world.driver.move(key, moved)
          await world.metadata.write(async (tx) =>
            tx.run(setPlace, { digest: blob.digest, key: moved }),
          )
        }
        return world.blobs.open(key)
      },
    }
    const { missing, copied } = await backUp(archive, { ...world, blobs })
    assert.deepEqual([missing, copied.blobs], [[], 1])
  })

  test('a blob that is damaged by now comes back from the snapshot before', async (t) => {
    const world = await anSqliteWorld(t)
    const archive = await anArchive()
    const [blob] = await withBlobs(world, [1000])
    await backUp(archive, world)
    await world.metadata.write(async (tx) =>
      tx.run(markDamaged, { digest: blob?.digest as string }),
    )
    await world.driver.delete([blob?.key as Key])
    const { snapshot, missing } = await backUp(archive, world)
    assert.deepEqual([missing, snapshot.complete], [[], true])
    await prune(archive, 1)
    const found = await restoreTo(t, 'sqlite', archive, await newestSnapshot(archive))
    assert.equal((await contentsOf(found)).stored[blob?.digest ?? ''], blob?.bytes.toString('hex'))
    assert.deepEqual([found.restored.lost, found.restored.damagedBefore], [[], []])
    const healed = await openBlobOf(archive, blob?.digest as Digest)
    assert.deepEqual(healed && (await bytesOf(healed)), blob?.bytes)
    assert.equal(await openBlobOf(archive, digestOf(Buffer.from('other'))), undefined)
  })

  test('takes the files beside the database with it, as they are', async (t) => {
    const world = await anSqliteWorld(t)
    const archive = await anArchive(true)
    await mkdir(join(world.dataDir, 'keys'))
    await writeFile(join(world.dataDir, 'keys', 'second-factor.key'), 'secret\n', { mode: 0o600 })
    await writeFile(join(world.dataDir, 'keys', '.half.tmp'), 'unfinished')
    await writeFile(join(world.dataDir, 'carrel.yaml'), 'listen: 127.0.0.1:1\n')
    await chmod(join(world.dataDir, 'carrel.yaml'), 0o644)
    await writeFile(join(world.dataDir, 'other.txt'), 'not ours')
    const { snapshot } = await backUp(archive, world)
    assert.deepEqual(
      snapshot.files.map(({ path }) => path),
      ['carrel.yaml', 'keys/second-factor.key'],
    )
    const { dataDir } = await restoreTo(t, 'sqlite', archive, snapshot)
    const key = join(dataDir, 'keys', 'second-factor.key')
    assert.equal(await readFile(key, 'utf8'), 'secret\n')
    assert.equal((await stat(key)).mode & 0o777, 0o600)
    assert.equal((await stat(join(dataDir, 'carrel.yaml'))).mode & 0o777, 0o644)
  })

  test('that is told to stop leaves no snapshot', async (t) => {
    const world = await anSqliteWorld(t)
    const archive = await anArchive()
    await withBlobs(world, [10, 20])
    const { createSnapshot } = await import('./create.ts')
    const stop = new AbortController()
    const { metadata, blobs, dataDir } = world
    const onProgress = ({ phase }: { phase: string }) => phase === 'blobs' && stop.abort()
    const made = createSnapshot({
      archive,
      metadata,
      blobs,
      dataDir,
      version: '0',
      signal: stop.signal,
      onProgress,
    })
    await assert.rejects(made, { name: 'AbortError' })
    assert.deepEqual(await listSnapshotIds(archive), [])
    await assert.rejects(newestSnapshot(archive), { kind: 'not-found' })
  })
})

suite('pruning', () => {
  test('keeps the newest, all that they need, and nothing else', async (t) => {
    const world = await anSqliteWorld(t)
    const archive = await anArchive()
    const kept = await withBlobs(world, [100, 200])
    const [going] = await withBlobs(world, [300])
    await backUp(archive, world)
    await forget(world, going as StoredBlob)
    await backUp(archive, world)
    await backUp(archive, world)
    assert.deepEqual(await prune(archive, 3), { snapshots: 0, blobs: 0, bytes: 0 })
    assert.deepEqual(await prune(archive, 2), { snapshots: 1, blobs: 1, bytes: 300 })
    const ids = await listSnapshotIds(archive)
    assert.equal(ids.length, 2)
    assert.equal((await keysOf(archive, 'blobs')).length, kept.length)
    for (const key of await keysOf(archive, 'tables')) assert.ok(ids.some((id) => key.includes(id)))
    assert.equal((await verifyArchive(archive, everything)).ok, true)
  })

  test('counts complete ones only: an incomplete one pushes none of them out', async (t) => {
    const world = await anSqliteWorld(t)
    const archive = await anArchive()
    await withBlobs(world, [100])
    const complete = await backUp(archive, world)
    const [lost] = await withBlobs(world, [50])
    await world.driver.delete([lost?.key as Key])
    await backUp(archive, world)
    const { snapshot } = await backUp(archive, world)
    assert.equal((await prune(archive, 1)).snapshots, 1)
    assert.equal((await newestSnapshot(archive)).id, complete.snapshot.id)
    assert.deepEqual(await listSnapshotIds(archive), [complete.snapshot.id, snapshot.id])
  })

  test('deletes nothing while anything cannot be read', async (t) => {
    const world = await anSqliteWorld(t)
    const [blob] = await withBlobs(world, [100])
    for (const hurt of ['snapshots', 'tables'] as const) {
      const archive = await anArchive(true)
      const { snapshot } = await backUp(archive, world)
      await backUp(archive, world)
      await backUp(archive, world)
      const before = await keysOf(archive, 'tables')
      const suffix = hurt === 'snapshots' ? '.json' : '.blob-list.txt.gz'
      const newest = (await listSnapshotIds(archive)).at(-1) ?? ''
      assert.notEqual(newest, snapshot.id)
      await flip(archive, parseKey(`${hurt}/${newest}${suffix}`))
      await assert.rejects(prune(archive, 1), { name: 'DamagedObjectError' })
      assert.equal((await listSnapshotIds(archive)).length, 3)
      assert.deepEqual(await keysOf(archive, 'tables'), before)
      assert.ok(await archive.target.stat(archive.blobKey(blob?.digest as Digest)))
    }
  })
})
