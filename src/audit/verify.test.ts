import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { exportAudit } from './export.ts'
import { sealAudit } from './seal.ts'
import { collect, fill, giveId } from './test-support/logs.ts'
import { verifyAudit, type AuditProgress } from './verify.ts'
import { anSqliteFile } from '../metadata/test-support/sqlite.ts'
import { openAt } from '../metadata/test-support/store-address.ts'

test('a table in which SQLite was made to keep something else than numbers ends no check in a circle', async (t) => {
  const address = await anSqliteFile(t)
  await using metadata = await openAt(address, { migrate: true })
  await giveId(metadata)
  await fill(metadata, 1300)
  using other = new DatabaseSync(address.file)
  for (const seq of ["'x' || id", "x'00' || id", 'id + 0.5']) {
    other.exec(`update audit set seq = ${seq} where id > 100`)
    const { ok, entries, problems, problemCount } = await verifyAudit(metadata)
    assert.equal(ok, false)
    assert.ok(entries <= 1300 && problemCount >= 500, `${entries} ${problemCount}`)
    assert.equal(problems.length, 100)
    const text = await collect(exportAudit(metadata, { format: 'jsonl' }))
    assert.ok(text.split('\n').length > 100)
  }
})

test('a check tells how far it is, and can be stopped', async (t) => {
  await using metadata = await openAt(await anSqliteFile(t), { migrate: true })
  await giveId(metadata)
  await fill(metadata, 1100)
  const progress: AuditProgress[] = []
  await verifyAudit(metadata, {
    onProgress: (one) => {
      progress.push(one)
    },
  })
  assert.deepEqual(
    progress.map(({ entries, total }) => [entries, total]),
    [
      [500, 1100],
      [1000, 1100],
      [1100, 1100],
    ],
  )
  const stop = new AbortController()
  const stopped = verifyAudit(metadata, { signal: stop.signal, onProgress: () => stop.abort() })
  await assert.rejects(stopped, { name: 'AbortError' })
})

test('a log of an installation without an id is neither sealed nor checked', async (t) => {
  await using metadata = await openAt(await anSqliteFile(t), { migrate: true })
  assert.equal(await sealAudit(metadata), 0)
  await assert.rejects(fill(metadata, 1), /has no id/)
  await assert.rejects(verifyAudit(metadata), /has no id/)
})
