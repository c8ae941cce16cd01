// Collection, the recycle bin and the history of tags over the management API.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { addRepository } from '../../../cli/test-support/repositories.ts'
import { insertBlob } from '../../../metadata/blobs.ts'
import { findRepository } from '../../../metadata/repositories.ts'
import { removeManifest } from '../../../registry/delete.ts'
import { digestOf } from '../../../oci/digest.ts'
import { parseRepositoryName } from '../../../oci/reference.ts'
import { anApi, auditEvents, clientOf, refused, type TestApi } from '../test-support/api.ts'

async function idOf({ metadata }: TestApi, name: string): Promise<number> {
  return (await findRepository(metadata, parseRepositoryName(name)))?.id ?? 0
}

async function grant(app: TestApi, who: string, where: string, actions: string): Promise<void> {
  const operator = await clientOf(app, 'operator')
  await operator.call('grants.create', { who, where, actions })
}

suite('tags over the API', () => {
  test('have a history, for whoever may pull', async (t) => {
    const app = await anApi(t)
    const { digest } = await addRepository(app, 'ann/app', ['v1', 'v2'])
    const ann = await clientOf(app, 'ann')
    await ann.call('tags.remove', { repository: 'ann/app', tag: 'v1' })
    const first = await ann.call('tags.history', { repository: 'ann/app', limit: 2 })
    const told = first.items.map(({ tag, digest: to, before, by }) => [tag, before, to, by])
    assert.deepEqual(told, [
      ['v1', digest, undefined, 'ann'],
      ['v2', undefined, digest, 'ann'],
    ])
    const { next = '' } = first
    const rest = await ann.call('tags.history', { repository: 'ann/app', limit: 2, after: next })
    assert.deepEqual(
      rest.items.map(({ tag }) => tag),
      ['v1'],
    )
    assert.equal(rest.next, undefined)
    const one = await ann.call('tags.history', { repository: 'ann/app', tag: 'v1' })
    assert.equal(one.items.length, 2)
    const bob = await clientOf(app, 'bob')
    await assert.rejects(
      bob.call('tags.history', { repository: 'ann/app' }),
      refused('404 not-found'),
    )
  })

  test('go back by whoever may push, move them, and bring back what was deleted', async (t) => {
    const app = await anApi(t)
    const { digest } = await addRepository(app, 'ann/app', ['v1'])
    const id = await idOf(app, 'ann/app')
    await grant(app, 'user:bob', 'ann/app', 'pull,push')
    const ann = await clientOf(app, 'ann')
    const asked = { repository: 'ann/app', tag: 'v1' }
    const back = { tag: 'v1', digest, changed: true, imageRestored: false }
    await ann.call('tags.remove', asked)
    const bob = await clientOf(app, 'bob')
    assert.deepEqual(await bob.call('tags.restore', asked), back)
    assert.equal((await bob.call('tags.restore', { ...asked, digest })).changed, false)
    await removeManifest(app.metadata, id, digest)
    await assert.rejects(bob.call('tags.restore', asked), refused('403 denied', /delete/))
    assert.deepEqual(await ann.call('tags.restore', asked), { ...back, imageRestored: true })
    // By digest, with its tags: for whoever may delete and push.
    await removeManifest(app.metadata, id, digest)
    const image = { repository: 'ann/app', digest }
    await assert.rejects(bob.call('images.restore', image), refused('403 denied'))
    assert.deepEqual(await ann.call('images.restore', image), {
      digest,
      tags: ['v1'],
      tagsElsewhere: [],
    })
    await assert.rejects(ann.call('images.restore', image), refused('404 not-found', /no deleted/))
    const nothing = { repository: 'ann/app', tag: 'v9' }
    await assert.rejects(ann.call('tags.restore', nothing), refused('404 not-found', /v9/))
    const bad = { repository: 'ann/app', tag: 'v1', digest: 'sha256:abc' }
    await assert.rejects(ann.call('tags.restore', bad), refused('422 invalid', /digest/))
    assert.deepEqual(
      (await auditEvents(app)).filter((line) => /restored/.test(line)),
      [
        'tag.restored ann/app:v1 by bob',
        'tag.restored ann/app:v1 by ann',
        `manifest.restored ann/app@${digest} by ann`,
      ],
    )
  })
})

