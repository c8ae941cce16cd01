// Manifests for tests, by small builders: a test states the fields that matter to it.

import { digestOf } from './digest.ts'
import { ociImageConfig, ociIndex, ociManifest } from './media-types.ts'

export const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'

/** UTF-8 of a text as it stands, or of the JSON of anything else. */
export function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
}

/** A descriptor of a text of that type. */
export function descriptor(mediaType: string, content = mediaType) {
  return { mediaType, digest: digestOf(bytesOf(content)), size: content.length }
}

export const config = descriptor(ociImageConfig)
export const layer = descriptor(layerType)

export function anImage(changes: Readonly<Record<string, unknown>> = {}) {
  return { schemaVersion: 2, mediaType: ociManifest, config, layers: [layer], ...changes }
}

export function anIndex(changes: Readonly<Record<string, unknown>> = {}) {
  const manifests = [descriptor(ociManifest)]
  return { schemaVersion: 2, mediaType: ociIndex, manifests, ...changes }
}
