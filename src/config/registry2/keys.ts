// What becomes of every key of registry:2's configuration, as one table. A key speaks for all below it that have no entry of
// their own. docs/registry2-configuration.md says the same for people, and a test holds the two together.
import type { SettingKey } from '../settings.ts'
import { formatGoDuration } from './go-duration.ts'

export type Fate =
  /** It is a setting of Carrel's; `read` may give undefined: then it says nothing. */
  | { readonly setting: SettingKey; readonly read?: (value: never) => unknown }
  /** What it asks for is done by other parts of this folder. */
  | { readonly done: 'here' }
  /** Nothing has to be done, and nobody has to know. */
  | { readonly unneeded: true }
  /** It does nothing here, and whoever set it is told why. */
  | { readonly ignored: string }

const here: Fate = { done: 'here' }
const unneeded: Fate = { unneeded: true }
const ignored = (why: string): Fate => ({ ignored: why })
const setting = (key: SettingKey, read?: (value: never) => unknown): Fate =>
  read === undefined ? { setting: key } : { setting: key, read }

export const keys: Readonly<Record<string, Fate>> = {
  version: unneeded,
  loglevel: setting('log.level'),
  'log.level': setting('log.level'),
  'log.formatter': setting('log.format', (name: string) => (name === 'logstash' ? 'json' : name)),
  'log.fields': here,
  'log.accesslog': unneeded,
  'log.reportcaller': unneeded,
  'log.hooks': ignored('errors are in the log; no mail is sent'),

  'storage.filesystem.rootdirectory': setting('data'),
  'storage.filesystem.maxthreads': unneeded,
  'storage.delete.enabled': here,
  'storage.cache': unneeded,
  'storage.redirect': unneeded,
  'storage.tag': unneeded,
  'storage.maintenance.readonly.enabled': setting('readOnly', (on: unknown) =>
    on === true ? true : undefined,
  ),
  'storage.maintenance.uploadpurging': here,
  storage: here,
  auth: here,
  middleware: ignored('Carrel sends everything itself'),

  'http.addr': setting('listen'),
  'http.net': here,
  'http.host': here,
  'http.prefix': here,
  'http.secret': unneeded,
  'http.relativeurls': unneeded,
  'http.draintimeout': setting('drainSeconds', (ns: number) =>
    ns <= 0 ? undefined : Math.ceil(ns / 1e9),
  ),
  'http.tls.certificate': setting('tls.certificate'),
  'http.tls.key': setting('tls.key'),
  'http.tls': here,
  'http.headers': here,
  'http.debug.addr': setting('metricsListen'),
  'http.debug.prometheus.enabled': unneeded,
  'http.debug.prometheus.path': here,
  'http.http2': unneeded,
  'http.h2c': ignored('Carrel speaks HTTP/1.1'),

  notifications: here,
  redis: ignored('Carrel needs none'),
  'health.storagedriver': unneeded,
  'health.file': ignored('/readyz looks at the database and the storage'),
  'health.http': ignored('/readyz looks at the database and the storage'),
  'health.tcp': ignored('/readyz looks at the database and the storage'),
  'catalog.maxentries': here,
  'tags.maxtags': here,
  proxy: here,
  validation: here,
  policy: ignored('images of every class are taken'),
  'compatibility.schema1.enabled': ignored('manifests of schema 1 are refused'),
  'compatibility.schema1.signingkeyfile': unneeded,
  reporting: ignored('nothing is told to bugsnag or newrelic'),
}

/** In hours, as `uploadExpiryHours` is, which knows no shorter time and no longer one than a year. */
export function expiryHoursOf(ns: number): number {
  return Math.min(8760, Math.max(1, Math.ceil(ns / 3600e9)))
}

export const shown = (ns: number): string => formatGoDuration(ns)
