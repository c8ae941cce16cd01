// Power loss: everything that was acknowledged survives when all that was not synced is dropped.
// The data folder lies on an ext4 filesystem in a loop image whose journal is written only when a
// sync asks for it. At a random moment under load the server is held still, and the image, which has
// what the disk was given and nothing of the page cache, is copied, mounted and served.
//
//   CARREL_TEST_POWER_LOSSES=500 CARREL_TEST_SEED=abc npm test -- --only test/power-loss
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inLanes, lanes } from './durability/lanes.ts'
import { diskFolder, whyNoDisks } from './durability/loop-disk.ts'
import { powerLossRun } from './durability/power-loss-rounds.ts'
import { createRandom, seedOfRun } from './durability/random.ts'
import { buildSyncFaults, whyNoSyncFaults, type SyncFault } from './durability/sync-faults.ts'
import { warmStarts, type WarmStarts } from './durability/compile-cache.ts'

const isThorough = process.env['CI'] === 'true'
/** The states of power-states.test.ts are cheaper; these are of a real file system. */
const momentsWanted = Number(process.env['CARREL_TEST_POWER_LOSSES'] ?? (isThorough ? 50 : 20))
const momentsPerRun = 5
/** Runs that ended early, on a slow machine, are made up for. */
const mostRuns = Math.ceil(momentsWanted / momentsPerRun) + 4
const mebibytesNeeded = 4096

const noDisks = whyNoDisks()
const noFaults = noDisks ?? whyNoSyncFaults()
let warm: WarmStarts

before(async () => {
  if (noDisks === undefined) warm = await warmStarts()
})
after(async () => warm?.[Symbol.asyncDispose]())

test(
  `${momentsWanted} power losses take nothing that was acknowledged`,
  { skip: skipped(noDisks), timeout: 60_000 + 6000 * momentsWanted },
  async (t) => {
    assert.equal(noDisks, undefined)
    await using folder = await diskFolder(mebibytesNeeded)
    const seed = seedOfRun()
    const total = { moments: 0, acknowledged: 0, read: 0 }
    await inLanes(async (lane) => {
      let left = Math.floor((momentsWanted + lane) / lanes)
      for (let run = 1; run <= mostRuns && left > 0; run += 1) {
        const report = await powerLossRun({
          random: createRandom(`${seed}/${lane}/${run}`),
          moments: Math.min(momentsPerRun, left),
          clients: clientsOf(run),
          folder: folder.path,
          env: warm.env,
        })
        assert.deepEqual(report.problems, [], `run ${lane}/${run} of seed ${seed}`)
        left -= report.moments
        total.moments += report.moments
        total.acknowledged += report.acknowledged
        total.read += report.read
      }
    })
    const { moments, acknowledged, read } = total
    t.diagnostic(
      `seed ${seed}: ${moments} power losses, ${acknowledged} acknowledged changes, ${read} objects read back`,
    )
    assert.equal(
      moments,
      momentsWanted,
      'this machine is too slow, or somebody syncs its disks all the time',
    )
    assert.ok(acknowledged > 4 * moments, 'too little was pushed to prove anything')
  },
)

/** The test must be able to fail: a server whose syncs do nothing loses what it acknowledged. */
for (const which of ['all', 'log', 'blobs', 'folders'] satisfies readonly SyncFault[]) {
  test(
    `control: without the syncs of ${which === 'log' ? "the database's log" : which} the same test finds losses`,
    { skip: skipped(noFaults) },
    async (t) => {
      assert.equal(noFaults, undefined)
      await using folder = await diskFolder(mebibytesNeeded)
      const report = await powerLossRun({
        random: createRandom(`control ${which}`),
        moments: 20,
        clients: which === 'folders' ? 1 : 6,
        folder: folder.path,
        env: warm.env,
        faults: await buildSyncFaults(folder.path, which),
      })
      t.diagnostic(`${report.problems.length} losses, the first: ${report.problems[0] ?? 'none'}`)
      assert.ok(report.problems.length > 0)
    },
  )
}

/** A disk under load writes down much that nobody asked it to; one that is nearly idle does not. */
function clientsOf(run: number): number {
  return run % 2 === 0 ? 1 : 6
}

function skipped(reason: string | undefined): string | false {
  return reason === undefined || isThorough ? false : reason
}
