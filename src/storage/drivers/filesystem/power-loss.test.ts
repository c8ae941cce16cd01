// Every state that a power loss may leave, after every single call to the system: what was
// acknowledged is there, and nothing is torn. And without any one of the syncs, that is found out.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buffer } from 'node:stream/consumers'
import { type Key, type StorageDriver, parseKey } from '../../driver.ts'
import { openFilesystemDriver } from './filesystem-driver.ts'
import { createVolatileDisk } from './volatile-disk.ts'
import { type FileCall, type Interference, watchFiles } from './watch-files.ts'

const root = '/data/storage'
// The inner loop has to stay short; CI takes its time.
const statesPerCall = process.env['CI'] === 'true' ? 12 : 4

test('after a power loss at any moment, all that was acknowledged is there and nothing is torn', async () => {
  const states = await explore(() => undefined)
  assert.deepEqual(states.violations, [])
  assert.ok(states.calls > 60, `only ${states.calls} calls were made`)
})

test('each sync is needed: without it, a power loss is noticed', async () => {
  const syncs: readonly (readonly [operation: string, path: RegExp])[] = [
    ['fdatasync', /\/\.tmp\/[0-9a-f-]+$/],
    ['fsync', /^\/data\/storage\/uploads$/],
    ['fsync', /^\/data\/storage\/blobs\/sha256\/ab$/],
    ['fsync', /^\/data\/storage\/blobs\/sha256$/],
    ['fsync', /^\/data\/storage\/blobs$/],
    ['fsync', /^\/data\/storage$/],
    ['fsync', /^\/data$/],
    ['fsync', /^\/$/],
  ]
  for (const [operation, path] of syncs) {
    const { violations } = await explore((call) =>
      call.operation === operation && path.test(call.path) ? 'skip' : undefined,
    )
    assert.notDeepEqual(violations, [], `nobody missed ${operation} of ${String(path)}`)
  }
})

interface Explored {
  readonly calls: number
  readonly violations: readonly string[]
}

/** Cuts the power after one call, after two, …, until the work is done before it happens. */
async function explore(interfere: (call: FileCall) => Interference): Promise<Explored> {
  const violations: string[] = []
  for (let calls = 0; calls < 1000; calls++) {
    let isDone = false
    for (let seed = 0; seed < statesPerCall; seed++) {
      const outcome = await runUntil(calls, chances(seed), interfere)
      violations.push(...outcome.violations.map((text) => `after ${calls} (${seed}): ${text}`))
      isDone = outcome.isDone
    }
    if (isDone) return { calls, violations }
  }
  throw new Error('The work does not end.')
}

async function runUntil(
  lastCall: number,
  survives: () => boolean,
  interfere: (call: FileCall) => Interference,
): Promise<{ readonly isDone: boolean; readonly violations: readonly string[] }> {
  const disk = createVolatileDisk()
  let left = lastCall
  const { files } = watchFiles(disk.files, (call) => {
    if (left <= 0) return { fail: 'EIO' }
    left--
    return interfere(call)
  })
  const acknowledged = new Map<Key, string>()
  let isDone = false
  try {
    await using driver = await openFilesystemDriver({ root, files })
    await work(driver, acknowledged)
    isDone = left > 0
  } catch {
    // The power was cut under an operation: it was not acknowledged.
  }
  disk.losePower(survives)

  await using after = await openFilesystemDriver({ root, files: disk.files })
  return { isDone, violations: await check(after, acknowledged) }
}

const parts = ['uploads/one', 'uploads/two'].map(parseKey) as [Key, Key]
const moved = parseKey('blobs/sha256/ab/moved')
const joined = parseKey('blobs/sha256/ab/joined')
const direct = parseKey('blobs/sha256/cd/direct')

const contents: ReadonlyMap<Key, string> = new Map([
  [parts[0], 'one '.repeat(50)],
  [parts[1], 'two '.repeat(50)],
  [joined, 'one '.repeat(50) + 'two '.repeat(50)],
  [moved, 'one '.repeat(50)],
  [direct, 'direct '.repeat(50)],
])

async function work(driver: StorageDriver, acknowledged: Map<Key, string>): Promise<void> {
  const done = (key: Key): void => void acknowledged.set(key, contents.get(key) ?? '')
  for (const key of [...parts, direct]) {
    await driver.write(key, [Buffer.from(contents.get(key) ?? '')])
    done(key)
  }
  await driver.concatenate(parts, joined)
  done(joined)
  await driver.delete([parts[1]])

  acknowledged.delete(parts[0])
  acknowledged.delete(parts[1])
  await driver.move(parts[0], moved)
  done(moved)
}

async function check(
  driver: StorageDriver,
  acknowledged: ReadonlyMap<Key, string>,
): Promise<readonly string[]> {
  const violations: string[] = []
  const found = new Map<string, string>()
  for (const folder of ['uploads', 'blobs'].map(parseKey)) {
    for await (const { key } of driver.list(folder)) {
      found.set(key, (await buffer(await driver.read(key))).toString())
    }
  }
  for (const [key, content] of found) {
    if (content !== contents.get(key as Key)) violations.push(`${key} is torn`)
  }
  for (const key of acknowledged.keys()) {
    if (!found.has(key)) violations.push(`${key} is lost`)
  }
  return violations
}

/** The first two are the worst and the best case; the others are drawn, the same in every run. */
function chances(seed: number): () => boolean {
  if (seed < 2) return () => seed === 1
  let state = seed * 2_654_435_761
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state > 0x7fff_ffff
  }
}
