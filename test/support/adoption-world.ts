// A volume that the real registry:2 has written: what people have in theirs.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  deleteManifest,
  leaveUpload,
  mediaTypes,
  pushBlob,
  pushImage,
  pushIndex,
  pushManifest,
  type Descriptor,
  type Place,
} from './registry2-peer.ts'

export interface World {
  /** An index under a tag, of two images that have no tag of their own. */
  readonly index: Descriptor
  /** In order, each was `team/app:latest` once. */
  readonly versions: readonly Descriptor[]
  /** An image, and what was attached to it. */
  readonly subject: Descriptor
  readonly attached: Descriptor
}

const tick = 15

export async function fillRegistry2(place: Place): Promise<World> {
  const base = randomBytes(300_000)
  const versions: Descriptor[] = []
  for (let version = 0; version < 6; version += 1) {
    const image = { layers: [base, randomBytes(2000)], config: { version } }
    versions.push(await pushImage(place, 'team/app', { ...image, tag: `v${version}` }))
    await pushImage(place, 'team/app', { ...image, tag: 'latest' })
    await sleep(tick)
  }
  await pushImage(place, 'team/app', { layers: [base], config: { upper: 1 }, tag: 'Latest' })
  const images: Descriptor[] = []
  for (const architecture of ['amd64', 'arm64']) {
    const image = { layers: [base, randomBytes(900)], config: { architecture } }
    const pushed = await pushImage(place, 'team/multi', image)
    images.push({ ...pushed, platform: { os: 'linux', architecture } } as Descriptor)
  }
  const index = await pushIndex(place, 'team/multi', images, '1.0')
  await pushImage(place, 'team/app/web', { layers: [base], config: { web: 1 }, tag: 'edge' })
  for (const name of ['a', 'a/b', 'a/b/c']) {
    await pushImage(place, name, { layers: [Buffer.from(name)], config: { name }, tag: 'one' })
  }
  // Without a mediaType inside, as OCI allows.
  await pushImage(place, 'plain', { layers: [base], tag: 'unnamed', named: false })
  const { subject, attached } = await attachSignature(place)
  await deleteImages(place, versions[1])
  await leaveUpload(place, 'team/app')
  return { index, versions, subject, attached }
}

/** As a client does it at a registry that has no referrers API. */
async function attachSignature(place: Place): Promise<Pick<World, 'subject' | 'attached'>> {
  const repository = 'team/signed'
  const subject = await pushImage(place, repository, { layers: [Buffer.from('s')], tag: 'v1' })
  const artifactType = 'application/vnd.example.signature'
  const annotations = { 'org.example.by': 'ann' }
  const attached = await pushImage(place, repository, {
    layers: [Buffer.from('signature')],
    more: { subject, artifactType, annotations },
  })
  const listed = { ...attached, artifactType, annotations }
  await pushIndex(place, repository, [listed], subject.digest.replace(':', '-'))
  return { subject, attached }
}

/** One of several images, and all of a repository. */
async function deleteImages(place: Place, version: Descriptor | undefined): Promise<void> {
  if (version !== undefined) await deleteManifest(place, 'team/app', version.digest)
  const gone = await pushImage(place, 'gone/all', { layers: [randomBytes(500)], tag: 'v1' })
  await deleteManifest(place, 'gone/all', gone.digest)
  // Pushed and in no image.
  await pushBlob(place, 'team/app', Buffer.from('never used'))
}

/** BuildKit's old cache: an index that lists layers. */
export async function pushBuildCache(place: Place, repository: string): Promise<Descriptor> {
  const layer = await pushBlob(place, repository, randomBytes(400))
  const config = await pushBlob(
    place,
    repository,
    Buffer.from('{"cache":1}'),
    'application/vnd.buildkit.cacheconfig.v0',
  )
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [layer, config] }
  return pushManifest(place, repository, index, { tag: 'cache', mediaType: mediaTypes.index })
}
