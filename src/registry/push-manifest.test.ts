import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import {
  findManifest,
  findManifestByTag,
  indexHolding,
  listReferrers,
} from '../metadata/manifests.ts'
import { manifestUsingBlob } from '../metadata/blobs.ts'
import { findTag, listTags } from '../metadata/tags.ts'
import { digestOf } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { dockerManifest, ociImageConfig, ociManifest } from '../oci/media-types.ts'
import { parseTag } from '../oci/reference.ts'
import { removeBlob } from './delete.ts'
import {
  anImage,
  anIndex,
  bytesOf,
  describe,
  describeManifest,
  layerType,
  push,
  pushContent,
  pushImage,
} from './test-support/images.ts'
import { aRegistry, pullBlob, pushBlob, refusal, sha512 } from './test-support/registry.ts'
import { blobReview, day, manifestReview } from './test-support/reviews.ts'

const missing = (word: string) => describe(layerType, Buffer.from(word))

test('a manifest is kept byte for byte under its tag and its digest', async (t) => {
  const registry = await aRegistry(t)
  const image = await pushContent(registry, ['{}', 'layer'])
  const text = `${JSON.stringify(image, undefined, 3)}\n`
  const pushed = await push(registry, text, 'v1', { contentType: `${ociManifest}; charset=utf-8` })
  assert.equal(pushed.digest, digestOf(Buffer.from(text)))
  assert.equal(pushed.mediaType, ociManifest)
  assert.equal(pushed.subject, undefined)
  assert.equal(pushed.totalSize, text.length + '{}'.length + 'layer'.length)
  const { metadata, here } = registry
  for (const found of [
    await findManifestByTag(metadata, here, parseTag('v1')),
    await findManifest(metadata, here, pushed.digest),
  ]) {
    assert.equal(Buffer.from(found?.content ?? []).toString(), text)
    assert.equal(found?.mediaType, ociManifest)
  }
})

test('a manifest whose digest is not that of the address is refused', async (t) => {
  const registry = await aRegistry(t)
  const image = await pushContent(registry, ['{}'])
  const other = digestOf(Buffer.from('other'))
  await assert.rejects(push(registry, image, other), refusal('DIGEST_INVALID'))
  await assert.rejects(push(registry, image, sha512(Buffer.from('x'))), refusal('DIGEST_INVALID'))
  assert.deepEqual(await listTags(registry.metadata, registry.here, { after: '', limit: 9 }), [])
})

test('several tags are set at once, or none of them', async (t) => {
  const registry = await aRegistry(t)
  const image = await pushContent(registry, ['{}'])
  const { digest } = await push(registry, image, undefined, { tags: ['b', 'a', 'b'] })
  const tags = await listTags(registry.metadata, registry.here, { after: '', limit: 9 })
  assert.deepEqual(
    tags.map((tag) => [tag.name, tag.digest]),
    [
      ['a', digest],
      ['b', digest],
    ],
  )
  const broken = anImage(missing('nothing'), [])
  await assert.rejects(push(registry, broken, undefined, { tags: ['a', 'c'] }))
  assert.equal((await findTag(registry.metadata, registry.here, parseTag('a')))?.digest, digest)
  assert.equal(await findTag(registry.metadata, registry.here, parseTag('c')), undefined)
})

test('sha512: a tag that was set with it points to that digest', async (t) => {
  const registry = await aRegistry(t)
  const layer = Buffer.from('layer')
  await pushBlob(registry, layer, registry.here, 'sha512')
  const config = describe(ociImageConfig, Buffer.from('{}'))
  const image = anImage(config, [{ ...describe(layerType, layer), digest: sha512(layer) }])
  const digest = sha512(bytesOf(image))
  const pushed = await push(registry, image, digest, { tags: ['big'] })
  assert.equal(pushed.digest, digest)
  const { metadata, here } = registry
  assert.equal((await findManifestByTag(metadata, here, parseTag('big')))?.digest, digest)
  // The same bytes under the other algorithm are another manifest.
  assert.equal(await findManifest(metadata, here, digestOf(bytesOf(image))), undefined)
})

