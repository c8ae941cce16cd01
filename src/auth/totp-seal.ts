// Secrets of authenticator apps at rest: AES-256-GCM under a key of the installation, bound to the principal, so that a
// copy of the database alone gives no codes, and a sealed secret moved to another principal's row opens nothing.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const cipher = 'aes-256-gcm'
const keyBytes = 32
/** The first byte of what is sealed: the form of the rest. */
const form = 1
const ivBytes = 12
const tagBytes = 16
const head = 1 + ivBytes + tagBytes

/** @throws {RangeError} when the key does not have 32 bytes */
export function sealTotpSecret(
  key: Uint8Array,
  principalId: number,
  secret: Uint8Array,
): Uint8Array {
  requireKey(key)
  const iv = randomBytes(ivBytes)
  const seal = createCipheriv(cipher, key, iv, { authTagLength: tagBytes })
  seal.setAAD(boundTo(principalId))
  const sealed = Buffer.concat([seal.update(secret), seal.final()])
  return Buffer.concat([Buffer.of(form), iv, seal.getAuthTag(), sealed])
}

/**
 * Undefined when this was sealed with another key, for another principal, or is damaged.
 *
 * @throws {RangeError} when the key does not have 32 bytes
 */
export function openTotpSecret(
  key: Uint8Array,
  principalId: number,
  sealed: Uint8Array,
): Uint8Array | undefined {
  requireKey(key)
  if (sealed.length <= head || sealed[0] !== form) return undefined
  const iv = sealed.subarray(1, 1 + ivBytes)
  const open = createDecipheriv(cipher, key, iv, { authTagLength: tagBytes })
  open.setAAD(boundTo(principalId))
  open.setAuthTag(sealed.subarray(1 + ivBytes, head))
  try {
    return Buffer.concat([open.update(sealed.subarray(head)), open.final()])
  } catch {
    // GCM tells no more than that it does not fit.
    return undefined
  }
}

function requireKey(key: Uint8Array): void {
  if (key.length === keyBytes) return
  throw new RangeError(
    `A key of ${keyBytes} bytes seals second factors; this one has ${key.length}.`,
  )
}

function boundTo(principalId: number): Buffer {
  return Buffer.from(`carrel totp ${principalId}`)
}
