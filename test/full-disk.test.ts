// A disk that is full: pushes are refused with a sentence, what is there can be pulled, people can
// sign in, and when there is room again pushes are taken again, without a restart.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAcknowledgementLog } from './durability/acknowledgements.ts'
import { createClient, signIn, type Answer, type Client } from './durability/client.ts'
import { warmStarts, type WarmStarts } from './durability/compile-cache.ts'
import { sha256Of } from './durability/digest.ts'
import { createBallast } from './durability/fill-disk.ts'
import { runFsck } from './durability/fsck.ts'
import { diskFolder, makeLoopDisk, makeMemoryDisk, whyNoDisks } from './durability/loop-disk.ts'
import { createShelf, startLoad } from './durability/push-load.ts'
import { createRandom, seedOfRun } from './durability/random.ts'
import { buildSyncFaults, whyNoSyncFaults } from './durability/sync-faults.ts'
import { verify } from './durability/verify.ts'
import { waitUntil } from './support/processes.ts'
import { basic, startRegistry, type StartedRegistry } from './support/start-registry.ts'

/** As full as it gets: pushes are refused by the disk itself, and not because little is left. */
const noReserve = { CARREL_DISK_RESERVE: '0' }
const isThorough = process.env['CI'] === 'true'
const mebibytes = 64
const kib = 1024
const mebibyte = 1024 * kib
const repository = 'admin/full'

const disks = [
  { name: 'a disk in memory', make: makeMemoryDisk, lacking: whyNoDisks([]) },
  { name: 'an ext4 disk', make: makeLoopDisk, lacking: whyNoDisks() },
]
let warm: WarmStarts | undefined

before(async () => {
  if (disks.some(({ lacking }) => lacking === undefined)) warm = await warmStarts()
})
after(async () => warm?.[Symbol.asyncDispose]())

for (const { name, make, lacking } of disks) {
  const skip = lacking === undefined || isThorough ? false : lacking

  test(
    `${name} that is full refuses pushes with a sentence, and everything else goes on`,
    { skip },
    async () => {
      assert.equal(lacking, undefined)
      await using folder = await diskFolder(2 * mebibytes)
      await using disk = await make(folder.path, mebibytes)
      const data = join(disk.path, 'data')
      const env = { ...warm?.env, ...noReserve }
      await using registry = await startRegistry({ data, env, postgres: false })
      using client = createClient(registry.port, await signIn(registry, [repository]))
      const ballast = createBallast(disk.path)
      const kept = [await pushBlob(client, 300), await pushBlob(client, 100 * kib)]
      const image = await pushImage(client, kept, 'before')

      await ballast.leave(16 * mebibyte)
      await fillWithPushes(client)
      await ballast.leave(0)
      await refusedInTheEnd(async () => putBlob(client, randomBytes(12 * kib)))
      await refusedInTheEnd(async () => putManifest(client, kept, 'no'))

      for (const { digest, bytes } of kept) {
        const answer = await client.ask('GET', `/v2/${repository}/blobs/${digest}`)
        assert.equal(answer?.status, 200)
        assert.ok(answer.body.equals(bytes))
      }
      const pulled = await client.ask('GET', `/v2/${repository}/manifests/before`)
      assert.ok(pulled?.body.equals(image))
      await canSignIn(registry)

      await ballast.remove()
      kept.push(await pushBlob(client, 200), await pushBlob(client, 2000 * kib))
      await pushImage(client, kept, 'after')
      await registry.kill()
      const { code, report } = await runFsck(data)
      assert.deepEqual(report.problems, [])
      assert.equal(code, 0)
    },
  )

  test(
    `${name} with any room left loses nothing and is never at a loss for words`,
    { skip },
    async (t) => {
      assert.equal(lacking, undefined)
      const seed = seedOfRun()
      const random = createRandom(seed)
      await using folder = await diskFolder(2 * mebibytes)
      await using disk = await make(folder.path, mebibytes)
      const data = join(disk.path, 'data')
      const env = { ...warm?.env, ...noReserve }
      await using registry = await startRegistry({ data, env, postgres: false })
      const authorization = await signIn(registry, [repository])
      const log = createAcknowledgementLog()
      const shelf = createShelf([repository])
      const ballast = createBallast(disk.path)
      let [acknowledged, refused] = [0, 0]
      for (const room of [2048, 512, 256, 64, 32, 16, 8, 4, 0, 1024]) {
        await ballast.remove()
        await ballast.leave(room * kib)
        const load = startLoad({
          port: registry.port,
          authorization,
          log,
          random,
          shelf,
          clients: 4,
          mayRefuse: isFull,
        })
        await sleep(150)
        assert.deepEqual(
          await load.stop('lives'),
          [],
          `${room} KiB free, seed ${seed}\n${registry.log()}`,
        )
        acknowledged += load.counts.acknowledged
        refused += load.counts.refused
        const { problems, tags } = await verify({
          port: registry.port,
          authorization,
          expected: log.expected(),
          sample: { size: 10, pick: random.pick },
        })
        assert.deepEqual(problems, [], `${room} KiB free, seed ${seed}`)
        log.settle(tags)
      }
      t.diagnostic(`seed ${seed}: ${acknowledged} acknowledged, ${refused} refused`)
      assert.ok(refused > 0, 'the disk was never full')
      await ballast.remove()
      await registry.kill()
      const { code, report } = await runFsck(data)
      assert.deepEqual(report.problems, [])
      assert.equal(code, 0)
      await using again = await startRegistry({ data, env, postgres: false })
      const seen = await verify({ port: again.port, authorization, expected: log.expected() })
      assert.deepEqual(seen.problems, [])
    },
  )
}

