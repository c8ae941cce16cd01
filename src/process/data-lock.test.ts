import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { lockData } from './data-lock.ts'

test('the data of one server is refused to another, until the first one is gone', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-lock-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  const first = lockData(folder)
  const said = /Another Carrel server is running on .*carrel-lock-.*--data/
  assert.throws(() => lockData(folder), said)
  assert.throws(() => lockData(folder), said)
  first[Symbol.dispose]()
  lockData(folder)[Symbol.dispose]()
})
