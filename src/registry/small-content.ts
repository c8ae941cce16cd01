// Small content (most image configurations) is kept in the database row beside its facts: then one commit makes it
// durable and a read needs no file. See docs/decisions/0011-small-content.md.
import type { Readable } from 'node:stream'

export const smallContentLimit = 16 * 1024

export type SmallRead =
  | { readonly kind: 'whole'; readonly content: Buffer; readonly complete: boolean }
  /** More than the limit: `source` gives all of it, from the first byte. */
  | { readonly kind: 'more'; readonly source: Readable }

/**
 * Reads a stream to its end as long as it is small. When it breaks off early: with `keepPartial` what arrived, else
 * the stream's error.
 */
export async function readSmall(source: Readable, keepPartial: boolean): Promise<SmallRead> {
  const chunks: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    const stop = () => {
      source.off('readable', onReadable)
      source.off('end', onEnd)
      source.off('error', onBroken)
      source.off('close', onClose)
    }
    const onReadable = () => {
      for (
        let chunk = source.read() as Buffer | null;
        chunk !== null;
        chunk = source.read() as Buffer | null
      ) {
        chunks.push(chunk)
        size += chunk.length
        if (size <= smallContentLimit) continue
        stop()
        // Whoever goes on reading may take a moment to begin, and an error that nobody hears ends the process.
        source.on('error', () => undefined)
        source.unshift(Buffer.concat(chunks))
        resolve({ kind: 'more', source })
        return
      }
    }
    const onEnd = () => {
      stop()
      resolve({ kind: 'whole', content: Buffer.concat(chunks), complete: true })
    }
    const onBroken = (error: Error) => {
      stop()
      if (keepPartial) resolve({ kind: 'whole', content: Buffer.concat(chunks), complete: false })
      else reject(error)
    }
    const onClose = () => {
      onBroken(source.errored ?? new Error('The request ended before its body did.'))
    }
    // The client may have gone away before anybody looked: then no event comes any more.
    if (source.destroyed) {
      onClose()
      return
    }
    source.on('readable', onReadable)
    source.on('end', onEnd)
    source.on('error', onBroken)
    source.on('close', onClose)
  })
}
