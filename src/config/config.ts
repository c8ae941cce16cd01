// What was set, checked and with defaults: the tree that the rest of the program is built from. Pure.
// Relative paths are made absolute; whether the files exist is for those who open them.
import { resolve } from 'node:path'

import { InvalidValue } from './invalid-value.ts'
import { parseListenAddress } from './listen-address.ts'
import type { ListenAddress } from './listen-address.ts'
import type { RawConfig, RawValue } from './raw.ts'
import type { Registry2Config } from './registry2/types.ts'
import { Secret } from './secret.ts'
import type { SettingKey } from './settings.ts'
import * as values from './values.ts'
import type { AddressRange } from './values.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type TlsConfig =
  | {
      /** A certificate authority and certificate of our own, made at the first start. */
      readonly mode: 'own-authority'
      readonly extraNames: readonly string[]
    }
  | { readonly mode: 'files'; readonly certificateFile: string; readonly keyFile: string }

export type MetadataConfig =
  | { readonly dialect: 'sqlite' }
  | { readonly dialect: 'postgres'; readonly url: Secret }

export interface BackupConfig {
  /** Absolute; absent: the server makes none by itself. */
  readonly to?: string
  readonly everyMs: number
  /** How many are kept. */
  readonly keep: number
  readonly keyFile?: string
  /** Infinity: no drills. */
  readonly drillEveryMs: number
}

export interface Config {
  /** Absolute. */
  readonly dataDir: string
  readonly listen: ListenAddress
  /** Only scheme, host and port; absent: clients are answered under the name they used. */
  readonly publicUrl?: URL
  /** No login. `local`: only loopback peers are answered, whatever the listen address. */
  readonly open: false | 'local' | 'everyone'
  readonly plainHttp: 'loopback' | 'everywhere'
  readonly trustedProxies: readonly AddressRange[]
  readonly workers: number | 'auto'
  readonly tls: TlsConfig
  readonly metadata: MetadataConfig
  readonly htpasswdFile?: string
  readonly singleSignOnFile?: string
  readonly auditPulls: boolean
  readonly outboundAllow: readonly string[]
  readonly outboundAuthoritiesFile?: string
  readonly adminPasswordFile?: string
  /** Milliseconds. */
  readonly keep: {
    /** The recycle bin. */
    readonly deletedMs: number
    /** Infinity: images without a tag are never collected. */
    readonly untaggedMs: number
    readonly unreferencedMs: number
    readonly trashMs: number
  }
  /** Infinity: no scrubbing. */
  readonly scrubEveryMs: number
  readonly diskReserveBytes: number
  /** Pushes and deletes are refused for as long as the process runs. */
  readonly readOnly: boolean
  readonly backup: BackupConfig
  readonly metricsListen?: ListenAddress
  readonly uploadExpiryHours: number
  readonly drainSeconds: number
  readonly tokenLifetimeMinutes: number
  readonly maxManifestBytes: number
  readonly log: { readonly level: LogLevel; readonly format: 'auto' | 'json' | 'text' }
  /** Present where registry:2's configuration is read: REGISTRY_* variables, or `registry serve`. */
  readonly registry2?: Registry2Config
}

export type ParsedConfig =
  | { readonly config: Config; readonly problems?: undefined }
  | { readonly config?: undefined; readonly problems: readonly string[] }

/** Everything wrong at once, each with the setting's full name and, but for secrets, its value. */
export function parseConfig(raw: RawConfig): ParsedConfig {
  const problems = [...raw.problems]
  const take = createTaker(raw, problems)
  const pathOf = (value: unknown, { base }: RawValue) => resolve(base, values.parseText(value))
  const publicUrl = take('publicUrl', values.parsePublicUrl, undefined)
  const htpasswdFile = take('htpasswd', pathOf, undefined)
  const singleSignOnFile = take('singleSignOn', pathOf, undefined)
  const outboundAuthoritiesFile = take('outboundAuthorities', pathOf, undefined)
  const adminPasswordFile = take('adminPasswordFile', pathOf, undefined)
  const metricsListen = take('metricsListen', parseAddress, undefined)
  const config: Config = {
    dataDir: take('data', pathOf, resolve(raw.cwd, 'data')),
    listen: take('listen', parseAddress, defaultListen),
    ...(publicUrl && { publicUrl }),
    open: take('open', parseOpen, false),
    plainHttp: take('plainHttp', (value) => values.parseChoice(value, plainHttp), 'loopback'),
    trustedProxies: take('trustedProxies', eachOf(values.parseAddressRange), []),
    workers: take('workers', parseWorkers, 'auto'),
    tls: parseTls(raw, take, pathOf),
    metadata: take('metadata.url', parseMetadata, { dialect: 'sqlite' }),
    ...(htpasswdFile !== undefined && { htpasswdFile }),
    ...(singleSignOnFile !== undefined && { singleSignOnFile }),
    auditPulls: take('auditPulls', values.parseSwitch, false),
    outboundAllow: take('outboundAllow', eachOf(values.parseText), []),
    ...(outboundAuthoritiesFile !== undefined && { outboundAuthoritiesFile }),
    ...(adminPasswordFile !== undefined && { adminPasswordFile }),
    keep: {
      deletedMs: take('keep.deleted', durationOf, 14 * dayMs),
      untaggedMs: take(
        'keep.untagged',
        (value) => values.parseDuration(value, 'forever'),
        14 * dayMs,
      ),
      unreferencedMs: take('keep.unreferenced', durationOf, dayMs),
      trashMs: take('keep.trash', durationOf, dayMs),
    },
    scrubEveryMs: take('scrubEvery', durationOrNever, 28 * dayMs),
    diskReserveBytes: take('diskReserve', values.parseSize, 256 * 1024 * 1024),
    readOnly: take('readOnly', values.parseSwitch, false),
    backup: parseBackup(take, pathOf),
    ...(metricsListen !== undefined && { metricsListen }),
    uploadExpiryHours: take('uploadExpiryHours', (value) => values.parseCount(value, 1, 8760), 24),
    drainSeconds: take('drainSeconds', (value) => values.parseCount(value, 0, 3600), 60),
    tokenLifetimeMinutes: take(
      'tokenLifetimeMinutes',
      (value) => values.parseCount(value, 1, 1440),
      15,
    ),
    // distribution-spec v1.1 spec.md#pushing-manifests: a registry should take at least 4 MiB.
    maxManifestBytes: 4_194_304,
    log: {
      level: take('log.level', (value) => values.parseChoice(value, logLevels), 'info'),
      format: take('log.format', (value) => values.parseChoice(value, logFormats), 'auto'),
    },
    ...(raw.registry2 && { registry2: raw.registry2.config }),
  }
  problems.push(...contradictions(raw, config))
  return problems.length > 0 ? { problems } : { config }
}

