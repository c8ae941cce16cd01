// How long the storage takes, by action, in one thread.
import { createHistogram, type Histogram } from './histogram.ts'
import type { Metric } from './metric.ts'

export interface StorageMetrics {
  /** For the driver: an action is over, well or not. */
  readonly observe: (action: string, seconds: number, failed: boolean) => void
  metrics(): readonly Metric[]
}

const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30]

export function createStorageMetrics(driver: string): StorageMetrics {
  const actions = new Map<string, { readonly durations: Histogram; errors: number }>()
  return {
    observe(action, seconds, failed) {
      let tally = actions.get(action)
      if (tally === undefined) {
        tally = { durations: createHistogram(bounds), errors: 0 }
        actions.set(action, tally)
      }
      tally.durations.observe(seconds)
      if (failed) tally.errors += 1
    },
    metrics() {
      const name = 'registry_storage_action_seconds'
      const all = [...actions]
      return [
        {
          name,
          help: 'How long an action of the storage took; a copy takes as long as the client.',
          type: 'histogram',
          aggregator: 'sum',
          values: all.flatMap(([action, { durations }]) =>
            durations.samples(name, { driver, action }),
          ),
        },
        {
          name: 'registry_storage_errors_total',
          help: 'Actions of the storage that failed.',
          type: 'counter',
          aggregator: 'sum',
          values: all.map(([action, { errors }]) => ({
            labels: { driver, action },
            value: errors,
          })),
        },
      ]
    },
  }
}
