// How a thread feels: how late its events are, and its memory.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Metric } from './metric.ts'

export interface ThreadMetrics extends Disposable {
  /** Delays since it was last called. */
  metrics(): readonly Metric[]
}

const resolutionMs = 20
const quantiles = [0.5, 0.99, 1]

export function createThreadMetrics(thread: string): ThreadMetrics {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs })
  delays.enable()
  return {
    metrics() {
      const values = quantiles.map((quantile) => {
        const at = quantile === 1 ? delays.max : delays.percentile(quantile * 100)
        // What is measured is the interval of a timer, which is never shorter than its resolution.
        const late = delays.count === 0 ? 0 : Math.max(0, at / 1e9 - resolutionMs / 1000)
        return { labels: { thread, quantile }, value: late }
      })
      delays.reset()
      return [
        {
          name: 'carrel_event_loop_delay_seconds',
          help: 'How late a thread came to its events, since it was last asked; quantile 1 is the longest.',
          type: 'gauge',
          aggregator: 'first',
          values,
        },
        {
          name: 'carrel_thread_heap_used_bytes',
          help: 'JavaScript heap of a thread.',
          type: 'gauge',
          aggregator: 'first',
          values: [{ labels: { thread }, value: getHeapStatistics().used_heap_size }],
        },
      ]
    },
    [Symbol.dispose]: () => delays.disable(),
  }
}
