// A histogram for hot paths: a few additions for each observation, no labels to look up, no garbage.
import type { Labels, Sample } from './metric.ts'

export interface Histogram {
  observe(seconds: number): void
  samples(name: string, labels: Labels): readonly Sample[]
}

/** `bounds`: ascending, in the unit of what is observed. */
export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = new Float64Array(bounds.length + 1)
  let sum = 0
  return {
    observe(seconds) {
      let index = 0
      while (index < bounds.length && seconds > (bounds[index] ?? Infinity)) index += 1
      counts[index] = (counts[index] ?? 0) + 1
      sum += seconds
    },
    samples(name, labels) {
      let total = 0
      const buckets = Array.from(counts, (count, index): Sample => {
        total += count
        const le = index < bounds.length ? String(bounds[index]) : '+Inf'
        return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total }
      })
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: total },
      ]
    },
  }
}
