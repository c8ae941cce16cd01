import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'

import { createApiClient } from '../contract/client.ts'
import { anApi } from '../http/api/test-support/api.ts'
import { openHttpTransport } from './api-transport.ts'
import { describeError } from './cli-error.ts'
import { parseHost } from './host.ts'
import { storeHostCredential } from './host-credentials.ts'
import { aFolder, anApiWorld, serveApi } from './test-support/api-world.ts'

suite('a command with --host', () => {
  test('does there what it does here, with the token that was stored', async (t) => {
    const world = await anApiWorld(t)
    const { origin, caFile, seen } = await serveApi(t, world.app, 'admin')
    const home = await aFolder(t)
    const env = { HOME: home }
    await storeHostCredential({ env, cwd: home }, origin, { token: 'carrel_pat_x' })
    const remote = `--host ${origin} --ca-file ${caFile}`
    const made = await world.run(`team create web ${remote}`, { env })
    assert.deepEqual([made.code, made.stderr.split('\n')[0]], [0, 'made team web'])
    assert.equal(
      (await world.run(`team ls ${remote}`, { env })).stdout,
      (await world.run('team ls')).stdout,
    )
    assert.deepEqual(seen, ['Bearer carrel_pat_x', 'Bearer carrel_pat_x'])
    assert.equal((await world.run(`team show wep ${remote}`, { env })).code, 3)
    assert.equal(
      (
        await world.run(`team ls --host localhost:${new URL(origin).port} --ca-file ${caFile}`, {
          env,
        })
      ).code,
      0,
    )
  })

  test('tells how to sign in when there is no token, and who may not do it', async (t) => {
    const world = await anApiWorld(t)
    const { origin, caFile } = await serveApi(t, world.app, 'ann')
    const remote = `--host ${origin} --ca-file ${caFile}`
    const env = { HOME: await aFolder(t) }
    const nobody = await world.run(`team ls ${remote}`, { env })
    assert.equal(nobody.code, 4)
    assert.match(nobody.stderr, /try: carrel login/)
    const ann = await world.run(`team create web ${remote}`, { env: { ...env, CARREL_TOKEN: 'x' } })
    assert.equal(ann.code, 4)
    assert.match(ann.stderr, /^error: ann may not/)
  })

  test('is refused where it contradicts itself', async (t) => {
    const { run } = await anApiWorld(t)
    for (const line of [
      'team ls --host https://x.example --data /tmp/x',
      'team ls --ca-file x',
      'team ls --host ftp://x.example',
      'team ls --host https://x.example/registry',
      'team ls --host https://ann:secret@x.example',
      'team ls --host http://x.example',
      'team ls --host https://x.example --ca-file /none',
    ]) {
      const { code, stderr } = await run(line, { env: { HOME: '/none' } })
      assert.equal(code, 2, `${line}: ${stderr}`)
      assert.ok(!stderr.includes('secret'), stderr)
    }
  })
})

test('a host is a name, an origin, or this machine over plain HTTP', () => {
  assert.equal(parseHost('registry.example.com'), 'https://registry.example.com')
  assert.equal(parseHost('registry.example.com:5443'), 'https://registry.example.com:5443')
  assert.equal(parseHost('HTTPS://Registry.example.com/'), 'https://registry.example.com')
  assert.equal(parseHost('http://localhost:5443'), 'http://localhost:5443')
  assert.equal(parseHost('http://127.0.0.1:5443'), 'http://127.0.0.1:5443')
  assert.equal(parseHost('http://[::1]:5443'), 'http://[::1]:5443')
})

