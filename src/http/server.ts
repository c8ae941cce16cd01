// The only file that sees sockets: one port for HTTP and TLS, told apart by the first byte of a connection.
import { randomBytes } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { HttpMetrics } from '../metrics/http-metrics.ts'
import type { App } from './app.ts'
import { isWelcome, requireTls, tlsOptionsOf, type SecureOptions } from './client-certificates.ts'
import { errorReply } from './error-reply.ts'
import { handlerNameOf } from './handler-name.ts'
import { HttpError } from './http-error.ts'
import { createProvenance, type OriginOptions } from './origin.ts'
import { plainHttpReply, requireLocal } from './plain-http.ts'
import { createExtraHeaders } from './registry2/response-headers.ts'
import type { BodyWriter, Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'
import { isDistributionPath } from './target.ts'

export interface ServerOptions extends OriginOptions {
  readonly app: App
  readonly plainHttp: 'loopback' | 'everywhere'
  /** Only programs on this machine are answered. */
  readonly localOnly: boolean
  /** PEM. */
  readonly certificate: Certificate
  /** TLS beyond the certificate; left out: from version 1.2 on. */
  readonly secure?: SecureOptions | undefined
  /** Sent with every answer, by lower-case name. */
  readonly headers?: Readonly<Record<string, readonly string[]>> | undefined
  readonly tlsRefused: (address: string) => void
  /** Distinguishes the request ids of several workers. */
  readonly idPrefix: string
  readonly metrics?: HttpMetrics | undefined
  /** How long a client may be silent while we wait for it, and how long one is heard out; left out but in tests. */
  readonly patience?: Patience
}

export interface Patience {
  readonly idleMs: number
  readonly lingerMs: number
}

export interface Certificate {
  readonly key: string
  readonly cert: string
}

export interface RegistryServer {
  listen(at: { host: string; port: number; reusePort: boolean }): Promise<AddressInfo>
  setCertificate(certificate: Certificate): void
  /** Stops accepting, lets requests end for `graceMs`, then cuts. Resolves when nothing is open. */
  drain(graceMs: number): Promise<void>
}

const tlsHandshake = 0x16
const defaultPatience: Patience = { idleMs: 60_000, lingerMs: 10_000 }
const defaultSecure: SecureOptions = { minVersion: 'TLSv1.2' }
const limits = {
  // A slow upload is not a hanging one: only silence is (protocol.md Q55).
  requestTimeout: 0,
  headersTimeout: 60_000,
  // Longer than the idle time of usual load balancers, or they meet closed connections.
  keepAliveTimeout: 75_000,
  maxHeaderSize: 32 * 1024,
}

export function createServer(options: ServerOptions): RegistryServer {
  const { idleMs } = options.patience ?? defaultPatience
  const state = { draining: false }
  const handler = createHandler(options, state)
  const plain = http.createServer(limits, handler)
  const shape = tlsOptionsOf(options.secure ?? defaultSecure)
  const secure = createSecureServer(options, shape, handler)
  for (const server of [plain, secure]) {
    server.timeout = idleMs
    server.on('clientError', refuseBrokenRequest)
    // Starts the watch over half-sent headers, which begins with listening otherwise.
    server.emit('listening')
  }
  const sockets = new Set<Socket>()
  /** Those that have not said anything yet. */
  const silent = new Set<Socket>()
  const front = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    silent.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      silent.delete(socket)
    })
    hear(socket, idleMs, (first) => {
      silent.delete(socket)
      if (first !== tlsHandshake) {
        plain.emit('connection', socket)
        return
      }
      // HTTP may go on in one direction alone, TLS may not: a handshake that the client gave up would be waited for.
      socket.allowHalfOpen = false
      secure.emit('connection', socket)
    })
  })

  return {
    async listen({ host, port, reusePort }) {
      await new Promise<void>((resolve, reject) => {
        front.once('error', reject)
        front.listen({ host, port, reusePort, backlog: 4096 }, () => {
          front.off('error', reject)
          // A connection that cannot be accepted (no descriptor is left) must not end the process.
          front.on('error', () => undefined)
          resolve()
        })
      })
      return front.address() as AddressInfo
    },
    setCertificate(certificate) {
      secure.setSecureContext({ ...shape, ...certificate })
    },
    async drain(graceMs) {
      state.draining = true
      const closed = new Promise<void>((resolve) => front.close(() => resolve()))
      for (const socket of silent) socket.destroy()
      plain.closeIdleConnections()
      secure.closeIdleConnections()
      const idle = setInterval(() => {
        plain.closeIdleConnections()
        secure.closeIdleConnections()
      }, 100)
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, graceMs)
      await closed
      clearInterval(idle)
      clearTimeout(cut)
      plain.close()
      secure.close()
    },
  }
}

