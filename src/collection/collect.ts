// The collector: takes away what nothing needs any more, while everything else goes on. In the order of the stages
// everything that is due flows through in one run. See docs/decisions/0022-collection.md.
import { randomUUID } from 'node:crypto'
import { endLease, takeLease } from '../metadata/leases.ts'
import { saveLastRun } from './last-run.ts'
import { purgeBin } from './purge-bin.ts'
import { purgeRepositories } from './purge-repositories.ts'
import { purgeTrash } from './purge-trash.ts'
import { reviewBlobs } from './review-blobs.ts'
import { reviewManifests } from './review-manifests.ts'
import {
  createFailures,
  type CollectionDelays,
  type CollectionDeps,
  type Counts,
  type Run,
} from './run.ts'

export interface CollectOptions extends CollectionDelays {
  /** Milliseconds since 1970: what is due then is done. */
  readonly now?: number
  /** Ends the run soon; what is left is done by the next one. */
  readonly signal?: AbortSignal
  /** The run ends soon after it has lasted so long. */
  readonly forMs?: number
}

export interface CollectionReport extends Readonly<Counts> {
  readonly startedAt: number
  readonly endedAt: number
  /** Somebody else collects at this moment: nothing was done. */
  readonly busy: boolean
  /** False when the run was to end before everything due was done. */
  readonly complete: boolean
  readonly errors: number
  /** The first of them, in words. */
  readonly errorMessages: readonly string[]
}

const leaseMs = 60_000
const renewEveryMs = 10_000
/** Each round does what the one before has made due; indexes in indexes take as many as they are deep. */
const mostRounds = 1000

/**
 * Does all that is due. What fails is kept and told in the report.
 *
 * @throws whatever the database says when it cannot even tell whether anybody else collects
 */
export async function collect(
  deps: CollectionDeps,
  options: CollectOptions,
): Promise<CollectionReport> {
  const startedAt = Date.now()
  const holder = randomUUID()
  const run = createRun(deps, options, holder)
  const isOurs = await deps.metadata.write(
    async (tx) => takeLease(tx, 'collection', { holder, forMs: leaseMs }),
    { durable: false },
  )
  if (isOurs) {
    await runRounds(run)
    await release(run, holder)
  }
  const { count: errors, messages: errorMessages } = run.failures
  const complete = isOurs && !run.isEnding()
  const times = { startedAt, endedAt: Date.now() }
  const report = { ...run.counts, ...times, complete, errors, errorMessages }
  if (isOurs) await saveLastRun(deps.metadata, report)
  return { ...report, busy: !isOurs }
}

type StartedRun = Run & { readonly isEnding: () => boolean }

function createRun(deps: CollectionDeps, options: CollectOptions, holder: string): StartedRun {
  const { now = Date.now(), signal, forMs, ...delays } = options
  const started = performance.now()
  let renewed = started
  let isEnding = false
  return {
    deps,
    delays,
    now,
    counts: {
      repositories: 0,
      manifests: 0,
      purgedManifests: 0,
      blobs: 0,
      purgedBlobs: 0,
      bytes: 0,
    },
    failures: createFailures(),
    isEnding: () => isEnding,
    async goesOn() {
      const present = performance.now()
      const isOver = forMs !== undefined && present - started > forMs
      if (isEnding || isOver || signal?.aborted === true) isEnding = true
      if (isEnding || present - renewed < renewEveryMs) return !isEnding
      const isOurs = await deps.metadata.write(
        async (tx) => takeLease(tx, 'collection', { holder, forMs: leaseMs }),
        { durable: false },
      )
      renewed = present
      isEnding = !isOurs
      return isOurs
    },
  }
}

async function runRounds(run: StartedRun): Promise<void> {
  const stages = {
    'deleted repositories': purgeRepositories,
    'review of manifests': reviewManifests,
    'recycle bin': purgeBin,
    'review of blobs': reviewBlobs,
  }
  let isChanged = true
  for (let round = 0; round < mostRounds && isChanged && !run.isEnding(); round += 1) {
    isChanged = false
    for (const [name, stage] of Object.entries(stages)) {
      if (await isWorking(run, name, stage)) isChanged = true
    }
  }
  await isWorking(run, 'trash', async () => purgeTrash(run).then(() => false))
}

/** Whether the stage has changed anything. One that fails as a whole does not keep the others. */
async function isWorking(
  run: Run,
  name: string,
  stage: (run: Run) => Promise<boolean>,
): Promise<boolean> {
  try {
    return await stage(run)
  } catch (error) {
    run.failures.add(name, error)
    return false
  }
}

/** A lease that cannot be given back ends by itself. */
async function release({ deps, failures }: Run, holder: string): Promise<void> {
  try {
    await deps.metadata.write(async (tx) => endLease(tx, 'collection', holder), { durable: false })
  } catch (error) {
    failures.add('end of the run', error)
  }
}
