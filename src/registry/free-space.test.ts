import assert from 'node:assert/strict'
import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { StorageFullError } from '../oci/errors.ts'
import { createFreeSpace } from './free-space.ts'

const here = tmpdir()

async function freeHere(): Promise<{ free: number; total: number }> {
  const { bavail, blocks, bsize } = await statfs(here)
  return { free: bavail * bsize, total: blocks * bsize }
}

test('a push has room while more is free than is kept back', async () => {
  const { total } = await freeHere()
  const space = createFreeSpace({ folders: [here], reserveBytes: 4096 })
  await space.requireRoom()
  assert.deepEqual((await space.look()).reserve, 4096)
  assert.equal((await space.look()).total, total)
})

test('what a push announces counts, and the refusal says how much there is and what to do', async () => {
  const { free } = await freeHere()
  const space = createFreeSpace({ folders: [here], reserveBytes: 4096 })
  await assert.rejects(space.requireRoom(free + 1024 ** 4), (error) => {
    assert.ok(error instanceof StorageFullError)
    assert.match(error.message, /no storage space .*\d MiB are free, this push brings \d+ MiB/)
    assert.match(error.message, /are kept for deletes and collection\. Delete .* make room\.$/)
    return true
  })
  await createFreeSpace({ folders: [here], reserveBytes: 0 }).requireRoom(free + 1024 ** 4)
})

test('of a small disk a tenth is kept back at most', async () => {
  const { total } = await freeHere()
  const space = createFreeSpace({ folders: [here], reserveBytes: Number.MAX_SAFE_INTEGER })
  assert.equal((await space.look()).reserve, Math.floor(total / 10))
})

test('a folder that is not there does not count, and where nothing can be told nobody is refused', async () => {
  const missing = join(here, 'no-such-folder-of-carrel')
  const both = createFreeSpace({ folders: [missing, here], reserveBytes: 4096 })
  assert.equal((await both.look()).total, (await freeHere()).total)
  await createFreeSpace({ folders: [missing], reserveBytes: 4096 }).requireRoom(1024 ** 5)
})

test('the disk is looked at once in a while only', async () => {
  const space = createFreeSpace({ folders: [here], reserveBytes: 1, freshMs: 60_000 })
  const first = await space.look()
  assert.equal(await space.look(), first)
  const restless = createFreeSpace({ folders: [here], reserveBytes: 1, freshMs: 0 })
  assert.notEqual(await restless.look(), await restless.look())
})
