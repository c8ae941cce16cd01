// Keys that need a rule of their own: http.host, http.net, http.prefix, uploadpurging.
import { parseGoDuration } from './go-duration.ts'
import { expiryHoursOf } from './keys.ts'
import { at, nameAt, textAt, treeAt, type Reading } from './section.ts'

/** Of the URL registry:2 takes scheme and host, and without both it takes nothing. */
export function readHost(reading: Reading): string | undefined {
  const key = 'http.host'
  const host = textAt(reading, key)
  if (host === undefined) return undefined
  if (URL.canParse(host)) {
    const { protocol, origin } = new URL(host)
    if (/^https?:$/.test(protocol)) return origin
  }
  reading.warn(
    `${nameAt(reading, key)}: ignored, as by registry:2: only an address such as https://registry.example.com counts`,
  )
  return undefined
}

export function readNet(reading: Reading): void {
  const key = 'http.net'
  const net = textAt(reading, key)
  if (net === undefined || net === 'tcp') return
  reading.problem(
    net === 'unix'
      ? `${nameAt(reading, key)}: Carrel listens on no Unix socket. Take http.net out and set http.addr to HOST:PORT`
      : `${nameAt(reading, key)}: unknown address type ${net}`,
  )
}

export function readMetricsPath(reading: Reading): void {
  const key = 'http.debug.prometheus.path'
  const path = textAt(reading, key)
  if (path === undefined || path === '/metrics') return
  reading.warn(`${nameAt(reading, key)}: ignored: metrics are at /metrics`)
}

export function readPrefix(reading: Reading): string | undefined {
  const key = 'http.prefix'
  const prefix = textAt(reading, key)
  if (prefix === undefined || prefix === '/') return undefined
  if (/^\/(?:[A-Za-z0-9._~-]+\/?)+$/.test(prefix)) {
    return prefix.endsWith('/') ? prefix : `${prefix}/`
  }
  reading.problem(`${nameAt(reading, key)}: must be a path, such as /registry/`)
  return undefined
}

const never = 8760

/** Hours. Carrel always ends uploads that nobody goes on with: "never" is a year. */
export function readUploadExpiry(reading: Reading): number | undefined {
  const key = 'storage.maintenance.uploadpurging'
  if (at(reading, key) === undefined) return undefined
  const { enabled, age, dryrun, interval } = treeAt(reading, key)
  if (enabled === false || dryrun === true) return never
  for (const [name, value] of Object.entries({ age, interval })) {
    if (value === undefined || durationOf(value) !== undefined) continue
    reading.problem(`${nameAt(reading, `${key}.${name}`)}: must be a duration, such as 168h`)
  }
  const ns = durationOf(age)
  return ns === undefined ? undefined : expiryHoursOf(ns)
}

function durationOf(value: unknown): number | undefined {
  return typeof value === 'string' ? parseGoDuration(value) : undefined
}
