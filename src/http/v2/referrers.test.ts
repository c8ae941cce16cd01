import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import { ociIndex, ociManifest } from '../../oci/media-types.ts'
import { anApp, ask, type Answer } from '../test-support/app.ts'
import {
  anIndex,
  describe,
  makeRepository,
  putContent,
  putManifest,
} from '../test-support/content.ts'

const as = 'alice'
const subject = describe(ociManifest, 'a subject that was never pushed')

interface Index {
  readonly manifests: readonly Readonly<Record<string, unknown>>[]
}

function manifestsOf(answer: Answer): Index['manifests'] {
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers['content-type'], ociIndex)
  const { schemaVersion, mediaType, manifests } = answer.json() as Index & Record<string, unknown>
  assert.deepEqual([schemaVersion, mediaType], [2, ociIndex])
  return manifests
}

test('whatever digest is asked for, the answer is an index, also where nothing was ever pushed', async (t) => {
  const app = await anApp(t)
  await makeRepository(app, 'alice/empty')
  for (const name of ['alice/empty', 'alice/never-pushed']) {
    for (const digest of [
      subject.digest,
      `sha256:${'0'.repeat(64)}`,
      `sha512:${'0'.repeat(128)}`,
    ]) {
      const answer = await ask(app, `GET /v2/${name}/referrers/${digest}`, { as })
      assert.deepEqual(manifestsOf(answer), [])
      assert.equal(answer.headers['oci-filters-applied'], undefined)
    }
  }
  for (const digest of ['latest', 'sha256:x', 'md5:0']) {
    const answer = await ask(app, `GET /v2/alice/empty/referrers/${digest}`, { as })
    assert.deepEqual([answer.status, ...answer.codes()], [400, 'DIGEST_INVALID'])
  }
})

test('referrers are listed with what clients choose by, filtered by any of the types asked for', async (t) => {
  const app = await anApp(t)
  const image = await putContent(app, 'alice/app', ['{}'])
  const annotations = { 'org.example': 'value', another: '' }
  const signature = { ...image, subject, artifactType: 'application/signature', annotations }
  const sbom = { ...image, subject, artifactType: 'application/sbom,with-comma' }
  const plain = { ...image, subject }
  const index = anIndex([], { subject })
  const pushed = []
  for (const manifest of [signature, sbom, plain, index]) {
    pushed.push(await putManifest(app, 'alice/app', manifest))
  }
  const [one, two, three, four] = pushed
  const expected = [
    { ...one, artifactType: 'application/signature', annotations },
    { ...two, artifactType: 'application/sbom,with-comma' },
    { ...three, artifactType: 'application/vnd.oci.image.config.v1+json' },
    { ...four },
  ]
  const list = async (query = '') =>
    ask(app, `GET /v2/alice/app/referrers/${subject.digest}${query}`, { as })
  const all = manifestsOf(await list())
  const byDigest = (a: { digest?: unknown }, b: { digest?: unknown }) =>
    String(a.digest) < String(b.digest) ? -1 : 1
  assert.deepEqual(all.toSorted(byDigest), expected.toSorted(byDigest))
  for (const [query, indexes] of [
    ['?artifactType=application/signature', [0]],
    ['?artifactType=application%2Fsbom%2Cwith-comma', [1]],
    ['?artifactType=application/signature&artifactType=application/sbom,with-comma', [0, 1]],
    ['?artifactType=application/vnd.oci.image.config.v1%2Bjson', [2]],
    ['?artifactType=application/nothing', []],
    ['?artifactType=', []],
  ] as const) {
    const answer = await list(query)
    assert.equal(answer.headers['oci-filters-applied'], 'artifactType')
    const digests = manifestsOf(answer).map((manifest) => manifest['digest'])
    assert.deepEqual(digests.toSorted(), indexes.map((at) => expected[at]?.digest).toSorted())
  }
})

test('a referrer that is deleted is listed no more', async (t) => {
  const app = await anApp(t)
  const image = await putContent(app, 'alice/app')
  const { digest } = await putManifest(app, 'alice/app', { ...image, subject })
  assert.equal((await ask(app, `DELETE /v2/alice/app/manifests/${digest}`, { as })).status, 202)
  const answer = await ask(app, `GET /v2/alice/app/referrers/${subject.digest}`, { as })
  assert.deepEqual(manifestsOf(answer), [])
})

test('a subject is known by its digest as it was written: sha512 is another one', async (t) => {
  const app = await anApp(t)
  const image = await putContent(app, 'alice/app')
  const long = digestOf(Buffer.from('a subject that was never pushed'), 'sha512')
  await putManifest(app, 'alice/app', { ...image, subject: { ...subject, digest: long } })
  const count = async (digest: string) =>
    manifestsOf(await ask(app, `GET /v2/alice/app/referrers/${digest}`, { as })).length
  assert.equal(await count(long), 1)
  assert.equal(await count(subject.digest), 0)
})
