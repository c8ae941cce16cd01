import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import {
  findBackupState,
  findVerifiedState,
  saveBackupState,
  saveVerifiedState,
} from '../metadata/backup-state.ts'
import { findLease, takeLease } from '../metadata/leases.ts'
import { parseKey } from '../storage/driver.ts'
import { isDead, thisHolder } from './holder.ts'
import { holdLease, lockRun } from './run-lock.ts'
import { anArchive, anSqliteWorld } from './test-support/archives.ts'

suite('two runs at once', () => {
  async function held(t: TestContext) {
    const { metadata } = await anSqliteWorld(t)
    return { metadata, target: (await anArchive()).target }
  }
  const refused = { name: 'BackupError', kind: 'exists' }

  test('do not happen: of one installation, or into one place', async (t) => {
    const [one, other] = [await held(t), await held(t)]
    {
      await using _ = await lockRun(one.metadata, one.target)
      assert.ok(await findLease(one.metadata, 'backup'))
      await assert.rejects(lockRun(one.metadata, other.target), refused)
      await assert.rejects(lockRun(other.metadata, one.target), refused)
      // Whoever was refused has left nothing behind.
      await using __ = await lockRun(other.metadata, other.target)
    }
    assert.equal(await findLease(one.metadata, 'backup'), undefined)
    await using _ = await lockRun(other.metadata, one.target)
  })

  test('a run that was killed on this machine holds up nobody', async (t) => {
    const { metadata, target } = await held(t)
    const [machine] = thisHolder().split('-')
    // No process has this id: it is above the highest that Linux gives out.
    const dead = `${machine}-99999999-1-aabbccdd`
    await metadata.write(async (tx) => takeLease(tx, 'backup', { holder: dead, forMs: 60_000 }))
    const lock = JSON.stringify({ holder: dead, until: Date.now() + 60_000 })
    await target.write(parseKey(`locks/${dead}`), [Buffer.from(lock)])
    await using _ = await lockRun(metadata, target)
    assert.equal(await target.stat(parseKey(`locks/${dead}`)), undefined)
  })

  test('one on another machine holds until its time is over', async (t) => {
    const { metadata, target } = await held(t)
    const foreign = '0123456789abcdef-1-1-aabbccdd'
    const key = parseKey(`locks/${foreign}`)
    await target.write(key, [Buffer.from(JSON.stringify({ until: Date.now() + 60_000 }))])
    await assert.rejects(lockRun(metadata, target), refused)
    await target.write(key, [Buffer.from(JSON.stringify({ until: Date.now() - 1 }))])
    await using _ = await lockRun(metadata, target)
    await metadata.write(async (tx) => takeLease(tx, 'drill', { holder: foreign, forMs: 60_000 }))
    await assert.rejects(holdLease(metadata, 'drill'), refused)
  })

  test('this process lives, and what is not known is not taken for dead', () => {
    assert.equal(isDead(thisHolder()), false)
    const [machine, pid] = thisHolder().split('-')
    assert.equal(isDead(`${machine}-${pid}-1-aabbccdd`), process.platform === 'linux')
    assert.equal(isDead('0123456789abcdef-99999999-1-aabbccdd'), false)
    assert.equal(isDead('gibberish'), false)
  })
})

suite('how backups went', () => {
  test('is remembered, the last success beyond a failure too', async (t) => {
    const { metadata } = await anSqliteWorld(t)
    assert.equal(await findBackupState(metadata), undefined)
    const good = { ok: true, to: '/x', snapshot: 's', problems: [], scheduled: true }
    await metadata.write(async (tx) => saveBackupState(tx, good))
    const okAt = (await findBackupState(metadata))?.okAt
    assert.ok(okAt !== undefined && Date.now() - okAt < 10_000)
    const problems = Array.from({ length: 50 }, (_, index) => `problem ${index}`)
    await metadata.write(async (tx) =>
      saveBackupState(tx, { ok: false, to: '/x', problems, scheduled: true }),
    )
    const state = await findBackupState(metadata)
    assert.deepEqual(
      [state?.ok, state?.okAt, state?.problemCount, state?.problems.length],
      [false, okAt, 50, 20],
    )
  })

  test('in another place says nothing of this one', async (t) => {
    const { metadata } = await anSqliteWorld(t)
    const good = { ok: true, to: '/x', problems: [], scheduled: true }
    await metadata.write(async (tx) => saveBackupState(tx, good))
    await metadata.write(async (tx) => saveBackupState(tx, { ...good, ok: false, to: '/y' }))
    assert.equal((await findBackupState(metadata))?.okAt, undefined)
  })

  test('a part that is right proves nothing about the whole', async (t) => {
    const { metadata } = await anSqliteWorld(t)
    const part = { ok: true, to: '/x', how: 'part', part: '1/28', problems: [] } as const
    await metadata.write(async (tx) => saveVerifiedState(tx, part))
    assert.equal((await findVerifiedState(metadata))?.okAt, undefined)
    await metadata.write(async (tx) =>
      saveVerifiedState(tx, { ok: true, to: '/x', how: 'drill', problems: [] }),
    )
    const okAt = (await findVerifiedState(metadata))?.okAt
    assert.ok(okAt !== undefined)
    await metadata.write(async (tx) => saveVerifiedState(tx, { ...part, ok: false }))
    const state = await findVerifiedState(metadata)
    assert.deepEqual([state?.ok, state?.okAt], [false, okAt])
  })
})
