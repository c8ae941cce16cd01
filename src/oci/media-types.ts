// The media types that a registry has to know: image-spec v1.1 media-types.md and Docker's
// image manifest version 2. All others are stored as they are.

export const ociManifest = 'application/vnd.oci.image.manifest.v1+json'
export const ociIndex = 'application/vnd.oci.image.index.v1+json'
export const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json'
export const dockerManifestList = 'application/vnd.docker.distribution.manifest.list.v2+json'

/** Of the release candidates of image-spec 1.1 only; nothing writes it any more. */
export const ociArtifactManifest = 'application/vnd.oci.artifact.manifest.v1+json'

export const dockerSchema1 = 'application/vnd.docker.distribution.manifest.v1+json'
export const dockerSchema1Signed = 'application/vnd.docker.distribution.manifest.v1+prettyjws'

export const ociImageConfig = 'application/vnd.oci.image.config.v1+json'
export const dockerImageConfig = 'application/vnd.docker.container.image.v1+json'

/** Of `{}`, the content of descriptors that must be there and mean nothing. */
export const emptyJson = 'application/vnd.oci.empty.v1+json'

/** Layers that clients may leave out of a push, as their content is to be had elsewhere. */
export const nondistributableLayers: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.layer.nondistributable.v1.tar',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.foreign.diff.tar',
  'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
])

const indexTypes: ReadonlySet<string> = new Set([ociIndex, dockerManifestList])
const manifestTypes: ReadonlySet<string> = new Set([
  ociManifest,
  ociIndex,
  dockerManifest,
  dockerManifestList,
  ociArtifactManifest,
])
const schema1Types: ReadonlySet<string> = new Set([dockerSchema1, dockerSchema1Signed])

/** Whether it may be pushed at `/manifests/`; an index is a manifest. */
export function isManifestMediaType(mediaType: string): boolean {
  return manifestTypes.has(mediaType)
}

export function isIndexMediaType(mediaType: string): boolean {
  return indexTypes.has(mediaType)
}

export function isSchema1MediaType(mediaType: string): boolean {
  return schema1Types.has(mediaType)
}

export function isForeignLayer(mediaType: string): boolean {
  return nondistributableLayers.has(mediaType)
}

/** The media type of a Content-Type header, without parameters; `undefined` when there is none. */
export function mediaTypeOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined) return undefined
  const semicolon = contentType.indexOf(';')
  const bare = semicolon === -1 ? contentType : contentType.slice(0, semicolon)
  const mediaType = bare.trim().toLowerCase()
  return mediaType === '' ? undefined : mediaType
}
