import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Space } from '../registry/free-space.ts'
import { reserveFile, reserveTask } from './reserve-file.ts'

const mebibyte = 1024 * 1024

async function aReserve(t: TestContext, space: Space) {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-reserve-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  const now = { ...space }
  const warnings: string[] = []
  const task = reserveTask({
    dataDir: folder,
    space: { look: async () => now, requireRoom: async () => undefined },
    warn: (message) => warnings.push(message),
    firstAfterMs: 0,
  })
  const size = async () =>
    stat(join(folder, reserveFile)).then(
      (found) => found.size,
      () => undefined,
    )
  return { now, warnings, task, size }
}

test('the reserve is made when there is room, given up on a full disk, and made again', async (t) => {
  const space = { free: 1000 * mebibyte, total: 10_000 * mebibyte, reserve: 256 * mebibyte }
  const { now, warnings, task, size } = await aReserve(t, space)
  await task.run()
  assert.equal(await size(), 16 * mebibyte)
  Object.assign(now, { free: 9 * mebibyte })
  await task.run()
  assert.equal(await size(), 16 * mebibyte)
  Object.assign(now, { free: 0 })
  await task.run()
  assert.equal(await size(), undefined)
  assert.equal(warnings.length, 1)
  Object.assign(now, { free: 260 * mebibyte })
  await task.run()
  assert.equal(await size(), undefined)
  Object.assign(now, { free: 300 * mebibyte })
  await task.run()
  assert.equal(await size(), 16 * mebibyte)
})

test('a small disk has a small reserve, and one without a reserve has none', async (t) => {
  const small = { free: 50 * mebibyte, total: 64 * mebibyte, reserve: 6 * mebibyte }
  const one = await aReserve(t, small)
  await one.task.run()
  assert.equal(await one.size(), 3 * mebibyte)
  const none = await aReserve(t, { ...small, reserve: 0 })
  await none.task.run()
  assert.equal(await none.size(), undefined)
})
