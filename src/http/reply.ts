// A response as a value.
/** Gives its bytes to `write`; a chunk is free again when what `write` returned has resolved. Called once at most. */
export type BodyWriter = (write: (chunk: Uint8Array) => Promise<void>) => Promise<void>

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  /** A body that is written is sent with the content-length that `headers` give; without one, in chunks. */
  readonly body?: BodyWriter | Uint8Array | string
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
