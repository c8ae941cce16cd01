import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { removeBlob, removeRepository } from './delete.ts'
import { mountBlob } from './mount-blob.ts'
import {
  aRegistry,
  bigSize,
  content,
  objects,
  pullBlob,
  pushBlob,
} from './test-support/registry.ts'

test('a mounted blob is in both repositories, and no byte was moved', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here, there } = registry
  const digest = await pushBlob(registry, content(bigSize))
  const before = await objects(registry, 'blobs')
  assert.equal(await mountBlob(metadata, { digest, from: here, to: there }), true)
  assert.equal(await mountBlob(metadata, { digest, from: here, to: there }), true)
  assert.ok(content(bigSize).equals((await pullBlob(registry, digest, there)) ?? Buffer.of()))
  assert.deepEqual(await objects(registry, 'blobs'), before)
})

test('what the source does not have cannot be mounted, wherever else it may be', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here, there } = registry
  const digest = await pushBlob(registry, content(10), here)
  assert.equal(await mountBlob(metadata, { digest, from: there, to: here }), false)
  const unknown = digestOf(content(11))
  assert.equal(await mountBlob(metadata, { digest: unknown, from: here, to: there }), false)
  assert.equal(await mountBlob(metadata, { digest, from: 999_999, to: there }), false)
  assert.equal(await pullBlob(registry, digest, there), undefined)
})

test('a mounted blob stays when the repository that it came from is gone', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here, there } = registry
  const digest = await pushBlob(registry, content(bigSize))
  await mountBlob(metadata, { digest, from: here, to: there })
  assert.equal(await removeBlob(metadata, here, digest), true)
  assert.ok(await pullBlob(registry, digest, there))
  await removeRepository(metadata, here)
  assert.ok(await pullBlob(registry, digest, there))
})

test('a blob can be mounted where it is', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const digest = await pushBlob(registry, content(10))
  assert.equal(await mountBlob(metadata, { digest, from: here, to: here }), true)
})
