// Collection and the recycle bin in a whole server with settings of seconds: images are pushed over the network, deleted,
// brought back by commands beside the data, and at last their bytes leave the disk.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runOk, waitUntil } from './support/processes.ts'
import { startRegistry } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const carrel = fileURLToPath(new URL('../carrel', import.meta.url))
const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const layerBytes = 300_000

function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

async function ask(
  url: string,
  path: string,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly digest: string | null }> {
  const answer = await fetch(`${url}${path}`, init)
  await answer.arrayBuffer()
  return { status: answer.status, digest: answer.headers.get('docker-content-digest') }
}

async function pushBlob(url: string, repository: string, bytes: Uint8Array): Promise<string> {
  const digest = digestOf(bytes)
  const path = `/v2/${repository}/blobs/uploads/?digest=${digest}`
  const body = Buffer.from(bytes)
  assert.equal((await ask(url, path, { method: 'POST', body })).status, 201)
  return digest
}

async function pushImage(url: string, repository: string, tag: string): Promise<string> {
  const layer = randomBytes(layerBytes)
  const config = Buffer.from('{}')
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: {
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: await pushBlob(url, repository, config),
      size: config.length,
    },
    layers: [
      {
        mediaType: 'application/octet-stream',
        digest: await pushBlob(url, repository, layer),
        size: layer.length,
      },
    ],
  })
  const put = { method: 'PUT', headers: { 'content-type': manifestType }, body: manifest }
  const { status, digest } = await ask(url, `/v2/${repository}/manifests/${tag}`, put)
  assert.equal(status, 201)
  return digest ?? ''
}

/** Of all blobs on the disk. */
async function bytesOn(dataDir: string): Promise<number> {
  const names = await readdir(join(dataDir, 'storage', 'blobs'), { recursive: true }).catch(
    () => [],
  )
  let bytes = 0
  for (const name of names) {
    const found = await stat(join(dataDir, 'storage', 'blobs', name)).catch(() => undefined)
    if (found?.isFile() === true) bytes += found.size
  }
  return bytes
}

const soon = {
  CARREL_KEEP_UNTAGGED: '1s',
  CARREL_KEEP_UNREFERENCED: '1s',
  CARREL_KEEP_TRASH: '1s',
}

void test('what is deleted comes back by commands, and in the end its bytes leave the disk', async (t) => {
  await using folder = await temporaryFolder('collection')
  const data = join(folder.path, 'data')
  const run = async (...words: string[]) =>
    (await runOk(carrel, [...words, '--data', data], { timeoutMs: 30_000 })).stdout
  {
    await using registry = await startRegistry({
      open: true,
      data,
      env: { ...soon, CARREL_KEEP_DELETED: '1h' },
    })
    const { url } = registry
    const first = await pushImage(url, 'team/app', 'v1')
    const second = await pushImage(url, 'team/app', 'v1')
    const other = await pushImage(url, 'team/other', 'v1')
    const head = async (path: string) => ask(url, `/v2/${path}`, { method: 'HEAD' })

    // A tag that was moved, while its former image is there or in the bin.
    const restored = JSON.parse(await run('tag', 'restore', 'team/app:v1', '--json')) as object
    assert.deepEqual(restored, {
      tag: 'v1',
      digest: first,
      before: second,
      changed: true,
      imageRestored: false,
    })
    assert.equal((await head('team/app/manifests/v1')).digest, first)

    // An image by digest, with its tag.
    const remove = { method: 'DELETE' }
    assert.equal((await ask(url, `/v2/team/app/manifests/${first}`, remove)).status, 202)
    assert.equal((await head('team/app/manifests/v1')).status, 404)
    await run('tag', 'restore', 'team/app:v1')
    assert.equal((await head('team/app/manifests/v1')).digest, first)

    // A repository, and nothing of it under a new one of its name.
    await run('repo', 'rm', 'team/other', '--yes')
    assert.equal((await head('team/other/manifests/v1')).status, 404)
    await pushImage(url, 'team/other', 'v2')
    assert.equal((await head('team/other/manifests/v1')).status, 404)
    await run('repo', 'rm', 'team/other', '--yes')
    await run('repo', 'restore', 'team/other')
    assert.equal((await head('team/other/manifests/v2')).status, 200)
    await run('repo', 'rm', 'team/other', '--yes')
    const deleted = JSON.parse(await run('repo', 'ls', '--deleted', '--json')) as unknown[]
    assert.equal(deleted.length, 2)

    // The second image has no tag: a second later it goes to the bin, and another one later for good.
    await waitUntil('The untagged image was not collected', async () => {
      return (await head(`team/app/manifests/${second}`)).status === 404
    })
    await waitUntil('The bytes of the collected image did not come back', async () => {
      return (await bytesOn(data)) <= 3 * layerBytes
    })
    assert.equal((await head('team/app/manifests/v1')).digest, first)
    const history = JSON.parse(await run('tag', 'history', 'team/app:v1', '--json')) as {
      digest?: string
    }[]
    assert.deepEqual(
      history.map(({ digest }) => digest),
      [first, undefined, first, second, first],
    )
    assert.ok(other.startsWith('sha256:'))
  }
  const before = await bytesOn(data)
  {
    await using registry = await startRegistry({
      open: true,
      data,
      env: { ...soon, CARREL_KEEP_DELETED: '1s' },
    })
    await run('repo', 'rm', 'team/app', '--yes')
    await waitUntil('The disk is not empty', async () => (await bytesOn(data)) === 0)
    const said = JSON.parse(await run('gc', 'status', '--json')) as {
      reclaimable: unknown
      last: { errors: number }
    }
    assert.deepEqual(said.reclaimable, { blobs: 0, bytes: 0 })
    assert.equal(said.last.errors, 0, registry.log())
  }
  t.diagnostic(`${before} bytes came back`)
  assert.equal(before, 3 * layerBytes)
})
