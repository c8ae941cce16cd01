// Metrics over threads: the main thread asks each worker for what it has counted, and a worker that is asked by a client
// asks the main thread for all of it as text.
import type { Metric } from '../metrics/metric.ts'
import type { FromWorker, ToWorker } from './worker-settings.ts'

export interface Measured {
  /** Of the workers that answered in time. */
  readonly threads: readonly (readonly Metric[])[]
  readonly silent: number
}

interface Thread {
  postMessage(message: ToWorker): void
}

export interface Measuring {
  add(thread: Thread): void
  /** Whether the message was one of these. */
  heard(thread: Thread, message: FromWorker): boolean
  measure(): Promise<Measured>
  /** What workers are given that ask. */
  answerWith(text: () => Promise<string>): void
}

const patienceMs = 2000

export function createMeasuring(): Measuring {
  const threads: Thread[] = []
  const waiting = new Map<number, Round>()
  let rounds = 0
  let text = async () => ''

  return {
    add(thread) {
      threads.push(thread)
    },
    heard(thread, message) {
      if (message.kind === 'measured') {
        waiting.get(message.round)?.answered(message.metrics)
        return true
      }
      if (message.kind !== 'metrics-wanted') return false
      const { request } = message
      text().then(
        (all) => thread.postMessage({ kind: 'metrics', request, text: all }),
        (error: unknown) =>
          thread.postMessage({ kind: 'metrics', request, failure: String(error) }),
      )
      return true
    },
    async measure() {
      rounds += 1
      const round = rounds
      const asked = createRound(threads.length)
      waiting.set(round, asked)
      for (const thread of threads) thread.postMessage({ kind: 'measure', round })
      const measured = await asked.done
      waiting.delete(round)
      return measured
    },
    answerWith(source) {
      text = source
    },
  }
}

interface Round {
  answered(metrics: readonly Metric[]): void
  readonly done: Promise<Measured>
}

/** A worker that is busy for long is not waited for: its silence is a finding of its own. */
function createRound(expected: number): Round {
  const threads: (readonly Metric[])[] = []
  const { promise, resolve } = Promise.withResolvers<Measured>()
  const finish = () => resolve({ threads, silent: expected - threads.length })
  const timer = setTimeout(finish, patienceMs)
  if (expected === 0) finish()
  return {
    answered(metrics) {
      threads.push(metrics)
      if (threads.length === expected) finish()
    },
    done: promise.finally(() => clearTimeout(timer)),
  }
}

export interface MetricsClient {
  /** The metrics of the whole process, from the main thread. @throws {Error} when it does not answer in time */
  text(): Promise<string>
  /** Whether the message was one of these. */
  heard(message: ToWorker): boolean
}

const longPatienceMs = 30_000

/** In a worker. */
export function createMetricsClient(
  say: (message: FromWorker) => void,
  measure: () => readonly Metric[],
): MetricsClient {
  const waiting = new Map<number, (answer: Extract<ToWorker, { kind: 'metrics' }>) => void>()
  let requests = 0
  return {
    async text() {
      requests += 1
      const request = requests
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(request)
          reject(new Error('The main thread did not answer in time.'))
        }, longPatienceMs)
        waiting.set(request, (answer) => {
          clearTimeout(timer)
          waiting.delete(request)
          if ('text' in answer) resolve(answer.text)
          else reject(new Error(answer.failure))
        })
        say({ kind: 'metrics-wanted', request })
      })
    },
    heard(message) {
      if (message.kind === 'measure') {
        say({ kind: 'measured', round: message.round, metrics: measure() })
        return true
      }
      if (message.kind !== 'metrics') return false
      waiting.get(message.request)?.(message)
      return true
    },
  }
}
