// The regular pass: everything is seen in time, oldest first, a little at a time; damage is set aside, errors are not.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { mock, suite, test } from 'node:test'
import { findLinkedBlob } from '../metadata/blobs.ts'
import { takeLease } from '../metadata/leases.ts'
import { listOldestVerified, readScrubNote, verificationState } from '../metadata/scrubbing.ts'
import type { Digest } from '../oci/digest.ts'
import { StorageUnavailableError } from '../oci/errors.ts'
import { withFaults } from '../storage/fault-driver.ts'
import { createScrub, type ScrubDeps } from './scrub.ts'
import { openSample, openStore, type Store } from './test-support.ts'

const day = 86_400_000
const everyMs = 28 * day

/** The clock is moved by hand; `steps` are one second each. */
async function withScrub(
  store: Store,
  run: (at: {
    readonly warnings: string[]
    readonly steps: (count: number) => Promise<void>
    readonly later: (ms: number) => void
  }) => Promise<void>,
  more: Partial<ScrubDeps> = {},
): Promise<void> {
  const warnings: string[] = []
  const warn = (message: string) => void warnings.push(message)
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  try {
    const scrub = createScrub({ ...store, everyMs, warn, ...more })
    const steps = async (count: number) => {
      for (let step = 0; step < count; step += 1) {
        mock.timers.setTime(Date.now() + 1000)
        await scrub.step()
      }
    }
    await run({ warnings, steps, later: (ms) => mock.timers.setTime(Date.now() + ms) })
  } finally {
    mock.timers.reset()
  }
}

async function isVisible({ metadata }: Store, digest: Digest): Promise<boolean> {
  return (await findLinkedBlob(metadata, 1, digest)) !== undefined
}

