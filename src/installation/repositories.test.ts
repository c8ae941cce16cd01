import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { listAudit } from '../metadata/audit.ts'
import { insertBlob, linkBlob } from '../metadata/blobs.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { listRepositoryStatistics, listTagStatistics } from '../metadata/statistics.ts'
import { digestOf } from '../oci/digest.ts'
import { ociManifest } from '../oci/media-types.ts'
import type { Tag } from '../oci/reference.ts'
import { pushManifest } from '../registry/push-manifest.ts'
import {
  createRepository,
  editRepository,
  removeRepository,
  requireRepository,
  showRepository,
} from './repositories.ts'
import { removeTag } from './tags.ts'
import { actor, openTestInstallation, refusal } from './test-support.ts'

suite('repositories', () => {
  test('are made, shown, changed and listed', async () => {
    await using deps = await openTestInstallation()
    const { metadata } = deps
    const made = await make(metadata, 'team/api', 'internal', 'the API')
    const { id, createdAt, ...rest } = made
    assert.ok(id > 0 && createdAt <= Date.now())
    assert.deepEqual(rest, {
      name: 'team/api',
      visibility: 'internal',
      description: 'the API',
      tags: 0,
      manifests: 0,
      bytes: 0,
      pushedAt: undefined,
    })
    assert.deepEqual(await showRepository(metadata, 'team/api'), made)
    const edited = await editRepository(deps, actor, { name: 'team/api', visibility: 'public' })
    assert.deepEqual(edited, { ...made, visibility: 'public' })
    const renamed = await editRepository(deps, actor, { name: 'team/api', description: '' })
    assert.deepEqual(renamed, { ...made, visibility: 'public', description: '' })
    await make(metadata, 'a-first')
    assert.deepEqual(await namesOf(metadata), ['a-first', 'team/api'])
  })

  test('are refused twice, under wrong names and with descriptions that are no line', async () => {
    await using deps = await openTestInstallation()
    const { metadata } = deps
    await make(metadata, 'team/api')
    await assert.rejects(make(metadata, 'team/api'), refusal('exists', /team\/api already/))
    for (const name of ['', 'Team/api', '/api', 'a//b', '../../x', 'x'.repeat(201)]) {
      await assert.rejects(make(metadata, name), refusal('invalid', /cannot be the name/), name)
    }
    for (const text of ['two\nlines', '\u001b[31mred', '\ud800', 'x'.repeat(1001)]) {
      await assert.rejects(
        make(metadata, 'other', 'private', text),
        refusal('invalid', /description/),
      )
      const edited = editRepository(deps, actor, { name: 'team/api', description: text })
      await assert.rejects(edited, refusal('invalid', /description/))
    }
  })

  test('that are not there are not found, whatever is asked', async () => {
    await using deps = await openTestInstallation()
    const { metadata } = deps
    for (const name of ['team/none', 'No Such', '']) {
      const missing = refusal('not-found', /there is no repository/)
      await assert.rejects(showRepository(metadata, name), missing)
      await assert.rejects(editRepository(deps, actor, { name, description: '' }), missing)
      await assert.rejects(removeRepository(deps, actor, { name }), missing)
      await assert.rejects(removeTag(deps, actor, { repository: name, tag: 'latest' }), missing)
    }
  })

  test('are removed with all that is in them, and their ids stay used', async () => {
    await using deps = await openTestInstallation()
    const { metadata } = deps
    const { id } = await make(metadata, 'team/api')
    await pushTags(metadata, id, ['1', 'latest'])
    await removeRepository(deps, actor, { name: 'team/api' })
    assert.deepEqual(await namesOf(metadata), [])
    const again = await make(metadata, 'team/api')
    assert.notEqual(again.id, id)
    assert.equal(again.tags + again.manifests + again.bytes, 0)
  })

  test('stay, with no word of it in the log, when they are not as they were expected to be', async () => {
    await using deps = await openTestInstallation()
    const { metadata } = deps
    const { id } = await make(metadata, 'team/api', 'internal')
    await pushTags(metadata, id, ['1'])
    const seen: string[] = []
    const expect = ({ visibility }: { readonly visibility: string }) => {
      seen.push(visibility)
      throw new Error('it was changed')
    }
    const removal = removeRepository(deps, actor, { name: 'team/api', expect })
    await assert.rejects(removal, /it was changed/)
    assert.deepEqual(seen, ['internal'])
    assert.equal((await showRepository(metadata, 'team/api')).tags, 1)
    const events = await listAudit(metadata, { after: 0, event: 'repository.removed', limit: 9 })
    assert.deepEqual(events, [])
  })

  test('that were made anew meanwhile are not the ones that were to be removed', async () => {
    await using deps = await openTestInstallation()
    const { metadata } = deps
    await make(metadata, 'team/api')
    const outcomes = await Promise.allSettled([
      removeRepository(deps, actor, { name: 'team/api' }),
      removeRepository(deps, actor, { name: 'team/api' }),
    ])
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
    const events = await listAudit(metadata, { after: 0, event: 'repository.removed', limit: 9 })
    assert.equal(events.length, 1)
  })
})

