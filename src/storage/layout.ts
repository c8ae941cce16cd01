// Where things lie in the storage. A blob's key carries a random generation, so that a late delete
// of an old copy never hits the same content pushed again.

import { randomUUID } from 'node:crypto'
import { type Digest, algorithmOf, encodedOf, isDigest } from '../oci/digest.ts'
import { type Key, parseKey } from './driver.ts'

export const blobsFolder = parseKey('blobs')
export const uploadsFolder = parseKey('uploads')

/** `blobs/sha256/ab/ab….3c9f04d2`, another one at each call. */
export function newBlobKey(digest: Digest): Key {
  const encoded = encodedOf(digest)
  const shard = encoded.slice(0, 2)
  return `${blobsFolder}/${algorithmOf(digest)}/${shard}/${encoded}.${newGeneration()}` as Key
}

/** `uploads/…`, another one at each call. */
export function newUploadKey(): Key {
  return `${uploadsFolder}/${randomUUID()}` as Key
}

/** `undefined` when the key is not one that newBlobKey makes. */
export function digestOfBlobKey(key: Key): Digest | undefined {
  const match = blobKeyPattern.exec(key)
  if (match === null) return undefined
  const [, algorithm = '', shard = '', encoded = ''] = match
  const digest = `${algorithm}:${encoded}`
  return encoded.startsWith(shard) && isDigest(digest) ? digest : undefined
}

const blobKeyPattern = /^blobs\/(sha256|sha512)\/([0-9a-f]{2})\/([0-9a-f]+)\.[0-9a-f]{8}$/

/** 32 random bits of a UUID: Node draws those from a stock, at a tenth of the cost of a call. */
function newGeneration(): string {
  return randomUUID().slice(0, 8)
}
