// The identity providers of one installation, as `readProviders` makes them from single-sign-on.yaml.
// Secrets are functions: neither JSON nor the inspector shows what they return.
import type { GroupRules } from './providers-outcome.ts'

export type Provider = OidcSettings | LdapSettings

interface CommonSettings extends GroupRules {
  /** Unique in the file; lower-case letters and digits with single hyphens between, at most 32. */
  readonly name: string
  /** What people read on the button. */
  readonly title: string
  /** PEM text; absent: the authorities that this machine trusts. */
  readonly certificateAuthorities?: string
}

export interface OidcSettings extends CommonSettings {
  readonly kind: 'oidc'
  /** Compared letter by letter with what the provider calls itself. */
  readonly issuer: string
  readonly clientId: string
  /** Absent: a public client, which PKCE alone protects. */
  readonly revealClientSecret?: () => string
  readonly scopes: readonly string[]
  readonly nameClaim: string
  readonly groupsClaim: string
}

export interface LdapSettings extends CommonSettings {
  readonly kind: 'ldap'
  readonly url: string
  /** `plain` only where somebody wrote that this is meant. */
  readonly security: 'ldaps' | 'starttls' | 'plain'
  /** The service account that searches; absent: an anonymous search. */
  readonly account?: { readonly dn: string; readonly revealPassword: () => string }
  readonly userBase: string
  readonly userFilter: string
  readonly subjectAttribute: string
  readonly nameAttribute: string
  readonly groups?: LdapGroups
}

export type LdapGroups =
  | {
      readonly from: 'search'
      readonly base: string
      readonly filter: string
      readonly nameAttribute: string
    }
  /** The user's entry names its groups itself; only those below the base count. */
  | { readonly from: 'member-of'; readonly base: string; readonly attribute: string }
