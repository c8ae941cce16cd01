// What was deleted comes back as it was: manifests with all that they hold, tags to what they were, repositories with
// their ids and grants.
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { AuditEntry } from '../metadata/audit.ts'
import { findDeletedManifest } from '../metadata/deleted-manifests.ts'
import { grantsOfPrincipal, insertGrant } from '../metadata/grants.ts'
import { listJournalQueue } from '../metadata/journal-queue.ts'
import { findManifest, findManifestByTag, indexHolding } from '../metadata/manifests.ts'
import { deletePrincipal, findPrincipalByName, insertPrincipal } from '../metadata/principals.ts'
import { beginPurge, purgeSomeOfRepository } from '../metadata/purge-repository.ts'
import { findRepository } from '../metadata/repositories.ts'
import { listTagChanges } from '../metadata/tag-changes.ts'
import { findTag } from '../metadata/tags.ts'
import { parseRepositoryName, parseTag, type Tag } from '../oci/reference.ts'
import { removeBlob, removeManifest, removeRepository, removeTag } from './delete.ts'
import { ensureRepository } from './repository.ts'
import { restoreManifest } from './restore-manifest.ts'
import { restoreRepository } from './restore-repository.ts'
import { restoreTag, type TagRestore } from './restore-tag.ts'
import {
  anIndex,
  describe,
  describeManifest,
  layerType,
  push,
  pushImage,
} from './test-support/images.ts'
import { aRegistry, pullBlob, refusal, type TestRegistry } from './test-support/registry.ts'
import { day, manifestReview } from './test-support/reviews.ts'

const v1 = parseTag('v1')
const layerOf = (word: string) => describe(layerType, Buffer.from(`layer of ${word}`)).digest
const audit: AuditEntry = { event: 'tag.restored', actor: { name: 'tester' }, subject: 'team/here' }

async function restore({ metadata, here }: TestRegistry, tag: Tag, more: Partial<TagRestore> = {}) {
  return restoreTag(metadata, { repositoryId: here, tag, audit, ...more })
}

test('a deleted tag points again to what it was, and a moved one back and forth', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const old = await pushImage(registry, 'old', 'v1')
  await removeTag(metadata, here, v1)
  const restored = { kind: 'restored', before: undefined, fromBin: false } as const
  assert.deepEqual(await restore(registry, v1), { ...restored, digest: old.digest })
  const { digest } = await pushImage(registry, 'new', 'v1')
  assert.deepEqual(await restore(registry, v1), {
    ...restored,
    digest: old.digest,
    before: digest,
  })
  assert.equal((await findTag(metadata, here, v1))?.digest, old.digest)
  assert.deepEqual(await restore(registry, v1), {
    ...restored,
    digest,
    before: old.digest,
  })
  assert.deepEqual(await restore(registry, v1, { digest }), { kind: 'there', digest })
  // What a tag is no longer at is looked at by and by.
  assert.notEqual(await manifestReview(registry, old.digest), undefined)
  const changes = await listTagChanges(metadata, here, { tag: v1, limit: 9 })
  assert.deepEqual(
    changes.map((change) => change.digest),
    [digest, old.digest, digest, old.digest, undefined, old.digest],
  )
  const queue = await listJournalQueue(metadata, 99)
  const moves = queue.flatMap(({ entries }) => entries).filter(({ kind }) => kind === 'tag')
  assert.equal(moves.length, 6)
})

test('an image comes back with its tag, and with all that it holds, from the bin', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const child = await pushImage(registry, 'child', 'child')
  const inner = anIndex([child])
  await push(registry, inner)
  const outer = anIndex([describeManifest(inner), child])
  await push(registry, outer, 'v1', { tags: [] })
  const [outerDigest, innerDigest] = [outer, inner].map((each) => describeManifest(each).digest)
  for (const digest of [outerDigest, innerDigest, child.digest]) {
    assert.ok(digest !== undefined && (await removeManifest(metadata, here, digest)))
  }
  // Even what was taken out of the repository by itself.
  assert.equal(await removeBlob(metadata, here, layerOf('child')), true)
  assert.equal(await findManifestByTag(metadata, here, v1), undefined)
  const { kind } = await restore(registry, v1)
  assert.equal(kind, 'restored')
  const found = await findManifestByTag(metadata, here, v1)
  assert.deepEqual(JSON.parse(Buffer.from(found?.content ?? []).toString()), outer)
  assert.equal(await indexHolding(metadata, here, innerDigest ?? child.digest), outerDigest)
  assert.ok(await findManifest(metadata, here, child.digest))
  assert.equal((await pullBlob(registry, layerOf('child')))?.toString(), 'layer of child')
  assert.equal(await findDeletedManifest(metadata, here, child.digest), undefined)
  // The tag of the child went with the child, and is no matter of this one.
  assert.equal(await findTag(metadata, here, parseTag('child')), undefined)
  // It can be deleted again, and what it holds is protected as ever.
  await assert.rejects(removeManifest(metadata, here, child.digest), refusal('UNSUPPORTED'))
})

test('by digest an image comes back with those of its tags whose names are free', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const { digest } = await pushImage(registry, 'image', 'v1')
  await pushImage(registry, 'image', 'v2')
  await removeManifest(metadata, here, digest)
  const other = await pushImage(registry, 'other', 'v2')
  const asked = { repositoryId: here, digest }
  assert.deepEqual(await restoreManifest(metadata, asked, audit), {
    tags: ['v1'],
    tagsElsewhere: ['v2'],
  })
  assert.equal((await findTag(metadata, here, v1))?.digest, digest)
  assert.equal((await findTag(metadata, here, parseTag('v2')))?.digest, other.digest)
  assert.equal(await restoreManifest(metadata, asked, audit), undefined)
  assert.equal(await manifestReview(registry, digest), undefined)
})

