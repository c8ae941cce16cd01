import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { Digest } from '../oci/digest.ts'
import { parseKey, type Key } from '../storage/driver.ts'
import { createMemoryDriver } from '../storage/drivers/memory/memory-driver.ts'
import { createArchive, openArchive, readHeader } from './archive.ts'
import { readSnapshot } from './snapshot.ts'
import {
  aFolder,
  anArchive,
  anSqliteWorld,
  backUp,
  bytesOf,
  passphrase,
  restoreTo,
} from './test-support/archives.ts'
import { everything, flip, keysOf, withBlobs } from './test-support/blobs.ts'
import { partOfToday, verifyArchive } from './verify.ts'

suite('checking a backup', () => {
  for (const encrypted of [false, true]) {
    const kind = encrypted ? 'encrypted' : 'plain'
    test(`finds any object that was changed, cut or removed (${kind})`, async (t) => {
      const world = await anSqliteWorld(t)
      const archive = await anArchive(encrypted)
      await withBlobs(world, [10, 70_000])
      await writeFile(join(world.dataDir, 'carrel.yaml'), 'log: { level: info }\n')
      await backUp(archive, world)
      const good = await verifyArchive(archive, everything)
      assert.deepEqual([good.ok, good.problems, good.blobs], [true, [], 2])
      for (const folder of ['snapshots', 'tables', 'files', 'blobs']) {
        const keys = await keysOf(archive, folder)
        assert.ok(keys.length > 0, folder)
        for (const key of [keys[0], keys.at(-1)].map((text) => parseKey(text ?? ''))) {
          const bytes = await bytesOf(await archive.target.read(key))
          const harms = [
            bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 8 : byte)),
            bytes.subarray(0, -1),
          ]
          for (const harmed of harms) {
            await archive.target.write(key, [harmed])
            const { ok, problems } = await verifyArchive(archive, everything)
            assert.equal(ok, false, `${key} was harmed, and nothing was found`)
            assert.ok(
              problems.some((problem) => problem.key === key),
              key,
            )
          }
          await archive.target.delete([key])
          assert.equal((await verifyArchive(archive, everything)).ok, false, `${key} is gone`)
          await archive.target.write(key, [bytes])
        }
      }
      assert.equal((await verifyArchive(archive, everything)).ok, true)
    })
  }

  test('moves a damaged blob aside, and the next run brings it anew', async (t) => {
    const world = await anSqliteWorld(t)
    const archive = await anArchive()
    const [blob] = await withBlobs(world, [1000, 50])
    const { snapshot } = await backUp(archive, world)
    await flip(archive, archive.blobKey(blob?.digest as Digest))
    const { problems } = await verifyArchive(archive, everything)
    assert.deepEqual(
      problems.map(({ digest }) => digest),
      [blob?.digest],
    )
    assert.equal((await keysOf(archive, 'damaged')).length, 1)
    const { restored } = await restoreTo(t, 'sqlite', archive, snapshot)
    assert.deepEqual(
      restored.lost.map(({ digest }) => digest),
      [blob?.digest],
    )
    assert.deepEqual((await backUp(archive, world)).copied, { blobs: 1, bytes: 1000 })
    assert.equal((await verifyArchive(archive, everything)).ok, true)
  })

  test('by parts has read everything when all of them had their turn', async (t) => {
    const world = await anSqliteWorld(t)
    const archive = await anArchive()
    await withBlobs(
      world,
      Array.from({ length: 30 }, (_, index) => 100 + index),
    )
    await backUp(archive, world)
    const all = (await verifyArchive(archive, everything)).hashed.objects
    const metadata = (await keysOf(archive, 'tables')).length
    let blobs = 0
    for (let number = 1; number <= 7; number += 1) {
      const { hashed } = await verifyArchive(archive, { part: { number, of: 7 } })
      assert.ok(hashed.objects >= metadata && hashed.objects < all)
      blobs += hashed.objects - metadata
    }
    assert.equal(blobs, 30)
    const days = Array.from({ length: 28 }, (_, day) => partOfToday(28, day * 86_400_000).number)
    assert.deepEqual(
      days.toSorted((a, b) => a - b),
      Array.from({ length: 28 }, (_, index) => index + 1),
    )
  })

  test('an empty backup is none', async () => {
    const { ok, problems } = await verifyArchive(await anArchive(), everything)
    assert.deepEqual([ok, problems.length], [false, 1])
  })
})

suite('an encrypted backup', () => {
  test('shows neither contents nor names, and opens with its key only', async (t) => {
    const world = await anSqliteWorld(t)
    const target = createMemoryDriver()
    const archive = await createArchive(target, {
      installation: 'test',
      secret: passphrase,
      cost: 1024,
    })
    const [blob] = await withBlobs(world, [1000])
    const { snapshot } = await backUp(archive, world)
    const hex = blob?.digest.slice('sha256:'.length) ?? ''
    for (const folder of ['snapshots', 'tables', 'blobs']) {
      for (const key of await keysOf(archive, folder)) {
        assert.equal(key.includes(hex), false)
        const bytes = await bytesOf(await target.read(parseKey(key)))
        assert.equal(bytes.subarray(0, 8).toString(), 'CARRELB1')
        assert.equal(bytes.includes('repositories'), false)
      }
    }
    const header = await readHeader(target)
    assert.ok(header)
    const again = await openArchive(target, header, async () => passphrase)
    assert.deepEqual(await readSnapshot(again, snapshot.id), snapshot)
    await assert.rejects(
      openArchive(target, header, async () => Buffer.from('another secret')),
      {
        kind: 'denied',
        message: 'this is not the key of this backup',
      },
    )
    await assert.rejects(
      openArchive(target, header, async () => undefined),
      { kind: 'denied' },
    )
  })

  test("with two objects in each other's place is refused", async (t) => {
    const world = await anSqliteWorld(t)
    const archive = await anArchive(true)
    await backUp(archive, world)
    await new Promise((resolve) => setTimeout(resolve, 2))
    await withBlobs(world, [10])
    await backUp(archive, world)
    const [old, young] = (await keysOf(archive, 'snapshots')).map(parseKey)
    await archive.target.write(young as Key, [await bytesOf(await archive.target.read(old as Key))])
    const { problems } = await verifyArchive(archive, everything)
    assert.ok(problems.some(({ key }) => key === young))
  })
})

test('a backup in a folder is durable objects, and its folder is told from others', async (t) => {
  const { hasBackup, requireBackup, requireEmpty } = await import('./target-check.ts')
  const { openFilesystemDriver } =
    await import('../storage/drivers/filesystem/filesystem-driver.ts')
  const folder = join(await aFolder(t), 'dest')
  assert.equal(await hasBackup(folder), false)
  await assert.rejects(requireBackup(folder), { kind: 'not-found' })
  const world = await anSqliteWorld(t)
  await withBlobs(world, [100_000])
  {
    await using driver = await openFilesystemDriver({ root: folder })
    const archive = await createArchive(driver, { installation: 'test' })
    await backUp(archive, world)
    assert.equal((await verifyArchive(archive, everything)).ok, true)
  }
  assert.equal(await hasBackup(folder), true)
  await requireBackup(folder)
  await assert.rejects(hasBackup(world.dataDir), { kind: 'exists', why: /carrel\.db/ })
  await assert.rejects(requireEmpty(folder, []), { kind: 'exists' })
  await requireEmpty(join(folder, 'none'), [])
  await assert.rejects(hasBackup(join(folder, 'carrel-backup.json')), { kind: 'invalid' })
})
