// One look at the bytes of one blob, wherever they lie: are they there, as many as they should be, and the right ones?
// That they cannot be read says nothing about them.
import { createHash } from 'node:crypto'
import { algorithmOf, digestFromHash, digestOf, isDigest, type Digest } from '../oci/digest.ts'
import { StorageUnavailableError } from '../oci/errors.ts'
import type { BlobRow } from '../metadata/blobs.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { ObjectNotFoundError, parseKey } from '../storage/driver.ts'

export type FaultKind = 'blob-missing' | 'blob-size' | 'blob-damaged' | 'blob-unreadable'

export interface Fault {
  readonly kind: FaultKind
  readonly what: string
  /** Bytes that were found. */
  readonly size: number
}

export interface Look {
  /** Whether the bytes are read, or only counted. */
  readonly deep: boolean
  readonly onBytes?: (count: number) => void
}

/** What is wrong with it; undefined when nothing is. Throws only what is no answer of the storage. */
export async function lookAtBlob(
  blobs: BlobStore,
  row: BlobRow,
  look: Look,
): Promise<Fault | undefined> {
  const { digest, storageKey, content } = row
  if (!isDigest(digest)) return { kind: 'blob-damaged', what: 'Its digest is malformed.', size: 0 }
  if (content !== undefined) return lookAtContent({ ...row, content }, look)
  if (storageKey === undefined) {
    const what = 'The database has neither its bytes nor where they lie.'
    return { kind: 'blob-missing', what, size: 0 }
  }
  try {
    return await lookAtObject(blobs, { ...row, storageKey }, look)
  } catch (error) {
    return faultOf(error, storageKey)
  }
}

function lookAtContent(
  { digest, size, content }: BlobRow & { readonly content: Uint8Array },
  { deep, onBytes }: Look,
): Fault | undefined {
  onBytes?.(content.length)
  const isRight = !deep || digestOf(content, algorithmOf(digest)) === digest
  if (isRight && content.length === size) return undefined
  const what = 'Its bytes in the database are not those that were pushed.'
  return { kind: 'blob-damaged', what, size: content.length }
}

async function lookAtObject(
  blobs: BlobStore,
  { digest, size, storageKey }: BlobRow & { readonly storageKey: string },
  { deep, onBytes }: Look,
): Promise<Fault | undefined> {
  const key = parseKey(storageKey)
  const found = await blobs.stat(key)
  if (found === undefined) throw new ObjectNotFoundError(key)
  if (found.size !== size) {
    const what = `${key} has ${found.size} bytes instead of ${size}.`
    return { kind: 'blob-size', what, size: found.size }
  }
  if (!deep || (await hasBytesOf(blobs, { key: storageKey, digest }, onBytes))) return undefined
  const what = `The bytes of ${key} are not those that were pushed.`
  return { kind: 'blob-damaged', what, size }
}

/** Reads the object to its end. @throws {ObjectNotFoundError} @throws {StorageUnavailableError} */
export async function hasBytesOf(
  blobs: BlobStore,
  { key, digest }: { readonly key: string; readonly digest: Digest },
  onBytes?: (count: number) => void,
): Promise<boolean> {
  const algorithm = algorithmOf(digest)
  const hash = createHash(algorithm)
  for await (const chunk of await blobs.open(parseKey(key))) {
    hash.update(chunk as Uint8Array)
    onBytes?.((chunk as Uint8Array).length)
  }
  return digestFromHash(algorithm, hash.digest('hex')) === digest
}

/** What an error of the storage says of the object. @throws what says nothing of it */
export function faultOf(error: unknown, key: string): Fault {
  if (error instanceof ObjectNotFoundError) {
    return { kind: 'blob-missing', what: `There is no ${key} in the storage.`, size: 0 }
  }
  if (error instanceof StorageUnavailableError) {
    const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException
    const what = `${key} cannot be read (${code ?? message}).`
    return { kind: 'blob-unreadable', what, size: 0 }
  }
  if (error instanceof TypeError) {
    const what = `The database says that it lies at ${JSON.stringify(key.slice(0, 200))}.`
    return { kind: 'blob-missing', what, size: 0 }
  }
  throw error
}
