// registry:2's `maintenance.readonly`, as the configuration brings it.
import type { Config } from '../config/config.ts'

export function isConfiguredReadOnly(config: Config): boolean {
  return 'readOnly' in config && config.readOnly === true
}
