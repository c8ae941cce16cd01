// Parsers for the kinds of values that settings have. They take what a flag or variable (always text) or
// carrel.yaml (text, number, boolean, list) holds, and throw InvalidValue with a sentence.
import { isIP } from 'node:net'

import { InvalidValue } from './invalid-value.ts'

/** A range of addresses, such as 10.0.0.0/8. */
export interface AddressRange {
  readonly address: string
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

export function parseText(value: unknown): string {
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'string') throw new InvalidValue('must be text')
  if (value.trim() === '') throw new InvalidValue('must not be empty')
  return value.trim()
}

export function parseSwitch(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  const word = String(value).toLowerCase()
  if (['true', '1', 'yes', 'on'].includes(word)) return true
  if (['false', '0', 'no', 'off'].includes(word)) return false
  throw new InvalidValue('must be true or false')
}

export function parseCount(value: unknown, least: number, most: number): number {
  const text = String(value)
  const count = /^\d{1,9}$/.test(text) ? Number(text) : NaN
  if (count >= least && count <= most) return count
  throw new InvalidValue(`must be a whole number from ${least} to ${most}`)
}

const unitsMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}

/** Milliseconds; `word` (such as forever) is Infinity. */
export function parseDuration(value: unknown, word?: string): number {
  const text = String(value).trim()
  if (word !== undefined && text === word) return Infinity
  const [, count, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  const ms = Number(count) * (unitsMs[unit] ?? NaN)
  if (ms >= 0) return ms
  const or = word === undefined ? '' : `, or ${word}`
  throw new InvalidValue(`must be a number and s, m, h, d or w, such as 24h or 14d${or}`)
}

const sizes: Readonly<Record<string, number>> = {
  '': 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
}

/** Bytes. */
export function parseSize(value: unknown): number {
  const [, count, unit = ''] = /^(\d{1,15}) ?([KMGT]iB)?$/.exec(String(value).trim()) ?? []
  const bytes = Number(count) * (sizes[unit] ?? NaN)
  if (Number.isSafeInteger(bytes)) return bytes
  throw new InvalidValue('must be a number and KiB, MiB, GiB or TiB, such as 256MiB')
}

export function parseChoice<T extends string>(value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  throw new InvalidValue(`must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`)
}

export function parseList(value: unknown): readonly string[] {
  const items = Array.isArray(value) ? value.map(parseText) : parseText(value).split(/[\s,]+/)
  return items.filter((item) => item !== '')
}

export function parseAddressRange(text: string): AddressRange {
  const [address = '', prefixText, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) {
    throw new InvalidValue(`"${text}" is no address range; write one like 10.0.0.0/8`)
  }
  const bits = version === 4 ? 32 : 128
  const family = version === 4 ? 'ipv4' : 'ipv6'
  if (prefixText === undefined) return { address, prefix: bits, family }
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : Infinity
  if (prefix <= bits) return { address, prefix, family }
  throw new InvalidValue(`"${text}": the part after the slash is 0 to ${bits}`)
}

export function parsePublicUrl(value: unknown): URL {
  const text = parseText(value)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new InvalidValue('must be a URL, such as https://registry.example.com')
  }
  if (url.username !== '' || url.password !== '') throw new InvalidValue('must not hold a login')
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new InvalidValue('must have no path: clients look for /v2/ at the root of the host')
  }
  return url
}

export function parsePostgresUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && ['postgres:', 'postgresql:'].includes(url.protocol)) return text
  throw new InvalidValue('must start with postgres:// (leave it out to use SQLite)')
}

const certificateName =
  /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i

export function parseCertificateName(text: string): string {
  if (isIP(text) !== 0) return text
  const looksNumeric = /^[\d.]+$/.test(text)
  if (!looksNumeric && certificateName.test(text)) return text.toLowerCase()
  throw new InvalidValue(`"${text}" is no host name and no address`)
}
