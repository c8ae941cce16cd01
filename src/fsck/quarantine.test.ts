// What is proved wrong is set aside and comes back by a push; what is not proved changes nothing, whatever fails.
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { suite, test } from 'node:test'
import { findBlob, findLinkedBlob, insertBlob } from '../metadata/blobs.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { listQuarantined } from '../metadata/verification.ts'
import type { Digest } from '../oci/digest.ts'
import { StorageUnavailableError } from '../oci/errors.ts'
import { withFaults, type Fault, type DriverCall } from '../storage/fault-driver.ts'
import { adoptedBlobKey } from '../storage/layout.ts'
import { fsck } from './fsck.ts'
import { healBlob } from './heal.ts'
import { quarantineBlob } from './quarantine.ts'
import { openSample, type Store } from './test-support.ts'

const inputOutputError = new StorageUnavailableError(undefined, {
  cause: Object.assign(new Error('i/o error'), { code: 'EIO' }),
})

/** A sample whose storage fails as `fault.now` says. */
async function openFaulty() {
  const fault: { now: ((call: DriverCall) => Fault | undefined) | undefined } = { now: undefined }
  const store = await openSample((driver) => withFaults(driver, (call) => fault.now?.(call)))
  return { ...store, fault }
}

const failing =
  (operation: DriverCall['operation'], kind: 'fail' | 'lose-answer' = 'fail') =>
  (call: DriverCall): Fault | undefined =>
    call.operation === operation ? { kind, error: inputOutputError } : undefined

async function isVisible({ metadata }: Store, digest: Digest): Promise<boolean> {
  return (await findLinkedBlob(metadata, 1, digest)) !== undefined
}

async function pushAgain({ metadata, blobs }: Store, bytes: Buffer, digest: Digest): Promise<void> {
  const { key } = await blobs.writeBytes(bytes, digest)
  const row = { digest, size: bytes.length, storageKey: key, content: undefined }
  assert.equal(await metadata.write(async (tx) => insertBlob(tx, row)), true)
}

async function inQuarantine({ dir }: Store): Promise<readonly string[]> {
  return readdir(join(dir, 'storage', 'quarantine')).catch(() => [])
}

