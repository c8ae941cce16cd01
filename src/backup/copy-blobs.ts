// Brings blobs into a backup that it does not have yet. Each is hashed on its way: other bytes than those of the digest
// never get there. What cannot be copied is told and left out; everything else still counts.
import { createHash } from 'node:crypto'
import { algorithmOf, digestFromHash, isDigest, type Digest } from '../oci/digest.ts'
import { findBlob } from '../metadata/blobs.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { ObjectNotFoundError, parseKey } from '../storage/driver.ts'
import type { Archive } from './archive.ts'
import type { ListedBlob } from './blob-list.ts'
import { eachOf } from './lanes.ts'

/** A row of the table, as far as it matters here. */
export interface BlobPlace {
  readonly digest: Digest
  readonly size: number
  /** Absent: the blob is known to be damaged, and an earlier snapshot may have its bytes. */
  readonly storageKey: string | undefined
}

export interface MissingBlob {
  readonly digest: Digest
  /** A sentence. */
  readonly why: string
}

export interface CopiedBlobs {
  readonly copied: { blobs: number; bytes: number }
  readonly missing: MissingBlob[]
}

export interface CopyDeps {
  readonly archive: Archive
  readonly blobs: Pick<BlobStore, 'open'>
  /** The database as it is now: a blob may have moved since the snapshot. */
  readonly metadata: Reader
  readonly signal: AbortSignal
  /** Hears of every byte that is in the backup, copied or there already. */
  readonly onBytes: (count: number) => void
}

const lanes = 4

/** Yields what is in the backup afterwards, in the order in which it came. */
export async function* copyBlobs(
  deps: CopyDeps,
  pages: AsyncIterable<readonly BlobPlace[]>,
  into: CopiedBlobs,
): AsyncGenerator<readonly ListedBlob[], void, undefined> {
  for await (const page of pages) {
    const held: (ListedBlob | undefined)[] = page.map(() => undefined)
    await eachOf(page.entries(), lanes, async ([index, place]) => {
      deps.signal.throwIfAborted()
      if (await keepBlob(deps, place, into)) {
        held[index] = { digest: place.digest, size: place.size }
      }
    })
    yield held.filter((one) => one !== undefined)
  }
}

/** Whether the blob is in the backup now. */
async function keepBlob(deps: CopyDeps, place: BlobPlace, into: CopiedBlobs): Promise<boolean> {
  const { archive, onBytes } = deps
  const { digest, size, storageKey } = place
  if (!isDigest(digest)) {
    into.missing.push({ digest, why: 'Its digest is malformed.' })
    return false
  }
  const stored = await archive.target.stat(archive.blobKey(digest))
  if (stored?.size === archive.storedSize(size)) {
    onBytes(size)
    return true
  }
  // Known as damaged: it counts as absent in the installation too.
  if (storageKey === undefined) return false
  const why = await copyBlob(deps, { digest, size, storageKey })
  if (why === undefined) {
    into.copied.blobs += 1
    into.copied.bytes += size
    return true
  }
  into.missing.push({ digest, why })
  return false
}

/** What went wrong; undefined when the blob is there. */
async function copyBlob(
  deps: CopyDeps,
  place: BlobPlace & { readonly storageKey: string },
): Promise<string | undefined> {
  const why = await tryCopy(deps, place)
  if (why === undefined) return undefined
  // Meanwhile it may have been found damaged and pushed again, or moved.
  const now = await findBlob(deps.metadata, place.digest)
  if (now?.content !== undefined) {
    const { content } = now
    return tryCopy(deps, { ...place, content })
  }
  if (now?.storageKey === undefined || now.storageKey === place.storageKey) return why
  return tryCopy(deps, { ...place, storageKey: now.storageKey })
}

/** What went wrong at the source. @throws what went wrong at the target */
async function tryCopy(
  { archive, blobs, onBytes, signal }: CopyDeps,
  place: BlobPlace & { readonly storageKey: string; readonly content?: Uint8Array },
): Promise<string | undefined> {
  const { digest, size, storageKey, content } = place
  const algorithm = algorithmOf(digest)
  const hash = createHash(algorithm)
  let length = 0
  async function* source(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      const bytes = content === undefined ? await blobs.open(parseKey(storageKey)) : [content]
      for await (const chunk of bytes as AsyncIterable<Uint8Array>) {
        signal.throwIfAborted()
        hash.update(chunk)
        length += chunk.length
        onBytes(chunk.length)
        yield chunk
      }
    } catch (error) {
      signal.throwIfAborted()
      throw new SourceError(reasonOf(error, storageKey), { cause: error })
    }
  }
  try {
    await archive.put(archive.blobKey(digest), source(), () => {
      const actual = digestFromHash(algorithm, hash.digest('hex'))
      if (actual === digest && length === size) return
      throw new SourceError(`The bytes of ${storageKey} are not those that were pushed.`)
    })
    return undefined
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    onBytes(-length)
    return error.message
  }
}

class SourceError extends Error {
  override readonly name = 'SourceError'
}

function reasonOf(error: unknown, storageKey: string): string {
  if (error instanceof ObjectNotFoundError) return `There is no ${storageKey} in the storage.`
  const { cause, message } = error as Error
  const { code, message: deeper } = (cause ?? {}) as NodeJS.ErrnoException
  return `${storageKey} cannot be read (${code ?? deeper ?? message}).`
}
