// What commands do to an installation, beside a running server or without one.
import type { Check, Installation } from './cli/composition.ts'
import type { Config } from './config/config.ts'

export async function openInstallation(
  _config: Config,
  _options: { readonly create: boolean },
): Promise<Installation> {
  throw new Error('being written')
}

export async function* doctor(_config: Config): AsyncIterable<Check> {}
