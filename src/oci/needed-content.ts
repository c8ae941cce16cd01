// What a repository must have for a manifest to be pulled whole: image-spec v1.1 manifest.md, image-index.md.
import type { Digest } from './digest.ts'
import type { ParsedManifest } from './manifest.ts'

export interface NeededContent {
  readonly digest: Digest
  /** In bytes, as the manifest says. */
  readonly size: number
  /** Of an index: a manifest, or (in old BuildKit caches) a blob. */
  readonly isChild: boolean
}

/** Each digest once. Not the subject and not foreign layers: they may be absent. */
export function neededContent({
  config,
  layers,
  manifests,
}: ParsedManifest): readonly NeededContent[] {
  const needed = new Map<Digest, NeededContent>()
  if (config !== undefined) needed.set(config.digest, { ...config, isChild: false })
  for (const layer of layers) {
    if (!layer.foreign && !needed.has(layer.digest)) {
      needed.set(layer.digest, { ...layer, isChild: false })
    }
  }
  for (const child of manifests) {
    if (!needed.has(child.digest)) needed.set(child.digest, { ...child, isChild: true })
  }
  return [...needed.values()]
}
