// Cases of the contract: foreign keys protect what something else needs, whatever code forgets to look.
import assert from 'node:assert/strict'
import { insertSetupLink } from '../settings.ts'
import { linkBlob, unlinkBlob } from '../blobs.ts'
import { deleteManifest, findManifest, indexHolding } from '../manifests.ts'
import type { MetadataStore, Transaction } from '../metadata-store.ts'
import { deletePrincipal } from '../principals.ts'
import { deleteRepository, findRepository } from '../repositories.ts'
import { findTag } from '../tags.ts'
import { insertUploadPart, saveUpload } from '../uploads.ts'
import { parseTag } from '../../oci/reference.ts'
import { aBlob, aManifest, aRepository, aTag, aUser, digest, name, type Case } from './case.ts'

interface World {
  readonly store: MetadataStore
  /** Has a layer, an image that needs it, an index that needs the image, and a tag on the index. */
  readonly id: number
  /** Is empty. */
  readonly other: number
}

async function aWorld(store: MetadataStore): Promise<World> {
  return store.write(async (tx) => {
    const id = await aRepository(tx, 'team/app')
    const other = await aRepository(tx, 'team/other')
    await aBlob(tx, 'layer', id)
    await aManifest(tx, id, 'image', { blobs: [digest('layer')] })
    await aManifest(tx, id, 'index', { children: [digest('image')] })
    await aTag(tx, id, 'latest', digest('index'))
    return { store, id, other }
  })
}

const refused: readonly (readonly [string, (tx: Transaction, world: World) => Promise<unknown>])[] =
  [
    [
      'unlinking a blob that a manifest needs',
      async (tx, { id }) => unlinkBlob(tx, id, digest('layer')),
    ],
    [
      'deleting a manifest with a tag',
      async (tx, { id }) => deleteManifest(tx, id, digest('index')),
    ],
    ['deleting a child of an index', async (tx, { id }) => deleteManifest(tx, id, digest('image'))],
    ['deleting a repository with tags', async (tx, { id }) => deleteRepository(tx, id)],
    ['tagging what is not there', async (tx, { id }) => aTag(tx, id, 'v1', digest('nothing'))],
    [
      'tagging a manifest of another repository',
      async (tx, { other }) => aTag(tx, other, 'v1', digest('image')),
    ],
    [
      'moving a tag to what is not there',
      async (tx, { id }) => aTag(tx, id, 'latest', digest('nothing')),
    ],
    ['linking an unknown blob', async (tx, { id }) => linkBlob(tx, id, digest('nothing'))],
    ['linking to an unknown repository', async (tx) => linkBlob(tx, 999_999, digest('layer'))],
    [
      'a manifest that needs a blob of another repository',
      async (tx, { other }) => aManifest(tx, other, 'image', { blobs: [digest('layer')] }),
    ],
    [
      'a manifest with a child of another repository',
      async (tx, { other }) => aManifest(tx, other, 'index', { children: [digest('image')] }),
    ],
    ['a manifest of an unknown repository', async (tx) => aManifest(tx, 999_999, 'image')],
    [
      'a part of an unknown upload',
      async (tx) =>
        insertUploadPart(tx, 'unknown', {
          startOffset: 0,
          size: 1,
          digest: digest('x'),
          storageKey: undefined,
          content: Buffer.from('x'),
        }),
    ],
    [
      'an upload to an unknown repository',
      async (tx) =>
        saveUpload(tx, { id: 'x', repositoryId: 999_999, principalId: 1, state: 'open' }),
    ],
    [
      'a setup link for an unknown principal',
      async (tx) => insertSetupLink(tx, { keyHash: 'x', principalId: 999_999, expiresAt: 1 }),
    ],
  ]

async function assertWhole({ store, id }: World): Promise<void> {
  assert.ok(await findRepository(store, name('team/app')))
  assert.ok(await findManifest(store, id, digest('image')))
  assert.equal(await indexHolding(store, id, digest('image')), digest('index'))
  assert.equal((await findTag(store, id, parseTag('latest')))?.digest, digest('index'))
}

export const protection: readonly Case[] = [
  ...refused.map(([title, forbidden]): Case => [
    `${title} is refused by the database`,
    async (store) => {
      const world = await aWorld(store)
      await assert.rejects(store.write(async (tx) => forbidden(tx, world)))
      await assertWhole(world)
    },
  ]),
  [
    'a failed statement undoes what its write did before it',
    async (store) => {
      const world = await aWorld(store)
      const write = store.write(async (tx) => {
        await aRepository(tx, 'team/new')
        await deleteManifest(tx, world.id, digest('image'))
      })
      await assert.rejects(write)
      assert.equal(await findRepository(store, name('team/new')), undefined)
    },
  ],
  [
    'a principal goes with its setup links',
    async (store) => {
      const id = await store.write(async (tx) => {
        const made = await aUser(tx, 'alice')
        await insertSetupLink(tx, { keyHash: 'x', principalId: made, expiresAt: Date.now() })
        return made
      })
      await store.write(async (tx) => deletePrincipal(tx, id))
      // The key is free again.
      await store.write(async (tx) => {
        const other = await aUser(tx, 'bob')
        await insertSetupLink(tx, { keyHash: 'x', principalId: other, expiresAt: Date.now() })
      })
    },
  ],
]
