// Which value holds for each setting and who set it, for `config show`.
import type { Config } from './config.ts'
import { formatAddress } from './listen-address.ts'
import type { RawConfig } from './raw.ts'
import { explainRegistry2 } from './registry2/explain-registry2.ts'
import { settings } from './settings.ts'
import type { SettingKey } from './settings.ts'

export interface ExplainedSetting {
  /** Of a setting, or of registry:2's configuration for what only that says. */
  readonly key: string
  readonly env: string
  /** As text; a secret is `[secret]`; an absent one is what its absence means. */
  readonly value: string
  /** `default`, or what set it: `--listen`, `CARREL_LISTEN`, `listen in /etc/carrel.yaml`. */
  readonly source: string
}

export function explainConfig(raw: RawConfig, config: Config): readonly ExplainedSetting[] {
  const known = valuesOf(config)
  const own = settings.map(({ key, env, fallback }) => ({
    key,
    env,
    value: known[key] ?? fallback,
    source: raw.values[key]?.name ?? 'default',
  }))
  if (config.registry2 === undefined) return own
  return [...own, ...explainRegistry2(config.registry2, raw.registry2?.setBy ?? (() => undefined))]
}

function valuesOf(config: Config): Record<SettingKey, string | undefined> {
  const { tls, metadata } = config
  const files = tls.mode === 'files' ? tls : undefined
  const list = (items: readonly string[]) => (items.length > 0 ? items.join(', ') : undefined)
  return {
    data: config.dataDir,
    listen: formatAddress(config.listen),
    publicUrl: config.publicUrl?.origin,
    open: config.open === false ? 'false' : config.open,
    plainHttp: config.plainHttp,
    trustedProxies: list(
      config.trustedProxies.map(({ address, prefix }) => `${address}/${prefix}`),
    ),
    workers: String(config.workers),
    'tls.certificate': files?.certificateFile,
    'tls.key': files?.keyFile,
    'tls.names': tls.mode === 'own-authority' ? list(tls.extraNames) : undefined,
    'metadata.url': metadata.dialect === 'postgres' ? String(metadata.url) : undefined,
    htpasswd: config.htpasswdFile,
    singleSignOn: config.singleSignOnFile,
    auditPulls: String(config.auditPulls),
    outboundAllow: list(config.outboundAllow),
    outboundAuthorities: config.outboundAuthoritiesFile,
    adminPasswordFile: config.adminPasswordFile,
    'keep.deleted': durationText(config.keep.deletedMs, 'forever'),
    'keep.untagged': durationText(config.keep.untaggedMs, 'forever'),
    'keep.unreferenced': durationText(config.keep.unreferencedMs, 'forever'),
    'keep.trash': durationText(config.keep.trashMs, 'forever'),
    scrubEvery: durationText(config.scrubEveryMs, 'never'),
    diskReserve: sizeText(config.diskReserveBytes),
    readOnly: String(config.readOnly),
    'backup.to': config.backup.to,
    'backup.every': durationText(config.backup.everyMs, 'never'),
    'backup.keep': String(config.backup.keep),
    'backup.keyFile': config.backup.keyFile,
    'backup.drillEvery': durationText(config.backup.drillEveryMs, 'never'),
    metricsListen: config.metricsListen && formatAddress(config.metricsListen),
    uploadExpiryHours: String(config.uploadExpiryHours),
    drainSeconds: String(config.drainSeconds),
    tokenLifetimeMinutes: String(config.tokenLifetimeMinutes),
    'log.level': config.log.level,
    'log.format': config.log.format,
  }
}

/** As people would have written it. */
function durationText(ms: number, endless: string): string {
  if (ms === Infinity) return endless
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ] as const
  const fitting = ms === 0 ? undefined : units.find(([, unitMs]) => ms % unitMs === 0)
  return fitting === undefined ? `${ms / 1000}s` : `${ms / fitting[1]}${fitting[0]}`
}

function sizeText(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2
  return Number.isInteger(mebibytes) ? `${mebibytes}MiB` : String(bytes)
}
