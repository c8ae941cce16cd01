// The secrets that Carrel gives out: `carrel_<kind>_<30 random><6 checksum>`, all in base 62. The random part holds
// 178 bits, so a plain fast hash may be stored. The checksum (CRC-32 of all that stands before it) tells a secret from
// what only looks like one, without asking the database: for us at sign-in, for scanners of leaked secrets offline.
import { hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

export const secretKinds = ['pat', 'robot', 'login', 'refresh', 'session', 'device'] as const

export type SecretKind = (typeof secretKinds)[number]

/** For scanners that look for leaked secrets in other text. What matches may still have a wrong checksum. */
export const secretPattern =
  /\bcarrel_(?:pat|robot|login|refresh|session|device)_[0-9A-Za-z]{30}[0-4][0-9A-Za-z]{5}\b/

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const randomCharacters = 30
const checksumCharacters = 6
const longest = 'carrel_session_'.length + randomCharacters + checksumCharacters
const shape = /^carrel_(pat|robot|login|refresh|session|device)_[0-9A-Za-z]{36}$/
/** The largest multiple of 62 that a byte holds: bytes above it would make some characters likelier than others. */
const evenBytes = 248

export function makeSecret(kind: SecretKind): string {
  const text = `carrel_${kind}_${drawCharacters(randomCharacters)}`
  return text + checksum(text)
}

/** Undefined for what cannot be a secret of ours. Says nothing of whether there is such a secret. */
export function readSecret(text: string): { readonly kind: SecretKind } | undefined {
  // Nearly everything that is asked about is a password or a registry token.
  if (!text.startsWith('carrel_') || text.length > longest) return undefined
  const kind = shape.exec(text)?.[1]
  if (kind === undefined) return undefined
  const split = text.length - checksumCharacters
  if (checksum(text.slice(0, split)) !== text.slice(split)) return undefined
  return { kind: kind as SecretKind }
}

/** SHA-256 in hexadecimal: the form in which a secret is stored and looked up. */
export function hashSecret(text: string): string {
  return hash('sha256', text)
}

function drawCharacters(count: number): string {
  let drawn = ''
  while (drawn.length < count) {
    for (const byte of randomBytes(count + 10)) {
      if (byte < evenBytes && drawn.length < count) drawn += alphabet.charAt(byte % 62)
    }
  }
  return drawn
}

/** Six characters of base 62 hold more than 32 bits, so each checksum has exactly one text. */
function checksum(text: string): string {
  let left = crc32(text)
  let digits = ''
  for (let place = 0; place < checksumCharacters; place += 1) {
    digits = alphabet.charAt(left % 62) + digits
    left = Math.floor(left / 62)
  }
  return digits
}
