// What every command is given, and the two things nearly every command does first: read the configuration and
// open the installation.
import type { Config } from '../config/config.ts'
import type { ConfigFlags, RawConfig } from '../config/raw.ts'
import type { AsRegistry2 } from '../config/registry2/read-registry2.ts'
import { usageError } from './cli-error.ts'
import type { Composition, Installation } from './composition.ts'
import type { Output } from './output.ts'

export interface CommandContext {
  readonly composition: Composition
  readonly output: Output
  /** The exit code when the command ends without an error; set for a check that found problems. */
  exitCode: number
}

/** What `--data` and `--config` hold. */
export interface PlaceOptions {
  readonly data?: string
  readonly config?: string
}

export interface LoadedConfig {
  readonly raw: RawConfig
  readonly config: Config
}

/** @throws {CliError} usage, with every wrong setting, one a line */
export async function loadConfig(
  context: CommandContext,
  flags: ConfigFlags,
  asRegistry2?: AsRegistry2,
): Promise<LoadedConfig> {
  const { raw, config, problems } = await checkConfig(context, flags, asRegistry2)
  for (const warning of raw.warnings) context.output.warn(warning)
  if (config !== undefined) return { raw, config }
  const what =
    problems.length === 1 ? 'a setting is wrong' : `${problems.length} settings are wrong`
  throw usageError(what, { why: problems.join('\n'), fix: 'carrel help environment' })
}

/** With `asRegistry2` a config.yml of registry:2 counts too. */
export async function checkConfig(
  { output }: CommandContext,
  flags: ConfigFlags,
  asRegistry2?: AsRegistry2,
) {
  // Loaded here and not above: `version` and `help` start without it.
  const [{ readConfig }, { parseConfig }] = await Promise.all([
    import('../config/read.ts'),
    import('../config/config.ts'),
  ])
  const { env, cwd } = output.io
  const raw = await readConfig({ env, cwd, flags, ...(asRegistry2 && { asRegistry2 }) })
  return { raw, ...parseConfig(raw) }
}

export interface OpenOptions {
  readonly place: PlaceOptions
  /** Whether a missing installation may be made. */
  readonly create?: boolean
}

export async function withInstallation<T>(
  context: CommandContext,
  { place, create = false }: OpenOptions,
  work: (installation: Installation, config: Config) => Promise<T>,
): Promise<T> {
  const { config } = await loadConfig(context, placeFlags(place))
  await using installation = await context.composition.openInstallation(config, { create })
  return await work(installation, config)
}

export function placeFlags({ data, config }: PlaceOptions): ConfigFlags {
  return { ...(data !== undefined && { data }), ...(config !== undefined && { config }) }
}
