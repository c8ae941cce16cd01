// What a worker thread counts, and where it hears of it.
import type { DoorEvent } from './http/events.ts'
import type { AuditEntry } from './metadata/audit.ts'
import { createEventMetrics } from './metrics/event-metrics.ts'
import { createHttpMetrics, type HttpMetrics } from './metrics/http-metrics.ts'
import type { Metric } from './metrics/metric.ts'
import { createStorageMetrics, type StorageMetrics } from './metrics/storage-metrics.ts'
import { createThreadMetrics } from './metrics/thread-metrics.ts'

export interface WorkerMetrics extends Disposable {
  readonly http: HttpMetrics
  readonly storage: StorageMetrics
  /** Counts what it hands on. */
  emitting(emit: (event: DoorEvent) => void): (event: DoorEvent) => void
  auditing(add: (entry: AuditEntry) => void): (entry: AuditEntry) => void
  readonly metrics: () => readonly Metric[]
}

export function createWorkerMetrics(thread: string): WorkerMetrics {
  const http = createHttpMetrics()
  const storage = createStorageMetrics('filesystem')
  const events = createEventMetrics()
  const own = createThreadMetrics(thread)
  return {
    http,
    storage,
    emitting: (emit) => (event) => {
      if (event.kind === 'login') events.login('succeeded')
      if (event.kind === 'pushed') events.pushed(event.bytes)
      emit(event)
    },
    auditing: (add) => (entry) => {
      if (entry.event === 'login.failed') events.login('failed')
      if (entry.event === 'login.throttled') events.login('throttled')
      if (entry.event === 'access.refused') events.refused()
      add(entry)
    },
    metrics: () => [...http.metrics(), ...storage.metrics(), ...events.metrics(), ...own.metrics()],
    [Symbol.dispose]: () => own[Symbol.dispose](),
  }
}
