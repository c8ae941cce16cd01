// A response as a value.
import type { Readable } from 'node:stream'

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  /** A stream is sent with the content-length that `headers` give. */
  readonly body?: Readable | Uint8Array | string
}

/** JSON with the exact media type, no charset: clients compare it. */
export function jsonReply(
  status: number,
  value: unknown,
  headers?: Readonly<Record<string, string | number>>,
): Reply {
  const body = JSON.stringify(value)
  return {
    status,
    headers: {
      ...headers,
      'content-type': headers?.['content-type'] ?? 'application/json',
      'content-length': Buffer.byteLength(body),
    },
    body,
  }
}
