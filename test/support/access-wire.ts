// Plain HTTP with everything in view: from which address of 127.0.0.0/8 it is sent, over which connection, which
// headers came back in which spelling, and how long it took.
import http, { type IncomingHttpHeaders } from 'node:http'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** In the order and the spelling in which they came. */
  readonly headerNames: readonly string[]
  readonly body: Buffer
  readonly ms: number
}

export interface Ask {
  readonly authorization?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

export interface Wire extends Disposable {
  /** @throws {Error} when there is no answer */
  ask(method: string, path: string, ask?: Ask): Promise<Answer>
}

export interface WireOptions {
  /** Of 127.0.0.0/8: the registry counts attempts by it. */
  readonly from?: string
  readonly connections?: number
  readonly timeoutMs?: number
}

/** Connections are kept and used again. */
export function createWire(port: number, options: WireOptions = {}): Wire {
  const { from = '127.0.0.1', connections = 1, timeoutMs = 30_000 } = options
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections })

  async function ask(method: string, path: string, asked: Ask = {}): Promise<Answer> {
    const { authorization, headers, body } = asked
    const began = performance.now()
    return new Promise((resolve, reject) => {
      const request = http.request({
        host: '127.0.0.1',
        port,
        localAddress: from,
        agent,
        method,
        path,
        timeout: timeoutMs,
        headers: {
          ...(authorization !== undefined && { authorization }),
          ...(method !== 'GET' && { 'content-length': String(Buffer.byteLength(body ?? '')) }),
          ...headers,
        },
      })
      request.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const { statusCode: status = 0, headers: received, rawHeaders } = response
          const headerNames = rawHeaders.filter((_, index) => index % 2 === 0)
          const ms = performance.now() - began
          resolve({ status, headers: received, headerNames, body: Buffer.concat(chunks), ms })
        })
      })
      request.on('timeout', () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)))
      request.on('error', (error) => reject(new Error(`${method} ${path}: ${error.message}`)))
      request.end(body)
    })
  }

  return { ask, [Symbol.dispose]: () => agent.destroy() }
}

export function textOf({ status, body }: Answer): string {
  return `${status} ${body.toString()}`
}

/** The value below which a part of all lies: `quantile(all, 0.5)` is the median. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * part))
  return sorted[index] ?? Number.NaN
}