suite('a server that cannot be reached', () => {
  test('because nothing listens ends with 7', async (t) => {
    const { origin, close } = await aHttpServer(() => undefined)
    await close()
    const { exitCode, failure } = await failureOf(t, { origin })
    assert.equal(exitCode, 7)
    assert.deepEqual(
      [failure.what, failure.why],
      [`${origin} cannot be reached`, 'nothing listens there'],
    )
  })

  test('because its certificate is not trusted says which file to give', async (t) => {
    const app = await anApi(t)
    const { origin } = await serveApi(t, app, 'admin')
    const { exitCode, failure } = await failureOf(t, { origin })
    assert.equal(exitCode, 7)
    assert.match(failure.why ?? '', /certificate/)
    assert.match(failure.fix ?? '', /--ca-file/)
  })

  test('because it says nothing is given up', async (t) => {
    const { origin, close } = await aHttpServer(() => undefined)
    t.after(close)
    const { exitCode, failure } = await failureOf(t, { origin, silenceMs: 100 })
    assert.equal(exitCode, 7)
    assert.equal(failure.why, 'nothing came for too long')
  })

  test('because it stops in the middle is given up', async (t) => {
    const { origin, close } = await aHttpServer((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{')
    })
    t.after(close)
    assert.equal((await failureOf(t, { origin, silenceMs: 100 })).exitCode, 7)
  })
})

suite('what a server sends in pieces', () => {
  test('is handed on as it comes, however slowly it is read', async (t) => {
    const { origin, close } = await aHttpServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      response.write('{"a":1}\n')
      response.end('{"b":2}\n')
    })
    t.after(close)
    const { transport, close: leave } = openHttpTransport({
      userAgent: 'test',
      origin,
      silenceMs: 100,
    })
    t.after(leave)
    let text = ''
    await createApiClient(transport).stream('audit.export', {}, async (piece) => {
      await setTimeout(150)
      text += Buffer.from(piece).toString()
    })
    assert.equal(text, '{"a":1}\n{"b":2}\n')
  })

  test('and breaks off is a failure, and so is a reader that has gone', async (t) => {
    const { origin, close } = await aHttpServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      response.write('{"a":1}\n', () => response.destroy())
    })
    t.after(close)
    const { transport, close: leave } = openHttpTransport({ userAgent: 'test', origin })
    t.after(leave)
    const api = createApiClient(transport)
    const broken = await api.stream('audit.export', {}, async () => undefined).catch(describeError)
    assert.equal(broken?.exitCode, 7)
    const gone = api.stream('audit.export', {}, async () => {
      throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
    })
    await assert.rejects(gone, { code: 'EPIPE' })
  })
})

suite('a server that is none of ours', () => {
  test('and sends on to elsewhere gets no token there', async (t) => {
    const heard: unknown[] = []
    const other = await aHttpServer((request, response) => {
      heard.push(request.headers.authorization)
      response.end('{"items":[]}')
    })
    t.after(other.close)
    const { origin, close } = await aHttpServer((_, response) => {
      response.writeHead(307, { location: `${other.origin}/api/v1/teams` }).end()
    })
    t.after(close)
    const { exitCode, failure } = await failureOf(t, { origin, token: 'x' })
    assert.equal(exitCode, 1)
    assert.equal(failure.fix, `--host ${other.origin}`)
    assert.deepEqual(heard, [])
  })

  test('and answers with a page is told from a registry', async (t) => {
    for (const [status, exitCode] of [
      [200, 1],
      [404, 1],
      [403, 4],
      [502, 7],
    ] as const) {
      const { origin, close } = await aHttpServer((_, response) => {
        response.writeHead(status, { 'content-type': 'text/html' }).end('<html>')
      })
      const failed = await failureOf(t, { origin })
      await close()
      assert.equal(failed.exitCode, exitCode, String(status))
      assert.match(failed.failure.what, /not the management API/)
    }
  })
})

test('a refusal ends with the code of its kind, and says all fields that are wrong', async (t) => {
  const world = await anApiWorld(t)
  const call = async (work: () => Promise<unknown>) => {
    const error = await work().then(
      () => assert.fail('it was done'),
      (thrown: unknown) => thrown,
    )
    return describeError(error)
  }
  const { operator } = world
  const weak = await call(() => operator.call('users.create', { name: 'cleo', password: 'short' }))
  assert.equal(weak.exitCode, 5)
  const taken = await call(() =>
    operator.call('users.create', { name: 'ann', password: 'seven-red-lanterns' }),
  )
  assert.equal(taken.exitCode, 1)
  assert.equal(taken.failure.what, 'there is a user ann already')
  const changed = await call(() =>
    operator.call('users.change', { name: 'ann', admin: true }, { ifMatch: '"old"' }),
  )
  assert.equal(changed.exitCode, 1)
  const wrong = await call(() =>
    operator.call('teams.create', { name: '', description: 5 } as never),
  )
  assert.equal(wrong.exitCode, 1)
  assert.match(wrong.failure.why ?? '', /^name: .+\ndescription: /)
})

async function failureOf(
  t: TestContext,
  options: { readonly origin: string; readonly token?: string; readonly silenceMs?: number },
) {
  const { transport, close } = openHttpTransport({ userAgent: 'test', ...options })
  t.after(close)
  const error = await createApiClient(transport)
    .call('teams.list', {})
    .then(
      () => assert.fail('it answered'),
      (thrown: unknown) => thrown,
    )
  return describeError(error)
}

async function aHttpServer(handler: RequestListener) {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}
