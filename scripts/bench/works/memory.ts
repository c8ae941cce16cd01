// Many uploads at once, each slow: what a server keeps in memory for each of them adds up.
import type { Bench } from '../bench.ts'
import { openDoor, type Contender } from '../door.ts'
import { settleDisk } from '../settle-disk.ts'
import { usageOf, watchMemory } from '../usage.ts'
import { nothingToWarm, requireNoFailure, type Figures, type Work } from '../work.ts'

const mebibytes = 16
/** Each takes about five seconds, so that all of them are under way together. */
const mebibytesPerSecond = 3.3
const lookEveryMs = 100
const repositories = Array.from({ length: 10 }, (_, index) => `admin/many${index}`)

export function memoryWork(count: number): Work {
  const title = `${count} uploads of ${mebibytes} MiB at once: peak memory`
  return {
    name: 'memory',
    about: title,
    lines: [
      {
        title,
        figure: 'peakMiB',
        unit: ' MiB',
        digits: 0,
        better: 'less',
        carrel: 'bearer',
        peers: 'open',
      },
    ],
    open: async (bench, contender) => ({
      warmUp: nothingToWarm,
      turn: async () => turn(bench, contender, count),
      [Symbol.asyncDispose]: nothingToWarm,
    }),
  }
}

/** A peak is that of a fresh process. */
async function turn(bench: Bench, contender: Contender, count: number): Promise<Figures> {
  await using door = await openDoor(bench, contender, { repositories })
  await settleDisk(bench.folder)
  const { target, authorization } = door
  const idleMiB = usageOf(door.instance.pid).residentMiB
  const memory = watchMemory(door.instance.pid, lookEveryMs)
  const result = await bench.load
    .run({
      kind: 'upload',
      target,
      authorization,
      repositories,
      count,
      mebibytes,
      mebibytesPerSecond,
    })
    .finally(() => memory.stop())
  requireNoFailure(result.failures)
  return { peakMiB: memory.stop(), idleMiB, seconds: result.seconds }
}
