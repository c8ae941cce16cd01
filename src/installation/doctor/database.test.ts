import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { DatabaseState } from '../../metadata/database-state.ts'
import { createRepository } from '../repositories.ts'
import { actor, goodPassword, openTestInstallation } from '../test-support.ts'
import { createUser } from '../users.ts'
import { checkAdministrator, checkClock, checkDatabase } from './database.ts'

const whole: DatabaseState = {
  engine: 'PostgreSQL 18.4',
  empty: false,
  pending: [],
  unknown: [],
  damage: [],
  unsafe: [],
}

suite('the database', () => {
  test('that is whole is fine', () => {
    const checks = checkDatabase(whole)
    assert.deepEqual(
      checks.map(({ status }) => status),
      ['ok'],
    )
    assert.match(checks[0]?.message ?? '', /PostgreSQL 18\.4/)
  })

  test('on a machine whose clock differs is warned of, in both directions', () => {
    for (const [clockAheadMs, said] of [
      [90_000, /90 s ahead of/],
      [-61_000, /61 s behind/],
    ] as const) {
      const [check] = checkDatabase({ ...whole, clockAheadMs })
      assert.deepEqual([check?.name, check?.status], ['clock', 'warning'])
      assert.match(check?.message ?? '', said)
    }
    assert.equal(checkDatabase({ ...whole, clockAheadMs: 59_000 })[0]?.status, 'ok')
  })

  test('is told about for each thing that is wrong, and what to do', () => {
    const checks = checkDatabase({
      ...whole,
      pending: ['0007-new'],
      unknown: ['0009-future'],
      damage: ['row 3 missing from index'],
      unsafe: ['fsync = off', 'synchronous_commit = off'],
    })
    const statuses = checks.map(({ status }) => status)
    assert.deepEqual(statuses, ['problem', 'problem', 'problem', 'problem', 'warning'])
    for (const { fix } of checks) assert.ok(fix)
    const fixes = checks.map(({ fix }) => fix)
    assert.ok(fixes.includes('ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf();'))
  })
})

suite('the administrator', () => {
  test('is missing until one can sign in', async () => {
    await using deps = await openTestInstallation()
    const before = await checkAdministrator(deps.metadata)
    assert.deepEqual([before.status, before.fix], ['problem', 'carrel admin link'])
    await createUser(deps, actor, { name: 'ann', password: goodPassword, admin: false })
    assert.equal((await checkAdministrator(deps.metadata)).status, 'problem')
    await createUser(deps, actor, { name: 'boss', password: goodPassword, admin: true })
    assert.equal((await checkAdministrator(deps.metadata)).status, 'ok')
  })
})

suite('the clock', () => {
  test('is believed when nothing speaks against it', async () => {
    await using deps = await openTestInstallation()
    assert.equal((await checkClock(undefined)).status, 'ok')
    assert.equal((await checkClock(deps.metadata)).status, 'ok')
  })

  test('is not believed before this program was written, nor before the last push', async () => {
    await using deps = await openTestInstallation()
    const { metadata } = deps
    assert.equal((await checkClock(metadata, new Date(0))).status, 'problem')
    const repository = { name: 'a', visibility: 'private', description: '' } as const
    await createRepository({ metadata }, actor, repository)
    assert.equal((await checkClock(metadata)).status, 'ok')
    const hourAgo = new Date(Date.now() - 3_600_000)
    assert.equal((await checkClock(metadata, hourAgo)).status, 'warning')
  })
})
