import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { ApiClient } from '../../../contract/client.ts'
import type { InputOf } from '../../../contract/operations.ts'
import { digestOf } from '../../../oci/digest.ts'
import { ociManifest } from '../../../oci/media-types.ts'
import type { RepositoryName, Tag } from '../../../oci/reference.ts'
import { insertBlob, linkBlob } from '../../../metadata/blobs.ts'
import { findRepository } from '../../../metadata/repositories.ts'
import { pushManifest } from '../../../registry/push-manifest.ts'
import { anApi, auditEvents, clientOf, refused, type TestApi } from '../test-support/api.ts'

suite('repositories over the API', () => {
  test('are made, shown, changed and removed by whoever may', async (t) => {
    const app = await anApi(t)
    const ann = await clientOf(app, 'ann')
    const made = await ann.call('repositories.create', { name: 'ann/tools/app', description: 'x' })
    assert.deepEqual(
      { ...made, createdAt: '' },
      {
        name: 'ann/tools/app',
        visibility: 'private',
        description: 'x',
        tags: 0,
        manifests: 0,
        bytes: 0,
        createdAt: '',
      },
    )
    const { tag = '', output } = await ann.callWithTag('repositories.show', { name: made.name })
    assert.deepEqual(output, made)
    const change = { name: made.name, visibility: 'internal' } as const
    const changed = await ann.call('repositories.change', change, { ifMatch: tag })
    assert.equal(changed.visibility, 'internal')
    await assert.rejects(
      ann.call('repositories.change', { ...change, visibility: 'public' }, { ifMatch: tag }),
      refused('412 changed'),
    )
    const removal = { name: made.name }
    await assert.rejects(
      ann.call('repositories.remove', removal, { ifMatch: tag }),
      refused('412 changed'),
    )
    const { tag: now = '' } = await ann.callWithTag('repositories.show', removal)
    await ann.call('repositories.remove', removal, { ifMatch: now })
    await assert.rejects(
      ann.call('repositories.show', { name: made.name }),
      refused('404 not-found'),
    )
    assert.deepEqual(
      (await auditEvents(app)).filter((line) => line.startsWith('repository.')),
      [
        'repository.created ann/tools/app by ann',
        'repository.changed ann/tools/app by ann',
        'repository.removed ann/tools/app by ann',
      ],
    )
  })

  test('of others are not there, whether or not they are', async (t) => {
    const app = await anApi(t)
    const ann = await clientOf(app, 'ann')
    const bob = await clientOf(app, 'bob')
    await ann.call('repositories.create', { name: 'ann/app' })
    for (const call of [
      async (name: string) => bob.call('repositories.show', { name }),
      async (name: string) => bob.call('repositories.remove', { name }),
      async (name: string) => bob.call('repositories.change', { name, visibility: 'public' }),
      async (name: string) => bob.call('tags.list', { repository: name }),
      async (name: string) => bob.call('tags.remove', { repository: name, tag: 'v1' }),
    ]) {
      for (const name of ['ann/app', 'ann/none']) {
        await assert.rejects(call(name), refused('404 not-found', /may see/))
      }
    }
    await assert.rejects(
      bob.call('repositories.create', { name: 'ann/other' }),
      refused('403 denied'),
    )
    await ann.call('repositories.change', { name: 'ann/app', visibility: 'internal' })
    assert.equal((await bob.call('repositories.show', { name: 'ann/app' })).name, 'ann/app')
    await assert.rejects(
      bob.call('repositories.remove', { name: 'ann/app' }),
      refused('403 denied'),
    )
  })

  test('with names that none can have are not there either', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const ann = await clientOf(app, 'ann')
    for (const [client, words] of [
      [admin, /there is no repository No Such/i],
      [ann, /may see/],
    ] as const) {
      for (const call of [
        async () => client.call('repositories.show', { name: 'No Such' }),
        async () => client.call('repositories.change', { name: 'No Such', visibility: 'public' }),
        async () => client.call('repositories.remove', { name: 'No Such' }),
        async () => client.call('tags.list', { repository: 'No Such' }),
        async () => client.call('tags.remove', { repository: 'No Such', tag: 'v1' }),
      ]) {
        await assert.rejects(call, refused('404 not-found', words))
      }
    }
  })

  test('are listed for whoever may pull from them, page by page', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    const all = ['ann/a', 'ann/b', 'bob/a', 'shop/app', 'shop/web', 'top']
    for (const name of all) await admin.call('repositories.create', { name })
    await admin.call('repositories.change', { name: 'top', visibility: 'internal' })
    await admin.call('grants.create', { who: 'user:ann', where: 'shop/web', actions: 'reader' })
    const ann = await clientOf(app, 'ann')
    for (const limit of [1, 2, 3, 4, 100]) {
      assert.deepEqual(await namesOf(ann, { limit }), ['ann/a', 'ann/b', 'shop/web', 'top'])
      assert.deepEqual(await namesOf(admin, { limit }), all)
      assert.deepEqual(await namesOf(admin, { limit, namespace: 'shop' }), ['shop/app', 'shop/web'])
      assert.deepEqual(await namesOf(ann, { limit, namespace: 'shop' }), ['shop/web'])
    }
    assert.deepEqual(await namesOf(admin, { namespace: 'sho' }), [])
    for (const client of [admin, ann]) {
      assert.deepEqual(await namesOf(client, { visibility: 'internal', limit: 1 }), ['top'])
      assert.deepEqual(await namesOf(client, { visibility: 'public' }), [])
    }
    const hidden = { namespace: 'shop', visibility: 'private' } as const
    assert.deepEqual(await namesOf(ann, hidden), ['shop/web'])
  })

  test('are as visible as their namespace says', async (t) => {
    const app = await anApi(t)
    const admin = await clientOf(app, 'admin')
    await admin.call('namespaces.create', { name: 'shop', defaultVisibility: 'internal' })
    const make = async (name: string, visibility?: 'private') =>
      (await admin.call('repositories.create', { name, ...(visibility && { visibility }) }))
        .visibility
    assert.equal(await make('shop/a'), 'internal')
    assert.equal(await make('shop/b', 'private'), 'private')
  })
})

