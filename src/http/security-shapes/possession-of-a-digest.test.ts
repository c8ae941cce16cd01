// To know the digest of something is no right to it: whatever is asked about a digest that lies in somebody else's
// repository is answered as for one that lies nowhere, and takes as long. See CVE-2024-39897 (zot) and CVE-2026-28740
// (Gitea LFS).
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { digestOf, type Digest } from '../../oci/digest.ts'
import { ociImageConfig, ociIndex, ociManifest } from '../../oci/media-types.ts'
import { anAccount } from '../test-support/accounts.ts'
import { anApp, ask, type Answer, type TestApp } from '../test-support/app.ts'
import { makeRepository, putBlob, putImage } from '../test-support/content.ts'
import { roleRights } from '../test-support/matrix-model.ts'
import { compareTimes } from '../test-support/compare-times.ts'

const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'
const nowhere = digestOf(Buffer.from('this lies nowhere'))

interface Probe {
  readonly line: string
  readonly type?: string
  readonly body?: string
}

/** Everything that can be asked with a digest, by somebody who owns eve/app and has `own` there. */
function probesOf(digest: Digest, own: Digest): Readonly<Record<string, Probe>> {
  const uploads = '/v2/eve/app/blobs/uploads/'
  const layer = { mediaType: layerType, digest, size: 21 }
  const config = { mediaType: ociImageConfig, digest: own, size: 3 }
  const image = { schemaVersion: 2, mediaType: ociManifest, config, layers: [layer] }
  const child = { mediaType: ociManifest, digest, size: 21 }
  const index = { schemaVersion: 2, mediaType: ociIndex, manifests: [child] }
  const put = `PUT /v2/eve/app/manifests/v1`
  return {
    'HEAD blob': { line: `HEAD /v2/eve/app/blobs/${digest}` },
    'GET blob': { line: `GET /v2/eve/app/blobs/${digest}` },
    'DELETE blob': { line: `DELETE /v2/eve/app/blobs/${digest}` },
    'HEAD manifest': { line: `HEAD /v2/eve/app/manifests/${digest}` },
    'GET manifest': { line: `GET /v2/eve/app/manifests/${digest}` },
    'DELETE manifest': { line: `DELETE /v2/eve/app/manifests/${digest}` },
    referrers: { line: `GET /v2/eve/app/referrers/${digest}` },
    'mount from its repository': { line: `POST ${uploads}?mount=${digest}&from=vault/app` },
    'mount from no repository': { line: `POST ${uploads}?mount=${digest}&from=vault/none` },
    'mount from itself': { line: `POST ${uploads}?mount=${digest}&from=eve/app` },
    'mount from anywhere': { line: `POST ${uploads}?mount=${digest}` },
    'mount into a new repository': {
      line: `POST /v2/eve/new/blobs/uploads/?mount=${digest}&from=vault/app`,
    },
    'upload of nothing': { line: `POST ${uploads}?digest=${digest}`, body: '' },
    'upload of something else': { line: `POST ${uploads}?digest=${digest}`, body: 'else' },
    'image with it as a layer': { line: put, type: ociManifest, body: JSON.stringify(image) },
    'image with it as config': {
      line: put,
      type: ociManifest,
      body: JSON.stringify({
        ...image,
        config: { ...layer, mediaType: ociImageConfig },
        layers: [],
      }),
    },
    'index with it': { line: put, type: ociIndex, body: JSON.stringify(index) },
    'in the vault, HEAD blob': { line: `HEAD /v2/vault/app/blobs/${digest}` },
    'in the vault, GET manifest': { line: `GET /v2/vault/app/manifests/${digest}` },
    'in the vault, referrers': { line: `GET /v2/vault/app/referrers/${digest}` },
    'in no repository, GET manifest': { line: `GET /v2/vault/none/manifests/${digest}` },
  }
}