suite('scrub', () => {
  test('finds what changed in the storage, in rows and in manifests, once it is due', async () => {
    await using store = await openSample()
    await withScrub(store, async ({ steps, later, warnings }) => {
      await steps(3)
      await store.flip(store.big, 0.7, 1)
      await store.flip(store.image.config, 0.5, 6)
      store.sql('update manifests set content = ? where digest = ?', Buffer.from('{}'), store.index)
      later(20 * day)
      await steps(3)
      assert.equal(await isVisible(store, store.big), true)
      later(2 * day)
      await steps(10)
      for (const digest of [store.big, store.image.config]) {
        assert.equal(await isVisible(store, digest), false)
      }
      assert.equal(await isVisible(store, store.image.layer), true)
      const state = await verificationState(store.metadata)
      assert.deepEqual([state.damaged, state.quarantined, state.damagedManifests], [2, 2, 1])
      assert.equal(state.overdue, false)
      assert.ok((state.oldestVerifiedAt ?? 0) > Date.now() - day)
      assert.ok(warnings.some((text) => text.includes(store.big)))
      assert.ok(warnings.some((text) => text.includes(store.index)))
      assert.ok(warnings.every((text) => !text.includes(store.image.layer)))
    })
  })

  test('looks at the oldest first, no faster than it may, and goes on where it was', async () => {
    await using store = await openStore()
    const digests: Digest[] = []
    for (let blob = 0; blob < 6; blob += 1) {
      const digest = await store.addBlob(randomBytes(100_000), undefined)
      digests.push(digest)
      store.sql(`update blobs set verified_at = ${6 - blob} where digest = ?`, digest)
    }
    const slowly = { maxBytesPerSecond: 50_000 }
    const left = async () =>
      (await listOldestVerified(store.metadata, { before: 10, limit: 10 })).map((row) => row.digest)
    await withScrub(
      store,
      async ({ steps }) => {
        await steps(8)
        // 400,000 bytes at most, and some were spent on opening.
        const { length } = await left()
        assert.ok(length >= 2 && length <= 4, String(length))
        assert.deepEqual(await left(), digests.slice(0, length).toReversed())
      },
      slowly,
    )
    await withScrub(
      store,
      async ({ steps, later }) => {
        later(60_000)
        await steps(12)
        assert.deepEqual(await left(), [])
      },
      slowly,
    )
  })

  test('a large blob is read in many steps and found whole, or not', async () => {
    await using store = await openSample()
    const other = await store.addBlob(randomBytes(3_000_000), 1)
    await store.flip(other, 0.99, 0)
    store.sql('update blobs set verified_at = 1')
    await withScrub(
      store,
      async ({ steps }) => {
        await steps(30)
        assert.equal(await isVisible(store, store.big), true)
        assert.equal(await isVisible(store, other), false)
        assert.ok(((await verificationState(store.metadata)).oldestVerifiedAt ?? 0) > 1)
      },
      { maxBytesPerSecond: 400_000 },
    )
  })

  test('what cannot be read is no damage: it is told, and tried again later', async () => {
    const failing = { isOn: true }
    const error = new StorageUnavailableError(undefined, { cause: new Error('EIO') })
    await using store = await openSample((driver) =>
      withFaults(driver, ({ operation }) =>
        failing.isOn && operation === 'read' ? { kind: 'fail', error } : undefined,
      ),
    )
    store.sql('update blobs set verified_at = 1')
    await withScrub(store, async ({ steps, later, warnings }) => {
      await steps(5)
      assert.equal(warnings.length, 1)
      assert.match(warnings[0] ?? '', /cannot be read .* It will be tried again/)
      const during = await verificationState(store.metadata)
      assert.deepEqual([during.damaged, during.unreadable], [0, 3])
      failing.isOn = false
      later(2 * 3_600_000)
      await steps(5)
      const { damaged, unreadable, oldestVerifiedAt } = await verificationState(store.metadata)
      assert.deepEqual([damaged, unreadable], [0, 0])
      assert.ok((oldestVerifiedAt ?? 0) > 1)
    })
  })

  test('a storage that is not mounted is no damage either', async () => {
    await using store = await openSample()
    store.sql('update blobs set verified_at = 1')
    const folder = join(store.dir, 'storage', 'blobs')
    await rename(folder, `${folder}.unmounted`)
    await withScrub(store, async ({ steps, warnings }) => {
      await steps(5)
      assert.match(warnings.join(), /is the folder mounted\?/)
      assert.equal((await verificationState(store.metadata)).damaged, 0)
    })
  })

  test('what is damaged and comes back where it was is taken back by itself', async () => {
    await using store = await openSample()
    store.sql('update blobs set verified_at = 1')
    const path = await store.pathOf(store.big)
    await rename(path, `${path}.away`)
    await withScrub(store, async ({ steps, later, warnings }) => {
      await steps(5)
      assert.equal(await isVisible(store, store.big), false)
      await rename(`${path}.away`, path)
      later(2 * 3_600_000)
      await steps(3)
      assert.equal(await isVisible(store, store.big), true)
      assert.match(warnings.at(-1) ?? '', /is whole again, from the quarantine/)
    })
  })

  test('one process does it at a time, and the next takes over when that one is gone', async () => {
    await using store = await openSample()
    store.sql('update blobs set verified_at = 1')
    await withScrub(store, async ({ steps, later }) => {
      const lease = { holder: 'other', forMs: 60_000 }
      await store.metadata.write(async (tx) => takeLease(tx, 'scrub', lease))
      await steps(20)
      assert.equal((await verificationState(store.metadata)).oldestVerifiedAt, 1)
      later(60_000)
      await steps(3)
      assert.ok(((await verificationState(store.metadata)).oldestVerifiedAt ?? 0) > 1)
    })
  })

  test('the walk through the rows goes on where a process before has left it', async () => {
    await using store = await openSample()
    await withScrub(store, async ({ steps }) => steps(2))
    const note = await readScrubNote(store.metadata)
    assert.equal(note?.rows, null)
    assert.ok((note.rowsVerifiedAt ?? 0) > 0)
    await withScrub(store, async ({ steps, later }) => {
      later(61_000)
      await steps(2)
      assert.equal((await readScrubNote(store.metadata))?.rowsVerifiedAt, note.rowsVerifiedAt)
    })
  })

  test('"never" reads nothing', async () => {
    await using store = await openSample()
    store.sql('update blobs set verified_at = 1')
    await withScrub(store, async ({ steps }) => steps(5), { everyMs: Infinity })
    assert.equal((await verificationState(store.metadata)).oldestVerifiedAt, 1)
    assert.equal(await readScrubNote(store.metadata), undefined)
  })
})
