// An OCI image layout (image-spec, image-layout.md) made on the spot, so that no test needs an image
// from elsewhere: an image for this machine tagged `one`, one for another tagged
// `other`, and the index of both tagged `multi`.
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { runOk } from '../support/processes.ts'
import { tarOf } from './tar.ts'

export interface ImageLayout {
  /** The folder of the layout. */
  readonly folder: string
  /** The same as one tar archive, which `docker load` reads as well (manifest.json). */
  readonly archive: string
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const indexType = 'application/vnd.oci.image.index.v1+json'
/** What `docker load` calls the image `one`. */
export const dockerName = 'carrel.test/tiny:one'
const created = '2026-01-01T00:00:00Z'

/** Random content: nothing that another client has pushed before can stand in for it. */
export async function makeImageLayout(folder: string, layerBytes: number): Promise<ImageLayout> {
  const blobs = join(folder, 'blobs', 'sha256')
  await mkdir(blobs, { recursive: true })
  const put = async (mediaType: string, content: Buffer | object): Promise<Descriptor> => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content))
    const hex = createHash('sha256').update(bytes).digest('hex')
    await writeFile(join(blobs, hex), bytes)
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length }
  }
  const dockerArchives: object[] = []
  const image = async (architecture: string): Promise<Descriptor> => {
    const tars = [layerTar('data.bin', layerBytes), layerTar('more.bin', 2000)]
    const layers = []
    for (const tar of tars) {
      layers.push(await put('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar)))
    }
    const config = await put('application/vnd.oci.image.config.v1+json', {
      architecture,
      os: 'linux',
      created,
      config: { Cmd: ['/hello'] },
      rootfs: {
        type: 'layers',
        diff_ids: tars.map((tar) => `sha256:${createHash('sha256').update(tar).digest('hex')}`),
      },
      history: tars.map(() => ({ created, created_by: 'carrel test' })),
    })
    dockerArchives.push({
      Config: pathOf(config),
      RepoTags: [dockerName],
      Layers: layers.map(pathOf),
    })
    return put(manifestType, { schemaVersion: 2, mediaType: manifestType, config, layers })
  }
  const one = await image(architectureHere)
  const other = await image(otherArchitecture)
  const children = [
    { ...one, platform: { os: 'linux', architecture: architectureHere } },
    { ...other, platform: { os: 'linux', architecture: otherArchitecture } },
  ]
  const multi = await put(indexType, {
    schemaVersion: 2,
    mediaType: indexType,
    manifests: children,
  })
  const tagged = (descriptor: Descriptor, tag: string) => ({
    ...descriptor,
    annotations: { 'org.opencontainers.image.ref.name': tag },
  })
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      mediaType: indexType,
      manifests: [tagged(one, 'one'), tagged(other, 'other'), tagged(multi, 'multi')],
    }),
  )
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(dockerArchives.slice(0, 1)))
  const archive = `${folder}.tar`
  await runOk('tar', ['-C', folder, '-cf', archive, '.'])
  return { folder, archive }
}

function pathOf({ digest }: Descriptor): string {
  return `blobs/${digest.replace(':', '/')}`
}

/** As images and Go call it. */
const architectureHere = process.arch === 'x64' ? 'amd64' : process.arch
export const otherArchitecture = architectureHere === 'arm64' ? 'amd64' : 'arm64'

function layerTar(name: string, bytes: number): Buffer {
  return tarOf([
    { path: 'hello', content: Buffer.from('#!/bin/sh\necho hello\n'), mode: 0o755 },
    { path: name, content: randomBytes(bytes) },
  ])
}
