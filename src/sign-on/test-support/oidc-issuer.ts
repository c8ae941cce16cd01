// A real OpenID Connect provider (oidc-provider) on 127.0.0.1 for tests. It signs people in and consents
// by itself: the person is the request's login_hint, else alice.
import { generateKeyPair } from 'node:crypto'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { Provider } from 'oidc-provider'
import type { ClientMetadata, JWK } from 'oidc-provider'
import { createStorage } from './oidc-storage.ts'

export interface IssuerClient {
  readonly clientId: string
  /** Absent: a public client. */
  readonly clientSecret?: string
  readonly redirectUris: readonly string[]
  readonly authentication?: 'client_secret_basic' | 'client_secret_post'
}

export interface OidcIssuerOptions {
  readonly clients: readonly IssuerClient[]
  /** Where name and groups are; the ID token by default, as with most companies' providers. */
  readonly claimsIn?: 'id-token' | 'userinfo'
  readonly tls?: { readonly key: string; readonly cert: string }
}

export interface OidcIssuer {
  readonly issuer: string
  /** From now on the claim has these groups; `undefined`: there is no such claim. */
  setGroups(user: string, groups: readonly string[] | undefined): void
  /** Any claims of a user but `sub`, over those that there are. */
  setClaims(user: string, claims: Readonly<Record<string, unknown>>): void
  /** From now on the user cannot sign in. */
  disable(user: string): void
  close(): Promise<void>
}

type Claims = Readonly<Record<string, unknown>> & { readonly sub: string }

/** alice (admins, developers), bob (developers) and mallory, in no group, who calls herself alice's mail. */
export async function startOidcIssuer(options: OidcIssuerOptions): Promise<OidcIssuer> {
  const people = new Map<string, Claims>([
    ['alice', person('alice', 'Alice Example', ['admins', 'developers'])],
    ['bob', person('bob', 'Bob Example', ['developers'])],
    ['mallory', { ...person('mallory', 'Mallory', []), email: 'alice@example.com' }],
  ])
  const server = options.tls === undefined ? createServer() : createTlsServer(options.tls)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const issuer = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  const provider = await createProvider(issuer, options, people)

  const app = provider.callback()
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.startsWith('/interaction/') !== true) return await app(request, response)
    const { params } = await provider.interactionDetails(request, response)
    const user = typeof params.login_hint === 'string' ? params.login_hint : 'alice'
    const accountId = people.get(user)?.sub
    const result =
      accountId === undefined
        ? { error: 'access_denied', error_description: `<b>no user</b> ${user}` }
        : { login: { accountId }, consent: {} }
    return await provider.interactionFinished(request, response, result)
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })

  function change(user: string, claims: Readonly<Record<string, unknown>>): void {
    const before = people.get(user)
    if (before === undefined) throw new Error(`There is no user ${user} to change.`)
    people.set(user, { ...before, ...claims })
  }

  return {
    issuer,
    setGroups: (user, groups) => change(user, { groups }),
    setClaims: change,
    disable: (user) => void people.delete(user),
    close: async () => {
      server.closeAllConnections()
      // Closed twice is closed: the callback gets an error that nobody needs.
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function person(sub: string, name: string, groups: readonly string[]): Claims {
  const email = `${sub}@example.com`
  // The subject is not the name: what mistakes one for the other fails.
  return { sub: `id-of-${sub}`, preferred_username: sub, name, email, email_verified: true, groups }
}

async function createProvider(
  issuer: string,
  { clients, claimsIn = 'id-token' }: OidcIssuerOptions,
  people: ReadonlyMap<string, Claims>,
): Promise<Provider> {
  const scopes = ['openid', 'profile', 'email', 'groups']
  return new Provider(issuer, {
    clients: clients.map((client) => toMetadata(client)),
    adapter: createStorage(),
    jwks: { keys: [await createKey()] },
    cookies: { keys: ['test'] },
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: ['groups', '_claim_names'],
    },
    scopes,
    conformIdTokenClaims: claimsIn === 'userinfo',
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, accountId) => {
      const claims = [...people.values()].find(({ sub }) => sub === accountId)
      return claims && { accountId, claims: () => claims }
    },
    renderError: (context, out) => {
      context.body = JSON.stringify(out)
    },
    // Consents to all that a client asks for.
    async loadExistingGrant({ oidc }) {
      const { client, session } = oidc
      const clientId = client?.clientId ?? ''
      const accountId = session?.accountId ?? ''
      const grant = new oidc.provider.Grant({ clientId, accountId })
      grant.addOIDCScope(scopes.join(' '))
      await grant.save()
      return grant
    },
    ttl: {
      AccessToken: 300,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 300,
      Interaction: 300,
      Session: 3600,
    },
  })
}

function toMetadata({
  clientId,
  clientSecret,
  redirectUris,
  ...more
}: IssuerClient): ClientMetadata {
  const authentication = more.authentication ?? 'client_secret_basic'
  return {
    client_id: clientId,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    redirect_uris: [...redirectUris],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: clientSecret === undefined ? 'none' : authentication,
    id_token_signed_response_alg: 'ES256',
  }
}

async function createKey(): Promise<JWK> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'key-1' }
}
