// One request and its answer over node:http or node:https, to addresses that were checked before. No connection is
// kept: the next request checks again.
import { request as requestHttp } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIPv4 } from 'node:net'
import type { LookupFunction } from 'node:net'
import type { SecureContext } from 'node:tls'
import { untilAborted } from './deadline.ts'
import { OutboundError, outboundSettings } from './outbound-error.ts'
import { shown } from './target.ts'
import type { Target } from './target.ts'

export interface Call {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | undefined
}

export interface ExchangeOptions {
  readonly signal: AbortSignal
  readonly maxBytes: number
  /** Undefined trusts what Node trusts. */
  readonly secureContext: SecureContext | undefined
}

export interface Answer {
  readonly status: number
  /** Name, value, name, value. */
  readonly rawHeaders: readonly string[]
  /** Where it sends us, when it is a redirect; its body is then empty. */
  readonly location: string | undefined
  readonly body: Buffer<ArrayBuffer>
}

const noCode = 'no code'
// Of the addresses of a name that do not answer, each takes this long until the next is tried.
const attemptMs = 1000
const redirectStatuses: ReadonlySet<number> = new Set([300, 301, 302, 303, 307, 308])

/** @throws {OutboundError} unreachable, tls, too-large, bad-response; or the reason of the signal */
export async function exchange(
  target: Target,
  call: Call,
  options: ExchangeOptions,
): Promise<Answer> {
  try {
    const response = await untilAborted(send(target, call, options), options.signal)
    const status = response.statusCode ?? 0
    const location = redirectStatuses.has(status) ? response.headers.location : undefined
    const body =
      location === undefined ? await readBody(target, response, options.maxBytes) : drop(response)
    return { status, rawHeaders: response.rawHeaders, location, body }
  } catch (error) {
    if (error instanceof OutboundError) throw error
    if (options.signal.aborted) throw options.signal.reason
    throw failureOf(target, error)
  }
}

function send(target: Target, call: Call, options: ExchangeOptions): Promise<IncomingMessage> {
  const { url, host, port, addresses } = target
  const isTls = url.protocol === 'https:'
  const settings = {
    host,
    port,
    path: `${url.pathname}${url.search}`,
    method: call.method,
    headers: { ...call.headers, ...lengthOf(call), host: url.host, connection: 'close' },
    lookup: pinnedLookup(addresses),
    // For net.connect, to which they are passed on.
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: attemptMs,
    // An agent of the process could be set to go through a proxy, or hold connections made by others.
    agent: false,
    signal: options.signal,
    // NODE_TLS_REJECT_UNAUTHORIZED must not reach this far.
    ...(isTls && { rejectUnauthorized: true, secureContext: options.secureContext }),
  } as const
  return new Promise((resolve, reject) => {
    const request = (isTls ? requestHttps : requestHttp)(settings)
    request.on('response', resolve)
    request.on('error', reject)
    // An answer that switches to another protocol is dropped by Node without an error.
    request.on('close', () => reject(new Error('There was no answer.')))
    request.end(call.body)
  })
}

function lengthOf({ method, body }: Call): Readonly<Record<string, string>> {
  if (body !== undefined) return { 'content-length': String(body.byteLength) }
  return method === 'GET' || method === 'HEAD' ? {} : { 'content-length': '0' }
}

/** Answers with the checked addresses, whatever it is asked for. */
function pinnedLookup(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 }))
  return (_host, { all: wantsAll }, callback) => {
    const [first] = all
    if (wantsAll === true) process.nextTick(callback, null, all)
    else process.nextTick(callback, null, first?.address, first?.family)
  }
}

/** Counts what arrives, never what was announced. */
async function readBody(
  target: Target,
  response: IncomingMessage,
  maxBytes: number,
): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = []
  let total = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    total += chunk.byteLength
    if (total > maxBytes) throw tooLarge(target, maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, total)
}

export function tooLarge(target: Target, maxBytes: number): OutboundError {
  return new OutboundError('too-large', {
    what: `The answer of ${shown(target.url)} was not read to its end`,
    why: `it is larger than ${maxBytes} bytes`,
    fix: 'Check that the URL is the right one.',
  })
}

function drop(response: IncomingMessage): Buffer<ArrayBuffer> {
  response.destroy()
  return Buffer.alloc(0)
}

function failureOf(target: Target, error: unknown): OutboundError {
  const code = codeOf(error)
  const what = `${shown(target.url)} cannot be asked`
  if (code.startsWith('HPE_') || code === 'ERR_INVALID_HTTP_TOKEN') {
    const why = `what it answers is not HTTP (${code})`
    return new OutboundError('bad-response', { what, why, fix: 'Check the port and the scheme.' })
  }
  if (isTlsCode(code)) {
    const fix = untrusted.has(code)
      ? `Add the certificate of the authority that signed it to ${outboundSettings.authorities}.`
      : 'Check the name, the port and the certificate of that server.'
    const why = `its certificate or TLS is not good (${code})`
    return new OutboundError('tls', { what, why, fix }, error)
  }
  const fix = 'Check that the server is up and that this machine reaches it.'
  const why = reasons[code] ?? `the connection failed (${code})`
  return new OutboundError('unreachable', { what, why, fix }, error)
}

const reasons: Readonly<Record<string, string>> = {
  [noCode]: 'the connection ended without an answer',
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
  ECONNRESET: 'the connection was cut before the answer was whole (ECONNRESET)',
  EHOSTUNREACH: 'this machine has no way there (EHOSTUNREACH)',
  ENETUNREACH: 'this machine has no way there (ENETUNREACH)',
  ETIMEDOUT: 'nothing answered in time (ETIMEDOUT)',
}

const untrusted: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

function isTlsCode(code: string): boolean {
  return (
    untrusted.has(code) || /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|EPROTO$|INVALID_|HOSTNAME_)/.test(code)
  )
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : noCode
}
