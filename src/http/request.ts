// A request as a value: what handlers see of it. Only server.ts knows sockets.
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'

export interface Peer {
  readonly address: string
  readonly loopback: boolean
  /** The connection is encrypted, or a declared proxy says that the client's is. */
  readonly secure: boolean
}

export interface HttpRequest {
  readonly method: string
  /** Percent-decoded once, so that routing and authorisation see the same text. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Readable
  readonly peer: Peer
  /** Scheme, host and port under which the client knows this server, without a final slash. */
  readonly origin: string
}
