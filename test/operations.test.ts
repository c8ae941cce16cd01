// What whoever runs a registry sees of it, against a server that was really started: metrics of all its threads, health,
// the read-only switch seen by every worker, request ids, logs without secrets, and starts that are refused.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { freePort, runProgram, waitUntil } from './support/processes.ts'
import {
  basic,
  startRegistry,
  withoutSettings,
  type StartedRegistry,
} from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const carrel = fileURLToPath(new URL('../carrel', import.meta.url))
const workers = 3

describe('a server that is watched', () => {
  const stack = new AsyncDisposableStack()
  let registry: StartedRegistry
  let watch: string

  before(async () => {
    const port = await freePort()
    watch = `http://127.0.0.1:${port}`
    registry = stack.use(
      await startRegistry({
        postgres: false,
        env: {
          CARREL_METRICS_LISTEN: `127.0.0.1:${port}`,
          CARREL_WORKERS: String(workers),
          CARREL_LOG_LEVEL: 'debug',
        },
      }),
    )
    await waitUntil('all workers serve', () => registry.log().includes('"msg":"ready"'))
  })
  after(async () => stack.disposeAsync())

  /** By a connection of its own each time, so that every worker is asked. */
  async function ask(path: string, init: Init = {}): Promise<Response> {
    const headers = { authorization: registry.authorization, connection: 'close', ...init.headers }
    return fetch(`${registry.url}${path}`, { ...init, headers })
  }

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${watch}/metrics`)).text()
    const line = text.split('\n').find((one) => one.startsWith(`${name} `))
    assert.ok(line, `${name} in ${text.slice(0, 2000)}`)
    return Number(line.slice(name.length + 1))
  }

  async function carrelSays(line: string): Promise<string> {
    const args = [...line.split(' '), '--data', registry.dataDir]
    const env = withoutSettings(process.env)
    const { code, stdout, stderr } = await runProgram(carrel, args, { env })
    assert.equal(code, 0, stderr)
    return stdout
  }

  async function push(tag: string): Promise<number> {
    const config = Buffer.from('{}')
    const layer = randomBytes(50_000)
    for (const bytes of [config, layer]) {
      const uploads = '/v2/admin/app/blobs/uploads/'
      const answer = await ask(`${uploads}?digest=${digestOf(bytes)}`, {
        method: 'POST',
        body: bytes,
      })
      if (answer.status !== 201) return answer.status
    }
    const described = (mediaType: string, bytes: Buffer) => ({
      mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
    })
    const mediaType = 'application/vnd.oci.image.manifest.v1+json'
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: described('application/vnd.oci.image.config.v1+json', config),
      layers: [described('application/vnd.oci.image.layer.v1.tar', layer)],
    })
    const headers = { 'content-type': mediaType }
    return (await ask(`/v2/admin/app/manifests/${tag}`, { method: 'PUT', headers, body })).status
  }

  test('counts what every worker has done, without a login where it was told to', async () => {
    const name = 'registry_http_requests_total{handler="base",method="get",code="200"}'
    for (let count = 0; count < 30; count += 1) assert.equal((await ask('/v2/')).status, 200)
    assert.equal(await metric(name), 30)
    assert.equal(await metric('carrel_workers'), workers)
    assert.equal(await metric('carrel_workers_silent'), 0)
    assert.equal(await push('1.0'), 201)
    assert.equal(await metric('carrel_pushes_total'), 1)
    assert.equal(await metric('carrel_metrics_missing'), 0)
    assert.ok((await metric('process_resident_memory_bytes')) > 10_000_000)
    for (const handler of ['blob_upload', 'manifest']) {
      const text = await (await fetch(`${watch}/metrics`)).text()
      assert.ok(text.includes(`handler="${handler}"`), handler)
    }
  })

  test('tells nothing that the documentation does not name', async () => {
    const text = await (await fetch(`${watch}/metrics`)).text()
    const page = await readFile(new URL('../docs/operations.md', import.meta.url), 'utf8')
    const names = Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name = '']) => name)
    const ours = names.filter((name) => !/^(?:process|nodejs)_/.test(name))
    assert.ok(ours.length > 40)
    for (const name of ours) assert.ok(page.includes(`\`${name}`), name)
  })

  test('answers the same on its own port to administrators alone', async () => {
    const answer = await ask('/metrics')
    assert.equal(answer.status, 200)
    assert.match(await answer.text(), /^carrel_workers 3$/m)
    assert.equal((await fetch(`${registry.url}/metrics`)).status, 401)
  })

  test('says at every place how it is', async () => {
    assert.deepEqual(await (await fetch(`${watch}/debug/health`)).json(), {})
    assert.deepEqual(await (await fetch(`${registry.url}/readyz`)).json(), { status: 'ready' })
    const { checks } = (await (await fetch(`${watch}/readyz`)).json()) as { checks: unknown[] }
    assert.equal(checks.length, 5)
    assert.equal((await fetch(`${watch}/v2/`)).status, 404)
  })

  test('refuses pushes in every worker within two seconds, takes them again, and by itself', async () => {
    await carrelSays('read-only on --reason moved')
    await new Promise((resolve) => setTimeout(resolve, 2000))
    for (let count = 0; count < 12; count += 1) {
      const answer = await ask('/v2/admin/app/blobs/uploads/', { method: 'POST' })
      assert.equal(answer.status, 403)
      const { errors } = (await answer.json()) as { errors: { code: string; message: string }[] }
      assert.equal(errors[0]?.code, 'DENIED')
      assert.match(errors[0].message, /read-only \(switched on by operator\): moved\./)
    }
    assert.equal((await ask('/v2/admin/app/manifests/1.0')).status, 200)
    assert.equal((await ask('/token?service=x')).status, 200)
    assert.equal(await metric('carrel_read_only'), 1)

    const until = new Date(Date.now() + 3000).toISOString()
    const body = JSON.stringify({ until })
    const headers = { 'content-type': 'application/json' }
    const changed = await ask('/api/v1/read-only', { method: 'PUT', headers, body })
    assert.equal(changed.status, 200, await changed.text())
    await waitUntil('pushes are taken again', async () => (await push('2.0')) === 201)
    assert.ok(Date.now() >= Date.parse(until), 'it ended too early')
    assert.match(await carrelSays('read-only'), /pushes and deletes are taken/)
  })

  test('gives every request an id, which may come from outside', async () => {
    const ids = new Set<string>()
    for (let count = 0; count < 10; count += 1) {
      ids.add((await ask('/v2/')).headers.get('x-request-id') ?? '')
    }
    assert.equal(ids.size, 10)
    const taken = await ask('/v2/', { headers: { 'x-request-id': 'proxy-4711.a' } })
    assert.equal(taken.headers.get('x-request-id'), 'proxy-4711.a')
    for (const given of ['a b', 'x'.repeat(65), 'carrel_pat_abc', '"quoted"']) {
      const other = await ask('/v2/', { headers: { 'x-request-id': given } })
      assert.notEqual(other.headers.get('x-request-id'), given)
    }
    await waitUntil('the log has the id', () => registry.log().includes('"id":"proxy-4711.a"'))
  })

  test('logs no secret, whatever is sent', async () => {
    const made = await ask('/api/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'ci' }),
    })
    const { secret } = (await made.json()) as { secret: string }
    const canaries = [
      'canary-in-a-query',
      'canary-cookie',
      'canary-password',
      secret,
      registry.password,
    ]
    await ask(`/v2/?token=${canaries[0]}`, { headers: { cookie: `carrel_session=${canaries[1]}` } })
    await ask('/v2/', { headers: { authorization: basic('admin', 'canary-password') } })
    await ask('/v2/', { headers: { authorization: `Bearer ${secret}` } })
    await ask(`/setup?key=${secret}`)
    const token = (await (await ask('/token?service=x')).json()) as { token: string }
    canaries.push(token.token)
    await ask('/v2/', { headers: { authorization: `Bearer ${token.token}` } })
    await ask('/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: registry.url },
      body: JSON.stringify({ user: 'admin', password: 'canary-password' }),
    })
    await ask('/marker-of-the-end')
    await waitUntil('the log is written', () => registry.log().includes('marker-of-the-end'))
    canaries.push(registry.authorization.slice('Basic '.length))
    for (const canary of canaries) assert.ok(!registry.log().includes(canary), canary)
    assert.ok(registry.log().includes('"path":"/v2/"'))
  })
})

