// Reads the Authorization header (RFC 9110 §11.6.2, RFC 7617, RFC 6750). Never says anything of its content.
import { isUtf8 } from 'node:buffer'

export type Credentials =
  | { readonly scheme: 'none' }
  | ({ readonly scheme: 'basic' } & Basic)
  | { readonly scheme: 'bearer'; readonly token: string }
  /** Something that we do not understand; it must not pass for no credentials. */
  | { readonly scheme: 'malformed' }

export interface Basic {
  readonly user: string
  readonly password: string
}

// A token may have 16 KiB; Node refuses requests whose headers are larger than its limit anyway.
const maxHeaderCharacters = 24 * 1024

const none: Credentials = { scheme: 'none' }
const malformed: Credentials = { scheme: 'malformed' }

export function readCredentials(authorization: string | undefined): Credentials {
  if (authorization === undefined || authorization === '') return none
  if (authorization.length > maxHeaderCharacters) return malformed
  if (hasScheme(authorization, 'bearer ')) {
    return { scheme: 'bearer', token: authorization.slice('bearer '.length).trim() }
  }
  if (hasScheme(authorization, 'basic ')) {
    return readBasic(authorization.slice('basic '.length).trim())
  }
  return malformed
}

function hasScheme(authorization: string, scheme: string): boolean {
  return authorization.slice(0, scheme.length).toLowerCase() === scheme
}

/** Empty user and password (`Og==`) is how skopeo says that it has no credentials. */
function readBasic(encoded: string): Credentials {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return malformed
  const bytes = Buffer.from(encoded, 'base64')
  // Old clients send Latin-1. Read as broken UTF-8, different passwords would become the same one.
  const text = bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')
  const colon = text.indexOf(':')
  if (colon < 0) return malformed
  if (text.length === 1) return none
  return { scheme: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) }
}
