// The short code that a person reads from one device and types on another (RFC 8628 §6.1): eight consonants, so that
// it spells no word and has no letters that look alike. It is no secret: it works only for who is signed in, for
// minutes, and the device keeps a long secret of its own.
import { randomInt } from 'node:crypto'

const letters = 'BCDFGHJKLMNPQRSTVWXZ'
const half = 4
const longestInput = 64

/** For example `WDJB-MJHT`. */
export function makeUserCode(): string {
  return `${drawHalf()}-${drawHalf()}`
}

/** The code that somebody typed, or undefined when it cannot be one. Case, dashes and blanks do not matter. */
export function readUserCode(typed: string): string | undefined {
  if (typed.length > longestInput) return undefined
  const code = typed.toUpperCase().replace(/[-\s]/g, '')
  if (!/^[BCDFGHJ-NP-TV-XZ]{8}$/.test(code)) return undefined
  return `${code.slice(0, half)}-${code.slice(half)}`
}

function drawHalf(): string {
  let drawn = ''
  for (let place = 0; place < half; place += 1) drawn += letters.charAt(randomInt(letters.length))
  return drawn
}
