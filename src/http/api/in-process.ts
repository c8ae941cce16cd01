// The management API without a network, for commands beside the data: requests are handed to it as values. Who asks is
// said by whoever makes the transport.
import { Readable } from 'node:stream'
import type { Identity } from '../../auth/identity.ts'
import type { ApiRequest, ApiResponse, Transport, WritePiece } from '../../contract/client.ts'
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
      const reply = await api.handle(requestOf(request), async () => identity)
      return await responseOf(reply, request.write)
    } catch (error) {
      const reply = problemReply(error, 'in this process')
      if (reply.status >= 500) failed(error)
      return responseOf(reply)
    }
  }
}

function requestOf({ method, path, headers, body }: ApiRequest): HttpRequest {
  // Taken apart as the server does it: nothing in a name leads elsewhere.
  const [place = '', query] = path.split('?', 2)
  return {
    method,
    path: decodeURIComponent(place),
    query: new URLSearchParams(query),
    headers,
    body: Readable.from(body === undefined ? [] : [Buffer.from(body, 'utf8')]),
    peer: { address: 'local', loopback: true, secure: true },
    origin: 'http://localhost',
  }
}

async function responseOf(
  { status, headers = {}, body }: Reply,
  write?: WritePiece,
): Promise<ApiResponse> {
  const texts = Object.entries(headers).map(([name, value]) => [name, String(value)] as const)
  const isWritten = write !== undefined && status >= 200 && status <= 299
  if (isWritten) await handOn(body, write)
  const text = isWritten ? '' : await textOf(body)
  return { status, headers: Object.fromEntries(texts), body: text }
}

async function textOf(body: Reply['body']): Promise<string> {
  const pieces: Uint8Array[] = []
  await handOn(body, async (piece) => void pieces.push(piece))
  return Buffer.concat(pieces).toString('utf8')
}

async function handOn(body: Reply['body'], write: WritePiece): Promise<void> {
  if (body === undefined) return
  if (typeof body !== 'function') {
    await write(Buffer.from(body))
    return
  }
  // The memory of a piece is used again afterwards.
  await body(async (piece) => write(Buffer.from(piece)))
}
