import assert from 'node:assert/strict'
import { mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createFile, readIfThere, removeOldTemporaries, replaceFile } from './durable-file.ts'

test('of many creations of one file exactly one wins, whole, and nothing else is left', async () => {
  await using folder = await aFolder()
  const path = join(folder.path, 'a.pem')
  const texts = Array.from({ length: 20 }, (_, index) => `${index}\n`.repeat(1000))
  await Promise.all(texts.map(async (text) => await createFile({ path, text, mode: 0o600 })))
  assert.ok(texts.includes(await readFile(path, 'utf8')))
  assert.deepEqual(await readdir(folder.path), ['a.pem'])
})

test('a replaced file gets the new text and mode', async () => {
  await using folder = await aFolder()
  const path = join(folder.path, 'a.pem')
  await replaceFile({ path, text: 'one', mode: 0o600 })
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await replaceFile({ path, text: 'two', mode: 0o644 })
  assert.equal((await stat(path)).mode & 0o777, 0o644)
  assert.equal(await readIfThere(path), 'two')
  assert.deepEqual(await readdir(folder.path), ['a.pem'])
})

test('an absent file reads as undefined, and a folder in its place is an error', async () => {
  await using folder = await aFolder()
  assert.equal(await readIfThere(join(folder.path, 'nothing')), undefined)
  await assert.rejects(readIfThere(folder.path), { code: 'EISDIR' })
})

test('what a killed process left is removed after an hour, and nothing else', async () => {
  await using folder = await aFolder()
  const old = join(folder.path, '.server.pem.0123456789ab.tmp')
  const others = ['.server.pem.ba9876543210.tmp', 'mine.tmp']
  for (const name of others) await writeFile(join(folder.path, name), '')
  await writeFile(old, 'secret')
  const hoursAgo = new Date(Date.now() - 2 * 60 * 60 * 1000)
  await utimes(old, hoursAgo, hoursAgo)
  await utimes(join(folder.path, 'mine.tmp'), hoursAgo, hoursAgo)
  await removeOldTemporaries(folder.path)
  assert.deepEqual((await readdir(folder.path)).toSorted(), others.toSorted())
})

async function aFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'carrel-durable-'))
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) }
}