for (const { name, make, lacking } of disks.slice(isThorough ? 0 : -1)) {
  test(
    `${name} is not filled by pushes, and at its last byte deletes and collection make room again`,
    { skip: lacking === undefined || isThorough ? false : lacking },
    async (t) => {
      assert.equal(lacking, undefined)
      await using folder = await diskFolder(2 * mebibytes)
      await using disk = await make(folder.path, mebibytes)
      const data = join(disk.path, 'data')
      // Hardly anything of what is deleted waits, so that collection gives it back soon.
      const env = { ...warm?.env, ...collectSoon }
      await using registry = await startRegistry({ data, env, postgres: false })
      using client = createClient(registry.port, await signIn(registry, [repository]))
      const ballast = createBallast(disk.path)
      const reserve = join(data, 'reserve')
      await waitUntil('There is no reserve', async () => (await sizeOf(reserve)) > 0)

      await ballast.leave(20 * mebibyte)
      const kept = [await pushBlob(client, 300)]
      const image = await pushImage(client, kept, 'before')
      const layers: Blob[] = []
      for (let count = 0; count < 3; count += 1) layers.push(await pushBlob(client, 2000 * kib))
      await pushImage(client, [...kept, ...layers], 'large')
      await fillWithPushes(client)
      const left = await freeBytes(disk.path)
      assert.ok(left >= 4 * mebibyte, `pushes left ${left} bytes`)
      await ballast.leave(5 * mebibyte)
      await degraded(registry, true)

      await ballast.leave(0)
      await waitUntil('The reserve was kept', async () => (await sizeOf(reserve)) === 0)
      const last = await freeBytes(disk.path)
      assert.ok(last < 4 * mebibyte, `${last} bytes are free`)
      // Every worker looks at the disk once a second.
      await sleep(1100)
      for (const { answer } of [
        await putBlob(client, randomBytes(300)),
        await putManifest(client, kept, 'no'),
      ]) {
        assert.ok(answer !== undefined && isFull(answer), String(answer?.body))
      }
      await canPull(client, kept, image, ['before', 'large'])
      await canSignIn(registry)
      const large = await client.ask('HEAD', `/v2/${repository}/manifests/large`)
      const digest = String(large?.headers['docker-content-digest'])
      const deleted = await client.ask('DELETE', `/v2/${repository}/manifests/${digest}`)
      assert.equal(deleted?.status, 202, String(deleted?.body))
      let came = 0
      await waitUntil('Collection gave nothing back', async () => {
        came = (await freeBytes(disk.path)) - last
        return came > 5 * mebibyte
      })
      t.diagnostic(`at ${last} free bytes a delete and a collection gave ${came} bytes back`)
      await canPull(client, kept, image, ['before'])

      await ballast.remove()
      await waitUntil('Pushes are taken again', async () => {
        const { answer } = await putManifest(client, kept, 'after')
        return answer?.status === 201
      })
      await degraded(registry, false)
      await waitUntil('There is no reserve again', async () => (await sizeOf(reserve)) > 0)
      await registry.kill()
      const { code, report } = await runFsck(data)
      assert.deepEqual(report.problems, [])
      assert.equal(code, 0)
    },
  )
}

