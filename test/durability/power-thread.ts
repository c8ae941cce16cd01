// A thread that explores power losses: recordings are worked through on all cores.
import { rm } from 'node:fs/promises'
import { Worker, parentPort, workerData } from 'node:worker_threads'
import type { Recording } from './power-recording.ts'
import { explorePowerStates, type StatesReport } from './power-states.ts'
import { findSyncSites, tryWithout, type Mutation, type SyncSite } from './sync-mutations.ts'

interface Task {
  readonly recording: Recording
  readonly seed: string
  readonly states: number
  readonly scratch: string
  /** These syncs are left out, one after another; without them, none is. */
  readonly sites?: readonly (SyncSite & { readonly states: number })[]
}

export async function explorePowerStatesAside(task: Omit<Task, 'sites'>): Promise<StatesReport> {
  return (await aside(task)) as StatesReport
}

export async function tryWithoutAside(
  task: Required<Omit<Task, 'states'>>,
): Promise<readonly Mutation[]> {
  return (await aside({ ...task, states: 0 })) as readonly Mutation[]
}

async function aside(task: Task): Promise<unknown> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { powerTask: task } })
  return new Promise((resolve, reject) => {
    worker.on('message', resolve)
    worker.on('error', reject)
    worker.on('exit', () => reject(new Error('The thread ended without an answer.')))
  })
}

async function perform({ recording, seed, states, scratch, sites }: Task): Promise<unknown> {
  try {
    if (sites === undefined) return await explorePowerStates(recording, { seed, states, scratch })
    const all = findSyncSites(recording)
    const mutations: Mutation[] = []
    for (const site of sites) {
      mutations.push(await tryWithout(recording, all, site, { seed, states: site.states, scratch }))
    }
    return mutations
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

const { powerTask } = (workerData ?? {}) as { readonly powerTask?: Task }
if (powerTask !== undefined) parentPort?.postMessage(await perform(powerTask))
