// The section validation: where layers with addresses of their own may come from, and what an index must hold.
import { nameAt, switchAt, textAt, textsAt, type Reading } from './section.ts'
import type { ManifestUrls } from './types.ts'

/** Without any rule registry:2 takes no address at all. */
const none = '^$'

export function readManifestUrls(reading: Reading, asRegistry2: boolean): ManifestUrls | undefined {
  const isOff =
    switchAt(reading, 'validation.disabled') === true &&
    switchAt(reading, 'validation.enabled') !== true
  if (isOff) return undefined
  readPlatforms(reading)
  const allow = readPatterns(reading, 'allow')
  const deny = readPatterns(reading, 'deny')
  if (allow.length + deny.length > 0) return { allow, deny }
  return asRegistry2 ? { allow: [none], deny: [] } : undefined
}

function readPatterns(reading: Reading, kind: 'allow' | 'deny'): readonly string[] {
  const key = `validation.manifests.urls.${kind}`
  const patterns = textsAt(reading, key)
  for (const pattern of patterns) {
    const reason = whyBroken(pattern)
    if (reason !== undefined) reading.problem(`${nameAt(reading, key)}: ${reason}`)
  }
  return patterns
}

function whyBroken(pattern: string): string | undefined {
  try {
    void new RegExp(pattern)
    return undefined
  } catch (error) {
    return error instanceof SyntaxError ? error.message : String(error)
  }
}

function readPlatforms(reading: Reading): void {
  const key = 'validation.manifests.indexes.platforms'
  const platforms = textAt(reading, key)
  if (platforms === undefined || platforms === 'all') return
  reading.warn(
    `${nameAt(reading, key)}: not supported, so ignored: every image of an index must be there before the index`,
  )
}