const dayMs = 86_400_000
const durationOf = (value: unknown) => values.parseDuration(value)
const durationOrNever = (value: unknown) => values.parseDuration(value, 'never')
const parseAddress = (value: unknown) => parseListenAddress(values.parseText(value))

function parseOpen(value: unknown): Config['open'] {
  if (value === 'everyone' || value === 'local') return value
  return values.parseSwitch(value) ? 'local' : false
}

function parseBackup(take: Take, pathOf: Parse<string>): BackupConfig {
  const to = take('backup.to', pathOf, undefined)
  const keyFile = take('backup.keyFile', pathOf, undefined)
  return {
    ...(to !== undefined && { to }),
    everyMs: take('backup.every', durationOf, dayMs),
    keep: take('backup.keep', (value) => values.parseCount(value, 1, 10_000), 14),
    ...(keyFile !== undefined && { keyFile }),
    drillEveryMs: take('backup.drillEvery', durationOrNever, 7 * dayMs),
  }
}

const defaultListen: ListenAddress = { host: '127.0.0.1', port: 5443 }
const plainHttp = ['loopback', 'everywhere'] as const
const logLevels = ['debug', 'info', 'warn', 'error'] as const
const logFormats = ['auto', 'json', 'text'] as const

type Parse<T> = (value: unknown, raw: RawValue) => T
type Take = <T>(key: SettingKey, parse: Parse<T>, fallback: T) => T

function createTaker(raw: RawConfig, problems: string[]): Take {
  return (key, parse, fallback) => {
    const given = raw.values[key]
    if (given === undefined) return fallback
    try {
      return parse(given.value, given)
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      problems.push(`${given.name}${shownValue(given.value)}: ${error.message}`)
      return fallback
    }
  }
}

function shownValue(value: unknown): string {
  if (value instanceof Secret) return ''
  return ` ${JSON.stringify(value)}`
}

const eachOf =
  <T>(parse: (item: string) => T): Parse<readonly T[]> =>
  (value) =>
    values.parseList(value).map(parse)

function parseWorkers(value: unknown): number | 'auto' {
  if (value === 'auto') return 'auto'
  try {
    return values.parseCount(value, 1, 256)
  } catch {
    // parseCount does not know of "auto", so its sentence would be half the truth.
    throw new InvalidValue('must be auto, or a whole number from 1 to 256')
  }
}

function parseMetadata(value: unknown): MetadataConfig {
  const text = value instanceof Secret ? value.reveal() : values.parseText(value)
  return { dialect: 'postgres', url: new Secret(values.parsePostgresUrl(text)) }
}

function parseTls(raw: RawConfig, take: Take, pathOf: Parse<string>): TlsConfig {
  const certificateFile = take('tls.certificate', pathOf, undefined)
  const keyFile = take('tls.key', pathOf, undefined)
  const extraNames = take('tls.names', eachOf(values.parseCertificateName), [])
  if (certificateFile !== undefined && keyFile !== undefined) {
    return { mode: 'files', certificateFile, keyFile }
  }
  return { mode: 'own-authority', extraNames }
}

function* contradictions(raw: RawConfig, config: Config): Generator<string> {
  const given = raw.values
  const certificate = given['tls.certificate']
  const key = given['tls.key']
  if (certificate && !key)
    yield `${certificate.name} is set without CARREL_TLS_KEY: set both or none`
  if (key && !certificate) yield `${key.name} is set without CARREL_TLS_CERT: set both or none`
  const names = given['tls.names']
  if (certificate && key && names) {
    yield `${names.name} is for the certificate that Carrel makes itself, but ${certificate.name} brings another: set only one of them`
  }
  if (config.open && given.htpasswd && given.open) {
    yield `${given.open.name} lets everyone in without a login, but ${given.htpasswd.name} asks for one: set only one of them`
  }
}
