// A whole body in memory, for what is known to be small. The bytes that arrive are counted,
// never the length that was announced.

import { Readable } from 'node:stream'

/**
 * Reads to the end, or returns `undefined` as soon as there are more than `maxBytes`. A Readable is
 * then left where it is, neither drained nor destroyed: an HTTP server can still answer 413 on the
 * same socket, and has to deal with the rest.
 */
export async function readAll(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of withoutDestroying(source)) {
    total += chunk.byteLength
    if (total > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, total)
}

/** Leaving a loop over a Readable destroys it, and a request takes its socket along. */
function withoutDestroying(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if (!(source instanceof Readable)) return source
  return source.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
}
