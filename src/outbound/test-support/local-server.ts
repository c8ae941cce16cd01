// A server on 127.0.0.1 for tests of what goes out.
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { IncomingHttpHeaders, RequestListener, ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface LocalServer extends AsyncDisposable {
  readonly port: number
  /** 127.0.0.1:PORT */
  readonly host: string
  readonly origin: string
  readonly requests: readonly ReceivedRequest[]
  /** Connections until now, whether or not a request came over them. */
  connections(): number
}

export interface LocalServerOptions {
  /** Makes it speak TLS. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

export async function startLocalServer(
  answer: (request: ReceivedRequest, response: ServerResponse) => void,
  { tls }: LocalServerOptions = {},
): Promise<LocalServer> {
  const requests: ReceivedRequest[] = []
  let connections = 0
  const listener: RequestListener = (incoming, response) => {
    const { method = '', url: path = '', headers } = incoming
    void text(incoming).then(
      (body) => {
        const request = { method, path, headers, body }
        requests.push(request)
        answer(request, response)
      },
      () => response.destroy(),
    )
  }
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener)
  server.on('connection', () => (connections += 1))
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    host: `127.0.0.1:${port}`,
    origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

export function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}