function createSecureServer(
  options: ServerOptions,
  shape: ReturnType<typeof tlsOptionsOf>,
  handler: http.RequestListener,
): https.Server {
  const { key, cert } = options.certificate
  const { idleMs } = options.patience ?? defaultPatience
  const { clients } = options.secure ?? defaultSecure
  const tls = { ...shape, key, cert, handshakeTimeout: idleMs }
  const secure = https.createServer({ ...limits, ...tls }, handler)
  if (clients !== undefined) {
    secure.on('secureConnection', (socket) => {
      if (!isWelcome(socket, clients)) socket.destroy()
    })
  }
  secure.on('tlsClientError', (_, socket) => {
    options.tlsRefused(socket.remoteAddress ?? '')
    socket.destroy()
  })
  return secure
}

/** Waits for the first byte, which stays with the socket. */
function hear(socket: Socket, idleMs: number, heard: (first: number | undefined) => void): void {
  socket.on('error', () => socket.destroy())
  const giveUp = () => socket.destroy()
  socket.setTimeout(idleMs, giveUp)
  socket.once('end', giveUp)
  socket.once('data', (first: Buffer) => {
    socket.pause()
    socket.setTimeout(0, giveUp)
    socket.off('timeout', giveUp)
    socket.off('end', giveUp)
    socket.unshift(first)
    heard(first[0])
    process.nextTick(() => socket.resume())
  })
}

