// Where things lie in the storage. A blob's key carries a random generation, so that a late delete
// of an old copy never hits the same content pushed again. Blobs of an adopted volume of registry:2
// stay where they are, under keys of their own kind, which nothing is ever written to.

import { randomUUID } from 'node:crypto'
import { type Digest, algorithmOf, encodedOf, isDigest } from '../oci/digest.ts'
import { type Key, parseKey } from './driver.ts'

export const blobsFolder = parseKey('blobs')
export const uploadsFolder = parseKey('uploads')
/** Objects with other bytes than their digest says: kept to be looked at, and never served. */
export const quarantineFolder = parseKey('quarantine')
/** The second copy of manifests and tags (docs/decisions/0023-journal.md). */
export const journalFolder = parseKey('journal')
/** Of an adopted volume: its root is the data folder itself (docs/decisions/0026-adoption.md). */
export const adoptedFolder = parseKey('docker/registry/v2/blobs')

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

/** `quarantine/ab….3c9f04d2`, another one at each call. */
export function newQuarantineKey(digest: Digest): Key {
  return `${quarantineFolder}/${encodedOf(digest)}.${newGeneration()}` as Key
}

/** `undefined` when the key is not one that newQuarantineKey makes. */
export function digestOfQuarantineKey(key: string): Digest | undefined {
  const encoded = quarantineKeyPattern.exec(key)?.[1] ?? ''
  const digest = `${encoded.length === 64 ? 'sha256' : 'sha512'}:${encoded}`
  return isDigest(digest) ? digest : undefined
}

const quarantineKeyPattern = /^quarantine\/([0-9a-f]+)\.[0-9a-f]{8}$/

/** `journal/00000000000000000012-3c9f04d2.jsonl`, another one at each call; they sort by their number. */
export function newJournalKey(sequence: number): Key {
  return `${journalFolder}/${String(sequence).padStart(20, '0')}-${newGeneration()}.jsonl` as Key
}

/** `undefined` when the key is not one that newJournalKey makes. */
export function sequenceOfJournalKey(key: Key): number | undefined {
  const digits = journalKeyPattern.exec(key)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

const journalKeyPattern = /^journal\/(\d{20})-[0-9a-f]{8}\.jsonl$/

/** Where registry:2 keeps this content; it knows sha256 alone. */
export function adoptedBlobKey(digest: Digest): Key {
  const encoded = encodedOf(digest)
  return `${adoptedFolder}/${algorithmOf(digest)}/${encoded.slice(0, 2)}/${encoded}/data` as Key
}

/** Whether it is content of an adopted volume. */
export function isAdoptedKey(key: string): boolean {
  return key.startsWith(adoptedPrefix)
}

/** `undefined` when the key is neither one that newBlobKey makes nor one of an adopted blob. */
export function digestOfBlobKey(key: Key): Digest | undefined {
  const match = (isAdoptedKey(key) ? adoptedKeyPattern : blobKeyPattern).exec(key)
  if (match === null) return undefined
  const [, algorithm = '', shard = '', encoded = ''] = match
  const digest = `${algorithm}:${encoded}`
  return encoded.startsWith(shard) && isDigest(digest) ? digest : undefined
}

const adoptedPrefix = `${adoptedFolder}/`
const adoptedKeyPattern =
  /^docker\/registry\/v2\/blobs\/(sha256)\/([0-9a-f]{2})\/([0-9a-f]+)\/data$/
const blobKeyPattern = /^blobs\/(sha256|sha512)\/([0-9a-f]{2})\/([0-9a-f]+)\.[0-9a-f]{8}$/

/** 32 random bits of a UUID: Node draws those from a stock, at a tenth of the cost of a call. */
function newGeneration(): string {
  return randomUUID().slice(0, 8)
}