suite('quarantine', () => {
  test('a flipped bit: set aside with its wrong bytes, absent, and whole after a push', async () => {
    await using store = await openSample()
    const right = await readFile(await store.pathOf(store.big))
    await store.flip(store.big, 0.3, 2)
    const wrong = await readFile(await store.pathOf(store.big))
    const outcome = await quarantineBlob(store, store.big, 'scrub')
    assert.equal(outcome.kind, 'damaged')
    assert.equal(await isVisible(store, store.big), false)
    const [name] = await inQuarantine(store)
    assert.match(name ?? '', /^[0-9a-f]{64}\.[0-9a-f]{8}$/)
    assert.ok(wrong.equals(await readFile(join(store.dir, 'storage', 'quarantine', name ?? ''))))
    assert.equal((await quarantineBlob(store, store.big, 'scrub')).kind, 'absent')
    const report = await fsck(store)
    assert.deepEqual(
      report.problems.map(({ kind, digest }) => [kind, digest]),
      [['blob-damaged', store.big]],
    )
    await pushAgain(store, right, store.big)
    const healed = await fsck(store)
    assert.deepEqual(healed.problems, [])
    assert.match(healed.notes.join(), /^1 object \(3000000 bytes\) in the quarantine/)
  })

  test('a blob in a row, one of another size and one that is gone are marked too', async () => {
    await using store = await openSample()
    await store.flip(store.image.config, 0.5, 1)
    await writeFile(await store.pathOf(store.big), 'short')
    await unlink(await store.pathOf(store.image.layer))
    for (const digest of [store.image.config, store.big, store.image.layer]) {
      assert.equal((await quarantineBlob(store, digest, 'read')).kind, 'damaged')
      assert.equal(await isVisible(store, digest), false)
    }
    assert.equal((await inQuarantine(store)).length, 2)
    const [note] = await listQuarantined(store.metadata, store.image.layer)
    assert.match(note?.storageKey ?? '', /^blobs\/sha256\//)
  })

  test('what is right stays, and so does what somebody pushed meanwhile', async () => {
    await using store = await openSample()
    assert.equal((await quarantineBlob(store, store.big, 'read')).kind, 'whole')
    assert.equal(await isVisible(store, store.big), true)
    assert.deepEqual(await inQuarantine(store), [])
  })

  test('an error of the storage is no damage, at any step', async () => {
    for (const operation of ['stat', 'read', 'move'] as const) {
      await using store = await openFaulty()
      await store.flip(store.big, 0.5, 3)
      const before = await findBlob(store.metadata, store.big)
      store.fault.now = failing(operation)
      const outcome = await quarantineBlob(store, store.big, 'scrub').catch(() => 'rejected')
      const kind = typeof outcome === 'string' ? outcome : outcome.kind
      assert.equal(kind, operation === 'move' ? 'rejected' : 'unreadable', operation)
      store.fault.now = undefined
      assert.deepEqual(await findBlob(store.metadata, store.big), before)
      assert.deepEqual(await inQuarantine(store), [])
      assert.equal((await quarantineBlob(store, store.big, 'scrub')).kind, 'damaged')
    }
  })

  test('an error in the middle of a read is no damage either', async () => {
    await using store = await openFaulty()
    store.fault.now = ({ operation }) =>
      operation === 'read'
        ? { kind: 'break-read', afterBytes: 1_000_000, error: inputOutputError }
        : undefined
    assert.equal((await quarantineBlob(store, store.big, 'scrub')).kind, 'unreadable')
    assert.equal(await isVisible(store, store.big), true)
  })

  test('killed between the move and the note: the next look finds both', async () => {
    for (const step of ['move', 'note'] as const) {
      await using store = await openFaulty()
      await store.flip(store.big, 0.5, 3)
      if (step === 'move') store.fault.now = failing('move', 'lose-answer')
      const metadata: MetadataStore =
        step === 'move' ? store.metadata : withoutWrites(store.metadata)
      await assert.rejects(quarantineBlob({ ...store, metadata }, store.big, 'scrub'))
      store.fault.now = undefined
      assert.equal((await inQuarantine(store)).length, 1)
      assert.equal((await fsck(store)).problems[0]?.kind, 'blob-missing')
      assert.equal((await quarantineBlob(store, store.big, 'read')).kind, 'damaged')
      const notes = await listQuarantined(store.metadata, store.big)
      const [name] = await inQuarantine(store)
      assert.deepEqual(
        notes.map(({ storageKey }) => storageKey),
        [`quarantine/${name}`],
      )
    }
  })

  test('many who find the same at once note it once', async () => {
    await using store = await openSample()
    await store.flip(store.big, 0.5, 3)
    const looks = Array.from({ length: 4 }, async () => quarantineBlob(store, store.big, 'read'))
    const kinds = (await Promise.all(looks)).map(({ kind }) => kind)
    assert.equal(kinds.filter((kind) => kind === 'damaged').length, 1)
    assert.equal((await listQuarantined(store.metadata, store.big)).length, 1)
  })

  test('a storage that is not there is not taken for one whose blobs are lost', async () => {
    await using store = await openSample()
    const folder = join(store.dir, 'storage', 'blobs')
    await rename(folder, `${folder}.unmounted`)
    for (const digest of [store.big, store.image.layer]) {
      for (const foundBy of ['scrub', 'read', 'fsck'] as const) {
        assert.equal((await quarantineBlob(store, digest, foundBy)).kind, 'doubtful')
      }
    }
    const report = await fsck({ ...store, repair: true })
    assert.equal(report.repaired, 0)
    assert.equal(report.problems.length, 3)
    await rename(`${folder}.unmounted`, folder)
    assert.equal((await fsck(store)).ok, true)
  })

  test('a blob of an adopted volume stays where it is, and is noted', async () => {
    await using store = await openSample()
    const key = adoptedBlobKey(store.big)
    const path = join(store.dir, 'storage', key)
    await mkdir(dirname(path), { recursive: true })
    await rename(await store.pathOf(store.big), path)
    store.sql('update blobs set storage_key = ? where digest = ?', key, store.big)
    await store.flip(store.big, 0.5, 3)
    assert.equal((await quarantineBlob(store, store.big, 'scrub')).kind, 'damaged')
    assert.equal((await stat(path)).size, 3_000_000)
    const [note] = await listQuarantined(store.metadata, store.big)
    assert.equal(note?.storageKey, key)
  })
})

suite('healing', () => {
  test('what was set aside and is right after all is taken back', async () => {
    await using store = await openSample()
    const path = await store.pathOf(store.image.layer)
    await rename(path, `${path}.away`)
    assert.equal((await quarantineBlob(store, store.image.layer, 'scrub')).kind, 'damaged')
    const blob = { digest: store.image.layer, size: 40_000 }
    assert.equal(await healBlob(store, blob), undefined)
    await rename(`${path}.away`, path)
    assert.equal(await healBlob(store, blob), 'quarantine')
    assert.equal((await fsck(store)).ok, true)
    assert.equal(await store.pathOf(store.image.layer), path)
  })

  test('out of the quarantine it goes back among the blobs', async () => {
    await using store = await openSample()
    await store.flip(store.big, 0.5, 3)
    await quarantineBlob(store, store.big, 'scrub')
    const [name] = await inQuarantine(store)
    const path = join(store.dir, 'storage', 'quarantine', name ?? '')
    const bytes = await readFile(path)
    bytes[1_500_000] = (bytes[1_500_000] ?? 0) ^ 8
    await writeFile(path, bytes)
    assert.equal(await healBlob(store, { digest: store.big, size: 3_000_000 }), 'quarantine')
    assert.deepEqual(await inQuarantine(store), [])
    assert.deepEqual((await fsck(store)).notes, [])
  })

  test('a backup heals with the right bytes only', async () => {
    await using store = await openSample()
    const right = await readFile(await store.pathOf(store.big))
    await store.flip(store.big, 0.5, 3)
    await quarantineBlob(store, store.big, 'scrub')
    const blob = { digest: store.big, size: right.length }
    const from = (bytes: Buffer) => ({ ...store, healFrom: async () => Readable.from([bytes]) })
    assert.equal(await healBlob(from(Buffer.alloc(right.length)), blob), undefined)
    assert.equal(await isVisible(store, store.big), false)
    assert.equal(await healBlob(from(right), blob), 'backup')
    assert.equal((await fsck(store)).ok, true)
  })

  test('fsck with repair sets aside what it finds, and a push makes it whole', async () => {
    await using store = await openSample()
    const right = await readFile(await store.pathOf(store.big))
    await store.flip(store.big, 0.5, 3)
    await writeFile(await store.pathOf(store.other.layer), 'short')
    const shallow = await fsck({ ...store, deep: false })
    assert.deepEqual(
      shallow.problems.map(({ kind }) => kind),
      ['blob-size'],
    )
    const report = await fsck({ ...store, repair: true })
    assert.deepEqual([report.ok, report.repaired, report.problems.length], [false, 2, 2])
    assert.equal(await isVisible(store, store.big), false)
    await pushAgain(store, right, store.big)
    const after = await fsck({ ...store, repair: true })
    assert.deepEqual(
      after.problems.map(({ digest }) => digest),
      [store.other.layer],
    )
    assert.equal(after.repaired, 0)
  })
})

/** As if the process ended before it could write. */
function withoutWrites(store: MetadataStore): MetadataStore {
  return {
    dialect: store.dialect,
    all: async (query, parameters) => store.all(query, parameters),
    one: async (query, parameters) => store.one(query, parameters),
    read: async (work) => store.read(work),
    maintain: async () => store.maintain(),
    write: async () => Promise.reject(new Error('killed')),
    [Symbol.asyncDispose]: async () => undefined,
  }
}
