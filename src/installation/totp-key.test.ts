import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ensureTotpKey, totpKeyFile } from './totp-key.ts'

async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-key-'))
  t.after(async () => rm(folder, { recursive: true }))
  return folder
}

test('the key is made once, however many ask for it first, and is its owner’s alone', async (t) => {
  const folder = await aFolder(t)
  const keys = await Promise.all(Array.from({ length: 8 }, async () => ensureTotpKey(folder)))
  const texts = new Set(keys.map((key) => Buffer.from(key).toString('hex')))
  assert.equal(texts.size, 1)
  assert.equal(keys[0]?.length, 32)
  assert.deepEqual(await ensureTotpKey(folder), keys[0])
  assert.equal((await stat(totpKeyFile(folder))).mode & 0o777, 0o600)
  assert.notDeepEqual(await ensureTotpKey(await aFolder(t)), keys[0])
})

test('a damaged key is said and not replaced', async (t) => {
  const folder = await aFolder(t)
  await ensureTotpKey(folder)
  await writeFile(totpKeyFile(folder), 'short')
  await assert.rejects(ensureTotpKey(folder), /Restore it from a backup/)
  assert.equal(await readFile(totpKeyFile(folder), 'utf8'), 'short')
})
