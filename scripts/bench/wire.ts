// A client of HTTP/1.1 on a bare socket, for load: one request at a time on a connection that is kept
// open, at a fraction of what node:http costs, because generator and server share the cores.
// Understands what a registry answers and no more: any other answer is an error, never a guess.
import net from 'node:net'
import tls from 'node:tls'

/** Always on this machine's loopback address. */
export interface Target {
  readonly port: number
  /** The certificate that TLS must lead to, in PEM; without it, plain HTTP. */
  readonly authority?: string | undefined
}

export interface Answer {
  readonly status: number
  /** Status line and headers. */
  readonly head: string
  /** Empty unless it was asked for. */
  readonly body: Buffer
}

export interface Ask {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | Streamed
  readonly keepBody?: boolean
}

/** A body in pieces that come in their own time. */
export interface Streamed {
  readonly size: number
  readonly pieces: AsyncIterable<Uint8Array>
}

interface Waiting {
  readonly bodiless: boolean
  readonly keepBody: boolean
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

const longestMs = 120_000
const readBytes = 64 * 1024
const endOfHead = Buffer.from('\r\n\r\n')

export class Connection implements Disposable {
  readonly #target: Target
  #socket: net.Socket | undefined
  #waiting: Waiting | undefined
  /** The beginning of a head that came in more than one piece. */
  #partial: Buffer | undefined
  #answer: { readonly status: number; readonly head: string } | undefined
  #bodyLeft = 0
  #kept: Buffer[] = []

  constructor(target: Target) {
    this.#target = target
  }

  async ask({ method, path, headers = {}, body, keepBody = false }: Ask): Promise<Answer> {
    let head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${this.#target.port}\r\n`
    for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`
    const size = body === undefined ? 0 : 'size' in body ? body.size : body.length
    if (method !== 'GET' && method !== 'HEAD') head += `Content-Length: ${size}\r\n`
    head += '\r\n'
    const streamed = body !== undefined && 'size' in body
    const whole = body === undefined || streamed ? head : Buffer.concat([Buffer.from(head), body])
    const answered = this.send(whole, { bodiless: method === 'HEAD', keepBody })
    if (streamed) {
      // An answer may come before the body has ended; whoever waits for it gets it below.
      answered.catch(() => undefined)
      await this.#stream(body.pieces)
    }
    return answered
  }

  /** Sends a request that is written out already, such as the same one again and again. */
  async send(
    request: string | Uint8Array,
    { bodiless, keepBody = false }: { readonly bodiless: boolean; readonly keepBody?: boolean },
  ): Promise<Answer> {
    const socket = this.#connected()
    return new Promise((resolve, reject) => {
      this.#waiting = { bodiless, keepBody, resolve, reject }
      socket.write(request)
    })
  }

  [Symbol.dispose](): void {
    this.#fail(new Error('the connection is not needed any more'))
  }

  async #stream(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of pieces) {
      const socket = this.#socket
      // Answered or broken before the end: what is left need not be sent.
      if (socket === undefined || this.#waiting === undefined) return
      if (!socket.write(piece)) await drained(socket)
    }
  }

  #connected(): net.Socket {
    if (this.#socket !== undefined) return this.#socket
    const socket = connect(this.#target, (data) => {
      try {
        this.#read(data)
      } catch (error) {
        this.#fail(error as Error)
      }
    })
    socket.setTimeout(longestMs, () => this.#fail(new Error('no answer in two minutes')))
    socket.on('error', (error) => this.#fail(error))
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      if (this.#socket === socket) this.#fail(new Error('the connection was closed'))
    })
    this.#socket = socket
    return socket
  }

  /** `data` lies in the buffer that the next read overwrites. */
  #read(data: Buffer): void {
    if (this.#answer !== undefined) return this.#readBody(data)
    const all = this.#partial === undefined ? data : Buffer.concat([this.#partial, data])
    const end = all.indexOf(endOfHead)
    if (end < 0) {
      this.#partial = this.#partial === undefined ? Buffer.from(data) : all
      return
    }
    this.#partial = undefined
    const waiting = this.#waiting
    if (waiting === undefined) throw new Error('an answer to no request')
    const head = all.toString('latin1', 0, end)
    const status = Number(head.slice(9, 12))
    this.#answer = { status, head }
    this.#bodyLeft = waiting.bodiless || status === 204 || status === 304 ? 0 : lengthOf(head)
    this.#readBody(all.subarray(end + endOfHead.length))
  }

  #readBody(data: Buffer): void {
    const { status, head } = this.#answer as Answer
    if (this.#waiting?.keepBody === true) this.#kept.push(Buffer.from(data))
    this.#bodyLeft -= data.length
    if (this.#bodyLeft > 0) return
    if (this.#bodyLeft < 0) throw new Error('an answer that is longer than it says')
    const waiting = this.#waiting
    const body = Buffer.concat(this.#kept)
    this.#kept = []
    this.#answer = undefined
    this.#waiting = undefined
    waiting?.resolve({ status, head, body })
  }

  /** The connection is of no more use; the next request opens another. */
  #fail(error: Error): void {
    const waiting = this.#waiting
    this.#socket?.destroy()
    this.#socket = undefined
    this.#waiting = undefined
    this.#answer = undefined
    this.#partial = undefined
    this.#kept = []
    waiting?.reject(error)
  }
}

/** @param received gets bytes that are overwritten after it */
function connect({ port, authority }: Target, received: (data: Buffer) => void): net.Socket {
  const host = '127.0.0.1'
  if (authority !== undefined) {
    return tls.connect({ host, port, ca: authority }).on('data', received)
  }
  return net.connect({
    host,
    port,
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafe(readBytes),
      callback(count, buffer) {
        received(Buffer.from(buffer.buffer, buffer.byteOffset, count))
        return true
      },
    },
  })
}

/** The value of a header of an answer. */
export function headerOf({ head }: Answer, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1]
}

function lengthOf(head: string): number {
  const found = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (found === undefined) throw new Error(`an answer without Content-Length: ${head.slice(0, 80)}`)
  return Number(found)
}

/** Resolves also when the socket is closed: who waits for the answer learns why. */
async function drained(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })
}
