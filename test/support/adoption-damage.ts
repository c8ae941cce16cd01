// Every damage that volumes of registry:2 are known to have, each in a repository of its own.
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { digestOf } from '../../src/oci/digest.ts'
import {
  folderOf,
  pointTag,
  volumeWriter,
  writeImage,
  writeManifest,
  type VolumeWriter,
} from './generated-volume.ts'
import { mediaTypes } from './registry2-peer.ts'

export interface Damage {
  /** By kind, how often `adopt --check` has to tell of it. */
  readonly expected: Readonly<Record<string, number>>
  /** Tags that can be pulled all the same. */
  readonly readable: readonly string[]
  /** Tags that cannot. */
  readonly lost: readonly string[]
  /** Digest of content that lies in the volume behind a symbolic link. */
  readonly secret: string
  /** Blobs, as `repository@digest`, that are in the volume and whole. */
  readonly blobs: readonly string[]
}

const unknown = `sha256:${'5'.repeat(64)}`

interface Site {
  readonly volume: VolumeWriter
  readonly tree: string
  readonly dataOf: (digest: string) => string
}

/** `outside` gets what symbolic links in the volume point to. */
export function damageVolume(root: string, outside: string): Damage {
  const tree = join(root, 'docker/registry/v2')
  const volume = volumeWriter(root)
  const site: Site = {
    volume,
    tree,
    dataOf: (digest) => join(tree, 'blobs/sha256', digest.slice(7, 9), digest.slice(7), 'data'),
  }
  damageLinks(site)
  damageContent(site)
  const blobs = writeOldForms(site)
  damageNames(site)
  const secret = plantSymbolicLinks(site, outside)
  volume.blob(Buffer.from('in no repository'))
  return {
    expected: {
      'tag-broken': 7,
      'index-broken': 1,
      'manifest-lost': 1,
      'manifest-damaged': 1,
      'manifest-skipped': 1,
      'blob-lost': 2,
      'blob-damaged': 2,
      'name-refused': 2,
      'size-differs': 1,
      'link-repaired': 4,
      'link-dangling': 2,
    },
    readable: [
      'd/no-link:good',
      'd/dangling:v1',
      'd/lost-layer:v1',
      'd/broken-tag:good',
      'd/index:v1',
      'd/in-layers:v1',
      'd/links:newline',
      'd/links:v1',
      'd/sha512:v1',
      'd/temporary:v1',
      'd/zero-layer:v1',
      'd/truncated:v1',
      'd/size:v1',
      'd/links-to:v1',
    ],
    lost: [
      'd/no-link:v1',
      'd/broken-tag:v1',
      'd/broken-tag:unlinked',
      'd/no-data:v1',
      'd/links:empty',
      'd/links:short',
      'd/schema1:v1',
      'd/zero:v1',
      'd/links-to:linked',
    ],
    secret,
    blobs,
  }
}

function damageLinks({ volume, tree }: Site): void {
  const repository = (name: string) => join(tree, 'repositories', name)
  writeImage(volume, 'd/no-link', { word: 'no-link good', tag: 'good' })
  const removed = writeImage(volume, 'd/no-link', { word: 'no-link', tag: 'v1' })
  for (const path of [
    `_manifests/revisions/${folderOf(removed)}`,
    '_manifests/tags/v1/current',
    `_manifests/tags/v1/index/${folderOf(removed)}`,
  ]) {
    rmSync(join(repository('d/no-link'), path, 'link'))
  }
  writeImage(volume, 'd/dangling', { word: 'dangling', tag: 'v1' })
  volume.link(`d/dangling/_layers/${folderOf(unknown)}`, unknown)

  writeImage(volume, 'd/broken-tag', { word: 'broken good', tag: 'good' })
  pointTag(volume, 'd/broken-tag:v1', unknown)
  const unlinked = writeImage(volume, 'd/broken-tag', { word: 'unlinked', tag: 'unlinked' })
  rmSync(join(repository('d/broken-tag'), '_manifests/revisions', folderOf(unlinked), 'link'))

  const cut = (path: string, text: string) =>
    writeFileSync(join(repository('d/links'), path, 'link'), text)
  const image = writeImage(volume, 'd/links', { word: 'links', tag: 'v1' })
  cut(`_manifests/revisions/${folderOf(image)}`, '')
  cut(`_layers/${folderOf(digestOf(Buffer.from('layer links')))}`, image.slice(0, 30))
  cut(`_layers/${folderOf(digestOf(Buffer.alloc(2000, 7)))}`, '')
  for (const tag of ['newline', 'empty', 'short']) pointTag(volume, `d/links:${tag}`, image)
  cut('_manifests/tags/newline/current', `${image}\n`)
  cut('_manifests/tags/empty/current', '')
  cut('_manifests/tags/short/current', image.slice(0, 40))
}

