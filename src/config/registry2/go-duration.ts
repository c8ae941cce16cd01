// Durations as Go's time.ParseDuration reads them: 168h, 1h30m, 1.5s, -2m. Pure.

const unitsNs: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}

const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y
/** What fits into 64 bits. */
const longestNs = 2 ** 63

/** Nanoseconds; undefined when the text is no duration. */
export function parseGoDuration(text: string): number | undefined {
  const [, sign = '', rest = ''] = /^([-+]?)(.*)$/s.exec(text) ?? []
  if (rest === '0') return 0
  if (rest === '') return undefined
  let total = 0
  let at = 0
  while (at < rest.length) {
    part.lastIndex = at
    const [whole, count, unit = ''] = part.exec(rest) ?? []
    if (whole === undefined) return undefined
    total += Number(count) * (unitsNs[unit] ?? NaN)
    at += whole.length
  }
  if (total >= longestNs) return undefined
  const ns = Math.trunc(total)
  return sign === '-' ? -ns : ns
}

/** As Go writes it: 168h0m0s. */
export function formatGoDuration(ns: number): string {
  if (ns === 0) return '0s'
  const seconds = ns / 1e9
  if (Math.abs(seconds) < 1) return `${ns / 1e6}ms`
  const hours = Math.trunc(seconds / 3600)
  const minutes = Math.trunc((seconds % 3600) / 60)
  const rest = Number((seconds % 60).toFixed(9))
  const parts = [hours === 0 ? '' : `${hours}h`, minutes === 0 ? '' : `${minutes}m`]
  if (rest !== 0) parts.push(`${rest}s`)
  return parts.join('')
}