function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  // Node's own default asks the same: a refusal must not stand in the middle of an answer that is being sent.
  const { _httpMessage: current } = socket as { _httpMessage?: ServerResponse }
  if (current?.headersSent === true) {
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  const timedOut = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  socket.end(
    `HTTP/1.1 ${timedOut ? '408 Request Timeout' : status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  )
}

function createHandler(options: ServerOptions, state: { readonly draining: boolean }) {
  const provenanceOf = createProvenance(options)
  const { lingerMs } = options.patience ?? defaultPatience
  const { metrics, secure = defaultSecure } = options
  const extra = createExtraHeaders(options.headers ?? {})
  // A log that is kept for long must not hold an id twice.
  const prefix = `${randomBytes(4).toString('hex')}-${options.idPrefix}-`
  let count = 0

  return (incoming: IncomingMessage, response: ServerResponse): void => {
    const began = metrics?.began() ?? 0
    count += 1
    const id = idGivenBy(incoming) ?? `${prefix}${count.toString(36)}`
    response.setHeader('x-request-id', id)
    if (extra !== undefined) {
      for (const [name, values] of extra.of(pathOf(incoming))) response.setHeader(name, values)
    }
    let isSent = false
    // Others have said all that they will say.
    if (incoming.method !== 'GET' && incoming.method !== 'HEAD') response.on('timeout', onSilence)
    answer(incoming, id)
      .then(async (reply) => {
        if (state.draining) response.setHeader('connection', 'close')
        await send(incoming, response, reply)
        isSent = true
        metrics?.ended(began, answered(incoming, id, reply.status, lengthOf(reply)))
        if (!incoming.complete && !incoming.destroyed) linger(incoming, lingerMs)
      })
      // The client went away, or the storage broke in the middle of a body: the broken connection tells it.
      .catch(() => {
        if (!isSent) metrics?.ended(began, answered(incoming, id, 0, 0))
        response.destroy()
      })
  }

  async function answer(incoming: IncomingMessage, id: string): Promise<Reply> {
    let request: HttpRequest
    try {
      const provenance = provenanceOf(incoming)
      const { path, query } = splitUrl(incoming.url ?? '')
      requireTls(secure, incoming.socket as { readonly encrypted?: boolean }, path)
      if (options.localOnly) requireLocal(incoming, provenance)
      else if (options.plainHttp === 'loopback') {
        const refusal = plainHttpReply(incoming, provenance, path)
        if (refusal !== undefined) return refusal
      }
      request = {
        method: incoming.method ?? '',
        path,
        query: new URLSearchParams(query),
        headers: incoming.headers,
        body: incoming,
        peer: provenance.peer,
        origin: provenance.origin,
      }
    } catch (error) {
      return errorReply(error, id)
    }
    return options.app.handle(request, id)
  }
}

/** Short, of harmless characters, and none of our secrets that somebody put into the wrong header. */
const saneId = /^(?!carrel_)[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/

/** Of a proxy in front, or of the client: then one id leads through the logs of all. */
function idGivenBy({ headers }: IncomingMessage): string | undefined {
  const given = headers['x-request-id']
  return typeof given === 'string' && saneId.test(given) ? given : undefined
}

function answered(
  { method = '', url = '', headers }: IncomingMessage,
  requestId: string,
  status: number,
  sent: number,
) {
  const mark = url.indexOf('?')
  const { traceparent } = headers
  return {
    handler: handlerNameOf(mark < 0 ? url : url.slice(0, mark)),
    method,
    status,
    requestBytes: Number(headers['content-length']) || 0,
    responseBytes: method === 'HEAD' ? 0 : sent,
    requestId,
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
  }
}

/** As it was written, still encoded. */
function pathOf({ url = '' }: IncomingMessage): string {
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark)
}

function lengthOf({ headers, body }: Reply): number {
  const length = Number(headers?.['content-length'])
  return Number.isNaN(length) ? (typeof body === 'function' ? 0 : (body?.length ?? 0)) : length
}

/**
 * Nothing was sent or received for a while. Only a client that we wait for is cut off: not while we still work on what
 * it sent, be it all of its request or a part that lies here unread.
 */
function onSilence(this: ServerResponse, socket: Socket): void {
  const { req: incoming } = this
  const isOurTurn = incoming.complete || incoming.readableLength > 0
  if (isOurTurn && !this.headersSent) socket.setTimeout(socket.timeout ?? 0)
  else socket.destroy()
}

/** Whoever is answered before all of a body has come hears it only if we go on reading for a while. */
function linger(incoming: IncomingMessage, lingerMs: number): void {
  const cut = setTimeout(() => incoming.socket.destroy(), lingerMs)
  incoming.once('close', () => clearTimeout(cut))
  incoming.resume()
}

/** @throws {HttpError} 400 when the path is not one, or is percent-encoded wrongly */
function splitUrl(url: string): { readonly path: string; readonly query: string } {
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const query = mark < 0 ? '' : url.slice(mark + 1)
  if (!path.startsWith('/')) throw new HttpError(400, 'The request must name a path.')
  if (!path.includes('%')) return { path, query }
  try {
    return { path: decodeURIComponent(path), query }
  } catch {
    throw new HttpError(400, 'The path is percent-encoded wrongly.')
  }
}

async function send(
  incoming: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Reply,
): Promise<void> {
  const all: Record<string, string | number> = { 'x-content-type-options': 'nosniff', ...headers }
  if (isDistributionPath(incoming.url ?? ''))
    all['docker-distribution-api-version'] = 'registry/2.0'
  response.writeHead(status, all)
  if (incoming.method === 'HEAD') {
    response.end()
    return
  }
  if (typeof body !== 'function') {
    response.end(body)
    return
  }
  await writeBody(incoming.socket, response, body)
  response.end()
}

/** A chunk counts as written when the system has taken it, so that its memory is free again. */
async function writeBody(
  socket: Socket,
  response: ServerResponse,
  body: BodyWriter,
): Promise<void> {
  let giveUp: (reason: Error) => void = () => undefined
  // An answer that waits behind another one on its connection is not told that the client has gone.
  const onClose = () => giveUp(new Error('the client went away'))
  socket.once('close', onClose)
  try {
    await body(
      async (chunk) =>
        new Promise((resolve, reject) => {
          giveUp = reject
          if (socket.destroyed) onClose()
          else response.write(chunk, (error) => (error ? reject(error) : resolve()))
        }),
    )
  } finally {
    socket.off('close', onClose)
  }
}
