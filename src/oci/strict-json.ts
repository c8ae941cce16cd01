// JSON that every reader understands alike. Where parsers differ (a repeated key, a byte order
// mark, broken UTF-8), one document can be two manifests, so such documents are refused.
// See CVE-2021-41190 for what that leads to.

export class JsonError extends Error {
  override readonly name = 'JsonError'
}

/**
 * The value of a JSON document in UTF-8. Refuses a byte order mark, invalid UTF-8, anything after
 * the value, a key twice in one object, nesting deeper than 64, more than 150,000 keys, and the key
 * `__proto__`, which turns into something else when an object is copied.
 *
 * @throws {JsonError}
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const keysWritten = scan(bytes)
  const value = parse(decode(bytes))
  // JSON.parse keeps the last of equal keys and drops the others with all that is inside them:
  // there are fewer keys than were written exactly when one of them was repeated, however spelled.
  if (countKeys(value) !== keysWritten) {
    throw new JsonError('An object in it has the same key twice; write each key once.')
  }
  return value
}

// No manifest nests deeper than about 10; without a limit a walk could exhaust the stack.
const maxDepth = 64

// The largest manifest of use has 100,000; a document of 4 MiB can have 600,000, all in one object,
// which would hold up the event loop for most of a second.
const maxKeys = 150_000

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const leftBracket = 0x5b
const rightBracket = 0x5d
const leftBrace = 0x7b
const rightBrace = 0x7d

/**
 * Limits the depth before anything is built, and counts the keys: colons outside strings. Of a
 * document that is no JSON the count means nothing, but JSON.parse refuses that anyway.
 */
function scan(bytes: Uint8Array): number {
  let depth = 0
  let colons = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === quote) {
      at = endOfString(bytes, at + 1)
    } else if (byte === colon) {
      colons++
    } else if (byte === leftBrace || byte === leftBracket) {
      depth++
      if (depth > maxDepth) {
        throw new JsonError(`It nests deeper than ${maxDepth} levels, which is the limit.`)
      }
    } else if (byte === rightBrace || byte === rightBracket) {
      depth--
    }
  }
  if (colons > maxKeys) throw new JsonError(`It has more than ${maxKeys} keys, which is the limit.`)
  return colons
}

/** The place of the closing quote, or the end. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
  return at
}

function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw new JsonError('It begins with a byte order mark; write it without one.')
  }
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new JsonError('It is not valid UTF-8.', { cause })
  }
}

function parse(text: string): unknown {
  if (text === '') throw new JsonError('It is empty.')
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new JsonError('It is not one well-formed JSON value.', { cause })
  }
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (!Array.isArray(value)) {
    const keys = Object.keys(value)
    if (keys.includes('__proto__')) {
      throw new JsonError('It has the key "__proto__", which is not allowed.')
    }
    count += keys.length
  }
  // Of an array, its items.
  for (const member of Object.values(value)) {
    if (typeof member === 'object') count += countKeys(member)
  }
  return count
}
