// Blobs of a snapshot on their way back into a storage. Each is hashed; what the backup does not give whole is lost,
// told, and does not hold up the rest.
import { createHash } from 'node:crypto'
import { algorithmOf, digestFromHash, type Digest } from '../oci/digest.ts'
import { ObjectNotFoundError, type Key, type StorageDriver } from '../storage/driver.ts'
import { newBlobKey } from '../storage/layout.ts'
import type { Archive } from './archive.ts'
import { DamagedObjectError } from './backup-error.ts'
import { readBlobList, type ListedBlob } from './blob-list.ts'
import { eachOf } from './lanes.ts'
import type { Snapshot } from './snapshot.ts'

export interface LostBlob {
  readonly digest: Digest
  /** A sentence. */
  readonly why: string
}

export interface RestoreBlobsDeps {
  readonly archive: Archive
  readonly storage: Pick<StorageDriver, 'write'>
  readonly signal?: AbortSignal | undefined
  readonly onBytes: (count: number) => void
}

export interface RestoredBlobs {
  readonly count: number
  readonly bytes: number
  readonly lost: readonly LostBlob[]
  /** Where the bytes of a blob that is in the list lie now. */
  readonly keyOf: (digest: Digest) => Key
}

const lanes = 4

export async function restoreBlobs(
  deps: RestoreBlobsDeps,
  snapshot: Snapshot,
): Promise<RestoredBlobs> {
  const lost: LostBlob[] = []
  let count = 0
  let bytes = 0
  const keyOf = keysOfOneRestore()
  for await (const page of readBlobList(deps.archive, snapshot)) {
    await eachOf(page, lanes, async (blob) => {
      deps.signal?.throwIfAborted()
      const why = await restoreBlob(deps, blob, keyOf(blob.digest))
      if (why !== undefined) {
        lost.push({ digest: blob.digest, why })
        return
      }
      count += 1
      bytes += blob.size
    })
  }
  return { count, bytes, lost, keyOf }
}

/** All keys of one restore have the same random end, so that they need not be remembered. */
function keysOfOneRestore(): (digest: Digest) => Key {
  let end: string | undefined
  return (digest) => {
    const key = newBlobKey(digest)
    end ??= key.slice(key.lastIndexOf('.'))
    return `${key.slice(0, key.lastIndexOf('.'))}${end}` as Key
  }
}

/** What went wrong at the backup. @throws what went wrong at the storage */
async function restoreBlob(
  { archive, storage, onBytes }: RestoreBlobsDeps,
  { digest, size }: ListedBlob,
  key: Key,
): Promise<string | undefined> {
  const algorithm = algorithmOf(digest)
  const hash = createHash(algorithm)
  let length = 0
  async function* source(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of archive.get(archive.blobKey(digest))) {
        hash.update(chunk)
        length += chunk.length
        onBytes(chunk.length)
        yield chunk
      }
    } catch (error) {
      throw new BackupSideError(reasonOf(error), { cause: error })
    }
  }
  try {
    await storage.write(() => {
      const actual = digestFromHash(algorithm, hash.digest('hex'))
      if (actual === digest && length === size) return key
      throw new BackupSideError('The backup has other bytes than those that were pushed.')
    }, source())
    return undefined
  } catch (error) {
    if (!(error instanceof BackupSideError)) throw error
    return error.message
  }
}

class BackupSideError extends Error {
  override readonly name = 'BackupSideError'
}

function reasonOf(error: unknown): string {
  if (error instanceof ObjectNotFoundError) return 'It is not in the backup any more.'
  if (error instanceof DamagedObjectError) return `${error.message}.`
  const { cause, message } = error as Error
  const { code } = (cause ?? {}) as NodeJS.ErrnoException
  return `The backup cannot be read (${code ?? message}).`
}
