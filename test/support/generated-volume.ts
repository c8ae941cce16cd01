// A volume of registry:2 made by code: as many tags as are wanted, each of an image of its own, with times in the past.
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { digestOf } from '../../src/oci/digest.ts'
import { mediaTypes } from './registry2-peer.ts'

export interface VolumeWriter {
  /** Content; returns its digest and size. */
  blob(bytes: Uint8Array): { readonly digest: string; readonly size: number }
  /** A link file below `repositories/`; `at` is seconds since 1970. */
  link(path: string, digest: string, at?: number): void
  file(path: string, text: string): void
}

const firstMoment = 1_600_000_000

export function volumeWriter(root: string): VolumeWriter {
  const tree = join(root, 'docker/registry/v2')
  const made = new Set<string>()
  const write = (path: string, content: Uint8Array | string, at?: number): void => {
    const folder = dirname(path)
    if (!made.has(folder)) mkdirSync(folder, { recursive: true })
    made.add(folder)
    writeFileSync(path, content)
    if (at !== undefined) utimesSync(path, at, at)
  }
  const blobs = new Set<string>()
  return {
    blob(bytes) {
      const digest = digestOf(bytes)
      if (!blobs.has(digest)) {
        blobs.add(digest)
        const encoded = digest.slice('sha256:'.length)
        write(join(tree, 'blobs/sha256', encoded.slice(0, 2), encoded, 'data'), bytes, firstMoment)
      }
      return { digest, size: bytes.length }
    },
    link(path, digest, at = firstMoment) {
      write(join(tree, 'repositories', path, 'link'), digest, at)
    },
    file: (path, text) => write(join(tree, path), text),
  }
}

export function folderOf(digest: string): string {
  return digest.replace(':', '/')
}

/** An image of one layer of its own and one that all share. Returns its digest. */
export function writeImage(
  volume: VolumeWriter,
  repository: string,
  { word, tag, at }: { readonly word: string; readonly tag?: string; readonly at?: number },
): string {
  const config = volume.blob(Buffer.from(JSON.stringify({ word })))
  const layers = [volume.blob(Buffer.alloc(2000, 7)), volume.blob(Buffer.from(`layer ${word}`))]
  for (const { digest } of [config, ...layers]) {
    volume.link(`${repository}/_layers/${folderOf(digest)}`, digest, at)
  }
  const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'
  return writeManifest(volume, repository, {
    tag,
    at,
    manifest: {
      schemaVersion: 2,
      mediaType: mediaTypes.image,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: layers.map((layer) => ({ mediaType: layerType, ...layer })),
    },
  })
}

export function writeManifest(
  volume: VolumeWriter,
  repository: string,
  more: {
    readonly manifest: object | string
    readonly tag?: string | undefined
    readonly at?: number | undefined
  },
): string {
  const { manifest, tag, at } = more
  const text = typeof manifest === 'string' ? manifest : JSON.stringify(manifest)
  const { digest } = volume.blob(Buffer.from(text))
  volume.link(`${repository}/_manifests/revisions/${folderOf(digest)}`, digest, at)
  if (tag !== undefined) pointTag(volume, `${repository}:${tag}`, digest, at)
  return digest
}

/** `name` is repository:tag. */
export function pointTag(volume: VolumeWriter, name: string, digest: string, at?: number): void {
  const place = name.replace(':', '/_manifests/tags/')
  volume.link(`${place}/index/${folderOf(digest)}`, digest, at)
  volume.link(`${place}/current`, digest, at)
}

/** So many tags in so many repositories; every tenth has been elsewhere before. */
export function writeManyTags(root: string, tags: number, repositories: number): void {
  const volume = volumeWriter(root)
  for (let tag = 0; tag < tags; tag += 1) {
    const repository = `team${tag % 7}/app${tag % repositories}`
    const at = firstMoment + tag
    const digest = writeImage(volume, repository, { word: `${tag}`, tag: `v${tag}`, at })
    if (tag % 10 === 0) pointTag(volume, `${repository}:latest`, digest, at)
  }
}
