// Gives back the memory of a chunk that nobody needs any more, at once. Left to the collector, the chunks of a large
// upload pile up by tens of MiB per thread and cost a third of its processor time (docs/performance.md).

/** Less is not worth the call. */
const smallest = 16 * 1024

/**
 * The chunk is empty afterwards. Only for chunks of a stream that has one reader; memory that a chunk shares with
 * others is left alone.
 */
export function freeChunk(chunk: Uint8Array): void {
  const { buffer, byteLength } = chunk
  if (byteLength < smallest || byteLength !== buffer.byteLength) return
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