test('every missing blob is named, each once, and nothing is stored', async (t) => {
  const registry = await aRegistry(t)
  await pushBlob(registry, Buffer.from('there'))
  await pushBlob(registry, Buffer.from('elsewhere'), registry.there)
  const words = ['one', 'two', 'elsewhere', 'one']
  const layers = [missing('there'), ...words.map(missing)]
  const image = anImage(missing('config'), layers)
  const error: unknown = await push(registry, image, 'v1').catch((caught: unknown) => caught)
  assert.ok(error instanceof OciError && error.code === 'MANIFEST_BLOB_UNKNOWN')
  const all = [error, ...(error.others ?? [])]
  const digests = ['config', 'one', 'two', 'elsewhere'].map((word) => missing(word).digest)
  assert.deepEqual(
    all.map((one) => (one.detail as { digest: string }).digest),
    digests,
  )
  for (const [index, one] of all.entries()) assert.ok(one.message.includes(digests[index] ?? ''))
  assert.equal(await findTag(registry.metadata, registry.here, parseTag('v1')), undefined)
})

test('the same layer many times, and no layer at all, are fine', async (t) => {
  const registry = await aRegistry(t)
  await pushContent(registry, ['config', 'layer'])
  const layer = missing('layer')
  await push(registry, anImage(missing('config'), [layer, layer, layer]), 'many')
  await push(registry, anImage(missing('config'), []), 'none')
})

test('a size that is not that of the stored bytes is refused, wherever it stands', async (t) => {
  const registry = await aRegistry(t)
  await pushContent(registry, ['config', 'layer'])
  const child = await pushImage(registry, 'child')
  const [config, layer] = [missing('config'), missing('layer')]
  const wrong = (one: typeof layer) => ({ ...one, size: one.size + 1 })
  for (const manifest of [
    anImage(wrong(config), [layer]),
    anImage(config, [wrong(layer)]),
    // The second mention of a digest counts like the first.
    anImage(config, [layer, wrong(layer)]),
    anIndex([wrong(child)]),
    anIndex([child, wrong(child)]),
    anIndex([wrong(layer)]),
  ]) {
    await assert.rejects(push(registry, manifest), refusal('SIZE_INVALID'))
  }
})

test('the empty descriptor is there even when nobody pushed it, but only with its own size', async (t) => {
  const registry = await aRegistry(t)
  const empty = describe('application/vnd.oci.empty.v1+json', Buffer.from('{}'))
  await assert.rejects(
    push(registry, anImage({ ...empty, size: 3 }, []), 'v0'),
    refusal('SIZE_INVALID'),
  )
  await push(registry, anImage(empty, [empty, empty]), 'v1')
  assert.equal((await pullBlob(registry, empty.digest))?.toString(), '{}')
  await push(registry, anImage(empty, []), 'v1', { repositoryId: registry.there })
  assert.equal((await pullBlob(registry, empty.digest, registry.there))?.toString(), '{}')
})

test('a foreign layer may be missing; one that was pushed all the same is protected like others', async (t) => {
  const registry = await aRegistry(t)
  const foreign = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
  const nondistributable = 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd'
  await pushContent(registry, ['config', 'pushed'])
  const pushed = { ...missing('pushed'), mediaType: foreign }
  const layers = [{ ...missing('absent'), mediaType: nondistributable }, pushed]
  const { digest } = await push(registry, anImage(missing('config'), layers), 'windows')
  const { metadata, here } = registry
  assert.equal(await manifestUsingBlob(metadata, here, pushed.digest), digest)
  await assert.rejects(removeBlob(metadata, here, pushed.digest), refusal('UNSUPPORTED'))
})

test('an index needs its children: manifests, or blobs as in old BuildKit caches', async (t) => {
  const registry = await aRegistry(t)
  const child = await pushImage(registry, 'child')
  await pushBlob(registry, Buffer.from('cached layer'))
  const inner = anIndex([child, missing('cached layer')])
  const { digest } = await push(registry, inner, 'cache')
  const { metadata, here } = registry
  assert.equal(await indexHolding(metadata, here, child.digest), digest)
  assert.equal(await manifestUsingBlob(metadata, here, missing('cached layer').digest), digest)
  const outer = anIndex([describeManifest(inner), child, child])
  await push(registry, outer, 'outer')
  await push(registry, anIndex([]), 'empty')
  const broken = anIndex([child, missing('x'), missing('y')])
  const error: unknown = await push(registry, broken).catch((caught: unknown) => caught)
  assert.ok(error instanceof OciError && error.code === 'MANIFEST_BLOB_UNKNOWN')
  assert.equal(error.others?.length, 1)
  // A child of another repository does not count.
  const elsewhere = push(registry, anIndex([child]), 'v1', { repositoryId: registry.there })
  await assert.rejects(elsewhere, refusal('MANIFEST_BLOB_UNKNOWN'))
})

