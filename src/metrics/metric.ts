// A metric as plain data, which crosses threads: the form that prom-client calls a metric's JSON.

export interface Sample {
  readonly value: number
  readonly labels: Labels
  /** Where it is not that of the metric itself: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string
}

export type Labels = Readonly<Record<string, string | number>>

export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** How the values of several threads become one; those with different labels stay apart. */
  readonly aggregator: 'sum' | 'first' | 'max'
  readonly values: readonly Sample[]
}

/** One value without labels, or several with them; what is undefined is not known and left out. */
export function gauge(
  name: string,
  help: string,
  value: number | undefined | readonly (readonly [labels: Labels, value: number])[],
): readonly Metric[] {
  return single('gauge', name, help, value)
}

export function counter(
  name: string,
  help: string,
  value: number | undefined | readonly (readonly [labels: Labels, value: number])[],
): readonly Metric[] {
  return single('counter', name, help, value)
}

function single(
  type: 'gauge' | 'counter',
  name: string,
  help: string,
  value: number | undefined | readonly (readonly [labels: Labels, value: number])[],
): readonly Metric[] {
  if (value === undefined) return []
  const all = typeof value === 'number' ? ([[{}, value]] as const) : value
  const values = all.map(([labels, each]) => ({ labels, value: each }))
  return [{ name, help, type, aggregator: type === 'counter' ? 'sum' : 'first', values }]
}
