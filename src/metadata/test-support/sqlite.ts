// A database file for one test, gone when the test is over.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export async function anSqliteFile(
  t: TestContext,
): Promise<{ readonly dialect: 'sqlite'; readonly file: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-metadata-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  return { dialect: 'sqlite', file: join(folder, 'carrel.db') }
}
