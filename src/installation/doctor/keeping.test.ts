import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { saveBackupState, saveVerifiedState } from '../../metadata/backup-state.ts'
import { switchReadOnlyOn } from '../../metadata/read-only.ts'
import { saveSetting } from '../../metadata/settings.ts'
import { openTestInstallation } from '../test-support.ts'
import { checkBackup, checkCollection, checkReadOnly, checkScrub } from './keeping.ts'

const dayMs = 86_400_000
const none = { everyMs: dayMs }
const good = { ok: true, to: '/mnt/b', problems: [] }

suite('the backup', () => {
  test('that is not there is warned of, and one that fails is a problem', async () => {
    await using installation = await openTestInstallation()
    const { metadata } = installation
    const missing = await checkBackup(metadata, none)
    assert.deepEqual(
      [missing.status, missing.fix],
      ['warning', 'carrel backup create /mnt/backup/carrel'],
    )
    const there = await checkBackup(metadata, { ...none, to: "/mnt/it's" })
    assert.equal(there.fix, `carrel backup create '/mnt/it'\\''s'`)
    const failed = { ...good, ok: false, problems: ['No room.'], scheduled: true }
    await metadata.write(async (tx) => saveBackupState(tx, failed))
    const failing = await checkBackup(metadata, none)
    assert.equal(failing.status, 'problem')
    assert.match(failing.message, /no backup.* No room\./)
  })

  test('counts when it is young and was read back, and not otherwise', async () => {
    await using installation = await openTestInstallation()
    const { metadata } = installation
    await metadata.write(async (tx) => saveBackupState(tx, { ...good, scheduled: true }))
    const unread = await checkBackup(metadata, none)
    assert.deepEqual([unread.status, unread.fix], ['warning', 'carrel backup verify /mnt/b'])
    await metadata.write(async (tx) => saveVerifiedState(tx, { ...good, how: 'drill' }))
    assert.equal((await checkBackup(metadata, none)).status, 'ok')
    const scheduled = { to: '/mnt/b', everyMs: dayMs }
    assert.equal((await checkBackup(metadata, scheduled, Date.now() + dayMs)).status, 'ok')
    const late = await checkBackup(metadata, scheduled, Date.now() + 3 * dayMs)
    assert.deepEqual([late.status, late.fix], ['problem', 'carrel backup create /mnt/b'])
    assert.match(late.message, /3 days old/)
    const broken = { ...good, ok: false, problems: ['A blob is missing.'], how: 'all' as const }
    await metadata.write(async (tx) => saveVerifiedState(tx, broken))
    const bad = await checkBackup(metadata, none)
    assert.equal(bad.status, 'problem')
    assert.match(bad.message, /not whole: A blob is missing\./)
  })
})

suite('what keeps an installation', () => {
  test('is fine where nothing is stored yet', async () => {
    await using installation = await openTestInstallation()
    const { metadata } = installation
    assert.equal((await checkScrub(metadata)).message, 'nothing is stored yet')
    const collection = await checkCollection(metadata)
    assert.deepEqual(
      [collection.status, collection.message],
      ['ok', 'has not run yet; 0 things wait'],
    )
    assert.deepEqual(await checkReadOnly(metadata, false), [])
  })

  test('is warned of when collection had errors', async () => {
    await using installation = await openTestInstallation()
    const { metadata } = installation
    const last = { endedAt: Date.now(), errors: 2, errorMessages: ['The storage is away.'] }
    await metadata.write(async (tx) => saveSetting(tx, 'collection-last', JSON.stringify(last)))
    const { status, message, fix } = await checkCollection(metadata)
    assert.deepEqual([status, fix], ['warning', 'carrel gc run'])
    assert.match(message, /2 errors: The storage is away\./)
    const fine = { endedAt: Date.now() - dayMs / 2, errors: 0 }
    await metadata.write(async (tx) => saveSetting(tx, 'collection-last', JSON.stringify(fine)))
    assert.match((await checkCollection(metadata)).message, /ran 12 hours ago/)
  })

  test('tells that the installation is read-only, and warns when that has no end', async () => {
    await using installation = await openTestInstallation()
    const { metadata } = installation
    const state = { since: 0, until: Date.now() + dayMs, reason: 'a move', by: 'ann' }
    await metadata.write(async (tx) => switchReadOnlyOn(tx, state))
    const [note] = await checkReadOnly(metadata, false)
    assert.deepEqual([note?.status, note?.fix], ['note', 'carrel read-only off'])
    assert.match(note?.message ?? '', /until \d{4}-.*: a move\.$/)
    await metadata.write(async (tx) => switchReadOnlyOn(tx, { ...state, until: undefined }))
    assert.equal((await checkReadOnly(metadata, false))[0]?.status, 'warning')
    assert.equal((await checkReadOnly(metadata, true))[0]?.status, 'note')
  })
})
