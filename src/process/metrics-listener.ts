// CARREL_METRICS_LISTEN: one more address, plain HTTP without a login, for whoever watches. It answers what is here and
// nothing else, from the main thread: also when the workers are busy.
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ListenAddress } from '../config/listen-address.ts'
import type { Reply } from '../http/reply.ts'
import { jsonReply } from '../http/reply.ts'
import type { HealthReport } from '../http/site/health-report.ts'
import { readyReply } from '../http/site/health.ts'
import { metricsMediaType } from '../http/site/metrics.ts'

export interface Watched {
  readonly metrics: () => Promise<string>
  readonly health: () => Promise<HealthReport>
}

export interface MetricsListener extends AsyncDisposable {
  readonly port: number
}

/** @throws {Error} when it cannot listen there */
export async function listenForMetrics(
  { host, port }: ListenAddress,
  watched: Watched,
): Promise<MetricsListener> {
  const server = http.createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(watched, request).then(
      (reply) => send(request, response, reply),
      () => send(request, response, textReply(500, 'This could not be told.\n')),
    )
  })
  server.timeout = 60_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const where = `${host === '' ? 'all addresses' : host}, port ${port}`
      const message = `Listening for metrics on ${where} failed (${cause.message}). Choose another address with CARREL_METRICS_LISTEN.`
      reject(new Error(message, { cause }))
    })
    server.listen({ host, port }, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer({ metrics, health }: Watched, request: IncomingMessage): Promise<Reply> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { ...textReply(405, 'Only GET and HEAD.\n'), headers: { allow: 'GET, HEAD' } }
  }
  switch ((request.url ?? '').split('?', 1)[0]) {
    case '/metrics':
      return {
        status: 200,
        headers: { 'content-type': metricsMediaType },
        body: await metrics(),
      }
    case '/livez':
      return jsonReply(200, { status: 'alive' })
    case '/readyz':
      return readyReply(await health(), true)
    case '/debug/health':
      return debugHealth(await health())
    default:
      return textReply(404, 'There are /metrics, /readyz, /livez and /debug/health here.\n')
  }
}

/** As registry:2 has it: an object of what fails, by name, and 503 when there is any. */
function debugHealth({ checks }: HealthReport): Reply {
  const failing = checks.filter(({ status }) => status === 'failed')
  const body = Object.fromEntries(failing.map(({ name, message }) => [name, message ?? 'failed']))
  return jsonReply(failing.length > 0 ? 503 : 200, body)
}

function textReply(status: number, body: string): Reply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body }
}

function send(
  { method }: IncomingMessage,
  response: ServerResponse,
  { status, headers = {}, body }: Reply,
): void {
  const text = typeof body === 'string' ? body : ''
  response.writeHead(status, {
    ...headers,
    'content-length': Buffer.byteLength(text),
    'x-content-type-options': 'nosniff',
  })
  response.end(method === 'HEAD' ? undefined : text)
}
