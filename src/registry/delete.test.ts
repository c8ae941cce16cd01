import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { findLinkedBlob } from '../metadata/blobs.ts'
import { contentsOfDeleted, findDeletedManifest } from '../metadata/deleted-manifests.ts'
import { findManifest, findManifestByTag, listReferrers } from '../metadata/manifests.ts'
import { findRepository } from '../metadata/repositories.ts'
import { listTagChanges } from '../metadata/tag-changes.ts'
import { findTag, listTags } from '../metadata/tags.ts'
import { digestOf } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { ociImageConfig } from '../oci/media-types.ts'
import { parseRepositoryName, parseTag } from '../oci/reference.ts'
import { removeBlob, removeManifest, removeRepository, removeTag } from './delete.ts'
import { ensureRepository } from './repository.ts'
import {
  anIndex,
  describe,
  describeManifest,
  layerType,
  push,
  pushContent,
  pushImage,
} from './test-support/images.ts'
import { aRegistry, content, openTicket, pushBlob, refusal, send } from './test-support/registry.ts'
import { blobReview, day, manifestReview } from './test-support/reviews.ts'

const v1 = parseTag('v1')
const unknown = digestOf(Buffer.from('unknown'))
const layerOf = (word: string) => describe(layerType, Buffer.from(`layer of ${word}`)).digest

test('by tag only the tag goes; the manifest stays, for review', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  mock.timers.enable({ apis: ['Date'], now: day })
  try {
    const image = await pushImage(registry, 'image', 'v1')
    await pushImage(registry, 'image', 'v2')
    mock.timers.setTime(3 * day)
    assert.equal(await removeTag(metadata, here, v1), true)
    assert.equal(await removeTag(metadata, here, v1), false)
    assert.equal(await findTag(metadata, here, v1), undefined)
    assert.ok(await findManifestByTag(metadata, here, parseTag('v2')))
    assert.ok(await findManifest(metadata, here, image.digest))
    assert.equal(await manifestReview(registry, image.digest), 4)
  } finally {
    mock.timers.reset()
  }
})

test('by digest the manifest goes to the bin with all its tags; the bin keeps what it holds', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  mock.timers.enable({ apis: ['Date'], now: day })
  try {
    const image = await pushImage(registry, 'image', 'v1')
    await pushImage(registry, 'image', 'v2')
    await pushImage(registry, 'other', 'v3')
    mock.timers.setTime(3 * day)
    assert.equal(await removeManifest(metadata, here, image.digest), true)
    assert.equal(await removeManifest(metadata, here, image.digest), false)
    assert.equal(await findManifest(metadata, here, image.digest), undefined)
    const tags = await listTags(metadata, here, { after: '', limit: 9 })
    assert.deepEqual(
      tags.map((tag) => tag.name),
      ['v3'],
    )
    assert.ok(await findLinkedBlob(metadata, here, layerOf('image')))
    const deleted = await findDeletedManifest(metadata, here, image.digest)
    assert.deepEqual(deleted?.tags, ['v1', 'v2'])
    assert.equal(deleted?.deletedAt, 3 * day)
    const held = await contentsOfDeleted(metadata, deleted?.id ?? 0)
    const config = describe(ociImageConfig, Buffer.from('{"of":"image"}')).digest
    assert.deepEqual(held.toSorted(), [layerOf('image'), config].toSorted())
    const changes = await listTagChanges(metadata, here, { limit: 9 })
    assert.deepEqual(
      changes.map(({ tag, digest }) => [tag, digest]),
      [
        ['v2', undefined],
        ['v1', undefined],
        ['v3', (await findTag(metadata, here, parseTag('v3')))?.digest],
        ['v2', image.digest],
        ['v1', image.digest],
      ],
    )
  } finally {
    mock.timers.reset()
  }
})

