// The management API for commands beside the data: the same handlers as on the network, without one.
import { createPasswordPool } from './auth/password-pool.ts'
import type { ApiConnection } from './cli/api-transport.ts'
import { explain, openInstallationData } from './compose-installation.ts'
import { composeSignIn } from './compose-sign-in.ts'
import { openBlobs } from './compose-stores.ts'
import type { Config } from './config/config.ts'
import { createApi, type Api } from './http/api/api.ts'
import { inProcessTransport } from './http/api/in-process.ts'

/** @throws {InstallationError} not-found without `create`; unavailable when the database cannot be used */
export async function openApi(
  config: Config,
  options: { readonly create: boolean },
): Promise<ApiConnection> {
  const metadata = await openInstallationData(config, options)
  const passwords = createPasswordPool({ threads: 1, queueLimit: 8 })
  // A broken file of sign-in providers must not stand in the way of a command.
  const { idTokens } = await composeSignIn(
    { ...config, singleSignOnFile: undefined },
    { metadata, warn: () => undefined },
  )
  const audience = config.publicUrl?.origin
  // Few commands need what is stored.
  let opened: ReturnType<typeof openBlobs> | undefined
  const storage = async () => (opened ??= openBlobs(config.dataDir))
  const api = createApi({
    metadata,
    passwords,
    idTokens,
    ...(audience !== undefined && { audience: () => audience }),
    // Nothing is remembered here; a server that runs beside hears of it within seconds.
    forgetPrincipal: () => undefined,
    auditFolder: config.dataDir,
    collection: {
      blobs: { delete: async (keys) => (await storage()).blobs.delete(keys) },
      keep: config.keep,
    },
  })
  return {
    transport: inProcessTransport(explaining(config, api), { kind: 'operator' }, rethrow),
    async close() {
      await passwords.close()
      await (await opened)?.[Symbol.asyncDispose]()
      await metadata[Symbol.asyncDispose]()
    },
  }
}

/** Whoever runs a command here wants to know what is wrong with the disk or the database, and not a number. */
function explaining(config: Config, api: Api): Api {
  return {
    async handle(request, authenticate) {
      try {
        return await api.handle(request, authenticate)
      } catch (error) {
        throw explain(config, error)
      }
    },
  }
}

function rethrow(error: unknown): never {
  throw error
}
