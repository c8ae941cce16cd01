// What a path means. One parser serves routing and authorisation; repository names may hold the words of the API, so
// paths are read from their right end. Spec: distribution-spec v1.1 spec.md#endpoints.
import { parseDigest, type Digest } from '../oci/digest.ts'
import { parseReference, parseRepositoryName } from '../oci/reference.ts'
import type { Reference, RepositoryName } from '../oci/reference.ts'

export type Target =
  | { readonly resource: 'base' }
  | { readonly resource: 'catalog' }
  | { readonly resource: 'extensions' }
  | { readonly resource: 'tags'; readonly name: RepositoryName }
  | { readonly resource: 'manifest'; readonly name: RepositoryName; readonly reference: Reference }
  | { readonly resource: 'blob'; readonly name: RepositoryName; readonly digest: Digest }
  | { readonly resource: 'uploads'; readonly name: RepositoryName }
  | { readonly resource: 'upload'; readonly name: RepositoryName; readonly session: string }
  | { readonly resource: 'referrers'; readonly name: RepositoryName; readonly digest: Digest }
  | { readonly resource: 'token' }
  | { readonly resource: 'livez' }
  | { readonly resource: 'readyz' }
  | { readonly resource: 'metrics' }
  | { readonly resource: 'authority' }
  | { readonly resource: 'trust-script' }
  | { readonly resource: 'home' }
  | { readonly resource: 'setup-page' }
  | { readonly resource: 'setup' }
  | { readonly resource: 'asset'; readonly asset: string }
  | { readonly resource: 'login' }
  | { readonly resource: 'login-code' }
  | { readonly resource: 'provider-login'; readonly provider: string }
  | { readonly resource: 'provider-answer'; readonly provider: string }
  | { readonly resource: 'logout' }
  | { readonly resource: 'account' }
  | { readonly resource: 'device' }
  | { readonly resource: 'device-start' }
  | { readonly resource: 'device-token' }

export type ResourceKind = Target['resource']

const fixed: Readonly<Record<string, Target>> = {
  '/v2': { resource: 'base' },
  '/v2/': { resource: 'base' },
  '/v2/_catalog': { resource: 'catalog' },
  '/v2/_oci/ext/discover': { resource: 'extensions' },
  '/token': { resource: 'token' },
  '/livez': { resource: 'livez' },
  '/readyz': { resource: 'readyz' },
  '/metrics': { resource: 'metrics' },
  '/ca.crt': { resource: 'authority' },
  '/ca.sh': { resource: 'trust-script' },
  '/': { resource: 'home' },
  '/favicon.ico': { resource: 'asset', asset: 'favicon.svg' },
  '/setup': { resource: 'setup-page' },
  '/api/v1/setup': { resource: 'setup' },
  '/login': { resource: 'login' },
  '/login/code': { resource: 'login-code' },
  '/logout': { resource: 'logout' },
  '/account': { resource: 'account' },
  '/device': { resource: 'device' },
  '/api/v1/device': { resource: 'device-start' },
  '/api/v1/device/token': { resource: 'device-token' },
}

const assetPrefix = '/assets/'
const providerPath = /^\/login\/oidc\/([a-z0-9-]{1,32})(\/callback)?$/

/**
 * undefined: no such place.
 *
 * @throws {OciError} NAME_INVALID, TAG_INVALID, DIGEST_INVALID for a place whose parts are malformed
 */
export function parseTarget(path: string): Target | undefined {
  if (Object.hasOwn(fixed, path)) return fixed[path]
  if (path.startsWith('/v2/')) return parseRepositoryPath(path.slice(4))
  if (path.startsWith(assetPrefix))
    return { resource: 'asset', asset: path.slice(assetPrefix.length) }
  return path.startsWith('/login/') ? parseProviderPath(path) : undefined
}

function parseProviderPath(path: string): Target | undefined {
  const [, provider, callback] = providerPath.exec(path) ?? []
  if (provider === undefined) return undefined
  return { resource: callback === undefined ? 'provider-login' : 'provider-answer', provider }
}

function parseRepositoryPath(path: string): Target | undefined {
  const lastSlash = path.lastIndexOf('/')
  if (lastSlash <= 0) return undefined
  const last = path.slice(lastSlash + 1)
  const before = path.lastIndexOf('/', lastSlash - 1)
  const word = path.slice(before + 1, lastSlash)
  const name = before <= 0 ? undefined : path.slice(0, before)

  if (word === 'blobs' && last === 'uploads') return { resource: 'uploads', name: nameOf(name) }
  if (word === 'uploads' && name?.endsWith('/blobs') === true) {
    const repository = nameOf(name.slice(0, -'/blobs'.length))
    if (last === '') return { resource: 'uploads', name: repository }
    return { resource: 'upload', name: repository, session: last }
  }
  if (word === 'manifests') {
    return { resource: 'manifest', name: nameOf(name), reference: parseReference(last) }
  }
  if (word === 'blobs') return { resource: 'blob', name: nameOf(name), digest: parseDigest(last) }
  if (word === 'tags' && last === 'list') return { resource: 'tags', name: nameOf(name) }
  if (word === 'referrers') {
    return { resource: 'referrers', name: nameOf(name), digest: parseDigest(last) }
  }
  return undefined
}

function nameOf(text: string | undefined): RepositoryName {
  return parseRepositoryName(text ?? '')
}

/** Whether the path belongs to the distribution API, whose errors have their own shape. */
export function isDistributionPath(path: string): boolean {
  return path === '/v2' || path.startsWith('/v2/')
}