suite('deleted repositories over the API', () => {
  test('are listed for, and brought back by, those who administer their names', async (t) => {
    const app = await anApi(t)
    await addRepository(app, 'ann/app', ['v1'])
    await grant(app, 'user:bob', 'ann/app', 'owner')
    const [ann, bob, admin] = [
      await clientOf(app, 'ann'),
      await clientOf(app, 'bob'),
      await clientOf(app, 'admin'),
    ]
    const asked = { name: 'ann/app' }
    await bob.call('repositories.remove', asked)
    // What was granted on it went with it.
    assert.deepEqual((await bob.call('repositories.deleted', {})).items, [])
    await assert.rejects(bob.call('repositories.restore', asked), refused('404 not-found'))
    for (const one of [ann, admin]) {
      const [deleted, ...others] = (await one.call('repositories.deleted', {})).items
      assert.deepEqual(others, [])
      assert.deepEqual([deleted?.name, deleted?.deletedBy, deleted?.tags], ['ann/app', 'bob', 1])
      const kept = Date.parse(deleted?.purgedAfter ?? '') - Date.parse(deleted?.deletedAt ?? '')
      assert.equal(kept, 14 * 86_400_000)
    }
    await ann.call('repositories.create', asked)
    await assert.rejects(
      ann.call('repositories.restore', asked),
      refused('409 exists', /another repository ann\/app/),
    )
    await ann.call('repositories.remove', asked)
    // The empty one was deleted last.
    const first = await ann.call('repositories.restore', asked)
    assert.deepEqual([first.repository.tags, first.grants], [0, 0])
    await ann.call('repositories.remove', asked)
    assert.equal((await ann.call('repositories.deleted', {})).items.length, 2)
    await assert.rejects(
      ann.call('repositories.restore', { name: 'ann/none' }),
      refused('404 not-found', /No removed repository/),
    )
  })
})

suite('collection over the API', () => {
  test('says what waits and why, runs, and takes back, for administrators', async (t) => {
    const app = await anApi(t)
    const { metadata } = app
    const { digest } = await addRepository(app, 'ann/app', ['v1'])
    await removeManifest(metadata, await idOf(app, 'ann/app'), digest)
    const admin = await clientOf(app, 'admin')
    const status = await admin.call('collection.status', {})
    assert.deepEqual(status.keep, {
      untagged: 1_209_600,
      unreferenced: 86_400,
      trash: 86_400,
      deleted: 1_209_600,
    })
    assert.equal(status.last, undefined)
    assert.equal(status.reclaimable.bytes, 3_600_000)
    const [thing] = status.things
    assert.deepEqual(
      [thing?.kind, thing?.repository, thing?.tags, thing?.reason],
      ['image', 'ann/app', ['v1'], 'deleted'],
    )
    assert.ok(Date.parse(thing?.due ?? '') > Date.now() + 13 * 86_400_000)
    const content = Buffer.from('x')
    await metadata.write(async (tx) => {
      await insertBlob(tx, { digest: digestOf(content), size: 1, storageKey: undefined, content })
    })
    const none = await admin.call('collection.status', { limit: 0 })
    assert.deepEqual([none.things, none.more], [[], true])
    const dry = await admin.call('collection.run', { dryRun: true })
    assert.deepEqual([dry.blobs, dry.complete, dry.trashedBytes], [0, true, 0])
    const done = await admin.call('collection.run', {})
    assert.deepEqual([done.blobs, done.errors, done.busy, done.complete], [0, 0, false, true])
    assert.ok((await admin.call('collection.status', {})).last !== undefined)
    const undone = await admin.call('collection.undo', {})
    assert.deepEqual([undone.blobs, undone.manifests], [0, 0])
    for (const who of ['ann', 'bob']) {
      const other = await clientOf(app, who)
      for (const name of ['collection.status', 'collection.run', 'collection.undo'] as const) {
        await assert.rejects(other.call(name, {}), refused('403 denied'))
      }
    }
    assert.deepEqual(
      (await auditEvents(app)).filter((line) => line.startsWith('collection')),
      ['collection.run collection by admin', 'collection.undone collection by admin'],
    )
  })
})