test('the log can be text for people, in one line each', async () => {
  await using registry = await startRegistry({
    env: { CARREL_LOG_FORMAT: 'text', CARREL_LOG_LEVEL: 'debug' },
  })
  await fetch(`${registry.url}/a%0Aforged%20line`)
  const isWritten = () => / ready [^]*forged|forged[^]* ready /.test(registry.log())
  await waitUntil('the log is written', isWritten)
  for (const line of registry.log().trimEnd().split('\n')) {
    assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z (?:debug|info |warn |error) \S/)
  }
  assert.match(registry.log(), / info {2}ready version=\S+ listen=127\.0\.0\.1/)
  assert.match(registry.log(), /path="\/a\\nforged line"/)
})

test('traces go to a collector where the environment names one', async () => {
  const bodies: string[] = []
  const collector = http.createServer((request, response) => {
    assert.equal(request.headers['api-key'], 'of the collector')
    let text = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    request.on('end', () => {
      bodies.push(`${request.url} ${text}`)
      response.end('{}')
    })
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = collector.address() as AddressInfo
    await using registry = await startRegistry({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
        OTEL_EXPORTER_OTLP_HEADERS: 'api-key=of%20the%20collector',
      },
    })
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    await fetch(`${registry.url}/v2/`, { headers: { traceparent } })
    // What waits is sent when a server stops.
    await registry.stop()
  } finally {
    collector.close()
  }
  const [path] = bodies[0]?.split(' ') ?? []
  assert.equal(path, '/v1/traces')
  const all = bodies.join('')
  assert.match(all, /"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"/)
  assert.match(all, /"parentSpanId":"00f067aa0ba902b7","name":"GET base"/)
})

