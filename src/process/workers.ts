// The worker threads of a server. Each listens on the same port (SO_REUSEPORT) where the system spreads connections;
// one that dies ends the server, so that whoever supervises it starts it anew.
import { Worker } from 'node:worker_threads'
import type { DoorEvent } from '../http/events.ts'
import type { Certificate } from '../http/server.ts'
import { createMeasuring, type Measuring } from './measuring.ts'
import type { FromWorker, ToWorker, WorkerSettings } from './worker-settings.ts'

export interface Workers {
  readonly port: number
  setCertificate(certificate: Certificate): void
  /** Resolves when all have answered what was under way, or after the grace time. */
  drain(graceMs: number): Promise<void>
  /** Ends all at once, whatever is under way. */
  terminate(): Promise<void>
  readonly measuring: Measuring
  /** Rejects when a worker ends by itself. */
  readonly failed: Promise<never>
}

/** @throws {Error} when a worker cannot start */
export async function startWorkers(
  settings: WorkerSettings,
  count: number,
  onEvent: (event: DoorEvent) => void,
): Promise<Workers> {
  const workers: Worker[] = []
  const measuring = createMeasuring()
  let stopping = false
  let fail: (error: Error) => void = () => undefined
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => undefined)

  const start = async (index: number): Promise<number> => {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
      workerData: { ...settings, name: String(index + 1) },
    })
    workers.push(worker)
    measuring.add(worker)
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (measuring.heard(worker, message)) return
        if (message.kind === 'listening') resolve(message.port)
        if (message.kind === 'door') onEvent(message.event)
      })
      worker.on('error', (error: Error) => {
        reject(error)
        fail(error)
      })
      worker.on('exit', () => {
        if (!stopping) fail(new Error(`The worker thread ${index + 1} ended by itself.`))
      })
    })
  }
  const ports = await Promise.all(
    Array.from({ length: count }, async (_, index) => start(index)),
  ).catch(async (error: unknown) => {
    stopping = true
    await Promise.all(workers.map(async (worker) => worker.terminate()))
    throw error
  })
  const post = (message: ToWorker) => {
    for (const worker of workers) worker.postMessage(message)
  }
  return {
    port: ports[0] ?? 0,
    failed,
    measuring,
    setCertificate: (certificate) => post({ kind: 'certificate', certificate }),
    async terminate() {
      stopping = true
      await Promise.all(workers.map(async (worker) => worker.terminate()))
    },
    async drain(graceMs) {
      stopping = true
      const ended = workers.map(
        async (worker) => new Promise<void>((resolve) => worker.once('exit', () => resolve())),
      )
      post({ kind: 'drain', graceMs })
      await Promise.all(ended)
    },
  }
}
