// validation.manifests.urls of registry:2: from which addresses layers may come that are not kept here. Its rules:
// distribution v3.0.0 registry/storage/ocimanifesthandler.go.
import { OciError } from '../../oci/errors.ts'
import type { ManifestUrls } from './answers.ts'

export interface UrlRule {
  /** @throws {OciError} MANIFEST_INVALID */
  require(manifest: Uint8Array): void
}

/** Addresses come from whoever pushes, patterns from the operator: a long address must not keep a pattern busy. */
const longestUrl = 2048
const fields = ['config', 'layers', 'blobs'] as const

export function createUrlRule(urls: ManifestUrls | undefined): UrlRule | undefined {
  if (urls === undefined) return undefined
  const allow = urls.allow.map((pattern) => new RegExp(pattern))
  const deny = urls.deny.map((pattern) => new RegExp(pattern))
  const isGood = (text: string) =>
    isPlainUrl(text) &&
    (allow.length === 0 || allow.some((pattern) => pattern.test(text))) &&
    !deny.some((pattern) => pattern.test(text))
  return {
    require(manifest) {
      for (const url of urlsOf(manifest)) {
        if (typeof url === 'string' && isGood(url)) continue
        throw refusal(url)
      }
    },
  }
}

function isPlainUrl(text: string): boolean {
  if (text.length > longestUrl || !URL.canParse(text)) return false
  const { protocol, hash } = new URL(text)
  return /^https?:$/.test(protocol) && hash === ''
}

/** Nothing for what is no manifest: that is refused elsewhere. */
function* urlsOf(bytes: Uint8Array): Generator<unknown> {
  let manifest: unknown
  try {
    manifest = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return
  }
  for (const field of fields) {
    const found = (manifest as Record<string, unknown> | null)?.[field]
    for (const descriptor of Array.isArray(found) ? found : [found]) {
      const urls = (descriptor as { urls?: unknown } | null | undefined)?.urls
      if (Array.isArray(urls)) yield* urls
    }
  }
}

function refusal(url: unknown): OciError {
  const shown = JSON.stringify(String(url).slice(0, 200))
  return new OciError('MANIFEST_INVALID', {
    message:
      `The manifest says that a layer comes from ${shown}, which this registry does not allow ` +
      '(validation.manifests.urls in its configuration). Push an image whose layers are all in the registry.',
    detail: { url: String(url).slice(0, longestUrl) },
  })
}
