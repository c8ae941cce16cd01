import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { createEndpoint, type EndpointOptions } from './endpoint.ts'
import { eventOf, eventsMediaType, type NotificationEvent } from './event.ts'

const source = { addr: 'registry:5000', instanceID: 'one' }

function event(tag: string, more: { action?: 'push' | 'pull'; mediaType?: string } = {}) {
  const { action = 'push', mediaType = 'application/vnd.oci.image.manifest.v1+json' } = more
  const target = { repository: 'web/app', tag, mediaType, digest: 'sha256:ab', size: 7 }
  const request = { addr: '127.0.0.1', host: 'registry', method: 'PUT', useragent: 'test' }
  return eventOf({ action, target, request, actor: { name: 'ann' } }, source)
}

interface Received {
  readonly event: NotificationEvent
  readonly headers: IncomingMessage['headers']
}

/** `answer` gives the status for the nth request, from 1 on. */
async function receiver(t: TestContext, answer: (count: number) => number) {
  const received: Received[] = []
  let count = 0
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    count += 1
    const status = answer(count)
    const { events } = JSON.parse(Buffer.concat(chunks).toString()) as {
      events: NotificationEvent[]
    }
    if (status < 400)
      received.push(...events.map((each) => ({ event: each, headers: request.headers })))
    response.writeHead(status).end()
  }
  const server = createServer((request, response) => void receive(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/events`)
  return { url, received, count: () => count }
}

function endpointAt(url: URL, more: Partial<EndpointOptions> = {}, warnings: string[] = []) {
  return createEndpoint(
    {
      name: 'ci',
      url,
      headers: [['authorization', 'Bearer secret']],
      timeoutMs: 1000,
      threshold: 3,
      backoffMs: 20,
      ignoredMediaTypes: [],
      ignoredActions: [],
      ...more,
    },
    { fetch: globalThis.fetch, warn: (message) => warnings.push(message) },
  )
}

test('events arrive in order, in the envelope of registry:2, with the headers that were set', async (t) => {
  const { url, received } = await receiver(t, () => 200)
  const endpoint = endpointAt(url)
  for (const tag of ['1', '2', '3']) endpoint.send(event(tag))
  await endpoint.close(5000)
  assert.deepEqual(
    received.map((each) => each.event.target.tag),
    ['1', '2', '3'],
  )
  const [first] = received
  assert.equal(first?.headers['content-type'], eventsMediaType)
  assert.equal(first?.headers.authorization, 'Bearer secret')
  const target: Readonly<Record<string, unknown>> | undefined = first?.event.target
  assert.deepEqual([target?.['size'], target?.['length']], [7, 7])
})

test('what is not taken is sent again, and nothing is lost or sent twice', async (t) => {
  const warnings: string[] = []
  const { url, received, count } = await receiver(t, (nth) => (nth <= 5 ? 503 : 200))
  const endpoint = endpointAt(url, {}, warnings)
  endpoint.send(event('1'))
  endpoint.send(event('2'))
  await endpoint.close(5000)
  assert.deepEqual(
    received.map((each) => each.event.target.tag),
    ['1', '2'],
  )
  assert.equal(count(), 7)
  assert.equal(warnings.length, 1, 'it is told once, not with every failure')
})

test('ignored actions and media types are not sent', async (t) => {
  const { url, received } = await receiver(t, () => 200)
  const endpoint = endpointAt(url, {
    ignoredActions: ['pull'],
    ignoredMediaTypes: ['application/x'],
  })
  endpoint.send(event('pulled', { action: 'pull' }))
  endpoint.send(event('typed', { mediaType: 'application/x' }))
  endpoint.send(event('pushed'))
  await endpoint.close(5000)
  assert.deepEqual(
    received.map((each) => each.event.target.tag),
    ['pushed'],
  )
})

test('a receiver that is away does not hold up the end', async () => {
  const endpoint = endpointAt(new URL('http://127.0.0.1:9/'))
  endpoint.send(event('1'))
  const began = performance.now()
  await endpoint.close(100)
  assert.ok(performance.now() - began < 3000)
})
