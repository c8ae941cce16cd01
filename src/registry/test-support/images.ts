// Manifests for tests of the registry: descriptors of bytes, images and indexes of them, and their pushing.
import { digestOf, type Digest } from '../../oci/digest.ts'
import { ociImageConfig, ociIndex, ociManifest } from '../../oci/media-types.ts'
import { parseReference, parseTag } from '../../oci/reference.ts'
import { pushManifest, type PushedManifest } from '../push-manifest.ts'
import { pushBlob, type TestRegistry } from './registry.ts'

export interface Described {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
}

export const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'

export function describe(mediaType: string, bytes: Uint8Array): Described {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

export function bytesOf(manifest: unknown): Buffer {
  return Buffer.from(typeof manifest === 'string' ? manifest : JSON.stringify(manifest))
}

export function anImage(
  config: Described,
  layers: readonly Described[],
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return { schemaVersion: 2, mediaType: ociManifest, config, layers, ...more }
}

export function anIndex(
  manifests: readonly Described[],
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return { schemaVersion: 2, mediaType: ociIndex, manifests, ...more }
}

export function describeManifest(manifest: Readonly<Record<string, unknown>>): Described {
  return describe(String(manifest['mediaType']), bytesOf(manifest))
}

/** Pushes the blobs of an image whose content is these words, and gives the image. */
export async function pushContent(
  registry: TestRegistry,
  words: readonly string[],
  repositoryId = registry.here,
): Promise<Readonly<Record<string, unknown>>> {
  const [config = '{}', ...layers] = words
  for (const word of words) await pushBlob(registry, Buffer.from(word), repositoryId)
  return anImage(
    describe(ociImageConfig, Buffer.from(config)),
    layers.map((word) => describe(layerType, Buffer.from(word))),
  )
}

export interface PushOptions {
  readonly repositoryId?: number
  readonly tags?: readonly string[]
  readonly contentType?: string
}

/** `reference`: a tag or a digest; by its own digest when there is none. */
export async function push(
  registry: TestRegistry,
  manifest: unknown,
  reference?: string,
  { repositoryId = registry.here, tags = [], contentType }: PushOptions = {},
): Promise<PushedManifest> {
  const bytes = bytesOf(manifest)
  return pushManifest(registry.metadata, {
    repositoryId,
    reference: parseReference(reference ?? digestOf(bytes)),
    tags: tags.map(parseTag),
    contentType,
    bytes,
    name: 'team/app',
    pusher: { id: undefined, name: 'tester', address: '127.0.0.1' },
  })
}

/** Config and one layer in the repository, the image under this tag or under its digest alone. */
export async function pushImage(
  registry: TestRegistry,
  word: string,
  reference?: string,
): Promise<Described> {
  const image = await pushContent(registry, [`{"of":"${word}"}`, `layer of ${word}`])
  await push(registry, image, reference)
  return describeManifest(image)
}
