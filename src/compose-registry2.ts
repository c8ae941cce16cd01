// What registry:2's configuration has beyond one server: somebody else's token service, and receivers of notifications.
import { readFile } from 'node:fs/promises'
import { createExternalTokens } from './auth/external-token.ts'
import type { Identity } from './auth/identity.ts'
import { readCredentials } from './auth/credentials.ts'
import { withNotifications } from './http/registry2/notifying.ts'
import type { HttpRequest } from './http/request.ts'
import type { RouteTable } from './http/route.ts'
import { isDistributionPath } from './http/target.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import { createEndpoint } from './notifications/endpoint.ts'
import { eventOf } from './notifications/event.ts'
import { createOutbound } from './outbound/outbound.ts'
import type { NotificationsServing } from './process/registry2-serving.ts'
import type { WorkerSettings } from './process/worker-settings.ts'

type Authenticate = (request: HttpRequest) => Promise<Identity>

export interface Registry2Outward extends AsyncDisposable {
  /** The routes, telling of what they did. */
  routes(routes: RouteTable): RouteTable
  /** Takes the tokens of the token service besides Carrel's own credentials. */
  authenticate(otherwise: Authenticate): Authenticate
  /** What a challenge says, when tokens come from elsewhere. */
  readonly tokenService:
    | { readonly service: string; readonly realm: (origin: string) => string }
    | undefined
}

interface Deps {
  readonly metadata: MetadataStore
  readonly warn: (message: string) => void
}

const drainMs = 5000

export async function composeRegistry2(
  settings: WorkerSettings,
  deps: Deps,
): Promise<Registry2Outward> {
  const { tokenAuth, notifications } = settings.registry2 ?? {}
  const tokens = tokenAuth === undefined ? undefined : await createExternalTokens(tokenAuth.tokens)
  const endpoints = notifications && (await openEndpoints(settings, notifications, deps))
  return {
    routes(routes) {
      if (notifications === undefined || endpoints === undefined) return routes
      const source = { addr: notifications.source, instanceID: settings.identity.id }
      return withNotifications(routes, {
        ...deps,
        includeReferences: notifications.includeReferences,
        notify(happened) {
          const event = eventOf(happened, source)
          for (const endpoint of endpoints) endpoint.send(event)
        },
      })
    },
    authenticate(otherwise) {
      if (tokens === undefined) return otherwise
      return async (request) => {
        const credentials = readCredentials(request.headers.authorization)
        const isTheirs =
          isDistributionPath(request.path) &&
          credentials.scheme === 'bearer' &&
          tokens.claims(credentials.token)
        return isTheirs ? tokens.verify(credentials.token) : otherwise(request)
      }
    },
    tokenService: tokenAuth && {
      service: tokenAuth.tokens.service,
      realm: (origin) =>
        tokenAuth.redirectPath === undefined
          ? tokenAuth.realm
          : `${origin}${tokenAuth.redirectPath}`,
    },
    async [Symbol.asyncDispose]() {
      await Promise.all((endpoints ?? []).map(async (endpoint) => endpoint.close(drainMs)))
    },
  }
}

/** Whoever may write the configuration may name receivers in private networks, and these alone are opened by it. */
async function openEndpoints(
  { outboundAllow, outboundAuthoritiesFile }: WorkerSettings,
  { endpoints }: NotificationsServing,
  { warn }: Deps,
) {
  const certificateAuthorities =
    outboundAuthoritiesFile && (await readFile(outboundAuthoritiesFile, 'utf8'))
  return endpoints.map((endpoint) => {
    const url = new URL(endpoint.url)
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port
    const { fetch } = createOutbound({
      allow: [...outboundAllow, `${url.hostname}:${port}`],
      timeoutMs: endpoint.timeoutMs,
      ...(certificateAuthorities !== undefined && { certificateAuthorities }),
    })
    const name = endpoint.name === '' ? url.host : endpoint.name
    return createEndpoint({ ...endpoint, name, url }, { fetch, warn })
  })
}