const collectSoon = {
  CARREL_KEEP_DELETED: '0s',
  CARREL_KEEP_UNREFERENCED: '5s',
  CARREL_KEEP_TRASH: '0s',
}

async function degraded(registry: StartedRegistry, expected: boolean): Promise<void> {
  await waitUntil(`The server is ${expected ? '' : 'not '}degraded`, async () => {
    const answer = await fetch(`${registry.url}/readyz`)
    assert.equal(answer.status, 200)
    return (await answer.text()).includes('degraded') === expected
  })
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

/** What is left for others than root. */
async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

const noFaults = whyNoSyncFaults()

test(
  'a disk that fails to sync: nothing is acknowledged any more, what was can be pulled',
  { skip: noFaults === undefined || isThorough ? false : noFaults },
  async () => {
    assert.equal(noFaults, undefined)
    await using folder = await diskFolder(mebibytes)
    const faults = await buildSyncFaults(folder.path, 'broken')
    const env = { ...warm?.env, ...faults.env }
    await using registry = await startRegistry({
      data: join(folder.path, 'data'),
      env,
      postgres: false,
    })
    using client = createClient(registry.port, await signIn(registry, [repository]))
    const kept = [await pushBlob(client, 300), await pushBlob(client, 100 * kib)]
    const image = await pushImage(client, kept, 'before')

    // The first worker answers before the others have opened what they need.
    await waitUntil('The server did not say that it is ready', () =>
      registry.log().includes('"msg":"ready"'),
    )
    await faults.begin()
    for (const size of [300, 100 * kib]) {
      const { answer } = await putBlob(client, randomBytes(size))
      assert.equal(answer?.status, 503, answer?.body.toString())
      assert.match(messageOf(answer), / .*\. \w.*\.$/)
    }
    assert.equal((await putManifest(client, kept, 'no')).answer?.status, 503)
    await canPull(client, kept, image)

    // Who tried to sync once and failed must not believe that a second try made it good.
    await faults.end()
    assert.equal((await putManifest(client, kept, 'no')).answer?.status, 503)
    await canPull(client, kept, image)
    await canSignIn(registry)
    await registry.kill()

    await using again = await startRegistry({ data: registry.dataDir, env, postgres: false })
    using same = createClient(
      again.port,
      await signIn({ ...again, password: registry.password }, [repository]),
    )
    await canPull(same, kept, image)
    await pushImage(same, kept, 'after')
  },
)

interface Blob {
  readonly digest: string
  readonly bytes: Buffer
}

async function canPull(
  client: Client,
  blobs: readonly Blob[],
  image: Buffer,
  tags: readonly string[] = ['before'],
): Promise<void> {
  for (const { digest, bytes } of blobs) {
    const answer = await client.ask('GET', `/v2/${repository}/blobs/${digest}`)
    assert.equal(answer?.status, 200)
    assert.ok(answer.body.equals(bytes))
  }
  const pulled = await client.ask('GET', `/v2/${repository}/manifests/before`)
  assert.ok(pulled?.body.equals(image))
  const list = await client.ask('GET', `/v2/${repository}/tags/list`)
  assert.deepEqual(JSON.parse(String(list?.body)), { name: repository, tags })
}

async function canSignIn({ port, user, password }: StartedRegistry): Promise<void> {
  for (const [given, status] of [
    [password, 200],
    ['wrong', 401],
  ] as const) {
    using client = createClient(port, basic(user, given))
    for (const path of ['/v2/', '/token?service=x']) {
      assert.equal((await client.ask('GET', path))?.status, status)
    }
  }
}

/** Large layers until there is no room for one. */
async function fillWithPushes(client: Client): Promise<void> {
  for (let count = 0; count < mebibytes; count += 1) {
    const { answer } = await putBlob(client, randomBytes(2048 * kib))
    if (answer?.status === 201) continue
    assert.ok(answer !== undefined && isFull(answer), String(answer?.body))
    return
  }
  assert.fail('more was taken than the disk holds')
}

/** The database has room of its own: it may take some more before it is full. */
async function refusedInTheEnd(push: () => Promise<{ answer: Answer | undefined }>): Promise<void> {
  for (let count = 0; count < 3000; count += 1) {
    const { answer } = await push()
    if (answer?.status === 201) continue
    assert.ok(answer !== undefined && isFull(answer), `${answer?.status} ${String(answer?.body)}`)
    return
  }
  assert.fail('a full disk took everything')
}

/** What docker shows its user: a sentence that says what is the matter and what to do. */
function isFull({ status, body }: Answer): boolean {
  if (status !== 403) return false
  const { errors } = JSON.parse(body.toString()) as { errors: { code: string; message: string }[] }
  const [first] = errors
  return first?.code === 'DENIED' && /no storage space.*\. \w+.*\.$/.test(first.message)
}

function messageOf(answer: Answer | undefined): string {
  const { errors } = JSON.parse(String(answer?.body)) as { errors: { message: string }[] }
  return errors[0]?.message ?? ''
}

async function pushBlob(client: Client, size: number): Promise<Blob> {
  const { answer, ...blob } = await putBlob(client, randomBytes(size))
  assert.equal(answer?.status, 201, String(answer?.body))
  return blob
}

async function putBlob(
  client: Client,
  bytes: Buffer,
): Promise<Blob & { answer: Answer | undefined }> {
  const digest = sha256Of(bytes)
  const path = `/v2/${repository}/blobs/uploads/?digest=${digest}`
  const headers = { 'content-type': 'application/octet-stream' }
  return { digest, bytes, answer: await client.ask('POST', path, { headers, body: bytes }) }
}

async function pushImage(client: Client, blobs: readonly Blob[], tag: string): Promise<Buffer> {
  const { answer, bytes } = await putManifest(client, blobs, tag)
  assert.equal(answer?.status, 201, String(answer?.body))
  return bytes
}

async function putManifest(
  client: Client,
  blobs: readonly Blob[],
  tag: string,
): Promise<{ bytes: Buffer; answer: Answer | undefined }> {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const descriptors = blobs.map(({ digest, bytes }) => ({
    digest,
    size: bytes.length,
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
  }))
  const [config, ...layers] = descriptors
  const annotations = { 'test.number': randomBytes(4000).toString('hex') }
  const manifest = { schemaVersion: 2, mediaType, config, layers, annotations }
  const bytes = Buffer.from(JSON.stringify(manifest))
  const headers = { 'content-type': mediaType }
  const path = `/v2/${repository}/manifests/${tag}`
  return { bytes, answer: await client.ask('PUT', path, { headers, body: bytes }) }
}
