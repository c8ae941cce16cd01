// What a manifest says, image-spec v1.1 manifest.md and image-index.md, as far as a registry needs
// it. The bytes are stored and served as they came; this is only a reading of them.

import type { Descriptor } from './descriptor.ts'
import type { Annotations, JsonObject, Platform } from './manifest-fields.ts'
import {
  isPresent,
  manifestInvalid,
  readAnnotations,
  readDescriptor,
  readList,
  readPlatform,
  readText,
  refuseLookalikes,
} from './manifest-fields.ts'
import type { ManifestKind } from './manifest-type.ts'
import { decideType, refuseSchema1 } from './manifest-type.ts'
import { isForeignLayer, mediaTypeOf } from './media-types.ts'
import { JsonError, parseStrictJson } from './strict-json.ts'

export type { Annotations, Platform } from './manifest-fields.ts'
export type { ManifestKind } from './manifest-type.ts'

export interface ManifestLayer extends Descriptor {
  /** Not distributable: it need not be in the repository. */
  readonly foreign: boolean
}

export interface ChildDescriptor extends Descriptor {
  readonly platform?: Platform
  readonly artifactType?: string
  /** Only when there are any: BuildKit marks attestations with them. */
  readonly annotations?: Annotations
}

export interface ParsedManifest {
  readonly kind: ManifestKind
  /** The one to store and to serve as Content-Type. */
  readonly mediaType: string
  readonly config?: Descriptor
  /** An artifact manifest's blobs too. The same digest may occur several times. */
  readonly layers: readonly ManifestLayer[]
  /** Of an index; each may be a manifest or, in BuildKit's old cache, a blob. */
  readonly manifests: readonly ChildDescriptor[]
  readonly subject?: Descriptor
  /** As referrers report it: the manifest's own, else an image's config type. */
  readonly artifactType?: string
  readonly annotations: Annotations
  readonly configMediaType?: string
}

/**
 * Reads a manifest as it was pushed. Fields and media types that it does not know are fine.
 *
 * @throws {OciError} MANIFEST_INVALID with a sentence that says what is wrong
 */
export function parseManifest(contentType: string | undefined, bytes: Uint8Array): ParsedManifest {
  const header = mediaTypeOf(contentType)
  refuseSchema1(header)
  const manifest = parseObject(bytes)
  refuseLookalikes(manifest, manifestFields)
  const { kind, mediaType } = decideType(header, manifest)

  const config = isPresent(manifest['config'])
    ? readDescriptor(manifest['config'], { field: 'config' })
    : undefined
  const subject = isPresent(manifest['subject'])
    ? readDescriptor(manifest['subject'], { field: 'subject' })
    : undefined
  const artifactType = readText(manifest, 'artifactType') ?? config?.mediaType
  return {
    kind,
    mediaType,
    ...(config && { config, configMediaType: config.mediaType }),
    layers: readLayers(kind, manifest),
    manifests: readChildren(kind, manifest),
    ...(subject && { subject }),
    ...(artifactType !== undefined && { artifactType }),
    annotations: readAnnotations(manifest),
  }
}

// With config and subject that makes 10,000 descriptors.
const maxListed = 9998

const manifestFields: ReadonlySet<string> = new Set([
  'schemaVersion',
  'mediaType',
  'artifactType',
  'config',
  'layers',
  'manifests',
  'blobs',
  'subject',
  'annotations',
  'fsLayers',
])

function parseObject(bytes: Uint8Array): JsonObject {
  let value: unknown
  try {
    value = parseStrictJson(bytes)
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause
    throw manifestInvalid(`The manifest cannot be read as JSON. ${cause.message}`, cause)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonObject
  }
  throw manifestInvalid('The manifest must be a JSON object.')
}

function readLayers(kind: ManifestKind, manifest: JsonObject): readonly ManifestLayer[] {
  if (kind === 'index') return []
  const field = kind === 'artifact' ? 'blobs' : 'layers'
  return readFew(manifest, field).map((value, index) => {
    const { mediaType, digest, size } = readDescriptor(value, { field, index })
    return { mediaType, digest, size, foreign: isForeignLayer(mediaType) }
  })
}

function readChildren(kind: ManifestKind, manifest: JsonObject): readonly ChildDescriptor[] {
  if (kind !== 'index') return []
  return readFew(manifest, 'manifests').map((value, index) => {
    const place = { field: 'manifests', index }
    const descriptor = readDescriptor(value, place)
    const object = value as JsonObject
    const platform = readPlatform(object, place)
    const artifactType = readText(object, 'artifactType', place)
    const annotations = readAnnotations(object, place)
    return {
      ...descriptor,
      ...(platform && { platform }),
      ...(artifactType !== undefined && { artifactType }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    }
  })
}

/** Counted before they are read: a manifest of 4 MiB has room for hundreds of thousands. */
function readFew(manifest: JsonObject, field: string): readonly unknown[] {
  const list = readList(manifest, field)
  if (list.length <= maxListed) return list
  throw manifestInvalid(
    `The manifest's ${field} has ${list.length} entries; the limit is ${maxListed}.`,
  )
}