test('a child is protected while an index holds it', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const child = await pushImage(registry, 'child', 'child')
  const inner = anIndex([child])
  await push(registry, inner)
  const outer = anIndex([describeManifest(inner)])
  await push(registry, outer, 'v1')
  const refused: unknown = await removeManifest(metadata, here, child.digest).catch(
    (error: unknown) => error,
  )
  assert.ok(refused instanceof OciError && refused.code === 'UNSUPPORTED')
  assert.ok(refused.message.includes(describeManifest(inner).digest))
  // Nothing was done by halves: its tag is there.
  assert.ok(await findTag(metadata, here, parseTag('child')))
  const inside = removeManifest(metadata, here, describeManifest(inner).digest)
  await assert.rejects(inside, refusal('UNSUPPORTED'))
  assert.equal(await removeManifest(metadata, here, describeManifest(outer).digest), true)
  assert.equal(await removeManifest(metadata, here, describeManifest(inner).digest), true)
  assert.equal(await removeManifest(metadata, here, child.digest), true)
})

test('referrers stay when their subject goes, and a referrer that goes is listed no more', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const subject = await pushImage(registry, 'subject', 'v1')
  const signature = { ...(await pushContent(registry, ['{"a":1}'])), subject }
  const { digest } = await push(registry, signature)
  await removeManifest(metadata, here, subject.digest)
  const left = await listReferrers(metadata, here, subject.digest)
  assert.deepEqual(
    left.map((one) => one.digest),
    [digest],
  )
  await removeManifest(metadata, here, digest)
  assert.deepEqual(await listReferrers(metadata, here, subject.digest), [])
})

test('a blob goes unless a manifest of its repository needs it', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here, there } = registry
  mock.timers.enable({ apis: ['Date'], now: day })
  try {
    await pushImage(registry, 'image', 'v1')
    await pushBlob(registry, Buffer.from('layer of image'), there)
    mock.timers.setTime(3 * day)
    const needed = layerOf('image')
    await assert.rejects(removeBlob(metadata, here, needed), refusal('UNSUPPORTED'))
    assert.equal(await removeBlob(metadata, there, needed), true)
    assert.equal(await removeBlob(metadata, there, needed), false)
    assert.equal(await blobReview(registry, needed), 4)
    assert.ok(await findLinkedBlob(metadata, here, needed))
    assert.equal(await removeBlob(metadata, here, unknown), false)
  } finally {
    mock.timers.reset()
  }
})

test('the digest of a blob is no manifest, and that of a manifest no blob', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const image = await pushImage(registry, 'image', 'v1')
  assert.equal(await removeManifest(metadata, here, layerOf('image')), false)
  assert.equal(await removeBlob(metadata, here, image.digest), false)
  assert.ok(await findManifestByTag(metadata, here, v1))
})

test('a repository goes with everything in it, and the next of its name begins with nothing', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here, there } = registry
  const child = await pushImage(registry, 'child', 'child')
  await push(registry, anIndex([child]), 'index')
  await pushBlob(registry, Buffer.from('layer of child'), there)
  const ticket = openTicket(registry)
  await send(registry, ticket, content(10))
  await removeRepository(metadata, here)
  const name = parseRepositoryName('team/here')
  assert.equal(await findRepository(metadata, name), undefined)
  assert.ok(await findLinkedBlob(metadata, there, layerOf('child')))
  const again = await ensureRepository(metadata, name, undefined)
  assert.notEqual(again.id, here)
  assert.equal(again.visibility, 'private')
  assert.deepEqual(await listTags(metadata, again.id, { after: '', limit: 9 }), [])
  assert.equal(await findManifest(metadata, again.id, child.digest), undefined)
  assert.equal(await findLinkedBlob(metadata, again.id, layerOf('child')), undefined)
  // A ticket of the old one is none of the new one's.
  const owner = { repositoryId: again.id, principalId: ticket.principalId }
  assert.equal(registry.tickets.read(ticket.id, owner), undefined)
  await removeRepository(metadata, 999_999)
})

test('nothing is pushed to a repository that somebody has deleted since the request began', async (t) => {
  const registry = await aRegistry(t)
  const image = await pushContent(registry, ['{}', 'layer'])
  await removeRepository(registry.metadata, registry.here)
  await assert.rejects(push(registry, image, 'v1'), refusal('NAME_UNKNOWN'))
})

test('what was deleted can be pushed again', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const image = await pushImage(registry, 'image', 'v1')
  await removeManifest(metadata, here, image.digest)
  await removeBlob(metadata, here, layerOf('image'))
  await pushImage(registry, 'image', 'v1')
  assert.equal((await findManifestByTag(metadata, here, v1))?.digest, image.digest)
  assert.equal(await manifestReview(registry, image.digest), undefined)
})
