// What the tests of sign-in through OpenID Connect share: an issuer, a provider that knows it, and a
// network that can be tampered with.
import { createOutbound } from '../../outbound/outbound.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { createOidcProvider } from '../oidc.ts'
import type { OidcProvider } from '../oidc.ts'
import type { ExternalIdentity } from '../providers-outcome.ts'
import type { OidcSettings } from '../providers-settings.ts'
import { signInAt } from './browser.ts'
import { startOidcIssuer } from './oidc-issuer.ts'
import type { OidcIssuer, OidcIssuerOptions } from './oidc-issuer.ts'

export const redirectUri = 'http://carrel.example/sign-in/corp'
export const clientSecret = 'a secret: with +/% in it'

/** Sees every answer on its way to us; `path` is that of the URL. */
export type Tamper = (path: string, response: Response) => Response | Promise<Response>

export interface Corp {
  readonly idp: OidcIssuer
  /** A provider for this issuer, as the settings say. */
  provider(settings?: Partial<OidcSettings>, more?: ProviderOptions): OidcProvider
}

export interface ProviderOptions {
  readonly tamper?: Tamper
  readonly now?: () => number
  readonly fetch?: Outbound['fetch']
}

interface Ending {
  after(close: () => Promise<void>): void
}

export async function startCorp(
  t: Ending,
  options: Partial<OidcIssuerOptions> = {},
): Promise<Corp> {
  const client = { clientId: 'carrel', clientSecret, redirectUris: [redirectUri] }
  const idp = await startOidcIssuer({ clients: [client], ...options })
  t.after(idp.close)
  return {
    idp,
    provider: (settings = {}, { tamper, now, ...more } = {}) => {
      const ca = settings.certificateAuthorities
      const real = createOutbound({
        allow: ['127.0.0.1'],
        ...(ca === undefined ? {} : { certificateAuthorities: ca }),
      })
      const fetch = more.fetch ?? real.fetch
      const outbound = { fetch: tamper === undefined ? fetch : tampered(fetch, tamper) }
      const all = { ...defaults, issuer: idp.issuer, ...settings }
      return createOidcProvider(all, { outbound, ...(now === undefined ? {} : { now }) })
    },
  }
}

const defaults: Omit<OidcSettings, 'issuer'> = {
  kind: 'oidc',
  name: 'corp',
  title: 'Example Corp',
  clientId: 'carrel',
  revealClientSecret: () => clientSecret,
  scopes: ['openid', 'profile', 'email', 'groups'],
  nameClaim: 'preferred_username',
  groupsClaim: 'groups',
}

function tampered(fetch: Outbound['fetch'], tamper: Tamper): Outbound['fetch'] {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    return await tamper(url.pathname, await fetch(input, init))
  }
}

export async function signIn(
  provider: OidcProvider,
  user: string,
  ca?: string,
): Promise<ExternalIdentity> {
  const { url, check } = await provider.begin({ redirectUri, loginHint: user })
  return await provider.finish(await signInAt(url, ca), check)
}
