// What registry:2's configuration says of serving, as workers are given it.
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { ExternalTokenOptions } from '../auth/external-token.ts'
import type { Config } from '../config/config.ts'
import type {
  NotificationEndpoint,
  Registry2Config,
  TokenAuthConfig,
} from '../config/registry2/types.ts'
import type { SecureOptions } from '../http/client-certificates.ts'
import type { Registry2Answers } from '../http/registry2/answers.ts'

export interface Registry2Serving {
  readonly answers: Registry2Answers
  readonly secure: SecureOptions
  /** Users of the htpasswd file are given what registry:2 let them do. */
  readonly htpasswdRights: boolean
  readonly logFields: Readonly<Record<string, unknown>>
  readonly tokenAuth: TokenAuthServing | undefined
  readonly notifications: NotificationsServing | undefined
}

export interface TokenAuthServing {
  /** Where clients get tokens. */
  readonly realm: string
  /** A path: under whatever address clients use for this registry. */
  readonly redirectPath: string | undefined
  readonly tokens: ExternalTokenOptions
}

export interface NotificationsServing {
  readonly includeReferences: boolean
  readonly endpoints: readonly EndpointServing[]
  readonly source: string
}

/** As it crosses threads. */
export interface EndpointServing extends Omit<NotificationEndpoint, 'url' | 'headers'> {
  readonly url: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** @throws {Error} when a file with authorities of clients cannot be read */
export async function registry2Serving({
  registry2,
}: Pick<Config, 'registry2'>): Promise<Registry2Serving | undefined> {
  if (registry2 === undefined) return undefined
  const { tls, headers, pathPrefix, deletes, catalogMaxEntries, maxTags, manifestUrls } = registry2
  const { minVersion = 'TLSv1.2', ciphers, clients } = tls
  return {
    answers: { headers, pathPrefix, deletes, catalogMaxEntries, maxTags, manifestUrls },
    secure: {
      minVersion,
      ciphers,
      clients: clients && {
        ask: clients.ask,
        authorities: await readAuthorities(clients.authorityFiles),
      },
    },
    htpasswdRights: registry2.htpasswdAsRegistry2,
    logFields: registry2.logFields,
    tokenAuth: registry2.tokenAuth && (await tokenAuthServing(registry2.tokenAuth)),
    notifications: notificationsServing(registry2.notifications),
  }
}

async function tokenAuthServing(auth: TokenAuthConfig): Promise<TokenAuthServing> {
  const { realm, service, issuer, autoRedirect, autoRedirectPath, signingAlgorithms } = auth
  return {
    realm,
    redirectPath: autoRedirect ? autoRedirectPath : undefined,
    tokens: {
      issuer,
      service,
      algorithms: signingAlgorithms,
      rootCertBundle: await readNamed('auth.token.rootcertbundle', auth.rootCertBundleFile),
      jwks: await readNamed('auth.token.jwks', auth.jwksFile),
    },
  }
}

function notificationsServing({
  includeReferences,
  endpoints,
}: Registry2Config['notifications']): NotificationsServing | undefined {
  if (endpoints.length === 0) return undefined
  return {
    includeReferences,
    source: hostname(),
    endpoints: endpoints.map((endpoint) => ({
      ...endpoint,
      url: endpoint.url.href,
      headers: endpoint.headers.flatMap(({ name, values }) =>
        values.map((value) => [name, value.reveal()] as const),
      ),
    })),
  }
}

async function readNamed(name: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new Error(`${name}: ${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

async function readAuthorities(files: readonly string[]): Promise<string> {
  const texts: string[] = []
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new Error(`http.tls.clientcas: ${file} cannot be read: ${(cause as Error).message}`, {
        cause,
      })
    })
    if (!text.includes('-----BEGIN CERTIFICATE-----')) {
      throw new Error(`http.tls.clientcas: there is no certificate in ${file}`)
    }
    texts.push(text)
  }
  return texts.join('\n')
}
