// A storage that fails in every way in which providers do: errors, lost answers, calls done twice, breaks,
// stalls, lists of before, wrong bits. What was acknowledged is kept, and no wrong byte is read.
//
//   CARREL_TEST_FAULT_OPERATIONS=1000000 CARREL_TEST_SEED=abc npm test -- --only test/fault-driver
import assert from 'node:assert/strict'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createMemoryDriver } from '../src/storage/drivers/memory/memory-driver.ts'
import { openFilesystemDriver } from '../src/storage/drivers/filesystem/filesystem-driver.ts'
import { withFaults } from '../src/storage/fault-driver.ts'
import { faultLoad, type FaultReport } from './durability/fault-load.ts'
import { diskFolder } from './durability/loop-disk.ts'
import { seedOfRun } from './durability/random.ts'

const wanted = Number(process.env['CARREL_TEST_FAULT_OPERATIONS'] ?? 20_000)
/** Then all begins anew: what is checked again and again stays small. */
const operationsOfOne = 10_000

test(
  `${wanted} operations on a storage that fails lose nothing and read no wrong byte`,
  { timeout: 120_000 + 20 * wanted },
  async (t) => {
    const seed = seedOfRun()
    const total = { operations: 0, acknowledged: 0, faults: 0, reads: 0, refusedReads: 0 }
    for (let count = 0; total.operations < wanted; count += 1) {
      const operations = Math.min(operationsOfOne, wanted - total.operations)
      const report = await run(`${seed}/${count}`, operations, count % 2 === 0)
      assert.deepEqual(report.problems, [], `${seed}/${count}`)
      total.operations += report.operations
      total.acknowledged += report.acknowledged
      total.faults += report.faults
      total.reads += report.reads
      total.refusedReads += report.refusedReads
    }
    t.diagnostic(
      `seed ${seed}: ${total.operations} operations, ${total.acknowledged} acknowledged changes, ` +
        `${total.faults} faults; ${total.reads} reads, of which ${total.refusedReads} were broken off for a wrong bit`,
    )
    assert.ok(total.faults > wanted / 50, 'too little failed to prove anything')
  },
)

test('control: a storage that loses one object in a hundred is noticed', async () => {
  await using folder = await diskFolder(512)
  let count = 0
  const report = await faultLoad({
    seed: 'control',
    operations: 3000,
    folder: folder.path,
    driver: createMemoryDriver(),
    spoil: (driver) => ({
      ...withFaults(driver, () => undefined),
      async write(to, source, options) {
        const stored = await driver.write(to, source, options)
        if ((count += 1) % 100 === 0) await driver.delete([stored.key])
        return stored
      },
    }),
  })
  assert.ok(report.problems.length > 0)
})

async function run(seed: string, operations: number, inMemory: boolean): Promise<FaultReport> {
  await using folder = await diskFolder(1024)
  const root = join(folder.path, 'storage')
  await using driver = inMemory ? createMemoryDriver() : await openFilesystemDriver({ root })
  const own = join(folder.path, 'database')
  await mkdir(own)
  const report = await faultLoad({ seed, operations, folder: own, driver })
  await rm(own, { recursive: true })
  return report
}
