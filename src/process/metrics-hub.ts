// All metrics of a serving process as one text: those of every worker, of the main thread, of the process and of the
// installation.
import { gauge, type Metric } from '../metrics/metric.ts'
import type { ProcessMetrics } from '../metrics/exposition.ts'
import { createThreadMetrics } from '../metrics/thread-metrics.ts'
import type { Measuring } from './measuring.ts'

export interface MetricsHub extends Disposable {
  text(): Promise<string>
}

export function createMetricsHub(
  measuring: Measuring,
  state: () => Promise<readonly Metric[]>,
): MetricsHub {
  const thread = createThreadMetrics('main')
  let processMetrics: ProcessMetrics | undefined
  return {
    async text() {
      // Loaded when it is first asked for: most servers start without anybody who scrapes.
      const { createProcessMetrics, expositionOf } = await import('../metrics/exposition.ts')
      processMetrics ??= createProcessMetrics()
      const [{ threads, silent }, kept] = await Promise.all([measuring.measure(), state()])
      const own = [
        ...thread.metrics(),
        ...kept,
        ...gauge('carrel_workers', 'Threads that serve.', threads.length + silent),
        ...gauge(
          'carrel_workers_silent',
          'Of them, those that did not tell what they counted.',
          silent,
        ),
      ]
      return `${await expositionOf([...threads, own])}\n${await processMetrics.text()}`
    },
    [Symbol.dispose]() {
      thread[Symbol.dispose]()
      processMetrics?.[Symbol.dispose]()
    },
  }
}
