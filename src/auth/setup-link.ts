// The one-time key of a setup link. It stands in the URL's fragment and in the terminal; only its SHA-256 is
// stored. A fast hash is enough: the key holds 100 random bits.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

// Crockford's base 32: no I, L, O and U, so that a key can be read aloud and typed.
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const characters = 20
const longestInput = 64

export interface SetupKey {
  /** For people: five groups of four characters. Never stored. */
  readonly key: string
  /** For the database. */
  readonly hash: string
}

export function createSetupKey(): SetupKey {
  const drawn = Array.from(randomBytes(characters), (byte) => alphabet.charAt(byte & 31)).join('')
  const key = (drawn.match(/.{4}/g) ?? []).join('-')
  return { key, hash: sha256(drawn) }
}

/** The stored form of what somebody typed, or undefined when it cannot be a key. Case, dashes and blanks do not matter. */
export function hashSetupKey(typed: string): string | undefined {
  if (typed.length > longestInput) return undefined
  const key = typed.toUpperCase().replace(/[-\s]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1')
  if (!/^[0-9A-HJKMNP-TV-Z]{20}$/.test(key)) return undefined
  return sha256(key)
}

export function verifySetupKey(typed: string, storedHash: string): boolean {
  const hash = hashSetupKey(typed)
  if (hash === undefined || hash.length !== storedHash.length) return false
  const stored = Buffer.from(storedHash)
  const presented = Buffer.from(hash)
  return stored.length === presented.length && timingSafeEqual(presented, stored)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
