// A started registry and thousands of hostile requests over raw sockets: no answer is a failure of ours, none takes
// long, none opens more than the plain request does, and no file appears outside the data folder.
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { digestOf } from '../src/oci/digest.ts'
import { ociIndex } from '../src/oci/media-types.ts'
import { connectRaw, type RawAnswer, type RawClient } from '../src/http/test-support/raw-client.ts'
import { hostileHeaders, hostileTargets, variantsOfPrivate } from './raw-socket/corpus.ts'
import { framings } from './raw-socket/framings.ts'
import { startRegistry, type StartedRegistry } from './support/start-registry.ts'

const patienceMs = 8000
const index = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [] })
const digest = digestOf(Buffer.from(index))

const world: { registry?: StartedRegistry; files?: readonly string[]; requests: number } = {
  requests: 0,
}

function theRegistry(): StartedRegistry {
  assert.ok(world.registry)
  return world.registry
}

/** Everything around the data folder, and what lies directly in it. */
async function filesAround({ dataDir }: StartedRegistry): Promise<readonly string[]> {
  const parent = dirname(dataDir)
  const around = await readdir(parent, { recursive: true })
  // The head of the audit log is written from time to time, whoever asks what.
  const inside = (await readdir(dataDir)).filter((file) => file !== 'audit-heads.jsonl')
  const outside = around.filter((file) => !file.startsWith('data'))
  return [...outside, ...inside.map((file) => join('data', file))].toSorted()
}

before(async () => {
  const registry = await startRegistry()
  world.registry = registry
  const { authorization, url } = registry
  const answer = await fetch(`${url}/v2/admin/app/manifests/v1`, {
    method: 'PUT',
    headers: { authorization, 'content-type': ociIndex },
    body: index,
  })
  assert.equal(answer.status, 201)
  world.files = await filesAround(registry)
})

after(async () => world.registry?.[Symbol.asyncDispose]())

/** One connection for many requests; a new one when the server has closed it. */
class Line {
  #client: RawClient | undefined

  async ask(bytes: string, hasBody: boolean): Promise<RawAnswer | 'closed'> {
    world.requests += 1
    this.#client ??= await connectRaw({ port: theRegistry().port })
    const client = this.#client
    client.write(Buffer.from(bytes, 'latin1'))
    try {
      let answer = await client.answer({ hasBody, timeoutMs: patienceMs })
      if (answer.status === 100) answer = await client.answer({ hasBody, timeoutMs: patienceMs })
      if (answer.headers['connection'] === 'close') this.close()
      return answer
    } catch (error) {
      this.close()
      if ((error as Error).message.startsWith('closed')) return 'closed'
      throw error
    }
  }

  close(): void {
    this.#client?.[Symbol.dispose]()
    this.#client = undefined
  }
}

