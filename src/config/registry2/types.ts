// What registry:2's configuration says that no setting of Carrel's own says: plain data for those who serve.
import type { Secret } from '../secret.ts'

export interface Registry2Config {
  /** Sent with every answer. Several values of one name are several lines. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  /** Added to every line of the log. */
  readonly logFields: Readonly<Record<string, unknown>>
  /** Begins and ends with a slash. */
  readonly pathPrefix?: string
  /** Whether the distribution API deletes manifests, tags and blobs. */
  readonly deletes: boolean
  /** Asking for more repositories at once is refused. */
  readonly catalogMaxEntries?: number
  /** More tags are not given at once. */
  readonly maxTags?: number
  /** Addresses from which layers may come; absent: any. */
  readonly manifestUrls?: ManifestUrls
  readonly tls: Registry2Tls
  /** The htpasswd file is made when there is none, and whoever is in it is given every action but administration. */
  readonly htpasswdAsRegistry2: boolean
  readonly tokenAuth?: TokenAuthConfig
  readonly notifications: NotificationsConfig
  readonly proxy?: ProxyConfig
}

/** Regular expressions. An empty `allow` allows all that `deny` does not deny. */
export interface ManifestUrls {
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

export interface Registry2Tls {
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** As OpenSSL names them, with colons between. */
  readonly ciphers?: string
  readonly clients?: ClientCertificates
}

export interface ClientCertificates {
  /** PEM files; absolute. */
  readonly authorityFiles: readonly string[]
  readonly ask: 'request' | 'require-any' | 'verify-if-given' | 'require-and-verify'
}

export interface TokenAuthConfig {
  readonly realm: string
  readonly service: string
  readonly issuer: string
  /** Absolute. One of the two is there. */
  readonly rootCertBundleFile?: string
  readonly jwksFile?: string
  readonly autoRedirect: boolean
  readonly autoRedirectPath: string
  /** Empty: those that distribution takes. */
  readonly signingAlgorithms: readonly string[]
}

export interface NotificationsConfig {
  readonly includeReferences: boolean
  /** Without those that are disabled. */
  readonly endpoints: readonly NotificationEndpoint[]
}

export interface NotificationEndpoint {
  readonly name: string
  readonly url: URL
  /** May hold credentials. */
  readonly headers: readonly NotificationHeader[]
  readonly timeoutMs: number
  /** Failures in a row before it waits. */
  readonly threshold: number
  readonly backoffMs: number
  readonly ignoredMediaTypes: readonly string[]
  /** push, pull, delete, mount. */
  readonly ignoredActions: readonly string[]
}

export interface NotificationHeader {
  readonly name: string
  readonly values: readonly Secret[]
}

export interface ProxyConfig {
  readonly remoteUrl: URL
  readonly username?: string
  readonly password?: Secret
  /** A program that prints credentials. */
  readonly exec?: { readonly command: string; readonly lifetimeMs?: number }
  /** Infinity: nothing expires. */
  readonly ttlMs: number
}
