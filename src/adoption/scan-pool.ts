// The threads that look at a volume. They wait for the disk, several at a time, while the main thread writes down what
// they have found.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { ScanJob, ScanJobs, ScanKind } from './scan-jobs.ts'
import type { ScanAnswer } from './scan-worker.ts'

export interface ScanPool extends AsyncDisposable {
  /** @throws the system's error, with its code and path, when something cannot be read */
  run<Kind extends ScanKind>(job: ScanJob<Kind>): Promise<ScanJobs[Kind]['gives']>
}

const mostThreads = 8

/** More than there are processors: most of the time a thread waits. */
export function startScanPool(
  threads: number = Math.min(2 * availableParallelism(), mostThreads),
): ScanPool {
  const idle: Worker[] = []
  const all: Worker[] = []
  const busy = new Map<Worker, Waiting>()
  const queue: Waiting[] = []
  let failure: Error | undefined

  function start(): Worker {
    // Beside this file, in the language that this file is run in: source or compiled.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const program = new URL(`./scan-worker.${extension}`, import.meta.url)
    const thread = new Worker(program, { name: 'scan', execArgv: [], env: {} })
    thread.on('message', (answer: ScanAnswer) => finish(thread, answer))
    thread.on('error', fail)
    thread.on('exit', () => fail(new Error('A thread that looks at the volume has ended.')))
    all.push(thread)
    return thread
  }

  function give(thread: Worker, waiting: Waiting): void {
    busy.set(thread, waiting)
    thread.postMessage(waiting.job)
  }

  function finish(thread: Worker, answer: ScanAnswer): void {
    const waiting = busy.get(thread)
    busy.delete(thread)
    const next = queue.shift()
    if (next === undefined) idle.push(thread)
    else give(thread, next)
    if (answer.kind === 'done') waiting?.resolve(answer.gives)
    else {
      const { message, ...about } = answer.failure
      waiting?.reject(Object.assign(new Error(message), about))
    }
  }

  function fail(error: unknown): void {
    failure ??= error as Error
    for (const waiting of [...busy.values(), ...queue.splice(0)]) waiting.reject(failure)
    busy.clear()
  }

  return {
    async run<Kind extends ScanKind>(job: ScanJob<Kind>) {
      if (failure !== undefined) throw failure
      return new Promise<unknown>((resolve, reject) => {
        const waiting: Waiting = { job: job as unknown as ScanJob, resolve, reject }
        const thread = idle.pop() ?? (all.length < threads ? start() : undefined)
        if (thread === undefined) queue.push(waiting)
        else give(thread, waiting)
      }) as Promise<ScanJobs[Kind]['gives']>
    },
    async [Symbol.asyncDispose]() {
      fail(new Error('The look at the volume was given up.'))
      await Promise.all(all.map(async (thread) => thread.terminate()))
    },
  }
}

interface Waiting {
  readonly job: ScanJob
  readonly resolve: (gives: unknown) => void
  readonly reject: (error: Error) => void
}
