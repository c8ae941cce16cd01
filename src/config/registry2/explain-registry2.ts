// What only registry:2's configuration says, for `config show`: never a credential.
import type { Registry2Config } from './types.ts'

export interface ExplainedKey {
  /** As in config.yml. */
  readonly key: string
  readonly env: string
  readonly value: string
  readonly source: string
}

export function explainRegistry2(
  config: Registry2Config,
  setBy: (key: string) => string | undefined,
): readonly ExplainedKey[] {
  const explained: ExplainedKey[] = []
  for (const [key, value] of valuesOf(config)) {
    if (value === undefined) continue
    const env = `REGISTRY_${key.toUpperCase().replaceAll('.', '_')}`
    const parent = key.slice(0, key.lastIndexOf('.'))
    explained.push({ key, env, value, source: setBy(key) ?? setBy(parent) ?? 'default' })
  }
  return explained
}

function* valuesOf(config: Registry2Config): Generator<readonly [string, string | undefined]> {
  const { headers, manifestUrls, tls, tokenAuth, notifications, proxy } = config
  yield ['storage.delete.enabled', String(config.deletes)]
  for (const [name, values] of Object.entries(headers)) {
    yield [`http.headers.${name}`, values.join(', ')]
  }
  yield ['http.prefix', config.pathPrefix]
  yield ['http.tls.minimumtls', tls.minVersion]
  yield ['http.tls.ciphersuites', tls.ciphers]
  yield ['http.tls.clientcas', tls.clients?.authorityFiles.join(', ')]
  yield ['catalog.maxentries', config.catalogMaxEntries?.toString()]
  yield ['tags.maxtags', config.maxTags?.toString()]
  yield ['validation.manifests.urls.allow', manifestUrls?.allow.join(', ')]
  yield ['validation.manifests.urls.deny', manifestUrls?.deny.join(', ') || undefined]
  yield ['auth.token', tokenAuth && `realm ${tokenAuth.realm}, service ${tokenAuth.service}`]
  const names = notifications.endpoints.map(({ name, url }) => name || url.host)
  yield ['notifications.endpoints', names.length > 0 ? names.join(', ') : undefined]
  yield ['proxy.remoteurl', proxy?.remoteUrl.origin]
}
