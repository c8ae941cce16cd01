// One request to the public address, with or without a large body, and what became of it on the way.
import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { rootCertificates } from 'node:tls'

export interface ProxyQuestion {
  readonly method: 'GET' | 'PUT'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** `send: false`: it is only announced. */
  readonly body?: { readonly size: number; readonly send: boolean }
}

export type ProxyAnswer =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly headers: Readonly<Record<string, string | undefined>>
      readonly body: string
      /** The answer came only after all of the body, though it could have come before. */
      readonly waitedForAll: boolean
    }
  | { readonly kind: 'untrusted' | 'failed'; readonly reason: string }

export interface AskedAddress {
  readonly url: URL
  readonly authorities: readonly string[]
}

const patienceMs = 20_000
/** So long an answer may take that needs nothing of the body. */
const earlyMs = 1500
const piece = Buffer.alloc(64 * 1024)
const mostBody = 4096

export async function askThrough(
  { url, authorities }: AskedAddress,
  { method, path, headers, body }: ProxyQuestion,
): Promise<ProxyAnswer> {
  const isTls = url.protocol === 'https:'
  const { promise, resolve } = Promise.withResolvers<ProxyAnswer>()
  let sent = 0
  const request = (isTls ? requestHttps : requestHttp)({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? undefined : Number(url.port),
    path,
    method,
    agent: false,
    signal: AbortSignal.timeout(patienceMs),
    headers: {
      ...headers,
      ...(body !== undefined && { 'content-length': String(body.size) }),
    },
    ...(isTls && { ca: [...rootCertificates, ...authorities] }),
  })
  request.on('response', (response) => {
    const waitedForAll = body !== undefined && sent >= body.size
    void read(response).then((text) => {
      const { statusCode: status = 0 } = response
      resolve({ kind: 'answered', status, headers: oneEach(response), body: text, waitedForAll })
      request.destroy()
    })
  })
  request.on('error', (error: NodeJS.ErrnoException) => resolve(failureOf(error)))
  request.on('close', () => resolve({ kind: 'failed', reason: 'the connection ended' }))
  if (body === undefined) {
    request.end()
    return promise
  }
  sent = await write(request, Math.min(piece.length, body.size))
  const early = await Promise.race([promise, after(earlyMs)])
  if (early !== undefined || !body.send) {
    request.destroy()
    return early ?? { kind: 'failed', reason: 'there was no answer before the body' }
  }
  while (sent < body.size && !request.destroyed) {
    sent += await write(request, Math.min(piece.length, body.size - sent))
  }
  return promise
}

/** Resolves when the bytes are on their way, or never will be. */
async function write(request: ReturnType<typeof requestHttp>, bytes: number): Promise<number> {
  if (request.destroyed) return bytes
  await new Promise<void>((resolve) => request.write(piece.subarray(0, bytes), () => resolve()))
  return bytes
}

async function after(ms: number): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

async function read(response: IncomingMessage): Promise<string> {
  let text = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text = (text + String(chunk)).slice(0, mostBody)
    }
  } catch {
    // What came tells enough.
  }
  return text
}

function oneEach({ headers }: IncomingMessage): Readonly<Record<string, string | undefined>> {
  const entries = Object.entries(headers).map(([key, value]) => [key, String(value)] as const)
  return Object.fromEntries(entries)
}

const trustCodes = /^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_)/

function failureOf(error: NodeJS.ErrnoException): ProxyAnswer {
  const code = error.code ?? error.message
  if (error.name === 'TimeoutError' || error.name === 'AbortError') {
    return { kind: 'failed', reason: 'no answer in time' }
  }
  return { kind: trustCodes.test(code) ? 'untrusted' : 'failed', reason: code }
}
