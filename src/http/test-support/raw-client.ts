// A client that writes the bytes of its requests itself and reads answers one by one: for what well-behaved clients
// never send, and for when exactly something is sent.
import net, { type Socket } from 'node:net'
import tls from 'node:tls'

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface RawClient extends Disposable {
  readonly socket: Socket
  readonly write: (bytes: string | Uint8Array) => void
  /** The next answer. `hasBody`: false for an answer to HEAD. @throws when the connection ends before it is whole */
  readonly answer: (options?: { hasBody?: boolean; timeoutMs?: number }) => Promise<RawAnswer>
  /** Resolves when the other side has closed; what it said until then and was not read. */
  readonly closed: (timeoutMs?: number) => Promise<Buffer>
  /** Everything that arrived and was not read as an answer. */
  readonly received: () => Buffer
}

export interface RawClientOptions {
  readonly port: number
  /** PEM of the authority; without it, plain HTTP. */
  readonly ca?: string
  readonly paused?: boolean
}

const patienceMs = 5000

export async function connectRaw({ port, ca, paused }: RawClientOptions): Promise<RawClient> {
  const to = { host: '127.0.0.1', port }
  const socket =
    ca === undefined ? net.connect(to) : tls.connect({ ...to, ca, servername: 'localhost' })
  let buffered = Buffer.alloc(0)
  let isClosed = false
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const one of waiting) one()
  }
  socket.on('error', wake)
  socket.on('end', wake)
  socket.on('close', () => {
    isClosed = true
    wake()
  })
  await new Promise<void>((resolve, reject) => {
    socket.once(ca === undefined ? 'connect' : 'secureConnect', resolve)
    socket.once('error', reject)
  })
  if (paused !== true) {
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk])
      wake()
    })
  }

  /** Asks again whenever something has happened. */
  async function when<T>(what: string, look: () => T | undefined, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer)
        waiting.delete(check)
      }
      const check = () => {
        const found = look()
        if (found === undefined) return
        stop()
        resolve(found)
      }
      const timer = setTimeout(() => {
        stop()
        reject(new Error(`${what} within ${timeoutMs} ms; so far: ${buffered.toString('latin1')}`))
      }, timeoutMs)
      waiting.add(check)
      check()
    })
  }

  return {
    socket,
    write: (bytes) => void socket.write(bytes),
    async answer({ hasBody = true, timeoutMs = patienceMs } = {}) {
      const found = await when(
        'no answer',
        () => parseAnswer(buffered, hasBody) ?? (isClosed ? 'closed' : undefined),
        timeoutMs,
      )
      if (found === 'closed') throw new Error(`closed; so far: ${buffered.toString('latin1')}`)
      buffered = buffered.subarray(found.length)
      return found.answer
    },
    async closed(timeoutMs = patienceMs) {
      await when('not closed', () => (isClosed ? true : undefined), timeoutMs)
      return buffered
    },
    received: () => buffered,
    [Symbol.dispose]: () => void socket.destroy(),
  }
}

/** An answer at the beginning of the bytes, and how long it is; undefined while it is not whole. */
function parseAnswer(
  bytes: Buffer,
  hasBody: boolean,
): { readonly answer: RawAnswer; readonly length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1])
  const isBare = !hasBody || status === 204 || status === 304 || status < 200
  const rest = bytes.subarray(end + 4)
  const read = isBare
    ? { body: rest.subarray(0, 0), length: 0 }
    : headers['transfer-encoding'] === 'chunked'
      ? readChunks(rest)
      : readLength(rest, Number(headers['content-length'] ?? 0))
  return read && { answer: { status, headers, body: read.body }, length: end + 4 + read.length }
}

interface ReadBody {
  readonly body: Buffer
  /** Bytes on the wire. */
  readonly length: number
}

function readLength(bytes: Buffer, length: number): ReadBody | undefined {
  return bytes.length < length ? undefined : { body: bytes.subarray(0, length), length }
}

function readChunks(bytes: Buffer): ReadBody | undefined {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const size = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16)
    const next = end + 2 + size + 2
    if (bytes.length < next) return undefined
    if (size === 0) return { body: Buffer.concat(chunks), length: next }
    chunks.push(bytes.subarray(end + 2, end + 2 + size))
    at = next
  }
}
