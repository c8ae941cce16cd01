// What kind of manifest a body is: image-spec v1.1 media-types.md. One body must not be readable as
// two kinds (CVE-2021-41190), so the Content-Type, the mediaType inside and the shape have to agree.

import type { JsonObject } from './manifest-fields.ts'
import { isPresent, manifestInvalid, readText } from './manifest-fields.ts'
import {
  isIndexMediaType,
  isManifestMediaType,
  isSchema1MediaType,
  ociArtifactManifest,
  ociIndex,
  ociManifest,
} from './media-types.ts'
import { quoted } from './quoted.ts'

export type ManifestKind = 'image' | 'index' | 'artifact'

export interface ManifestType {
  readonly kind: ManifestKind
  readonly mediaType: string
}

/**
 * @param header the media type of the Content-Type, if there was one
 * @throws {OciError} MANIFEST_INVALID when it cannot be told, is not stored here, or is ambiguous
 */
export function decideType(header: string | undefined, manifest: JsonObject): ManifestType {
  const mediaType = decideMediaType(header, manifest)
  const kind = kindOf(mediaType)
  requireShape(kind, manifest)
  return { kind, mediaType }
}

/** @throws {OciError} MANIFEST_INVALID with advice, as signed schema 1 is not even plain JSON */
export function refuseSchema1(mediaType: string | undefined): void {
  if (mediaType !== undefined && isSchema1MediaType(mediaType)) throw schema1()
}

/** Types that say nothing more than that there is JSON, or bytes. */
const genericTypes: ReadonlySet<string> = new Set(['application/json', 'application/octet-stream'])

/** The Content-Type decides; if it is missing or generic, the mediaType inside; then the shape. */
function decideMediaType(header: string | undefined, manifest: JsonObject): string {
  const inside = readText(manifest, 'mediaType')
  refuseSchema1(inside)
  if (manifest['schemaVersion'] === 1 || isPresent(manifest['fsLayers'])) throw schema1()

  if (header !== undefined && !genericTypes.has(header)) {
    if (!isManifestMediaType(header)) throw unknownType('Content-Type', header)
    if (inside !== undefined && inside !== header) {
      throw manifestInvalid(
        `The manifest calls itself ${quoted(inside)} but was sent with the Content-Type ` +
          `${quoted(header)}. Send it with the type that it has.`,
      )
    }
    return header
  }
  if (inside !== undefined) {
    if (!isManifestMediaType(inside)) throw unknownType('mediaType', inside)
    return inside
  }
  if (header === undefined) throw undecidable()
  return mediaTypeByShape(manifest)
}

function mediaTypeByShape(manifest: JsonObject): string {
  if (isPresent(manifest['manifests'])) return ociIndex
  if (isPresent(manifest['config']) || isPresent(manifest['layers'])) return ociManifest
  throw undecidable()
}

function kindOf(mediaType: string): ManifestKind {
  if (mediaType === ociArtifactManifest) return 'artifact'
  return isIndexMediaType(mediaType) ? 'index' : 'image'
}

function requireShape(kind: ManifestKind, manifest: JsonObject): void {
  const imageShape = isPresent(manifest['config']) || isPresent(manifest['layers'])
  const indexShape = isPresent(manifest['manifests'])
  if (imageShape && indexShape) {
    throw manifestInvalid(
      'The manifest has both the layers or config of an image and the manifests of an index. ' +
        'It can be only one of them.',
    )
  }
  if (kind === 'artifact') {
    if (!imageShape && !indexShape) return
    throw manifestInvalid('An artifact manifest has blobs, and no config, layers or manifests.')
  }
  if (manifest['schemaVersion'] !== 2) {
    throw manifestInvalid("The manifest's schemaVersion must be 2.")
  }
  if (kind === 'image') {
    if (indexShape) throw manifestInvalid('It is typed as an image but has the shape of an index.')
    if (!isPresent(manifest['config'])) {
      throw manifestInvalid('The manifest has no config. An image needs one, if only an empty one.')
    }
    return
  }
  if (imageShape) throw manifestInvalid('It is typed as an index but has the shape of an image.')
  if (manifest['manifests'] === undefined) {
    throw manifestInvalid('The index has no list of manifests. It may be empty, but must be there.')
  }
}

function schema1(): Error {
  return manifestInvalid(
    'This is an image of the old Docker schema 1 format, which this registry does not store. ' +
      'Build the image again, or pull it and push it with Docker 1.10 or later.',
  )
}

function unknownType(where: string, mediaType: string): Error {
  return manifestInvalid(
    `The ${where} ${quoted(mediaType)} is not a type of manifest that this registry stores. ` +
      'It stores OCI images and indexes, and Docker version 2 images and manifest lists.',
  )
}

function undecidable(): Error {
  return manifestInvalid(
    'What kind of manifest this is cannot be told. Send a Content-Type such as ' +
      `${ociManifest}, or write a mediaType into the manifest.`,
  )
}
