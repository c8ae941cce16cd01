// The one way out: every request that Carrel makes to a URL which somebody gave goes through this client. It speaks
// https with public addresses and, beyond these, with what an administrator has listed. See target.ts for how that
// holds against DNS, and exchange.ts for the connection itself.
import { promisify } from 'node:util'
import { brotliDecompress, unzip } from 'node:zlib'
import { parseAllowList } from './allow-list.ts'
import { trustWith } from './authorities.ts'
import { startDeadline, untilAborted } from './deadline.ts'
import { exchange, tooLarge } from './exchange.ts'
import type { Answer, Call } from './exchange.ts'
import { OutboundError } from './outbound-error.ts'
import { followRedirect, redirectRefused } from './redirect.ts'
import { checkTarget, parseUrl, resolveHost, shown } from './target.ts'
import type { Resolve, Target } from './target.ts'

export interface OutboundOptions {
  /** Hosts, HOST:PORT, addresses and networks that may be private and plain http; see allow-list.ts. */
  readonly allow?: readonly string[]
  /** Authorities to trust besides those that Node trusts, in PEM. */
  readonly certificateAuthorities?: string
  /** For a whole exchange, redirects and body included. */
  readonly timeoutMs?: number
  /** Of a response's body. */
  readonly maxBytes?: number
  /** How many redirects are followed, at most 3. A redirect more is an error that says where to. */
  readonly redirects?: number
  readonly resolve?: Resolve
}

export interface GetJsonOptions {
  readonly maxBytes?: number
  readonly signal?: AbortSignal
  /** At most as many as the client follows. */
  readonly redirects?: number
}

export interface Outbound {
  /**
   * Like the global one, with three differences: the body of the response is in memory already, a redirect that is
   * not to be followed is an error whatever `init.redirect` says, and all failures are `OutboundError`. Only an abort
   * by the caller's own signal throws that signal's reason.
   */
  readonly fetch: typeof globalThis.fetch
  /**
   * The value of a JSON document that was answered with 200.
   * @throws {OutboundError} bad-response for any other status, and for what is not JSON
   */
  getJson(url: string | URL, options?: GetJsonOptions): Promise<unknown>
}

const maxRedirects = 3

/** @throws {Error} when an entry of `allow` or the authorities cannot be read */
export function createOutbound(options: OutboundOptions = {}): Outbound {
  const { timeoutMs = 10_000, maxBytes = 1024 * 1024, resolve = resolveHost } = options
  const redirects = Math.min(options.redirects ?? 0, maxRedirects)
  const rules = { allow: parseAllowList(options.allow ?? []), resolve }
  const secureContext = trustWith(options.certificateAuthorities)

  async function run(request: Request, url: URL, limits: Limits): Promise<Response> {
    const deadline = startDeadline(timeoutMs, `${shown(url)} cannot be asked`, limits.caller)
    const { signal } = deadline
    try {
      const call = await untilAborted(callOf(request), signal)
      const { target, answer } = await follow({ url, call }, limits, signal)
      return await responseOf(target, answer, limits.maxBytes)
    } finally {
      deadline.end()
    }
  }

  async function follow(
    start: { readonly url: URL; readonly call: Call },
    limits: Limits,
    signal: AbortSignal,
  ): Promise<{ target: Target; answer: Answer }> {
    let { url, call } = start
    for (let left = limits.redirects; ; left -= 1) {
      const target = await checkTarget(url, rules, signal)
      const settings = { signal, maxBytes: limits.maxBytes, secureContext }
      const answer = await exchange(target, call, settings)
      if (answer.location === undefined) return { target, answer }
      if (left <= 0) throw redirectRefused(target, answer, limits.redirects)
      ;({ url, call } = followRedirect(target, call, answer))
    }
  }

  async function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const url = parseUrl(input instanceof Request ? input.url : String(input))
    // Without the signal, to which a Request would listen for as long as it is about.
    const request = new Request(input, { ...init, signal: null })
    const mayFollow = request.redirect === 'follow'
    const caller = init?.signal ?? (input instanceof Request ? input.signal : undefined)
    return await run(request, url, { maxBytes, caller, redirects: mayFollow ? redirects : 0 })
  }

  async function getJson(given: string | URL, wanted: GetJsonOptions = {}): Promise<unknown> {
    const url = parseUrl(String(given))
    const headers = { accept: 'application/json' }
    const request = new Request(url, { headers })
    const limits = {
      caller: wanted.signal,
      maxBytes: wanted.maxBytes ?? maxBytes,
      redirects: Math.min(wanted.redirects ?? redirects, redirects),
    }
    const response = await run(request, url, limits)
    return readJson(url, response.status, await response.text())
  }

  return { fetch, getJson }
}

interface Limits {
  readonly caller: AbortSignal | undefined
  readonly maxBytes: number
  readonly redirects: number
}

/** Headers that belong to the connection are ours to set. */
const ownHeaders: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

async function callOf(request: Request): Promise<Call> {
  const headers: Record<string, string> = { 'user-agent': 'carrel', accept: '*/*' }
  for (const [name, value] of request.headers) {
    if (!ownHeaders.has(name)) headers[name] = value
  }
  headers['accept-encoding'] = 'identity'
  const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer())
  return { method: request.method, headers, body }
}

const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

async function responseOf(target: Target, answer: Answer, maxBytes: number): Promise<Response> {
  const { status, rawHeaders } = answer
  const headers = new Headers()
  try {
    for (let index = 0; index < rawHeaders.length; index += 2) {
      headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '')
    }
    const body = await decode(headers, answer.body, maxBytes)
    return new Response(bodiless.has(status) ? null : body, { status, headers })
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(target, maxBytes)
    throw badResponse(target.url, `its answer cannot be understood (status ${status})`)
  }
}

/** We ask for no encoding; some servers and caches encode all the same. */
async function decode(
  headers: Headers,
  body: Buffer<ArrayBuffer>,
  maxBytes: number,
): Promise<Buffer<ArrayBuffer>> {
  const encoding = headers.get('content-encoding')?.toLowerCase() ?? 'identity'
  const decompress = decompressors.get(encoding)
  if (decompress === undefined || body.byteLength === 0) return body
  headers.delete('content-encoding')
  headers.delete('content-length')
  return (await decompress(body, { maxOutputLength: maxBytes })) as Buffer<ArrayBuffer>
}

type Decompress = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const unzipAll: Decompress = promisify<Buffer, { maxOutputLength: number }, Buffer>(unzip)
const decompressors: ReadonlyMap<string, Decompress> = new Map([
  ['gzip', unzipAll],
  ['deflate', unzipAll],
  ['br', promisify<Buffer, { maxOutputLength: number }, Buffer>(brotliDecompress)],
])

function readJson(url: URL, status: number, text: string): unknown {
  if (status !== 200) throw badResponse(url, `it answered with the status ${status}`)
  try {
    return JSON.parse(text) as unknown
  } catch {
    // Without the cause: its message quotes the body.
    throw badResponse(url, 'it answered with something that is not JSON')
  }
}

function badResponse(url: URL, why: string): OutboundError {
  const what = `The answer of ${shown(url)} is of no use`
  return new OutboundError('bad-response', { what, why, fix: 'Check that the URL is right.' })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
