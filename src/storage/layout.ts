// Where things lie in the storage. A blob's key carries a random generation, so that a late delete
// of an old copy never hits the same content pushed again.

import { randomBytes } from 'node:crypto'
import { type Digest, algorithmOf, encodedOf, isDigest } from '../oci/digest.ts'
import { type Key, parseKey } from './driver.ts'

export const blobsFolder = parseKey('blobs')
export const uploadsFolder = parseKey('uploads')

/** `blobs/sha256/ab/ab….3k9v0q2d`, another one at each call. */
export function newBlobKey(digest: Digest): Key {
  const encoded = encodedOf(digest)
  const shard = encoded.slice(0, 2)
  return `${blobsFolder}/${algorithmOf(digest)}/${shard}/${encoded}.${newGeneration()}` as Key
}

/** `uploads/…`, another one at each call. */
export function newUploadKey(): Key {
  return `${uploadsFolder}/${randomBytes(16).toString('hex')}` as Key
}

/** `undefined` when the key is not one that newBlobKey makes. */
export function digestOfBlobKey(key: Key): Digest | undefined {
  const match = blobKeyPattern.exec(key)
  if (match === null) return undefined
  const [, algorithm = '', shard = '', encoded = ''] = match
  const digest = `${algorithm}:${encoded}`
  return encoded.startsWith(shard) && isDigest(digest) ? digest : undefined
}

const blobKeyPattern = /^blobs\/(sha256|sha512)\/([0-9a-f]{2})\/([0-9a-f]+)\.[0-9a-v]{8}$/

/** 40 random bits as 8 digits of base 32. */
function newGeneration(): string {
  return randomBytes(5).readUIntBE(0, 5).toString(32).padStart(8, '0')
}
