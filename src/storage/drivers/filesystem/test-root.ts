// A folder for one test, gone when the test is over.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export async function testRoot(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-storage-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'root')
}
