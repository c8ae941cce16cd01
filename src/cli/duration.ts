// `30d`, `12h`, `2w`: how long something lasts, as people write it.
import { usageError } from './cli-error.ts'

const unitsMs: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
}

const longestMs = 100 * 365 * 86_400_000

/** Milliseconds. `option` is named in the error. @throws {CliError} usage */
export function parseDuration(text: string, option: string): number {
  const [, count, unit = ''] = /^(\d{1,7})([mhdwy])$/.exec(text.trim()) ?? []
  const ms = Number(count) * (unitsMs[unit] ?? Number.NaN)
  if (ms > 0 && ms <= longestMs) return ms
  throw usageError(`${option} "${text.slice(0, 40)}" is no duration`, {
    why: 'write a number and m, h, d, w or y: 12h, 30d, 2w, 1y',
    fix: `${option} 30d`,
  })
}

/**
 * When something ends that was given as `30d`, as a day (`2027-01-31`, at its beginning in UTC) or as `never`, for the
 * API: null is never. @throws {CliError} usage
 */
export function parseExpiry(text: string, option: string, now: number = Date.now()): string | null {
  if (text === 'never') return null
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(day)) return new Date(day).toISOString()
  return new Date(now + parseDuration(text, option)).toISOString()
}
