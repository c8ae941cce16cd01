// From registry:2's configuration to Carrel's: settings with the names of those who set them, and the rest as
// Registry2Config. The rules are the table in keys.ts; here are those that take more than one look. Pure.
import type { RawValue } from '../raw.ts'
import type { SettingKey } from '../settings.ts'
import { readAuth } from './auth.ts'
import { typeOf, valueAt, type Registry2Configuration } from './configuration.ts'
import type { Value } from './decode.ts'
import { readHeaders } from './headers.ts'
import { keys } from './keys.ts'
import { readNotifications, readProxy } from './outward.ts'
import { nameAt, numberAt, switchAt, treeAt, type Reading } from './section.ts'
import { readHost, readMetricsPath, readNet, readPrefix, readUploadExpiry } from './single-keys.ts'
import { readTls } from './tls.ts'
import type { Registry2Config } from './types.ts'
import { readManifestUrls } from './validation.ts'

export type Registry2Values = { readonly [K in SettingKey]?: RawValue }

export interface MappedRegistry2 {
  readonly values: Registry2Values
  readonly config: Registry2Config
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

export interface MappingOptions {
  readonly cwd: string
  /** What was set by Carrel's own means, and therefore holds. */
  readonly given: ReadonlySet<SettingKey>
  /** The file that somebody gave; undefined without one. */
  readonly file: string | undefined
  /** `carrel registry serve`: what is not said is as registry:2 has it. */
  readonly asRegistry2: boolean
  /** Who gets in is not asked. */
  readonly dataOnly?: boolean
}

export function mapRegistry2(
  configuration: Registry2Configuration,
  options: MappingOptions,
): MappedRegistry2 {
  const problems = [...configuration.problems]
  // What could not be read is not looked at any further: half a configuration would tell half the truth.
  const isBroken = problems.length > 0
  const warnings: string[] = []
  const reading: Reading = {
    configuration,
    cwd: options.cwd,
    problem: (sentence) => void (isBroken || problems.push(sentence)),
    warn: (sentence) => void warnings.push(sentence),
  }
  const values: Partial<Record<SettingKey, RawValue>> = {}
  const set = (key: SettingKey, from: string, value: unknown) => {
    const origin = configuration.setBy(from)
    if (value === undefined || origin === undefined) return
    values[key] = { value, ...origin, base: options.cwd }
  }
  for (const [key, fate] of Object.entries(keys)) {
    const value = valueAt(configuration.tree, key)
    if (isNothing(value)) continue
    if ('setting' in fate)
      set(fate.setting, key, fate.read?.(value as never) ?? asRead(fate, value))
    if ('ignored' in fate) reading.warn(ignoredLine(reading, key, fate.ignored))
  }
  set('publicUrl', 'http.host', readHost(reading))
  set('uploadExpiryHours', 'storage.maintenance.uploadpurging', readUploadExpiry(reading))
  readNet(reading)
  readMetricsPath(reading)
  readStorage(reading, options)
  const { given, file, asRegistry2, dataOnly = false } = options
  const auth = dataOnly ? {} : readAuth(reading, { given, file: asRegistry2 ? file : undefined })
  set('htpasswd', 'auth.htpasswd.path', auth.htpasswdFile)
  warnings.push(...unknownVariables(configuration.ignored))
  const { tokenAuth } = auth
  const config: Registry2Config = {
    ...readOwn(reading, options),
    htpasswdAsRegistry2: auth.htpasswdFile !== undefined && !options.given.has('htpasswd'),
    ...(tokenAuth !== undefined && { tokenAuth }),
  }
  const presets = options.asRegistry2 ? presetsOf(options, values) : {}
  return { values: { ...presets, ...values }, config, problems, warnings }
}

function asRead(fate: { readonly read?: unknown }, value: Value): Value {
  return fate.read === undefined ? value : undefined
}

/** Zero is what Go has where nobody said anything. */
function isNothing(value: Value): boolean {
  if (value === undefined || value === '' || value === 0 || value === false) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

function ignoredLine(reading: Reading, key: string, why: string): string {
  return `${nameAt(reading, key)}: not supported, so ignored: ${why}`
}

function readOwn(
  reading: Reading,
  options: MappingOptions,
): Omit<Registry2Config, 'htpasswdAsRegistry2'> {
  const prefix = readPrefix(reading)
  const catalog = numberAt(reading, 'catalog.maxentries') ?? 0
  const tags = numberAt(reading, 'tags.maxtags') ?? 0
  const manifestUrls = readManifestUrls(reading, options.asRegistry2)
  const proxy = readProxy(reading)
  if (proxy !== undefined) {
    reading.warn(
      `${nameAt(reading, 'proxy.remoteurl')}: not served yet: images are not fetched from there, only what is pushed here is pulled`,
    )
  }
  const deletes = switchAt(reading, 'storage.delete.enabled')
  return {
    headers: readHeaders(reading),
    logFields: treeAt(reading, 'log.fields'),
    ...(prefix !== undefined && { pathPrefix: prefix }),
    deletes: deletes ?? !options.asRegistry2,
    ...(catalog > 0 && { catalogMaxEntries: catalog }),
    ...(tags > 0 && { maxTags: tags }),
    ...(manifestUrls !== undefined && { manifestUrls }),
    tls: readTls(reading),
    notifications: readNotifications(reading),
    ...(proxy !== undefined && { proxy }),
  }
}

/** Another driver than the file system has the images elsewhere: an empty registry in its place would be no help. */
function readStorage(reading: Reading, { given, file, asRegistry2 }: MappingOptions): void {
  const driver = typeOf(reading.configuration.tree, 'storage')
  if (driver === undefined) {
    if (asRegistry2)
      reading.problem(`${file ?? 'REGISTRY_STORAGE'}: no storage configuration provided`)
    return
  }
  if (driver === 'filesystem') return
  const name = nameAt(reading, `storage.${driver}`)
  if (given.has('data')) {
    reading.warn(`${name}: ignored, as CARREL_DATA says where everything is`)
    return
  }
  const why =
    driver === 'inmemory'
      ? 'Carrel keeps what is pushed'
      : `Carrel keeps images in a folder; what the driver ${driver} has stays there`
  const fix =
    driver === 'inmemory'
      ? 'Set storage.filesystem.rootdirectory'
      : 'Copy it into a folder (docker/registry/v2 and all below it) and set storage.filesystem.rootdirectory to that ' +
        'folder; or set CARREL_DATA to begin with an empty one'
  reading.problem(`${name}: ${why}. ${fix}`)
}

const byRegistry2 = 'carrel registry serve'

/** What registry:2 did without being told. */
function presetsOf({ given, cwd }: MappingOptions, values: Registry2Values): Registry2Values {
  const preset = (value: unknown): RawValue => {
    return { value, name: byRegistry2, source: 'preset', base: cwd }
  }
  const hasCertificate = given.has('tls.certificate') || values['tls.certificate'] !== undefined
  return {
    data: preset('/var/lib/registry'),
    listen: preset(':5000'),
    uploadExpiryHours: preset(168),
    // It removed nothing by itself.
    'keep.untagged': preset('forever'),
    ...(!hasCertificate && { plainHttp: preset('everywhere') }),
  }
}

/** Kubernetes sets such ones for a service that is called registry, so one line has to do. */
function unknownVariables(names: readonly string[]): readonly string[] {
  return names.length === 0
    ? []
    : [`${names.join(', ')}: no such setting of registry:2, so ignored`]
}

/** Where Carrel's own file is looked for, before anything else is known. */
export function rootDirectoryOf({ tree }: Registry2Configuration): string | undefined {
  const value = valueAt(tree, 'storage.filesystem.rootdirectory')
  return typeof value === 'string' && value !== '' ? value : undefined
}
