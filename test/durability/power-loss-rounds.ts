// One server under load on a disk of its own; at random moments the power "fails": the server is
// held still, what its disk holds is copied, and Carrel is started on the copy.
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startRegistry, type StartedRegistry } from '../support/start-registry.ts'
import { createAcknowledgementLog } from './acknowledgements.ts'
import { signIn } from './client.ts'
import { runFsck } from './fsck.ts'
import { makeLoopDisk, type Disk, type LoopDisk } from './loop-disk.ts'
import { createShelf, startLoad } from './push-load.ts'
import type { Random } from './random.ts'
import { holdStill, letGo } from './stop-process.ts'
import type { SyncFaults } from './sync-faults.ts'
import { verify } from './verify.ts'

export interface PowerLossOptions {
  readonly random: Random
  readonly moments: number
  /** One is held at its next acknowledgement, when nothing else is under way that syncs; several at any moment. */
  readonly clients: number
  /** Where the images go. */
  readonly folder: string
  /** Of every server. */
  readonly env: Readonly<Record<string, string>>
  /** Of the syncs of the server whose power fails, from before its load on. */
  readonly faults?: SyncFaults
}

export interface PowerLossReport {
  readonly problems: readonly string[]
  /** Moments at which the disk indeed lacked what was not synced. */
  readonly moments: number
  readonly acknowledged: number
  readonly read: number
}

const repositories = ['admin/one', 'admin/two']
const diskMebibytes = 1024
const shortestLoadMs = 50
const longestLoadMs = 600
/** The kernel writes what is 30 s old by itself: a run must be over before. */
const longestRunMs = 25_000
/** A check of the whole folder costs a start of its own. */
const momentsPerFsck = 5

/** Ends early when something is lost or wrong, and when the disk is no longer what a power loss leaves. */
export async function powerLossRun(options: PowerLossOptions): Promise<PowerLossReport> {
  const { random, folder, env, faults } = options
  await using disk = await makeLoopDisk(folder, diskMebibytes)
  const began = performance.now()
  const data = join(disk.path, 'data')
  await using registry = await startRegistry({
    data,
    env: { ...env, ...faults?.env },
    postgres: false,
  })
  const authorization = await signIn(registry, repositories)
  await writeCanaries(disk)
  await faults?.begin()

  const log = createAcknowledgementLog()
  const shelf = createShelf(repositories)
  const { port, pid } = registry
  const holding = createHolding(pid)
  const { onAcknowledged } = holding
  const load = startLoad({
    port,
    authorization,
    log,
    random,
    shelf,
    clients: options.clients,
    onAcknowledged,
  })
  const problems: string[] = []
  let [moments, read] = [0, 0]
  let isLoaded = true
  void load.ended.then(() => (isLoaded = false))
  while (isLoaded && moments < options.moments && problems.length === 0) {
    await sleep(shortestLoadMs + random.next() * (longestLoadMs - shortestLoadMs))
    if (performance.now() - began > longestRunMs) break
    const held = options.clients === 1 ? holding.atAcknowledgement() : holdStill(pid)
    await Promise.race([held, load.ended])
    // Answers that are on their way to us were given before the server stopped.
    await sleep(5)
    const moment = log.now()
    {
      await using copy = await disk.copy()
      if (!(await lacksUnsynced(copy))) break
      const withFsck = moments % momentsPerFsck === 0
      const seen = await inspect(copy, {
        env,
        authorization,
        withFsck,
        expected: log.expected(moment),
      })
      problems.push(...seen.problems)
      read += seen.read
      moments += 1
    }
    letGo(pid)
  }
  const stopped = load.stop('is killed')
  await registry.kill()
  problems.push(...(await stopped))
  return { problems, moments, read, acknowledged: load.counts.acknowledged }
}

/** Holds the server still in the very moment in which a client hears of success. */
function createHolding(pid: number): {
  readonly onAcknowledged: () => void
  readonly atAcknowledgement: () => Promise<void>
} {
  let wanted: ((held: Promise<void>) => void) | undefined
  return {
    onAcknowledged() {
      wanted?.(holdStill(pid))
      wanted = undefined
    },
    atAcknowledgement: async () =>
      new Promise((resolve) => {
        wanted = resolve
      }),
  }
}

/** What is on the disk after the power came back. */
async function inspect(
  copy: Disk,
  options: {
    readonly env: Readonly<Record<string, string>>
    readonly authorization: string
    readonly withFsck: boolean
    readonly expected: Parameters<typeof verify>[0]['expected']
  },
): Promise<{ readonly problems: readonly string[]; readonly read: number }> {
  const { env, authorization, expected, withFsck } = options
  const data = join(copy.path, 'data')
  let registry: StartedRegistry
  try {
    // One worker reads it back as well as many, and starts sooner.
    const lean = { ...env, CARREL_WORKERS: '1' }
    registry = await startRegistry({ data, env: lean, postgres: false })
  } catch (error) {
    return { problems: [`Carrel did not start after the power loss: ${String(error)}`], read: 0 }
  }
  await using running = registry
  const seen = await verify({ port: running.port, authorization, expected })
  await running.kill()
  if (!withFsck) return seen
  const { code, report } = await runFsck(data)
  const found = report.problems.map((problem) => `carrel fsck: ${JSON.stringify(problem)}`)
  if (code !== 0 && found.length === 0) found.push(`carrel fsck ended with ${code}`)
  return { problems: [...seen.problems, ...found], read: seen.read }
}

/**
 * Two files tell whether the copies are what a power loss leaves: one that was synced and must be
 * there, and one that was not and must not.
 */
async function writeCanaries(disk: LoopDisk): Promise<void> {
  const synced = await open(join(disk.path, 'synced'), 'w')
  await synced.writeFile(canary)
  await synced.sync()
  await synced.close()
  await writeFile(join(disk.path, 'unsynced'), canary)
}

/**
 * False when another program has synced all disks meanwhile: such a moment proves nothing.
 *
 * @throws {Error} when the copy lacks what was synced: then the test is none
 */
async function lacksUnsynced(copy: Disk): Promise<boolean> {
  const read = async (name: string) => readFile(join(copy.path, name), 'utf8').catch(() => '')
  if ((await read('synced')) !== canary) throw new Error('The copied disk lacks what was synced.')
  return (await read('unsynced')) === ''
}

const canary = 'What was acknowledged stays.\n'.repeat(200)
