// Cases of the contract: blobs, manifests, tags and what refers to what.
import assert from 'node:assert/strict'
import {
  findBlob,
  findLinkedBlob,
  insertBlob,
  linkBlob,
  linkedBlobSize,
  listBlobs,
  manifestUsingBlob,
  unlinkBlob,
} from '../blobs.ts'
import {
  deleteManifest,
  findManifest,
  findManifestByTag,
  indexHolding,
  insertManifest,
  listReferrers,
  manifestSize,
} from '../manifests.ts'
import { deleteTag, deleteTagsOf, findTag, listTags, setTag } from '../tags.ts'
import { digestOf } from '../../oci/digest.ts'
import { parseTag } from '../../oci/reference.ts'
import { aBlob, aManifest, aRepository, aTag, aUser, digest, type Case } from './case.ts'

const fromStart = { after: '', limit: 100 }

export const contents: readonly Case[] = [
  [
    'a blob is seen through the repositories that it is linked to, and through no other',
    async (store) => {
      const [here, there] = await store.write(async (tx) => {
        const ids = [await aRepository(tx, 'team/here'), await aRepository(tx, 'team/there')]
        await aBlob(tx, 'small', ids[0] ?? 0)
        return ids as [number, number]
      })
      const expected = {
        digest: digest('small'),
        size: 5,
        storageKey: undefined,
        content: Buffer.from('small'),
      }
      const found = await findLinkedBlob(store, here, digest('small'))
      const { reviewAfter = 0, ...blob } = { ...found, content: Buffer.from(found?.content ?? []) }
      assert.deepEqual(blob, expected)
      assert.ok(reviewAfter > Date.now())
      assert.equal(await linkedBlobSize(store, here, digest('small')), 5)
      assert.equal(await findLinkedBlob(store, there, digest('small')), undefined)
      assert.equal(await linkedBlobSize(store, there, digest('small')), undefined)
      assert.equal(await findLinkedBlob(store, here, digest('other')), undefined)
      assert.equal((await findBlob(store, digest('small')))?.size, 5)
      assert.equal(await findBlob(store, digest('other')), undefined)
    },
  ],
  [
    'a blob in storage has a key and no content; sizes beyond 2³² are kept',
    async (store) => {
      const size = 5_000_000_000_000
      const id = await store.write(async (tx) => {
        const made = await aRepository(tx, 'team/app')
        const blob = { digest: digest('big'), size, storageKey: 'blobs/x', content: undefined }
        assert.equal(await insertBlob(tx, blob), true)
        await linkBlob(tx, made, blob.digest)
        return made
      })
      const { reviewAfter = 0, ...blob } = (await findLinkedBlob(store, id, digest('big'))) ?? {}
      assert.deepEqual(blob, {
        digest: digest('big'),
        size,
        storageKey: 'blobs/x',
        content: undefined,
      })
      assert.ok(reviewAfter > Date.now())
      assert.equal(await linkedBlobSize(store, id, digest('big')), size)
    },
  ],
  [
    'the second to bring the same blob is told so, and the first row stays',
    async (store) => {
      const blob = { digest: digest('x'), size: 1, storageKey: 'blobs/1', content: undefined }
      await store.write(async (tx) => {
        assert.equal(await insertBlob(tx, blob), true)
        assert.equal(await insertBlob(tx, { ...blob, storageKey: 'blobs/2' }), false)
      })
      assert.equal((await findBlob(store, blob.digest))?.storageKey, 'blobs/1')
    },
  ],
  [
    'linking a blob twice is fine; it is unlinked once',
    async (store) => {
      await store.write(async (tx) => {
        const id = await aRepository(tx, 'team/app')
        const other = await aRepository(tx, 'team/other')
        await aBlob(tx, 'x', id, id, other)
        assert.equal(await unlinkBlob(tx, id, digest('x')), true)
        assert.equal(await unlinkBlob(tx, id, digest('x')), false)
        assert.equal(await linkedBlobSize(tx, id, digest('x')), undefined)
        assert.equal(await linkedBlobSize(tx, other, digest('x')), 1)
        assert.equal((await listBlobs(tx, fromStart)).length, 1)
      })
    },
  ],
  [
    'a manifest is found by digest and by tag, in its repository only',
    async (store) => {
      const [here, there] = await store.write(async (tx) => {
        const ids = [await aRepository(tx, 'team/here'), await aRepository(tx, 'team/there')]
        await aTag(tx, ids[0] ?? 0, 'v1', await aManifest(tx, ids[0] ?? 0, 'image'))
        return ids as [number, number]
      })
      const tag = parseTag('v1')
      for (const found of [
        await findManifest(store, here, digest('image')),
        await findManifestByTag(store, here, tag),
      ]) {
        assert.equal(found?.digest, digest('image'))
        assert.equal(found?.mediaType, 'application/vnd.oci.image.manifest.v1+json')
        assert.equal(found?.size, 5)
        assert.equal(Buffer.from(found?.content ?? []).toString(), 'image')
      }
      assert.equal(await manifestSize(store, here, digest('image')), 5)
      assert.equal(await findManifest(store, there, digest('image')), undefined)
      assert.equal(await findManifestByTag(store, there, tag), undefined)
      assert.equal(await findManifestByTag(store, here, parseTag('V1')), undefined)
      assert.equal(await manifestSize(store, there, digest('image')), undefined)
    },
  ],
  [
    'pushing a manifest again changes nothing and says so',
    async (store) => {
      const id = await store.write(async (tx) => aRepository(tx, 'team/app'))
      const manifest = {
        repositoryId: id,
        digest: digest('image'),
        mediaType: 'first',
        size: 5,
        content: Buffer.from('image'),
        subject: undefined,
        artifactType: undefined,
        annotations: undefined,
        pushedBy: undefined,
        tagged: true,
        blobs: [],
        children: [],
      }
      await store.write(async (tx) => assert.equal(await insertManifest(tx, manifest), true))
      await store.write(async (tx) => {
        await aBlob(tx, 'x', id)
        const again = { ...manifest, mediaType: 'second', blobs: [digest('x')] }
        assert.equal(await insertManifest(tx, again), false)
      })
      assert.equal((await findManifest(store, id, digest('image')))?.mediaType, 'first')
      assert.equal(await manifestUsingBlob(store, id, digest('x')), undefined)
    },
  ],
  [
    'what a manifest needs is known: its blobs, each once, and its children',
    async (store) => {
      await store.write(async (tx) => {
        const id = await aRepository(tx, 'team/app')
        const other = await aRepository(tx, 'team/other')
        await aBlob(tx, 'layer', id, other)
        await aManifest(tx, id, 'image', { blobs: [digest('layer'), digest('layer')] })
        await aManifest(tx, id, 'index', { children: [digest('image'), digest('image')] })
        assert.equal(await manifestUsingBlob(tx, id, digest('layer')), digest('image'))
        assert.equal(await manifestUsingBlob(tx, other, digest('layer')), undefined)
        assert.equal(await indexHolding(tx, id, digest('image')), digest('index'))
        assert.equal(await indexHolding(tx, id, digest('index')), undefined)
        assert.equal(await deleteManifest(tx, id, digest('index')), true)
        assert.equal(await deleteManifest(tx, id, digest('index')), false)
        assert.equal(await indexHolding(tx, id, digest('image')), undefined)
        assert.equal(await deleteManifest(tx, id, digest('image')), true)
        assert.equal(await manifestUsingBlob(tx, id, digest('layer')), undefined)
      })
    },
  ],
  [
    'referrers of a digest are listed from the oldest, whether or not the subject is there',
    async (store) => {
      const id = await store.write(async (tx) => aRepository(tx, 'team/app'))
      const subject = digestOf(Buffer.from('subject'), 'sha512')
      const annotations = '{"key":"value"}'
      const names = ['signature', 'sbom', 'attestation']
      for (const word of names) {
        const artifactType = word === 'sbom' ? undefined : `application/${word}`
        await store.write(async (tx) =>
          aManifest(tx, id, word, { subject, artifactType, annotations }),
        )
        await new Promise((resolve) => setTimeout(resolve, 3))
      }
      await store.write(async (tx) => {
        await aManifest(tx, id, 'other', { subject: digest('other subject') })
        const elsewhere = await aRepository(tx, 'team/elsewhere')
        await aManifest(tx, elsewhere, 'far', { subject })
      })
      const found = await listReferrers(store, id, subject)
      assert.deepEqual(
        found.map((one) => one.digest),
        names.map(digest),
      )
      assert.deepEqual(found[0], {
        digest: digest('signature'),
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        size: 9,
        artifactType: 'application/signature',
        annotations,
      })
      assert.equal(found[1]?.artifactType, undefined)
      await store.write(async (tx) => deleteManifest(tx, id, digest('sbom')))
      assert.equal((await listReferrers(store, id, subject)).length, 2)
      assert.deepEqual(await listReferrers(store, id, digest('nothing')), [])
    },
  ],
  [
    'a tag moves, remembers when and by whom, and is one per repository',
    async (store) => {
      const [here, there] = await store.write(async (tx) => {
        const ids = [await aRepository(tx, 'team/here'), await aRepository(tx, 'team/there')]
        for (const id of ids) {
          await aManifest(tx, id, 'old')
          await aManifest(tx, id, 'new')
          await aTag(tx, id, 'latest', digest('old'))
        }
        return ids as [number, number]
      })
      const tag = parseTag('latest')
      const before = Date.now()
      await store.write(async (tx) => {
        const updatedBy = await aUser(tx, 'alice')
        await setTag(tx, { repositoryId: here, tag, digest: digest('new'), updatedBy })
      })
      const moved = await findTag(store, here, tag)
      assert.equal(moved?.digest, digest('new'))
      assert.ok((moved?.updatedAt ?? 0) >= before)
      assert.equal((await findTag(store, there, tag))?.digest, digest('old'))
      assert.equal((await listTags(store, here, fromStart)).length, 1)
    },
  ],
  [
    'tags are taken away one by one, or by what they point to',
    async (store) => {
      await store.write(async (tx) => {
        const id = await aRepository(tx, 'team/app')
        const other = await aRepository(tx, 'team/other')
        for (const repository of [id, other]) {
          await aManifest(tx, repository, 'one')
          await aManifest(tx, repository, 'two')
          for (const tag of ['a', 'b', 'c']) await aTag(tx, repository, tag, digest('one'))
          for (const tag of ['d', 'e']) await aTag(tx, repository, tag, digest('two'))
        }
        const names = async () => (await listTags(tx, id, fromStart)).map((tag) => tag.name)
        assert.equal(await deleteTag(tx, id, parseTag('a')), true)
        assert.equal(await deleteTag(tx, id, parseTag('a')), false)
        assert.deepEqual(await names(), ['b', 'c', 'd', 'e'])
        assert.deepEqual(await deleteTagsOf(tx, id, digest('one')), ['b', 'c'])
        assert.deepEqual(await deleteTagsOf(tx, id, digest('one')), [])
        assert.deepEqual(await names(), ['d', 'e'])
        assert.equal((await listTags(tx, other, fromStart)).length, 5)
      })
    },
  ],
]
