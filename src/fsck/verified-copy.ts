// The bytes of a blob on their way to a client, hashed as they pass. The last of them go out only when all of them are
// the right ones, so that a client never holds a whole answer with other bytes than were pushed.
import { createHash } from 'node:crypto'
import { algorithmOf, digestFromHash, digestOf, type Digest } from '../oci/digest.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import type { ChunkSink, Key } from '../storage/driver.ts'

export class WrongBytesError extends Error {
  override readonly name = 'WrongBytesError'
  readonly digest: Digest

  constructor(digest: Digest) {
    super(`The stored bytes are not those of ${digest}.`)
    this.digest = digest
  }
}

/** @throws {WrongBytesError} before the last chunk; else as BlobStore.copy */
export async function copyVerified(
  blobs: BlobStore,
  { key, size, digest }: { readonly key: Key; readonly size: number; readonly digest: Digest },
  write: ChunkSink,
): Promise<void> {
  const algorithm = algorithmOf(digest)
  const hash = createHash(algorithm)
  let seen = 0
  await blobs.copy(key, { start: 0, end: size - 1 }, async (chunk) => {
    seen += chunk.length
    if (seen < size) {
      const written = write(chunk)
      written.catch(() => undefined)
      // Whoever gives the chunks asks for the next one first: it is read while this one is hashed.
      await Promise.resolve()
      hash.update(chunk)
      return written
    }
    hash.update(chunk)
    if (digestFromHash(algorithm, hash.digest('hex')) !== digest) throw new WrongBytesError(digest)
    return write(chunk)
  })
}

/**
 * Tells whether content of a row is that of its digest. Each piece of memory is hashed once: rows that are read often
 * are kept by the store as they are, and hashing them each time would cost a tenth of the answer.
 */
export function createContentCheck(): (content: Uint8Array, digest: Digest) => boolean {
  const right = new WeakMap<Uint8Array, Digest>()
  return (content, digest) => {
    if (right.get(content) === digest) return true
    if (digestOf(content, algorithmOf(digest)) !== digest) return false
    right.set(content, digest)
    return true
  }
}

/** An object as it was when it was seen. */
interface Seen {
  readonly key: Key
  readonly modifiedAt: Date
}

export interface RecentlyRight {
  has(object: Seen): boolean
  add(object: Seen): void
}

/**
 * Objects that were hashed a moment ago and were right. A layer that a hundred machines pull at once is hashed once: what
 * was just read comes out of the system's memory, where a disk cannot change it, and a file that somebody writes to has
 * another time.
 */
export function createRecentlyRight(
  { forMs, most }: { readonly forMs: number; readonly most: number },
  now: () => number = () => performance.now(),
): RecentlyRight {
  const seen = new Map<Key, { readonly modifiedMs: number; readonly until: number }>()
  return {
    has({ key, modifiedAt }) {
      const found = seen.get(key)
      return found?.modifiedMs === modifiedAt.getTime() && found.until > now()
    },
    add({ key, modifiedAt }) {
      // The map keeps the order of insertion: the first is the oldest.
      seen.delete(key)
      const [oldest] = seen.size >= most ? seen.keys() : []
      if (oldest !== undefined) seen.delete(oldest)
      seen.set(key, { modifiedMs: modifiedAt.getTime(), until: now() + forMs })
    },
  }
}