suite('tags over the API', () => {
  test('are listed and removed', async (t) => {
    const app = await anApi(t)
    const ann = await clientOf(app, 'ann')
    await ann.call('repositories.create', { name: 'ann/app' })
    await addTags(app, 'ann/app', ['v1', 'v2', 'v3'])
    const names: string[] = []
    for await (const tag of ann.pages('tags.list', { repository: 'ann/app', limit: 2 })) {
      names.push(tag.name)
    }
    assert.deepEqual(names, ['v1', 'v2', 'v3'])
    await ann.call('tags.remove', { repository: 'ann/app', tag: 'v2' })
    const missing = ann.call('tags.remove', { repository: 'ann/app', tag: 'v2' })
    await assert.rejects(missing, refused('404 not-found', /no tag v2/))
    assert.ok((await auditEvents(app)).includes('tag.deleted ann/app:v2 by ann'))
  })
})

/** One manifest with an empty config under all the tags. */
async function addTags({ metadata }: TestApi, name: string, tags: readonly string[]) {
  const repository = await findRepository(metadata, name as RepositoryName)
  const repositoryId = repository?.id ?? 0
  const content = Buffer.from('{}')
  const digest = digestOf(content)
  await metadata.write(async (tx) => {
    await insertBlob(tx, { digest, size: 2, storageKey: undefined, content })
    await linkBlob(tx, repositoryId, digest)
  })
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest, size: 2 }
  const [first = '', ...others] = tags
  await pushManifest(metadata, {
    repositoryId,
    reference: { kind: 'tag', tag: first as Tag },
    tags: others as Tag[],
    contentType: ociManifest,
    bytes: Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [config] })),
    name,
    pusher: { id: undefined, name: 'tester', address: '127.0.0.1' },
  })
}

async function namesOf(
  client: ApiClient,
  input: InputOf<'repositories.list'>,
): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of client.pages('repositories.list', input)) names.push(name)
  return names
}
