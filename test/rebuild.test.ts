// The database is lost, the storage is not: `carrel rebuild` makes it anew, and everything is pulled back with the
// digests that were pushed. What was pushed in the last two seconds before a crash of both may be missing: the journal
// is written once a second. Here the kill comes after that time, and everything has to be there.
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createClient, type Client } from './durability/client.ts'
import { sha256Of } from './durability/digest.ts'
import { createRandom, seedOfRun, type Random } from './durability/random.ts'
import { runProgram } from './support/processes.ts'
import { startPostgres, startRegistry, withoutSettings } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const carrel = fileURLToPath(new URL('../carrel', import.meta.url))
const manifestType = 'application/vnd.oci.image.manifest.v1+json'
/** One round of the journal, and what it takes on a busy machine. */
const lagMs = 2000

interface Shelf {
  /** `repository:tag` to the digest of its manifest. */
  readonly tags: Map<string, string>
  /** `repository@digest` of blobs to their bytes. */
  readonly blobs: Map<string, Buffer>
}

interface Answer {
  readonly ok: boolean
  readonly repositories: number
  readonly tags: number
  readonly findings: readonly {
    readonly kind: string
    readonly name?: string
    readonly digest?: string
  }[]
  readonly movedAside: readonly string[]
  readonly fsck: { readonly ok: boolean }
}

async function pushBlob(client: Client, repository: string, bytes: Buffer): Promise<string> {
  const digest = sha256Of(bytes)
  const path = `/v2/${repository}/blobs/uploads/?digest=${digest}`
  const headers = { 'content-type': 'application/octet-stream' }
  const answer = await client.ask('POST', path, { body: bytes, headers })
  assert.equal(answer?.status, 201, String(answer?.body))
  return digest
}

async function pushImage(
  client: Client,
  shelf: Shelf,
  { repository, tag, random }: { repository: string; tag: string; random: Random },
): Promise<void> {
  const described = []
  for (const size of [
    random.whole(50, 3000),
    random.whole(17_000, 200_000),
    random.whole(1, 9000),
  ]) {
    const bytes = random.bytes(size)
    const digest = await pushBlob(client, repository, bytes)
    shelf.blobs.set(`${repository}@${digest}`, bytes)
    described.push({ mediaType: 'application/octet-stream', digest, size })
  }
  const [config, ...layers] = described
  const body = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers }),
  )
  const path = `/v2/${repository}/manifests/${tag}`
  const headers = { 'content-type': manifestType }
  const answer = await client.ask('PUT', path, { body, headers })
  assert.equal(answer?.status, 201, String(answer?.body))
  shelf.tags.set(`${repository}:${tag}`, sha256Of(body))
}

async function requireAll(client: Client, shelf: Shelf): Promise<void> {
  for (const [name, digest] of shelf.tags) {
    const [repository, tag] = name.split(':')
    const answer = await client.ask('GET', `/v2/${repository}/manifests/${tag}`)
    assert.equal(answer?.status, 200, name)
    assert.equal(sha256Of(answer.body), digest, name)
    assert.equal(answer.headers['content-type'], manifestType)
  }
  for (const [name, bytes] of shelf.blobs) {
    const [repository, digest] = name.split('@')
    const answer = await client.ask('GET', `/v2/${repository}/blobs/${digest}`)
    assert.equal(answer?.status, 200, name)
    assert.ok(answer.body.equals(bytes), name)
  }
}

async function runRebuild(data: string, args: readonly string[] = [], metadataUrl?: string) {
  const all = ['rebuild', '--data', data, '--json', ...args]
  const env = { ...withoutSettings(process.env), CARREL_METADATA_URL: metadataUrl }
  const { code, stdout, stderr } = await runProgram(carrel, all, { env })
  return { code, stderr, answer: stdout === '' ? undefined : (JSON.parse(stdout) as Answer) }
}

async function pushSome(client: Client, shelf: Shelf, random: Random): Promise<void> {
  for (const repository of ['team/api', 'team/web', 'tools']) {
    for (const tag of ['1', '2', 'latest'])
      await pushImage(client, shelf, { repository, tag, random })
  }
  // Moved, deleted, and with its repository.
  await pushImage(client, shelf, { repository: 'team/api', tag: 'latest', random })
  await pushImage(client, shelf, { repository: 'old', tag: '1', random })
  const deleted = await client.ask('DELETE', '/v2/tools/manifests/2')
  assert.equal(deleted?.status, 202)
  shelf.tags.delete('tools:2')
}

