// Settings as they were found, before anybody has checked what they mean.
import type { Registry2Config } from './registry2/types.ts'
import type { SettingKey } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Settings given on the command line, and the configuration file. */
export type ConfigFlags = { readonly [K in SettingKey]?: string | boolean } & {
  readonly config?: string
}

export interface RawValue {
  /** Text from a flag or a variable; anything that YAML can say from a file; a Secret for a secret. */
  readonly value: unknown
  /** The setting as the one who set it knows it: `--listen`, `CARREL_LISTEN`, `listen in /etc/carrel.yaml`. */
  readonly name: string
  /** `preset`: what a way of starting brings instead of the default. */
  readonly source: 'flag' | 'environment' | 'file' | 'preset'
  /** The folder against which a relative path in the value is meant. */
  readonly base: string
}

export interface RawConfig {
  readonly values: { readonly [K in SettingKey]?: RawValue }
  /** Where relative paths of defaults start. */
  readonly cwd: string
  /** The configuration file that was read, if any. */
  readonly file?: string
  /** What registry:2's configuration says beyond settings, where there is one. */
  readonly registry2?: Registry2Raw
  /** What could not be read at all; parseConfig reports it with the rest. */
  readonly problems: readonly string[]
  /** Names that mean nothing here: worth one line, not a stop. */
  readonly warnings: readonly string[]
}

export interface Registry2Raw {
  readonly config: Registry2Config
  /** By key, such as http.headers: who set what no setting of ours says. */
  readonly setBy: (key: string) => string | undefined
}
