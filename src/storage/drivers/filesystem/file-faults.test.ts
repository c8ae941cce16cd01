// Every call that an operation makes to the system fails once, with every error: the operation fails
// with the right class, leaves nothing under the key and nothing open, and works when repeated.

import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { StorageFullError, StorageUnavailableError } from '../../../oci/errors.ts'
import { type Key, type StorageDriver, parseKey } from '../../driver.ts'
import { nodeFiles } from './file-operations.ts'
import { openFilesystemDriver } from './filesystem-driver.ts'
import { testRoot } from './test-root.ts'
import { type Interference, watchFiles } from './watch-files.ts'

const one = parseKey('uploads/one')
const two = parseKey('uploads/two')
const target = parseKey('blobs/sha256/ab/target')
const bytes = Buffer.alloc(1_200_000, 'x')

interface Operation {
  readonly before?: (driver: StorageDriver) => Promise<unknown>
  readonly run: (driver: StorageDriver) => Promise<unknown>
}

const write = (driver: StorageDriver, key: Key): Promise<unknown> => driver.write(key, [bytes])

const operations: Readonly<Record<string, Operation>> = {
  'write into a new folder': { run: (driver) => write(driver, target) },
  'write into a known folder': {
    before: (driver) => write(driver, parseKey('blobs/sha256/ab/other')),
    run: (driver) => write(driver, target),
  },
  move: {
    before: (driver) => write(driver, one),
    async run(driver) {
      // Repeated after a failure that took the file along.
      if ((await driver.stat(one)) === undefined) await write(driver, one)
      await driver.move(one, target)
    },
  },
  concatenate: {
    async before(driver) {
      await write(driver, one)
      await write(driver, two)
    },
    run: (driver) => driver.concatenate([one, two], target),
  },
  probe: { run: (driver) => driver.probe() },
}

for (const [name, operation] of Object.entries(operations)) {
  for (const [code, errorClass] of [
    ['EIO', StorageUnavailableError],
    ['ENOSPC', StorageFullError],
    ['EDQUOT', StorageFullError],
    ['EROFS', StorageUnavailableError],
  ] as const) {
    test(`${name}: ${code} at each call`, async (t) => {
      const calls = await countCalls(t, operation)
      assert.ok(calls >= 2)
      for (let at = 1; at <= calls; at++) {
        await failAt(t, operation, { at, code, errorClass })
      }
    })
  }
}

async function countCalls(t: TestContext, operation: Operation): Promise<number> {
  let calls = 0
  const root = await testRoot(t)
  const { files } = watchFiles(nodeFiles, () => void calls++)
  await using driver = await openFilesystemDriver({ root, files })
  await operation.before?.(driver)
  calls = 0
  await operation.run(driver)
  return calls
}

interface Failure {
  readonly at: number
  readonly code: string
  readonly errorClass: new () => Error
}

async function failAt(t: TestContext, operation: Operation, failure: Failure): Promise<void> {
  const { at, code, errorClass } = failure
  const root = await testRoot(t)
  let calls = 0
  let failed = ''
  let isArmed = false
  const watched = watchFiles(nodeFiles, (call): Interference => {
    if (!isArmed || ++calls !== at) return undefined
    failed = `call ${at}, ${call.operation} ${call.path}`
    return { fail: code }
  })
  await using driver = await openFilesystemDriver({ root, files: watched.files })
  await operation.before?.(driver)
  isArmed = true

  await assert.rejects(operation.run(driver), errorClass, failed)

  assert.notEqual(failed, '')
  assert.equal(await driver.stat(target), undefined, `the object is there after ${failed}`)
  assert.deepEqual(await readdir(join(root, '.tmp')), [], `something is left by ${failed}`)
  const open = [...watched.open.values()].filter((path) => path.includes('.tmp/'))
  assert.deepEqual(open, [], `a file is open after ${failed}`)

  await operation.run(driver)
  if (operation !== operations['probe']) assert.notEqual(await driver.stat(target), undefined)
}

test('a failed early sync is final, though the last sync reports success', async (t) => {
  let syncs = 0
  const { files } = watchFiles(nodeFiles, ({ operation }) =>
    operation === 'fdatasync' && ++syncs === 1 ? { fail: 'EIO' } : undefined,
  )
  await using driver = await openFilesystemDriver({ root: await testRoot(t), files })
  const chunk = Buffer.alloc(1024 * 1024)
  const long = Array.from({ length: 40 }, () => chunk)
  await assert.rejects(driver.write(one, long), StorageUnavailableError)
  assert.equal(await driver.stat(one), undefined)
})

test('a disk that fails for good fails everything, and hangs nothing', async (t) => {
  const calls = await countCalls(t, { run: (driver) => write(driver, target) })
  for (let from = 1; from <= calls; from++) {
    let count = -Infinity
    const watched = watchFiles(nodeFiles, () => (++count >= from ? { fail: 'EIO' } : undefined))
    const driver = await openFilesystemDriver({ root: await testRoot(t), files: watched.files })
    count = 0
    await assert.rejects(write(driver, target), StorageUnavailableError)
    await assert.rejects(driver.stat(target), StorageUnavailableError)
    await assert.rejects(driver.probe(), StorageUnavailableError)
    await driver[Symbol.asyncDispose]()
    assert.deepEqual([...watched.open.values()], [])
  }
})

test('reading: what fails at the call or on the stream is unavailable', async (t) => {
  for (const operation of ['stat', 'open', 'read'] as const) {
    let isArmed = false
    const { files } = watchFiles(nodeFiles, (call) =>
      isArmed && call.operation === operation ? { fail: 'EIO' } : undefined,
    )
    await using driver = await openFilesystemDriver({ root: await testRoot(t), files })
    await write(driver, one)
    isArmed = true
    await assert.rejects(async () => {
      for await (const chunk of await driver.read(one)) assert.ok(chunk)
    }, StorageUnavailableError)
    isArmed = false
  }
})
