import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ensureSetting, findSetting } from '../settings.ts'
import { openSqlite } from './sqlite.ts'

async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-log-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  return folder
}

test('a log that was made long does not grow with commits, and holds what was written before', async (t) => {
  const file = join(await aFolder(t), 'carrel.db')
  await using first = await openSqlite({ file, migrate: true })
  await first.write(async (tx) => ensureSetting(tx, 'before', 'here'))
  await using server = await openSqlite({ file, longLog: true })
  const { size } = await stat(`${file}-wal`)
  for (let at = 0; at < 50; at += 1) {
    await server.write(async (tx) => ensureSetting(tx, `key-${at}`, 'x'.repeat(3000)))
  }
  assert.equal((await stat(`${file}-wal`)).size, size)
  assert.equal(await findSetting(first, 'before'), 'here')
  assert.equal(await findSetting(first, 'key-49'), 'x'.repeat(3000))
})

test('after a crash everything is read from a log that ends in zeros', async (t) => {
  const folder = await aFolder(t)
  const file = join(folder, 'carrel.db')
  const copy = join(folder, 'copy.db')
  await using server = await openSqlite({ file, migrate: true, longLog: true })
  for (let at = 0; at < 20; at += 1) {
    await server.write(async (tx) => ensureSetting(tx, `key-${at}`, String(at)))
  }
  // What a power loss leaves: the file and its log, no index.
  await copyFile(file, copy)
  await copyFile(`${file}-wal`, `${copy}-wal`)
  await using after = await openSqlite({ file: copy, longLog: true })
  for (let at = 0; at < 20; at += 1) assert.equal(await findSetting(after, `key-${at}`), String(at))
  await after.write(async (tx) => ensureSetting(tx, 'later', 'yes'))
  assert.equal(await findSetting(after, 'later'), 'yes')
})
