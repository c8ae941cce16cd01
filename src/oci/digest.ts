// Content addresses, image-spec v1.1 descriptor.md#digests, of the two registered algorithms that
// are in use. A Digest exists only when valid, so nothing inside checks one again.
// Called several times per request: parsing is one linear regular expression.

import { hash } from 'node:crypto'
import { OciError } from './errors.ts'
import { quoted } from './quoted.ts'

declare const digestBrand: unique symbol

export type DigestAlgorithm = 'sha256' | 'sha512'

/** `sha256:` and 64, or `sha512:` and 128 lower-case hexadecimal digits. */
export type Digest = string & { readonly [digestBrand]: 'Digest' }

/** @throws {OciError} DIGEST_INVALID when malformed or of an algorithm that is not supported */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text
  throw new OciError('DIGEST_INVALID', { message: explain(text), detail: { digest: cut(text) } })
}

export function isDigest(text: string): text is Digest {
  return digestPattern.test(text)
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.length === sha256Length ? 'sha256' : 'sha512'
}

/** The hexadecimal digits, without the algorithm. */
export function encodedOf(digest: Digest): string {
  return digest.slice(prefixLength)
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${hash(algorithm, bytes, 'hex')}` as Digest
}

/**
 * A digest of what a running hash arrived at.
 *
 * @throws {OciError} DIGEST_INVALID when `hex` is not the algorithm's output in lower-case hex
 */
export function digestFromHash(algorithm: DigestAlgorithm, hex: string): Digest {
  return parseDigest(`${algorithm}:${hex}`)
}

const digestPattern = /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/
const prefixLength = 'sha256:'.length
const sha256Length = prefixLength + 64

function explain(text: string): string {
  const wanted = 'sha256: and 64, or sha512: and 128 lower-case hexadecimal digits'
  const colon = text.indexOf(':')
  if (colon === -1) return `${quoted(text)} is not a digest. A digest is ${wanted}.`
  const algorithm = text.slice(0, colon)
  if (algorithm === 'sha256' || algorithm === 'sha512') {
    return `The digest ${quoted(text)} is malformed. A digest is ${wanted}.`
  }
  return (
    `The digest ${quoted(text)} uses an algorithm that this registry does not support. ` +
    `A digest is ${wanted}.`
  )
}

function cut(text: string): string {
  return text.slice(0, 200)
}