async function aVault(t: Parameters<typeof anApp>[0]) {
  const app = await anApp(t)
  await makeRepository(app, 'vault/app')
  const manifest = await putImage(app, 'vault/app', 'v1', ['{"secret":1}', 'a layer of the vault'])
  const blob = digestOf(Buffer.from('a layer of the vault'))
  const given = [{ place: 'eve/', rights: roleRights.owner }]
  const eve = await anAccount(app, 'eve', { given })
  await makeRepository(app, 'eve/app')
  const own = await putBlob(app, 'eve/app', 'own')
  return { app, eve, blob, manifest: manifest.digest, own }
}

/** Without what differs from upload to upload and from digest to digest. */
function comparable({ status, headers, text }: Answer, digest: Digest) {
  const plain = (value: string) =>
    value.replaceAll(digest, 'DIGEST').replaceAll(/[A-Za-z0-9_-]{48}(?=\.|$)/g, 'UPLOAD')
  const entries = Object.entries(headers).map(([name, value]) => [name, plain(value)])
  return { status, headers: Object.fromEntries(entries) as unknown, text: plain(text) }
}

async function askProbe(app: TestApp, { line, type, body }: Probe, as: string): Promise<Answer> {
  return ask(app, line, {
    as,
    ...(type !== undefined && { type }),
    ...(body !== undefined && { body }),
  })
}

suite('a digest that lies in another repository', () => {
  test('is answered as one that lies nowhere, whatever is asked', async (t) => {
    const { app, eve, blob, manifest, own } = await aVault(t)
    const random = probesOf(nowhere, own)
    for (const digest of [blob, manifest]) {
      for (const [title, probe] of Object.entries(probesOf(digest, own))) {
        const answer = await askProbe(app, probe, eve.as)
        const control = await askProbe(app, random[title] ?? probe, eve.as)
        const told = comparable(answer, digest)
        assert.deepEqual(told, comparable(control, nowhere), title)
        const isLet = told.status === 202 || title.endsWith('referrers')
        assert.ok(told.status >= 400 || isLet, `${title}: ${told.status}`)
        assert.notEqual(told.status, 201, title)
      }
    }
    assert.deepEqual(app.faults, [])
  })

  test('is there for whoever may pull it, and can be mounted then', async (t) => {
    const { app, blob } = await aVault(t)
    const given = [
      { place: 'eva/', rights: roleRights.owner },
      { place: 'vault/', rights: roleRights.reader },
    ]
    const { as } = await anAccount(app, 'eva', { given })
    await makeRepository(app, 'eva/app')
    assert.equal((await ask(app, `HEAD /v2/vault/app/blobs/${blob}`, { as })).status, 200)
    assert.equal((await ask(app, `HEAD /v2/eva/app/blobs/${blob}`, { as })).status, 404)
    const line = `POST /v2/eva/app/blobs/uploads/?mount=${blob}&from=vault/app`
    assert.equal((await ask(app, line, { as })).status, 201)
    assert.equal((await ask(app, `HEAD /v2/eva/app/blobs/${blob}`, { as })).status, 200)
  })

  test('comes back nowhere after it was deleted, when others push it again', async (t) => {
    const { app, eve } = await aVault(t)
    const alone = await putBlob(app, 'vault/app', 'alone')
    const as = 'admin'
    assert.equal((await ask(app, `DELETE /v2/vault/app/blobs/${alone}`, { as })).status, 202)
    const line = `POST /v2/eve/app/blobs/uploads/?digest=${alone}`
    assert.equal((await ask(app, line, { as: eve.as, body: 'alone' })).status, 201)
    assert.equal((await ask(app, `HEAD /v2/vault/app/blobs/${alone}`, { as })).status, 404)
  })

  test('takes as long as one that lies nowhere', async (t) => {
    const { app, eve, blob, own } = await aVault(t)
    const there = probesOf(blob, own)
    const random = probesOf(nowhere, own)
    for (const title of ['HEAD blob', 'mount from its repository', 'image with it as a layer']) {
      const [one, other] = [there[title], random[title]]
      assert.ok(one && other)
      const result = await compareTimes(1000, [
        async () => askProbe(app, one, eve.as),
        async () => askProbe(app, other, eve.as),
      ])
      t.diagnostic(`${title}: ${result.told}`)
      assert.ok(result.differenceMs < 1, `${title}: ${result.told}`)
    }
  })
})