function request(method: string, target: string, ...headers: readonly string[]): string {
  const { host } = theRegistry()
  const body = method === 'PUT' || method === 'POST' || method === 'PATCH' ? '{}' : ''
  const length = body === '' ? [] : [`Content-Length: ${body.length}`]
  const lines = [`Host: ${host}`, ...length, ...headers]
  return `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

function assertNoFailure(answer: RawAnswer | 'closed', title: string): void {
  if (answer === 'closed') return
  assert.ok(answer.status < 500, `${title}: ${answer.status} ${answer.body.toString()}`)
  assert.doesNotMatch(
    answer.body.toString('latin1'),
    /root:x:|\/data\/storage|node:internal|\.ts:\d/,
    title,
  )
}

async function assertAlive(): Promise<void> {
  const { url, authorization, dataDir } = theRegistry()
  assert.equal((await fetch(`${url}/livez`)).status, 200)
  const headers = { authorization }
  const tag = await fetch(`${url}/v2/admin/app/manifests/v1`, { headers })
  assert.equal(tag.headers.get('docker-content-digest'), digest)
  assert.equal(await tag.text(), index)
  const catalog = (await (await fetch(`${url}/v2/_catalog`, { headers })).json()) as {
    readonly repositories: readonly string[]
  }
  for (const name of catalog.repositories) assert.match(name, /^[a-z0-9._/-]+$/)
  assert.deepEqual(await filesAround(theRegistry()), world.files, dataDir)
}

// What anybody may read, as the server sees the path: decoded once.
const open = /^\/(?:livez|readyz|ca\.crt|ca\.sh|token|setup|favicon\.ico|assets\/[^/]+)?(?:\?|$)/

function isOpen(target: string): boolean {
  try {
    return open.test(decodeURIComponent(target.split('?')[0] ?? ''))
  } catch {
    return false
  }
}

test('hostile paths and queries, signed in: no failure, nothing outside the data folder', async () => {
  const line = new Line()
  const authorization = `Authorization: ${theRegistry().authorization}`
  for (const { method, target } of hostileTargets()) {
    const answer = await line.ask(request(method, target, authorization), true)
    assertNoFailure(answer, `${method} ${target.slice(0, 120)}`)
  }
  line.close()
  await assertAlive()
})

test('hostile paths and queries of nobody: what is not open to all stays closed', async () => {
  const line = new Line()
  for (const { method, target } of hostileTargets()) {
    const title = `${method} ${target.slice(0, 120)}`
    const answer = await line.ask(request(method, target), true)
    assertNoFailure(answer, title)
    if (answer === 'closed' || answer.status >= 400) continue
    assert.ok(isOpen(target), `${title}: ${answer.status}`)
  }
  line.close()
  await assertAlive()
})

test('other ways to write the address of something private do not open it', async () => {
  const line = new Line()
  for (const { method, target } of variantsOfPrivate) {
    for (const more of [[], ['X-HTTP-Method-Override: GET'], ['X-Original-URL: /livez']]) {
      const hasBody = method !== 'HEAD'
      const answer = await line.ask(request(method, target, ...more), hasBody)
      assertNoFailure(answer, `${method} ${target}`)
      if (answer === 'closed') continue
      assert.ok(
        answer.status >= 400 && answer.status < 500,
        `${method} ${target}: ${answer.status}`,
      )
      assert.ok(!answer.body.includes('schemaVersion'), `${method} ${target}`)
    }
  }
  line.close()
})

test('hostile headers: no failure, and no header changes what is done', async () => {
  const line = new Line()
  const authorization = `Authorization: ${theRegistry().authorization}`
  for (const header of hostileHeaders) {
    for (const target of ['/v2/admin/app/manifests/v1', '/v2/', '/token', '/livez']) {
      for (const method of ['GET', 'PUT', 'POST']) {
        const first = header.startsWith('Authorization') ? [] : [authorization]
        const answer = await line.ask(request(method, target, ...first, header), true)
        assertNoFailure(answer, `${method} ${target} ${header.slice(0, 60)}`)
      }
    }
  }
  line.close()
  await assertAlive()
})

test('framings that are wrong or read in two ways: 4xx or the end, and no request is smuggled', async (t) => {
  const { port, host, authorization } = theRegistry()
  for (const { title, bytes, isClear = false } of framings) {
    world.requests += 1
    using client = await connectRaw({ port })
    const text = bytes
      .replaceAll('HOST', () => `Host: ${host}`)
      .replaceAll('AUTH', () => `Authorization: ${authorization}`)
    client.write(Buffer.from(text, 'latin1'))
    client.socket.end()
    const said = await client.closed(patienceMs).then(
      (all) => all.toString('latin1'),
      (error: unknown) => assert.fail(`${title}: ${String(error)}`),
    )
    assert.doesNotMatch(said, /^HTTP\/1\.1 5/m, title)
    // These end with an upload of a bad digest: a 200 can only be for the request that is hidden in its body.
    if (bytes.startsWith('POST') && !isClear) assert.doesNotMatch(said, /HTTP\/1\.1 200/, title)
  }
  t.diagnostic(`${world.requests} requests`)
  assert.ok(world.requests > 5000)
  await assertAlive()
})

test('the log tells of no failure, and nobody can fill it with long lines', () => {
  const log = theRegistry().log()
  assert.doesNotMatch(log, /request failed|unhandled|FATAL/i)
  for (const line of log.split('\n')) assert.ok(line.length < 4096, line.slice(0, 200))
})
