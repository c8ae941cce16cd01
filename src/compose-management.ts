// The management API for commands beside the data: the same handlers as on the network, without one.
import { createPasswordPool } from './auth/password-pool.ts'
import type { ApiConnection } from './cli/api-transport.ts'
import { openInstallationData } from './compose-installation.ts'
import type { Config } from './config/config.ts'
import { createApi } from './http/api/api.ts'
import { inProcessTransport } from './http/api/in-process.ts'

/** @throws {InstallationError} not-found without `create`; unavailable when the database cannot be used */
export async function openApi(
  config: Config,
  options: { readonly create: boolean },
): Promise<ApiConnection> {
  const metadata = await openInstallationData(config, options)
  const passwords = createPasswordPool({ threads: 1, queueLimit: 8 })
  const api = createApi({
    metadata,
    passwords,
    // Nothing is remembered here; a server that runs beside hears of it within seconds.
    forgetPrincipal: () => undefined,
  })
  return {
    transport: inProcessTransport(api, { kind: 'operator' }),
    async close() {
      await passwords.close()
      await metadata[Symbol.asyncDispose]()
    },
  }
}