test('killed, the database removed, made anew: every image is pulled back as it was', async (t) => {
  const seed = seedOfRun()
  t.diagnostic(`seed ${seed}`)
  const random = createRandom(seed)
  await using folder = await temporaryFolder('rebuild')
  const data = join(folder.path, 'data')
  const shelf: Shelf = { tags: new Map(), blobs: new Map() }
  {
    await using registry = await startRegistry({ data, postgres: false })
    using client = createClient(registry.port, registry.authorization)
    await pushSome(client, shelf, random)
    await sleep(lagMs)
    const beside = await runRebuild(data)
    assert.equal(beside.code, 1)
    assert.match(beside.stderr, /a Carrel server is running/)
    await registry.kill()
  }
  const whole = await runRebuild(data)
  assert.equal(whole.code, 1)
  assert.match(whole.stderr, /it is whole/)
  for (const name of await readdir(data)) {
    if (name.startsWith('carrel.db')) await rm(join(data, name))
  }
  const { code, answer, stderr } = await runRebuild(data)
  assert.equal(code, 0, stderr)
  assert.deepEqual(answer?.findings, [])
  assert.equal(answer?.fsck.ok, true)
  assert.equal(answer?.tags, shelf.tags.size)
  {
    await using registry = await startRegistry({ data, postgres: false })
    using client = createClient(registry.port, registry.authorization)
    await requireAll(client, shelf)
    await pushImage(client, shelf, { repository: 'team/api', tag: 'next', random })
    await requireAll(client, shelf)
    // A server that is stopped in peace leaves nothing behind in the queue.
    await registry.stop()
  }
  await requireForcedRebuild(data, shelf)
})

/** A whole database is moved aside, and what the stopped server had pushed at last is there. */
async function requireForcedRebuild(data: string, shelf: Shelf): Promise<void> {
  const { code, answer, stderr } = await runRebuild(data, ['--force'])
  assert.equal(code, 0, stderr)
  assert.equal(answer?.tags, shelf.tags.size)
  assert.ok(answer?.movedAside.some((path) => path.includes('carrel.db.before-rebuild-')))
  {
    await using registry = await startRegistry({ data, postgres: false })
    using client = createClient(registry.port, registry.authorization)
    await requireAll(client, shelf)
    await registry.stop()
  }
  // It is the journal that all of this comes from.
  await rm(join(data, 'storage', 'journal'), { recursive: true })
  const without = await runRebuild(data, ['--force'])
  assert.equal(without.code, 3)
  assert.match(without.stderr, /no journal/)
}

test('a database without sense is replaced; a blob with a turned bit and one that is gone are told', async (t) => {
  const seed = seedOfRun()
  t.diagnostic(`seed ${seed}`)
  const random = createRandom(seed)
  await using folder = await temporaryFolder('rebuild')
  const data = join(folder.path, 'data')
  const shelf: Shelf = { tags: new Map(), blobs: new Map() }
  {
    await using registry = await startRegistry({ data, postgres: false })
    using client = createClient(registry.port, registry.authorization)
    await pushSome(client, shelf, random)
    await registry.stop()
  }
  await writeFile(join(data, 'carrel.db'), random.bytes(40_000))
  const files = await blobFiles(data)
  const [turned, gone] = [files[1] ?? '', files[3] ?? '']
  const bytes = await readFile(turned)
  bytes[random.whole(0, bytes.length - 1)]! ^= 1 << random.whole(0, 7)
  await writeFile(turned, bytes)
  await rm(gone)
  const { code, answer, stderr } = await runRebuild(data, ['--deep'])
  assert.equal(code, 6, stderr)
  const digestOf = (file: string) => `sha256:${/([0-9a-f]{64})\.[0-9a-f]{8}$/.exec(file)?.[1]}`
  const told = (kind: string) =>
    new Set(answer?.findings.flatMap((each) => (each.kind === kind ? [each.digest] : [])))
  assert.deepEqual(told('blob-damaged'), new Set([digestOf(turned)]))
  assert.deepEqual(told('blob-missing'), new Set([digestOf(turned), digestOf(gone)]))
  await using registry = await startRegistry({ data, postgres: false })
  using client = createClient(registry.port, registry.authorization)
  for (const [name, content] of shelf.blobs) {
    const [repository = '', digest = ''] = name.split('@')
    const missing = [digestOf(turned), digestOf(gone)].includes(digest)
    const answered = await client.ask('GET', `/v2/${repository}/blobs/${digest}`)
    assert.equal(answered?.status, missing ? 404 : 200, name)
    // The same bytes again heal it.
    if (missing) await pushBlob(client, repository, content)
  }
  await requireAll(client, shelf)
})

