// Requests to a server on the network. Nothing is followed elsewhere, nothing is waited for without an end, and what
// keeps the server from being reached is told in the words of the command line.
import http, { type IncomingMessage, type RequestOptions } from 'node:http'
import https from 'node:https'
import { getCACertificates } from 'node:tls'

import type { ApiRequest, ApiResponse, Transport, WritePiece } from '../contract/client.ts'
import { CliError } from './cli-error.ts'
import { exitCodes } from './exit-codes.ts'

export interface HttpTransportOptions {
  /** As in https://registry.example.com:5443. */
  readonly origin: string
  readonly token?: string | undefined
  /** PEM of an authority to trust beside those that are trusted anyway (NODE_EXTRA_CA_CERTS among them). */
  readonly ca?: string | undefined
  readonly userAgent: string
  /** How long nothing may come; left out but in tests. */
  readonly silenceMs?: number
}

/** A way to the management API; `close` lets go of what keeps it open. */
export interface ApiConnection {
  readonly transport: Transport
  close(): Promise<void>
}

const longestSilenceMs = 30_000
const largestAnswer = 64 * 1024 * 1024

export function openHttpTransport(options: HttpTransportOptions): ApiConnection {
  const { origin, ca } = options
  const isSecure = origin.startsWith('https:')
  const trust = ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }
  const agent = isSecure
    ? new https.Agent({ keepAlive: true, maxSockets: 4, ...trust })
    : new http.Agent({ keepAlive: true, maxSockets: 4 })
  return {
    transport: async (request) => {
      const taker = takerOf(request.write)
      try {
        return await exchange(options, agent, { ...request, ...(taker && { write: taker.write }) })
      } catch (error) {
        // That whoever reads the answer has gone is no fault of the server.
        throw taker?.failed() === true ? error : explain(origin, error)
      }
    },
    async close() {
      agent.destroy()
    },
  }
}

function takerOf(write: WritePiece | undefined) {
  if (write === undefined) return undefined
  let isFailed = false
  return {
    failed: () => isFailed,
    write: async (piece: Uint8Array) => {
      try {
        await write(piece)
      } catch (error) {
        isFailed = true
        throw error
      }
    },
  }
}

async function exchange(
  { origin, token, userAgent, silenceMs = longestSilenceMs }: HttpTransportOptions,
  agent: http.Agent,
  { method, path, headers, body, write }: ApiRequest,
): Promise<ApiResponse> {
  const { hostname, port } = new URL(origin)
  const request: RequestOptions = {
    // Not taken apart again: what a name encodes must arrive as it is.
    host: hostname.replace(/^\[|\]$/g, ''),
    port,
    path,
    method,
    agent,
    timeout: silenceMs,
    headers: {
      ...headers,
      'user-agent': userAgent,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
    },
  }
  const response = await send(origin, request, body)
  const { statusCode: status = 0 } = response
  if (write !== undefined && status >= 200 && status <= 299) {
    await handOn(response, write, silenceMs)
    return { status, headers: textsOf(response.headers), body: '' }
  }
  const text = await readText(response)
  const { location } = response.headers
  if (status >= 300 && status <= 399) throw redirected(origin, location)
  return { status, headers: textsOf(response.headers), body: text }
}

function send(
  origin: string,
  options: RequestOptions,
  body: string | undefined,
): Promise<IncomingMessage> {
  const { request } = origin.startsWith('https:') ? https : http
  return new Promise((resolve, reject) => {
    const outgoing = request(options, resolve)
    outgoing.on('error', reject)
    outgoing.on('timeout', () => outgoing.destroy(new SilenceError('nothing came for too long')))
    outgoing.end(body)
  })
}

class SilenceError extends Error {
  override readonly name = 'SilenceError'
  readonly code = 'ETIMEDOUT'
}

/** While somebody reads slowly, nothing comes, and that is no silence. */
async function handOn(
  response: IncomingMessage,
  write: WritePiece,
  silenceMs: number,
): Promise<void> {
  const { socket } = response
  for await (const piece of response as AsyncIterable<Buffer>) {
    socket.setTimeout(0)
    await write(piece)
    socket.setTimeout(silenceMs)
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length > largestAnswer) {
      throw new CliError(exitCodes.failed, { what: 'the server’s answer is too large' })
    }
  }
  return Buffer.concat(chunks).toString('utf8')
}

function textsOf(headers: IncomingMessage['headers']): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) texts[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return texts
}

function redirected(origin: string, location: string | undefined): CliError {
  const other = URL.parse(location ?? '', origin)
  const isElsewhere = other !== null && other.origin !== origin && other.origin !== 'null'
  return new CliError(exitCodes.failed, {
    what: `${origin} sends on to ${other?.origin ?? 'another address'}`,
    why: 'a token is not sent to an address that nobody asked for',
    ...(isElsewhere && { fix: `--host ${other.origin}` }),
  })
}

function explain(origin: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CliError) return error
  const code = 'code' in error ? String(error.code) : ''
  const isTls = /CERT|TLS|SSL|ISSUER|SIGNATURE|EPROTO/.test(code)
  const why = reasons[code] ?? (isTls ? `its certificate is not trusted (${code})` : error.message)
  const fix = isTls ? trustFix(origin, code) : undefined
  return new CliError(
    exitCodes.unreachable,
    { what: `${origin} cannot be reached`, why, ...(fix !== undefined && { fix }) },
    error,
  )
}

/** Over plain HTTP, as the certificate is what is doubted: the fingerprint tells whether it is the right one. */
function trustFix(origin: string, code: string): string | undefined {
  if (!unknownAuthority.test(code)) return undefined
  const file = origin.replace(/^https:/, 'http:')
  return `curl -fsSo ca.crt ${file}/ca.crt && openssl x509 -in ca.crt -noout -sha256 -fingerprint, compare it with what the server printed, then add --ca-file ca.crt`
}

const unknownAuthority = /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  ETIMEDOUT: 'nothing came for too long',
  EHOSTUNREACH: 'there is no way to that machine',
  ENETUNREACH: 'there is no way to that network',
  ENOTFOUND: 'there is no machine of that name',
  EAI_AGAIN: 'names cannot be looked up at the moment',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself alone',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate comes from an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate comes from an authority that is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that is not known here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  EPROTO: 'it does not speak TLS there',
}
