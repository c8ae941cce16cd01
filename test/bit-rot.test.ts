// A thousand bits turned around in a thousand blobs, sizes kept: no whole answer with a wrong byte, over HTTP and over
// TLS; what is pulled is found by the pull and what is not by the regular check; and a push makes all of it whole.
import assert from 'node:assert/strict'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { runFsck } from './durability/fsck.ts'
import { waitUntil } from './support/processes.ts'
import { startRegistry, type StartedRegistry } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const count = 1000
/** Never damaged: nobody may take them for it. */
const healthy = 50
const repository = 'admin/rot'
const atOnce = 16

interface Blob {
  readonly bytes: Buffer
  readonly digest: string
}

/** Most in rows of the database, the others in files; some of more than one chunk. */
function makeBlobs(): readonly Blob[] {
  return Array.from({ length: count + healthy }, (_, index) => {
    const size = index % 5 < 3 ? randomInt(64, 4000) : randomInt(17_000, 60_000)
    const bytes = randomBytes(index % 100 === 4 ? size + 500_000 : size)
    return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` }
  })
}

interface Answer {
  readonly status: number
  /** All that the headers promised has come. */
  readonly isWhole: boolean
  readonly bytes: Buffer
}

interface Door {
  readonly name: string
  ask(method: string, path: string, body?: Buffer): Promise<Answer>
}

function doorOf(
  name: string,
  options: http.RequestOptions & { readonly ca?: Buffer },
  authorization = '',
): Door {
  const secure = options.ca !== undefined
  const agentOptions = { keepAlive: true, maxSockets: atOnce }
  const agent = secure ? new https.Agent(agentOptions) : new http.Agent(agentOptions)
  const ask = async (method: string, path: string, body?: Buffer) =>
    new Promise<Answer>((resolve, reject) => {
      const headers = { authorization, ...(body && { 'content-length': body.length }) }
      const whole = { ...options, agent, method, path, headers }
      const request = (secure ? https : http).request(whole, (response) => {
        collect(response, resolve)
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        // Broken off before the first byte.
        if (error.code === 'ECONNRESET') {
          resolve({ status: 0, isWhole: false, bytes: Buffer.of() })
        } else reject(error)
      })
      request.end(body)
    })
  return { name, ask }
}

function collect(response: IncomingMessage, resolve: (answer: Answer) => void): void {
  const chunks: Buffer[] = []
  response.on('data', (chunk: Buffer) => chunks.push(chunk))
  response.on('error', () => undefined)
  response.on('close', () => {
    const bytes = Buffer.concat(chunks)
    const length = response.headers['content-length']
    const isWhole = response.complete && (length === undefined || Number(length) === bytes.length)
    resolve({ status: response.statusCode ?? 0, isWhole, bytes })
  })
}

async function each<Item>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) await work(items[at] as Item, at)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

async function pushAll({ ask }: Door, blobs: readonly Blob[]): Promise<void> {
  await each(blobs, async ({ digest, bytes }) => {
    const path = `/v2/${repository}/blobs/uploads/?digest=${encodeURIComponent(digest)}`
    const { status } = await ask('POST', path, bytes)
    assert.equal(status, 201)
  })
}

/** Pulls each through one of the doors in turn. */
async function pullAll(doors: readonly Door[], blobs: readonly Blob[]) {
  const seen = { right: 0, wrong: 0, broken: 0, absent: 0 }
  await each(blobs, async ({ digest, bytes }, index) => {
    const door = doors[index % doors.length] as Door
    const answer = await door.ask('GET', `/v2/${repository}/blobs/${digest}`)
    if (answer.status === 404) seen.absent += 1
    else if (answer.status !== 200 || !answer.isWhole) seen.broken += 1
    else if (answer.bytes.equals(bytes)) seen.right += 1
    else seen.wrong += 1
  })
  return seen
}

/** Turns one bit of each around, behind everybody's back; nothing gets another size. */
async function rotAll(data: string, blobs: readonly Blob[]): Promise<void> {
  using db = openDatabase(data)
  const find = db.database.prepare('select storage_key as key, content from blobs where digest = ?')
  const change = db.database.prepare('update blobs set content = ? where digest = ?')
  const files: { readonly path: string; readonly size: number }[] = []
  db.database.exec('begin immediate')
  for (const { digest, bytes } of blobs) {
    const row = find.get(digest) as { key: string | null; content: Uint8Array | null }
    if (row.key === null) change.run(turned(Buffer.from(row.content ?? [])), digest)
    else files.push({ path: join(data, 'storage', row.key), size: bytes.length })
  }
  db.database.exec('commit')
  assert.ok(files.length > count / 3 && files.length < count / 2)
  await each(files, async ({ path, size }) => {
    await using file = await open(path, 'r+')
    const byte = Buffer.alloc(1)
    const at = randomInt(size)
    await file.read(byte, 0, 1, at)
    await file.write(turned(byte), 0, 1, at)
  })
}

function turned(bytes: Buffer): Buffer {
  const at = randomInt(bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInt(8))
  return bytes
}

function openDatabase(data: string): { readonly database: DatabaseSync } & Disposable {
  const database = new DatabaseSync(join(data, 'carrel.db'))
  database.exec('PRAGMA busy_timeout = 5000')
  return { database, [Symbol.dispose]: () => database.close() }
}

function countDamaged(data: string): { readonly damaged: number; readonly healed: number } {
  using db = openDatabase(data)
  const one = (sql: string) => Number(Object.values(db.database.prepare(sql).get() ?? {})[0])
  return {
    damaged: one('select count(*) from blobs where damaged_at is not null'),
    healed: one('select count(*) from quarantine where healed_at is not null'),
  }
}

async function doorsOf(
  { port, caFile }: StartedRegistry,
  authorization: string,
): Promise<readonly [Door, Door]> {
  const at = { host: '127.0.0.1', port }
  const ca = await readFile(caFile)
  return [doorOf('HTTP', at, authorization), doorOf('TLS', { ...at, ca }, authorization)]
}

test('the client of this test notices wrong bytes when nobody looks for them', async () => {
  const blobs = makeBlobs().slice(0, 20)
  const wrong = new Map(blobs.map(({ digest, bytes }) => [digest, turned(Buffer.from(bytes))]))
  const careless = http.createServer((request, response) => {
    response.end(wrong.get(request.url?.split('/').at(-1) ?? ''))
  })
  await new Promise<void>((resolve) => careless.listen(0, '127.0.0.1', resolve))
  const { port } = careless.address() as AddressInfo
  const seen = await pullAll([doorOf('HTTP', { host: '127.0.0.1', port })], blobs)
  careless.closeAllConnections()
  careless.close()
  assert.deepEqual(seen, { right: 0, wrong: 20, broken: 0, absent: 0 })
})

test(`${count} changed bits: none is served whole, all are found, and a push heals them`, async (t) => {
  await using folder = await temporaryFolder('bit-rot')
  const data = join(folder.path, 'data')
  const blobs = makeBlobs()
  const victims = blobs.slice(0, count)
  let authorization = ''
  const all = { right: blobs.length, wrong: 0, broken: 0, absent: 0 }
  {
    const env = { CARREL_SCRUB_EVERY: 'never' }
    await using registry = await startRegistry({ data, tls: true, postgres: false, env })
    // The administrator is made once.
    authorization = registry.authorization
    const doors = await doorsOf(registry, authorization)
    await pushAll(doors[0], blobs)
    // What was right a moment ago must not be believed.
    assert.deepEqual(await pullAll(doors, blobs), all)
    await rotAll(data, victims)
    const seen = await pullAll(doors, blobs)
    t.diagnostic(`pulled over HTTP and TLS in turn: ${JSON.stringify(seen)}`)
    assert.equal(seen.wrong, 0)
    assert.equal(seen.right, healthy)
    assert.equal(seen.broken + seen.absent, count)
    await waitUntil('pulls set every damaged blob aside', async () => {
      return countDamaged(data).damaged === count
    })
    assert.deepEqual(await pullAll(doors, victims), { ...all, right: 0, absent: count })
    await pushAll(doors[1], victims)
    assert.deepEqual(countDamaged(data), { damaged: 0, healed: count })
    assert.deepEqual(await pullAll(doors, blobs), all)
    await registry.stop()
  }
  await rotAll(data, victims)
  {
    const env = { CARREL_SCRUB_EVERY: '2s' }
    await using registry = await startRegistry({ data, tls: true, postgres: false, env })
    const doors = await doorsOf(registry, authorization)
    const began = performance.now()
    const isFound = () => countDamaged(data).damaged === count
    await waitUntil('the check found every damaged blob', isFound, { timeoutMs: 60_000 })
    t.diagnostic(`the check found ${count} of ${count} in ${seconds(began)}`)
    const seen = await pullAll(doors, blobs)
    assert.deepEqual(seen, { right: healthy, wrong: 0, broken: 0, absent: count })
    await pushAll(doors[0], victims)
    assert.deepEqual(countDamaged(data), { damaged: 0, healed: 2 * count })
    assert.deepEqual(await pullAll(doors, blobs), all)
    await registry.stop()
  }
  const { report } = await runFsck(data)
  assert.deepEqual([report.ok, report.blobs, report.problems], [true, blobs.length, []])
})

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