async function blobFiles(data: string): Promise<readonly string[]> {
  const entries = await readdir(join(data, 'storage', 'blobs'), {
    recursive: true,
    withFileTypes: true,
  })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

/** A volume as registry:2 writes it: one repository, a tag with a history of two images, a shared layer. */
async function writeVolume(data: string, shelf: Shelf, random: Random): Promise<void> {
  const tree = join(data, 'docker/registry/v2')
  const write = async (path: string, content: string | Buffer) => {
    await mkdir(dirname(join(tree, path)), { recursive: true })
    await writeFile(join(tree, path), content)
  }
  const link = async (path: string, digest: string) =>
    write(`repositories/team/old/${path.replace('DIGEST', digest.replace(':', '/'))}/link`, digest)
  const blob = async (bytes: Buffer) => {
    const digest = sha256Of(bytes)
    const hex = digest.slice('sha256:'.length)
    await write(`blobs/sha256/${hex.slice(0, 2)}/${hex}/data`, bytes)
    return { mediaType: 'application/octet-stream', digest, size: bytes.length }
  }
  const layer = random.bytes(30_000)
  for (const version of [1, 2]) {
    const parts = [await blob(Buffer.from(`{"version":${version}}`)), await blob(layer)]
    for (const { digest } of parts) await link('_layers/DIGEST', digest)
    const [config, ...layers] = parts
    const image = { schemaVersion: 2, mediaType: manifestType, config, layers }
    const { digest } = await blob(Buffer.from(JSON.stringify(image)))
    await link('_manifests/revisions/DIGEST', digest)
    await link('_manifests/tags/stable/index/DIGEST', digest)
    await link('_manifests/tags/stable/current', digest)
    shelf.tags.set('team/old:stable', digest)
  }
  shelf.blobs.set(`team/old@${sha256Of(layer)}`, layer)
}

function rowsOf(data: string): unknown {
  const db = new DatabaseSync(join(data, 'carrel.db'), { readOnly: true })
  try {
    const tables = ['tags', 'tag_changes', 'manifests', 'manifest_blobs', 'manifest_children']
    return tables.map((table) => {
      const rows = db.prepare(`select * from ${table} order by 1, 2, 3`).all()
      return rows.map((row) => ({ ...row, review_after: undefined }))
    })
  } finally {
    db.close()
  }
}

test('an adopted volume of registry:2 is found where it lies', async () => {
  const random = createRandom(seedOfRun())
  await using folder = await temporaryFolder('rebuild')
  const data = join(folder.path, 'data')
  const shelf: Shelf = { tags: new Map(), blobs: new Map() }
  await writeVolume(data, shelf, random)
  {
    await using registry = await startRegistry({ data, postgres: false })
    using client = createClient(registry.port, registry.authorization)
    await pushImage(client, shelf, { repository: 'team/new', tag: '1', random })
    await requireAll(client, shelf)
    // Before the journal had its turn: a server that stops writes what is left.
    await registry.stop()
  }
  const before = rowsOf(data)
  const { code, answer, stderr } = await runRebuild(data, ['--force'])
  assert.equal(code, 0, JSON.stringify(answer ?? stderr))
  assert.deepEqual(answer?.findings, [])
  assert.equal(answer?.tags, 2)
  assert.deepEqual(rowsOf(data), before)
  await using registry = await startRegistry({ data, postgres: false })
  using client = createClient(registry.port, registry.authorization)
  await requireAll(client, shelf)
  assert.deepEqual(rowsOf(data), before, 'it was taken over a second time')
})

test('PostgreSQL: an empty database is filled, and one with something in it is refused', async () => {
  const random = createRandom(seedOfRun())
  await using folder = await temporaryFolder('rebuild')
  await using postgres = await startPostgres()
  const data = join(folder.path, 'data')
  const shelf: Shelf = { tags: new Map(), blobs: new Map() }
  const first = await postgres.createDatabase('first')
  {
    await using registry = await startRegistry({ data, postgres: { url: first } })
    using client = createClient(registry.port, registry.authorization)
    await pushImage(client, shelf, { repository: 'team/api', tag: '1', random })
    await sleep(lagMs)
    await registry.kill()
  }
  const refused = await runRebuild(data, ['--force'], first)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /is not empty/)
  const second = await postgres.createDatabase('second')
  const { code, answer, stderr } = await runRebuild(data, [], second)
  assert.equal(code, 0, stderr)
  assert.equal(answer?.tags, 1)
  await using registry = await startRegistry({ data, postgres: { url: second } })
  using client = createClient(registry.port, registry.authorization)
  await requireAll(client, shelf)
})
