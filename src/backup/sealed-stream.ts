// Encrypted objects: AES-256-GCM in chunks of 64 KiB after the STREAM construction (Hoang, Reyhanitabar, Rogaway and
// Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015). The nonce of a chunk is its
// number and whether it is the last one, so that a missing, added or moved chunk is refused like a changed one. Each
// object has a key of its own, derived from a random salt and its name: one object cannot stand in for another.
//
//   "CARRELB1"  8 bytes | salt  32 bytes | chunk and tag (16 bytes), chunk and tag, …
//
// Every chunk but the last has 64 KiB; the last one is empty only when the whole object is.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { ByteSource } from '../storage/driver.ts'
import { DamagedObjectError } from './backup-error.ts'
import { ByteQueue } from './byte-queue.ts'

const magic = Buffer.from('CARRELB1')
const saltBytes = 32
const headBytes = magic.length + saltBytes
const chunkBytes = 64 * 1024
const tagBytes = 16
const mostChunks = 2 ** 32
const cipherName = 'aes-256-gcm'

export interface SealKey {
  readonly key: Uint8Array
  /** Of the object; it opens under this name only. */
  readonly name: string
}

/** How many bytes an object of so many has when it is sealed. */
export function sealedSize(bytes: number): number {
  return headBytes + bytes + Math.max(1, Math.ceil(bytes / chunkBytes)) * tagBytes
}

export async function* seal(
  { key, name }: SealKey,
  source: ByteSource,
): AsyncGenerator<Uint8Array, void, undefined> {
  const salt = randomBytes(saltBytes)
  const objectKey = keyOf(key, salt, name)
  yield Buffer.concat([magic, salt])
  let number = 0
  for await (const { bytes, isLast } of piecesOf(source, chunkBytes)) {
    const cipher = createCipheriv(cipherName, objectKey, nonceOf(number, isLast))
    yield Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
    number += 1
  }
}

/** @throws {DamagedObjectError} before it yields a byte that was not sealed at this place */
export async function* unseal(
  { key, name }: SealKey,
  source: ByteSource,
): AsyncGenerator<Uint8Array, void, undefined> {
  const damaged = (what: string, cause?: unknown) => new DamagedObjectError(name, what, { cause })
  let objectKey: Uint8Array | undefined
  let number = 0
  for await (const { bytes, isLast } of piecesOf(source, chunkBytes + tagBytes, headBytes)) {
    if (objectKey === undefined) {
      if (bytes.length < headBytes || !magic.equals(bytes.subarray(0, magic.length))) {
        throw damaged('is not an encrypted object')
      }
      if (isLast) throw damaged('is cut short')
      objectKey = keyOf(key, bytes.subarray(magic.length), name)
      continue
    }
    if (bytes.length < tagBytes || (bytes.length === tagBytes && number > 0)) {
      throw damaged('is cut short')
    }
    const plain = open(objectKey, nonceOf(number, isLast), bytes)
    if (plain === undefined) throw damaged('is damaged, or was changed')
    number += 1
    yield plain
  }
}

function open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const end = sealed.length - tagBytes
  const options = { authTagLength: tagBytes }
  const decipher = createDecipheriv(cipherName, key, nonce, options)
  decipher.setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(0, end))
  try {
    decipher.final()
    return plain
  } catch {
    // The one thing that final can say: the tag is another one.
    return undefined
  }
}

function keyOf(key: Uint8Array, salt: Uint8Array, name: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, `carrel backup object ${name}`, 32))
}

/** Seven zeros, the number, the flag: the key is of this object alone. */
function nonceOf(number: number, isLast: boolean): Uint8Array {
  if (number >= mostChunks) throw new Error('An object of a backup is too large.')
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(number, 7)
  nonce.writeUInt8(isLast ? 1 : 0, 11)
  return nonce
}

interface Piece {
  readonly bytes: Uint8Array
  readonly isLast: boolean
}

/** Pieces of `size` bytes, the first of `first`; the last may be shorter, and is there even when there is nothing. */
async function* piecesOf(
  source: ByteSource,
  size: number,
  first: number = size,
): AsyncGenerator<Piece, void, undefined> {
  const queue = new ByteQueue()
  let wanted = first
  for await (const chunk of source) {
    queue.push(chunk)
    // Held back until more has come: whether it is the last one cannot be known before.
    while (queue.length > wanted) {
      yield { bytes: queue.take(wanted), isLast: false }
      wanted = size
    }
  }
  yield { bytes: queue.take(queue.length), isLast: true }
}