describe('a start that would be unsafe is refused', () => {
  async function refusedStart(data: string, env: Record<string, string> = {}): Promise<string> {
    const args = ['serve', '--data', data, '--listen', `127.0.0.1:${await freePort()}`]
    const all = { ...withoutSettings(process.env), ...env }
    const { code, stderr } = await runProgram(carrel, args, { env: all, timeoutMs: 30_000 })
    assert.equal(code, 1, stderr)
    return stderr
  }

  test('on the data of a server that runs, which goes on', async () => {
    await using registry = await startRegistry({ postgres: false })
    assert.match(await refusedStart(registry.dataDir), /Another Carrel server is running on/)
    const { authorization } = registry
    assert.equal((await fetch(`${registry.url}/v2/`, { headers: { authorization } })).status, 200)
    await registry.kill()
    await using again = await startRegistry({ data: registry.dataDir, postgres: false })
    assert.equal((await fetch(`${again.url}/readyz`)).status, 200)
  })

  test('on a database that a newer version has written, and on one while it runs it is not ready', async () => {
    await using registry = await startRegistry({ postgres: false })
    const db = new DatabaseSync(join(registry.dataDir, 'carrel.db'))
    db.exec("insert into migrations values ('9999-future', 1)")
    db.close()
    const ready = async () => (await fetch(`${registry.url}/readyz`)).text()
    await waitUntil('the node says so', async () => (await ready()).includes('newer Carrel'))
    await registry.stop()
    const before = await readFile(join(registry.dataDir, 'carrel.db'))
    assert.match(await refusedStart(registry.dataDir), /9999-future.*newer version/s)
    assert.ok(before.equals(await readFile(join(registry.dataDir, 'carrel.db'))))
  })

  test('with an address for metrics that is taken', async () => {
    await using folder = await temporaryFolder('refused')
    await using registry = await startRegistry()
    const address = `127.0.0.1:${registry.port}`
    const said = await refusedStart(join(folder.path, 'data'), { CARREL_METRICS_LISTEN: address })
    assert.match(said, /CARREL_METRICS_LISTEN/)
  })
})

interface Init extends RequestInit {
  readonly headers?: Record<string, string>
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