test('one without a tag is looked at a day later again', async (t) => {
  const registry = await aRegistry(t)
  mock.timers.enable({ apis: ['Date'], now: day })
  try {
    const { digest } = await pushImage(registry, 'image')
    await removeManifest(registry.metadata, registry.here, digest)
    mock.timers.setTime(3 * day)
    await restoreManifest(registry.metadata, { repositoryId: registry.here, digest }, audit)
    assert.equal(await manifestReview(registry, digest), 4)
  } finally {
    mock.timers.reset()
  }
})

test('a tag that may not be moved stays, and so does what may not come back', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const old = await pushImage(registry, 'old', 'v1')
  const { digest } = await pushImage(registry, 'new', 'v1')
  const denied = refusal('DENIED')
  await assert.rejects(restore(registry, v1, { keepTags: 'Ask somebody.' }), denied)
  await removeManifest(metadata, here, old.digest)
  await assert.rejects(restore(registry, v1, { keepDeleted: 'Ask somebody.' }), denied)
  assert.equal((await findTag(metadata, here, v1))?.digest, digest)
  assert.equal(await findManifest(metadata, here, old.digest), undefined)
  // Neither is asked for when nothing is moved or brought back.
  await removeTag(metadata, here, v1)
  const asked = { digest, keepTags: 'no', keepDeleted: 'no' }
  assert.equal((await restore(registry, v1, asked)).kind, 'restored')
})

test('what is not known is told', async (t) => {
  const registry = await aRegistry(t)
  assert.deepEqual(await restore(registry, parseTag('none')), { kind: 'no-history' })
  const { digest } = describe(layerType, Buffer.from('unknown'))
  assert.deepEqual(await restore(registry, v1, { digest }), { kind: 'gone', digest })
  await pushImage(registry, 'image', 'v1')
  assert.deepEqual(await restore(registry, v1), { kind: 'no-history' })
})

test('a repository comes back with its id and all that is in it, when its name is free', async (t) => {
  const registry = await aRegistry(t)
  const { metadata, here } = registry
  const name = parseRepositoryName('team/here')
  const image = await pushImage(registry, 'image', 'v1')
  assert.deepEqual(await restoreRepository(metadata, name, audit), { kind: 'gone' })
  await removeRepository(metadata, here)
  const next = await ensureRepository(metadata, name, undefined)
  assert.deepEqual(await restoreRepository(metadata, name, audit), { kind: 'taken' })
  await removeRepository(metadata, next.id)
  // Of two of this name the last is meant, and then the one before.
  const restored = { kind: 'restored', grants: 0, grantsEnded: 0 }
  assert.deepEqual(await restoreRepository(metadata, name, audit), { ...restored, id: next.id })
  await removeRepository(metadata, next.id)
  await metadata.write(async (tx) => {
    assert.equal(await beginPurge(tx, next.id, Date.now()), true)
    assert.equal(await purgeSomeOfRepository(tx, next.id, { limit: 9, reviewAfter: 0 }), false)
  })
  assert.deepEqual(await restoreRepository(metadata, name, audit), { ...restored, id: here })
  assert.equal((await findRepository(metadata, name))?.id, here)
  assert.equal((await findManifestByTag(metadata, here, v1))?.digest, image.digest)
})

test('grants come back while their holders are there and their time is not over', async (t) => {
  const { metadata, here } = await aRegistry(t)
  const name = parseRepositoryName('team/here')
  mock.timers.enable({ apis: ['Date'], now: day })
  try {
    const ids = new Map<string, number>()
    for (const user of ['ann', 'bob', 'cid', 'dan']) {
      await metadata.write(async (tx) => {
        await insertPrincipal(tx, {
          name: user,
          provider: 'local',
          admin: false,
          passwordHash: 'hash',
        })
        const id = (await findPrincipalByName(tx, user))?.id ?? 0
        ids.set(user, id)
        await insertGrant(tx, {
          holder: { kind: 'principal', id },
          placeKind: 'repository',
          place: name,
          repositoryId: here,
          actions: 'pull,push',
          reason: 'work',
          grantedBy: undefined,
          expiresAt: user === 'bob' ? 2 * day : undefined,
        })
      })
    }
    const grantsOf = async (user: string) => grantsOfPrincipal(metadata, ids.get(user) ?? 0)
    await removeRepository(metadata, here)
    assert.deepEqual(await grantsOf('ann'), [])
    await metadata.write(async (tx) => {
      await deletePrincipal(tx, ids.get('cid') ?? 0)
      // Waits for whatever has this name next.
      await insertGrant(tx, {
        holder: { kind: 'principal', id: ids.get('dan') ?? 0 },
        placeKind: 'repository',
        place: name,
        repositoryId: undefined,
        actions: 'pull',
        reason: '',
        grantedBy: undefined,
        expiresAt: undefined,
      })
    })
    mock.timers.setTime(3 * day)
    const restored = await restoreRepository(metadata, name, audit)
    assert.deepEqual(restored, { kind: 'restored', id: here, grants: 1, grantsEnded: 3 })
    const [back] = await grantsOf('ann')
    assert.equal(back?.repositoryId, here)
    assert.equal(back?.actions, 'pull,push')
    assert.deepEqual(await grantsOf('bob'), [])
    const [waiting] = await grantsOf('dan')
    assert.deepEqual([waiting?.actions, waiting?.repositoryId], ['pull', here])
  } finally {
    mock.timers.reset()
  }
})