test('a subject may be missing, and is told; its referrers are found', async (t) => {
  const registry = await aRegistry(t)
  const image = await pushContent(registry, ['{}'])
  const subject = describe(ociManifest, Buffer.from('a manifest that comes later'))
  const annotations = { 'org.example.key': 'value' }
  for (const manifest of [
    { ...image, subject, artifactType: 'application/x', annotations },
    anIndex([], { subject }),
  ]) {
    const pushed = await push(registry, manifest)
    assert.equal(pushed.subject, subject.digest)
  }
  const found = await listReferrers(registry.metadata, registry.here, subject.digest)
  const [first, second] = found.toSorted((a, b) => b.size - a.size)
  assert.equal(first?.artifactType, 'application/x')
  assert.deepEqual(JSON.parse(first?.annotations ?? ''), annotations)
  assert.equal(second?.artifactType, undefined)
  assert.equal(second?.annotations, undefined)
})

test('Docker manifests are taken, what is no manifest is refused', async (t) => {
  const registry = await aRegistry(t)
  const image = await pushContent(registry, ['{}', 'layer'])
  await push(registry, { ...image, mediaType: dockerManifest }, 'docker')
  for (const [text, contentType] of [
    ['', ociManifest],
    ['[]', ociManifest],
    ['{"schemaVersion":2}', undefined],
    [JSON.stringify(image), dockerManifest],
    [`${JSON.stringify(image)} {}`, ociManifest],
    [JSON.stringify({ ...image, manifests: [] }), ociManifest],
    ['{"schemaVersion":1}', 'application/vnd.docker.distribution.manifest.v1+prettyjws'],
  ] as const) {
    const options = contentType === undefined ? {} : { contentType }
    await assert.rejects(push(registry, text, 'v1', options), refusal('MANIFEST_INVALID'), text)
  }
})

test('a tag that moves puts what it pointed to down for review, and not what it points to', async (t) => {
  const registry = await aRegistry(t)
  mock.timers.enable({ apis: ['Date'], now: day })
  try {
    const old = await pushImage(registry, 'old', 'latest')
    assert.equal(await manifestReview(registry, old.digest), undefined)
    mock.timers.setTime(3 * day)
    const next = await pushImage(registry, 'new', 'latest')
    assert.equal(await manifestReview(registry, old.digest), 4)
    assert.equal(await manifestReview(registry, next.digest), undefined)
    // Set again to the same, nothing is put down.
    mock.timers.setTime(5 * day)
    await pushImage(registry, 'new', 'latest')
    assert.equal(await manifestReview(registry, next.digest), undefined)
  } finally {
    mock.timers.reset()
  }
})

test('a manifest without a tag is reviewed, later when it is pushed again: its index may be on the way', async (t) => {
  const registry = await aRegistry(t)
  mock.timers.enable({ apis: ['Date'], now: day })
  try {
    const { digest } = await pushImage(registry, 'child')
    assert.equal(await manifestReview(registry, digest), 2)
    mock.timers.setTime(9 * day)
    await pushImage(registry, 'child')
    assert.equal(await manifestReview(registry, digest), 10)
  } finally {
    mock.timers.reset()
  }
})

test('the empty blob that we bring ourselves is reviewed like one that was pushed', async (t) => {
  const registry = await aRegistry(t)
  mock.timers.enable({ apis: ['Date'], now: day })
  try {
    const empty = describe('application/vnd.oci.empty.v1+json', Buffer.from('{}'))
    await push(registry, anImage(empty, []), 'v1')
    assert.equal(await blobReview(registry, empty.digest), 2)
    mock.timers.setTime(4 * day)
    await push(registry, anImage(empty, []), 'v1', { repositoryId: registry.there })
    assert.equal(await blobReview(registry, empty.digest), 5)
  } finally {
    mock.timers.reset()
  }
})

test('pushes of one tag at once leave one of them under the tag, and all by digest', async (t) => {
  const registry = await aRegistry(t)
  const images = await Promise.all(
    Array.from({ length: 10 }, async (_, number) => pushImage(registry, `${number}`, 'latest')),
  )
  const { metadata, here } = registry
  const winner = await findTag(metadata, here, parseTag('latest'))
  assert.ok(images.some((image) => image.digest === winner?.digest))
  for (const { digest } of images) {
    assert.ok(await findManifest(metadata, here, digest))
    const isReviewed = (await manifestReview(registry, digest)) !== undefined
    assert.equal(isReviewed, digest !== winner?.digest)
  }
})