suite('tags', () => {
  test('are listed with what they point to, in ASCII order, all of them', async () => {
    await using deps = await openTestInstallation()
    const { metadata } = deps
    const { id } = await make(metadata, 'team/api')
    const names = Array.from({ length: 502 }, (_, number) => `v${number}`)
    const { digest, size } = await pushTags(metadata, id, [...names, 'Z'])
    const tags = await listTagStatistics(metadata, id, { after: '', limit: 600 })
    assert.equal(tags.length, 503)
    assert.equal(tags[0]?.name, 'Z')
    assert.deepEqual(
      tags.map(({ name }) => String(name)),
      tags.map(({ name }) => String(name)).toSorted((a, b) => (a < b ? -1 : 1)),
    )
    for (const tag of tags) {
      assert.equal(tag.digest, digest)
      assert.equal(tag.mediaType, ociManifest)
      assert.equal(tag.bytes, size + 2)
      assert.equal(tag.updatedBy, undefined)
    }
    const { tags: count, bytes, pushedAt } = await showRepository(metadata, 'team/api')
    assert.equal(count, 503)
    assert.equal(bytes, size + 2)
    assert.ok(pushedAt)
  })

  test('are removed one by one, and the manifest stays', async () => {
    await using deps = await openTestInstallation()
    const { metadata } = deps
    const { id } = await make(metadata, 'team/api')
    await pushTags(metadata, id, ['1', 'latest'])
    await removeTag(deps, actor, { repository: 'team/api', tag: 'latest' })
    assert.deepEqual(
      (await listTagStatistics(metadata, id, { after: '', limit: 9 })).map(({ name }) => name),
      ['1'],
    )
    for (const tag of ['latest', 'not a tag', '']) {
      await assert.rejects(
        removeTag(deps, actor, { repository: 'team/api', tag }),
        refusal('not-found', /there is no tag/),
      )
    }
    await removeTag(deps, actor, { repository: 'team/api', tag: '1' })
    assert.equal((await showRepository(metadata, 'team/api')).manifests, 1)
    assert.equal((await requireRepository(metadata, 'team/api')).id, id)
  })
})

async function namesOf(metadata: MetadataStore): Promise<readonly string[]> {
  const rows = await listRepositoryStatistics(metadata, { after: '', limit: 500 })
  return rows.map(({ name }) => name)
}

async function make(
  metadata: MetadataStore,
  name: string,
  visibility: 'private' | 'internal' | 'public' = 'private',
  description = '',
) {
  return createRepository({ metadata }, actor, { name, visibility, description })
}

/** One manifest with an empty config under all the tags. */
async function pushTags(metadata: MetadataStore, repositoryId: number, names: readonly string[]) {
  const content = Buffer.from('{}')
  const digest = digestOf(content)
  await metadata.write(async (tx) => {
    await insertBlob(tx, { digest, size: 2, storageKey: undefined, content })
    await linkBlob(tx, repositoryId, digest)
  })
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest, size: 2 }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [config] }))
  const [first = '', ...others] = names
  const pushed = await pushManifest(metadata, {
    repositoryId,
    reference: { kind: 'tag', tag: first as Tag },
    tags: others as Tag[],
    contentType: ociManifest,
    bytes,
    name: 'team/app',
    pusher: { id: undefined, name: 'tester', address: '127.0.0.1' },
  })
  return { digest: pushed.digest, size: bytes.length }
}
