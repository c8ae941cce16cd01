// Reading a stream that belongs to somebody else. A request must survive a full disk, or nobody
// could be told; so these readers stop, and neither destroy nor drain.

import { type Readable, finished } from 'node:stream'
import type { ByteSource } from './driver.ts'

/**
 * The chunks of a byte stream as they came, by its events: half the cost of its own iterator, and no
 * joining. A stream that was left half-read is paused, and is the caller's to drain or destroy.
 *
 * Yields all that arrived before it throws what the stream failed with, or the signal's reason.
 */
export async function* chunksOf(
  source: Readable,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const queue: Uint8Array[] = []
  let queued = 0
  let over = false
  let failure: unknown
  let wake: () => void = () => undefined

  const onData = (chunk: Uint8Array): void => {
    queue.push(chunk)
    queued += chunk.length
    if (queued >= maxQueued || queue.length >= maxChunks) source.pause()
    wake()
  }
  const onOver = (error?: unknown): void => {
    over = true
    failure ??= error ?? undefined
    wake()
  }
  const onAbort = (): void => onOver(signal?.reason)
  const unwatch = finished(source, { writable: false }, onOver)

  try {
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort)
    source.on('data', onData)
    for (;;) {
      for (const chunk of queue.splice(0)) {
        queued -= chunk.length
        yield chunk
      }
      if (queue.length > 0) continue
      if (failure !== undefined) throw failure as Error
      if (over) return
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      if (source.isPaused()) source.resume()
      await woken
    }
  } finally {
    source.off('data', onData)
    source.pause()
    unwatch()
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Ends with the signal's reason as soon as it aborts, even while the source makes it wait. */
export async function* abortable(
  source: ByteSource,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = iterate(source)
  let giveUp: (reason: Error) => void = () => undefined
  const onAbort = (): void => giveUp(signal.reason as Error)

  signal.addEventListener('abort', onAbort)
  try {
    for (;;) {
      signal.throwIfAborted()
      // Not Promise.race: a long-lived loser would keep something of every chunk.
      const next = await new Promise<IteratorResult<Uint8Array, void>>((resolve, reject) => {
        giveUp = reject
        chunks.next().then(resolve, reject)
      })
      if (next.done === true) return
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Not awaited: a source that waits for bytes ends only when they come.
    chunks.return().catch(() => undefined)
  }
}

// Small, so that what waits here does not count beside what a driver has in hand.
const maxQueued = 64 * 1024
const maxChunks = 64

async function* iterate(source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  yield* source
}
