// The metrics of all threads as one text for Prometheus, and those of the process itself.
import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client'
import type { Metric } from './metric.ts'

/** Sums what several threads counted. */
export async function expositionOf(threads: readonly (readonly Metric[])[]): Promise<string> {
  return AggregatorRegistry.aggregate(threads.map((metrics) => [...metrics])).metrics()
}

export interface ProcessMetrics extends Disposable {
  text(): Promise<string>
}

/** CPU, memory, descriptors, garbage collection: process_… and nodejs_…, once for each process. */
export function createProcessMetrics(): ProcessMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return {
    text: async () => registry.metrics(),
    [Symbol.dispose]: () => registry.clear(),
  }
}