function damageContent({ volume, dataOf }: Site): void {
  const layerOf = (word: string) => dataOf(digestOf(Buffer.from(`layer ${word}`)))
  writeImage(volume, 'd/lost-layer', { word: 'lost', tag: 'v1' })
  rmSync(dirname(layerOf('lost')), { recursive: true })
  rmSync(dataOf(writeImage(volume, 'd/no-data', { word: 'no-data', tag: 'v1' })))
  writeImage(volume, 'd/temporary', { word: 'temporary', tag: 'v1' })
  rmSync(layerOf('temporary'))
  writeFileSync(`${layerOf('temporary')}.1c8f6a58-0001-4000-8000-1234567890ab.tmp`, 'half')
  truncateSync(dataOf(writeImage(volume, 'd/zero', { word: 'zero', tag: 'v1' })))
  writeImage(volume, 'd/zero-layer', { word: 'zero-layer', tag: 'v1' })
  truncateSync(layerOf('zero-layer'))
  writeImage(volume, 'd/truncated', { word: 'truncated', tag: 'v1' })
  truncateSync(layerOf('truncated'), 3)

  const child = writeImage(volume, 'd/index', { word: 'child' })
  const manifests = [child, unknown].map((digest) => {
    return { mediaType: mediaTypes.image, digest, size: 500 }
  })
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests }
  writeManifest(volume, 'd/index', { manifest: index, tag: 'v1' })

  const layer = volume.blob(Buffer.from('of another size'))
  volume.link(`d/size/_layers/${folderOf(layer.digest)}`, layer.digest)
  const config = volume.blob(Buffer.from('{}'))
  writeManifest(volume, 'd/size', {
    tag: 'v1',
    manifest: {
      schemaVersion: 2,
      mediaType: mediaTypes.image,
      config: { mediaType: 'application/vnd.oci.empty.v1+json', ...config },
      layers: [{ mediaType: 'application/octet-stream', ...layer, size: 3 }],
    },
  })
}

/** Nothing is wrong with these; they are just old, or rare. Returns their blobs. */
function writeOldForms({ volume, tree }: Site): readonly string[] {
  // Version 2.1.0 linked manifests beside the layers.
  const inLayers = ['in-layers', 'in-layers untagged'].map((word) => {
    const digest = writeImage(volume, 'd/in-layers', { word })
    volume.link(`d/in-layers/_layers/${folderOf(digest)}`, digest)
    return digest
  })
  rmSync(join(tree, 'repositories/d/in-layers/_manifests/revisions'), { recursive: true })
  pointTag(volume, 'd/in-layers:v1', inLayers[0] ?? '')

  const bytes = Buffer.from('addressed by sha512')
  const alias = `sha512:${createHash('sha512').update(bytes).digest('hex')}`
  const layer = volume.blob(bytes)
  const config = volume.blob(Buffer.from('{}'))
  volume.link(`d/sha512/_layers/${folderOf(alias)}`, layer.digest)
  volume.link(`d/sha512/_layers/${folderOf(config.digest)}`, config.digest)
  writeManifest(volume, 'd/sha512', {
    tag: 'v1',
    manifest: {
      schemaVersion: 2,
      mediaType: mediaTypes.image,
      config: { mediaType: 'application/vnd.oci.empty.v1+json', ...config },
      layers: [{ mediaType: 'application/octet-stream', digest: alias, size: bytes.length }],
    },
  })

  const old = volume.blob(Buffer.from('layer of schema 1'))
  volume.link(`d/schema1/_layers/${folderOf(old.digest)}`, old.digest)
  const schema1 = {
    schemaVersion: 1,
    name: 'd/schema1',
    tag: 'v1',
    architecture: 'amd64',
    fsLayers: [{ blobSum: old.digest }],
    history: [{ v1Compatibility: '{}' }],
  }
  const manifest = writeManifest(volume, 'd/schema1', { manifest: schema1, tag: 'v1' })
  return [`d/schema1@${old.digest}`, `d/schema1@${manifest}`, `d/sha512@${alias}`]
}

function damageNames({ volume, tree }: Site): void {
  writeImage(volume, 'd/Upper', { word: 'upper', tag: 'v1' })
  writeImage(volume, `d/${'long/'.repeat(41)}name`, { word: 'long', tag: 'v1' })
  volume.file('repositories/README', 'a file where none belongs')
  mkdirSync(join(tree, 'repositories/d/empty/_manifests/tags'), { recursive: true })
  mkdirSync(join(tree, 'repositories/d/only-layers/_layers/sha256'), { recursive: true })
}

/** None of them may be followed. Returns the digest of what lies behind. */
function plantSymbolicLinks({ volume, tree, dataOf }: Site, outside: string): string {
  const bytes = Buffer.from('what lies outside of the volume')
  const digest = digestOf(bytes)
  mkdirSync(join(outside, 'repository/_manifests/tags'), { recursive: true })
  writeFileSync(join(outside, 'secret'), bytes)
  const image = writeImage(volume, 'd/links-to', { word: 'links-to', tag: 'v1' })
  mkdirSync(dirname(dataOf(digest)), { recursive: true })
  symlinkSync(join(outside, 'secret'), dataOf(digest))
  volume.link(`d/links-to/_layers/${folderOf(digest)}`, digest)
  const repository = join(tree, 'repositories/d/links-to')
  symlinkSync(join(repository, '_manifests/tags/v1'), join(repository, '_manifests/tags/linked'))
  symlinkSync(join(outside, 'repository'), join(tree, 'repositories/d/linked'))
  const revision = join(repository, '_manifests/revisions/sha256')
  symlinkSync(join(revision, image.slice(7)), join(revision, '6'.repeat(64)))
  return digest
}
