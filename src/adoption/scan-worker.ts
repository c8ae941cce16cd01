// The program of a thread that looks at a volume; scan-pool.ts gives it one job at a time.
import { parentPort } from 'node:worker_threads'
import { perform, type ScanJob } from './scan-jobs.ts'

export type ScanAnswer =
  | { readonly kind: 'done'; readonly gives: unknown }
  | { readonly kind: 'failed'; readonly failure: ScanFailure }

/** What is left of an error when it crosses threads. */
export interface ScanFailure {
  readonly message: string
  readonly code?: string | undefined
  readonly path?: string | undefined
}

parentPort?.on('message', (job: ScanJob) => {
  parentPort?.postMessage(answer(job))
})

function answer(job: ScanJob): ScanAnswer {
  try {
    return { kind: 'done', gives: perform(job) }
  } catch (error) {
    const { message, code, path } = error as NodeJS.ErrnoException
    return { kind: 'failed', failure: { message, code, path } }
  }
}
