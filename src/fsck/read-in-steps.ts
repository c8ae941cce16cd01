// An object of the storage that is read and hashed a piece at a time. Between the pieces nothing is open.
import { createHash } from 'node:crypto'
import { algorithmOf, digestFromHash, type Digest } from '../oci/digest.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { ObjectNotFoundError, parseKey } from '../storage/driver.ts'

export interface StepRead {
  readonly bytes: number
  /** The storage took long for a piece: others may be waiting for it. */
  readonly isSlow: boolean
  readonly state: 'more' | 'right' | 'wrong'
}

export interface OpenObject {
  /** At most so many bytes more. @throws {ObjectNotFoundError} @throws {StorageUnavailableError} */
  read(budget: number): Promise<StepRead>
}

const slowMs = 100

export function openObject(
  blobs: BlobStore,
  row: { readonly digest: Digest; readonly size: number; readonly storageKey: string },
): OpenObject {
  const { digest, size } = row
  const algorithm = algorithmOf(digest)
  const hash = createHash(algorithm)
  let position = 0
  return {
    async read(budget) {
      const key = parseKey(row.storageKey)
      if (position === 0) {
        const found = await blobs.stat(key)
        if (found === undefined) throw new ObjectNotFoundError(key)
        if (found.size !== size) return { bytes: 0, isSlow: false, state: 'wrong' }
      }
      const start = position
      const end = Math.min(size, start + budget)
      let slowest = 0
      let since = performance.now()
      // A span of no bytes cannot be asked for.
      const source = end > start ? await blobs.open(key, { start, end: end - 1 }) : []
      for await (const chunk of source) {
        const now = performance.now()
        slowest = Math.max(slowest, now - since)
        hash.update(chunk as Uint8Array)
        position += (chunk as Uint8Array).length
        since = performance.now()
      }
      const read = { bytes: position - start, isSlow: slowest > slowMs }
      if (position < end) return { ...read, state: 'wrong' }
      if (position < size) return { ...read, state: 'more' }
      const isRight = digestFromHash(algorithm, hash.digest('hex')) === digest
      return { ...read, state: isRight ? 'right' : 'wrong' }
    },
  }
}
