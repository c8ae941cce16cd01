// The management API without a network, for commands beside the data: requests are handed to it as values. Who asks is
// said by whoever makes the transport.
import { Readable } from 'node:stream'
import type { Identity } from '../../auth/identity.ts'
import type { ApiRequest, ApiResponse, Transport } from '../../contract/client.ts'
import type { Reply } from '../reply.ts'
import type { HttpRequest } from '../request.ts'
import type { Api } from './api.ts'
import { problemReply } from './problem-reply.ts'

export function inProcessTransport(
  api: Api,
  identity: Identity,
  /** Hears of what becomes a 500 for the caller. */
  failed: (error: unknown) => void = () => undefined,
): Transport {
  return async (request) => {
    try {
      return await responseOf(await api.handle(requestOf(request), async () => identity))
    } catch (error) {
      const reply = problemReply(error, 'in this process')
      if (reply.status >= 500) failed(error)
      return responseOf(reply)
    }
  }
}

function requestOf({ method, path, headers, body }: ApiRequest): HttpRequest {
  const url = new URL(path, 'http://localhost')
  return {
    method,
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    headers,
    body: Readable.from(body === undefined ? [] : [Buffer.from(body, 'utf8')]),
    peer: { address: 'local', loopback: true, secure: true },
    origin: 'http://localhost',
  }
}

async function responseOf({ status, headers = {}, body }: Reply): Promise<ApiResponse> {
  const texts = Object.entries(headers).map(([name, value]) => [name, String(value)] as const)
  return { status, headers: Object.fromEntries(texts), body: await textOf(body) }
}

async function textOf(body: Reply['body']): Promise<string> {
  if (body === undefined) return ''
  if (typeof body === 'string') return body
  if (typeof body !== 'function') return Buffer.from(body).toString('utf8')
  const chunks: Buffer[] = []
  await body(async (chunk) => {
    // Its memory is used again afterwards.
    chunks.push(Buffer.from(chunk))
  })
  return Buffer.concat(chunks).toString('utf8')
}
