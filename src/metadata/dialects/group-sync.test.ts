import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { StorageUnavailableError } from '../../oci/errors.ts'
import { createGroupSync } from './group-sync.ts'

/** A disk whose syncs last until the test ends them. A clock counts everything that happens. */
function createDisk() {
  const open: { readonly start: number; readonly end: (error?: Error) => void }[] = []
  const ended: { readonly start: number; readonly end: number }[] = []
  let time = 0
  let started = 0
  let mostAtOnce = 0
  return {
    tick: () => (time += 1),
    running: () => open.length,
    started: () => started,
    mostAtOnce: () => mostAtOnce,
    async syncOnce(): Promise<void> {
      const start = (time += 1)
      started += 1
      return new Promise<void>((resolve, reject) => {
        open.push({
          start,
          end(error) {
            if (error !== undefined) return reject(error)
            ended.push({ start, end: (time += 1) })
            resolve()
          },
        })
        mostAtOnce = Math.max(mostAtOnce, open.length)
      })
    },
    end: (error?: Error) => open.shift()?.end(error),
    /** Whether a sync that began after `from` has ended. */
    hasSynced: (from: number) => ended.some(({ start }) => start > from),
  }
}

async function microtasks(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await Promise.resolve()
}

async function allMicrotasks(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

type Step = 'call' | 'end' | 'pause'
const step = fc.constantFrom<Step>('call', 'call', 'end', 'pause')
/** After each step, so many microtasks: what is called between two of them must be right as well. */
const steps = fc.array(fc.tuple(step, fc.nat({ max: 6 })), { maxLength: 60 })

test('a caller hears of success only after a sync that began after its call has ended', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const disk = createDisk()
      const group = createGroupSync(disk.syncOnce)
      const calls: Promise<void>[] = []
      const early: number[] = []
      const call = async () => {
        const at = disk.tick()
        await group.sync()
        if (!disk.hasSynced(at)) early.push(at)
      }
      for (const [action, pause] of plan) {
        if (action === 'call') calls.push(call())
        if (action === 'end') disk.end()
        await (action === 'pause' ? allMicrotasks() : microtasks(pause))
      }
      for (let left = calls.length; left >= 0; left -= 1) {
        disk.end()
        await allMicrotasks()
      }
      await Promise.all(calls)
      assert.deepEqual(early, [])
      assert.ok(disk.mostAtOnce() <= 1, 'two syncs ran at once')
      assert.ok(disk.started() <= calls.length)
      assert.equal(disk.running(), 0)
    }),
    { numRuns: 500 },
  )
})

test('all who call while a sync runs share the next one', async () => {
  const disk = createDisk()
  const group = createGroupSync(disk.syncOnce)
  const first = group.sync()
  const others = Array.from({ length: 100 }, async () => group.sync())
  await allMicrotasks()
  assert.equal(disk.started(), 1)
  disk.end()
  await first
  await allMicrotasks()
  assert.equal(disk.started(), 2)
  disk.end()
  await Promise.all(others)
  assert.equal(disk.started(), 2)
})

test('who calls when nothing runs starts a sync at once', async () => {
  const disk = createDisk()
  const group = createGroupSync(disk.syncOnce)
  for (const round of [1, 2, 3]) {
    const synced = group.sync()
    assert.equal(disk.started(), round)
    disk.end()
    await synced
  }
})

test('a failed sync is final: nobody hears of success any more, and no other sync is tried', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat({ max: 5 }), async (plan, lastGood) => {
      const disk = createDisk()
      const group = createGroupSync(disk.syncOnce)
      const failure = new Error('EIO')
      const outcomes: Promise<'synced' | 'failed'>[] = []
      let lied = false
      let endings = 0
      let broken = false
      const end = () => {
        if (disk.running() === 0) return
        disk.end(endings === lastGood ? failure : undefined)
        broken ||= endings === lastGood
        endings += 1
      }
      const call = async () => {
        const at = disk.tick()
        try {
          await group.sync()
          lied ||= !disk.hasSynced(at)
          return 'synced'
        } catch (error) {
          assert.ok(error instanceof StorageUnavailableError)
          assert.equal(error.cause, failure)
          return 'failed'
        }
      }
      for (const [action, pause] of plan) {
        if (action === 'call') outcomes.push(call())
        if (action === 'end') end()
        await (action === 'pause' ? allMicrotasks() : microtasks(pause))
      }
      for (let left = outcomes.length; left >= 0; left -= 1) {
        end()
        await allMicrotasks()
      }
      await Promise.all(outcomes)
      assert.equal(lied, false)
      assert.equal(disk.started(), endings)
      if (!broken) return
      assert.equal(endings, lastGood + 1)
      assert.throws(() => group.requireHealthy(), StorageUnavailableError)
      await assert.rejects(group.sync(), StorageUnavailableError)
      assert.equal(disk.started(), endings)
    }),
    { numRuns: 500 },
  )
})

test('settled waits for the sync that runs and for the one that follows', async () => {
  const disk = createDisk()
  const group = createGroupSync(disk.syncOnce)
  await group.settled()
  const calls = [group.sync(), group.sync()]
  let isSettled = false
  const settled = group.settled().then(() => (isSettled = true))
  await allMicrotasks()
  assert.equal(isSettled, false)
  disk.end()
  await allMicrotasks()
  assert.equal(isSettled, false)
  disk.end()
  await settled
  await Promise.all(calls)
})
