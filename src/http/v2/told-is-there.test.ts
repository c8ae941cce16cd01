// What a client was told is there with HEAD, stays for as long as its push takes, even when its time is over.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collect } from '../../collection/collect.ts'
import { findLinkedBlob } from '../../metadata/blobs.ts'
import { putOffBlob, putOffManifest } from '../../metadata/collection.ts'
import { findManifest } from '../../metadata/manifests.ts'
import { query } from '../../metadata/query.ts'
import type { Digest } from '../../oci/digest.ts'
import { createBlobStore } from '../../storage/blob-store.ts'
import { anApp, ask } from '../test-support/app.ts'
import { putBlob, putImage, repositoryOf } from '../test-support/content.ts'

const hourMs = 3_600_000
const keep = {
  untaggedMs: 14 * 24 * hourMs,
  unreferencedMs: 24 * hourMs,
  trashMs: 24 * hourMs,
  deletedMs: 14 * 24 * hourMs,
}

const makeOld = query<{ linkedAt: number }>()((db, p) =>
  db.updateTable('repository_blobs').set({ linked_at: p.linkedAt }),
)

test('a blob and a manifest whose time is over stay when a client has just asked for them', async (t) => {
  const app = await anApp(t, { keep })
  const { metadata } = app
  const asked = await putBlob(app, 'alice/app', Buffer.from('asked for'))
  const other = await putBlob(app, 'alice/app', Buffer.from('forgotten'))
  const image = await putImage(app, 'alice/app', 'v1')
  await ask(app, 'DELETE /v2/alice/app/manifests/v1', { as: 'alice' })
  const repositoryId = (await repositoryOf(app, 'alice/app'))?.id ?? 0
  // Due at this moment: blobs were pushed a day ago, and the tag was deleted two weeks ago.
  const before = Number.MAX_SAFE_INTEGER
  const now = Date.now()
  const manifest = { repositoryId, digest: image.digest, before }
  await metadata.write(async (tx) => {
    await tx.run(makeOld, { linkedAt: now - 24 * hourMs })
    for (const digest of [asked, other]) await putOffBlob(tx, { digest, before, reviewAfter: now })
    await putOffManifest(tx, { ...manifest, reviewAfter: now - 13 * 24 * hourMs })
  })
  const head = async (path: string) => ask(app, `HEAD /v2/alice/app/${path}`, { as: 'alice' })
  assert.equal((await head(`blobs/${asked}`)).status, 200)
  assert.equal((await head(`manifests/${image.digest}`)).status, 200)
  const deps = { metadata, blobs: createBlobStore(app.driver) }
  const isThere = async (digest: Digest) =>
    (await findLinkedBlob(metadata, repositoryId, digest)) !== undefined
  await collect(deps, { ...keep, now: now + hourMs / 2 })
  assert.deepEqual([await isThere(asked), await isThere(other)], [true, false])
  assert.ok(await findManifest(metadata, repositoryId, image.digest))
  assert.equal((await head(`blobs/${other}`)).status, 404)
  await collect(deps, { ...keep, now: now + 1.1 * hourMs })
  assert.deepEqual([await isThere(asked), await isThere(other)], [false, false])
  assert.equal(await findManifest(metadata, repositoryId, image.digest), undefined)
})
