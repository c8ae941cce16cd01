// The key of an encrypted backup: random, kept in the backup itself, wrapped by what the operator has: a passphrase or
// the bytes of a key file. Both go through scrypt, so a key file may hold a passphrase and be typed at a prompt.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  scrypt,
} from 'node:crypto'
import { z } from 'zod'
import { BackupError } from './backup-error.ts'

/** 128 MiB and about half a second, once for each command. */
const defaultCost = 2 ** 17
const blockSize = 8
const parallel = 1
/** A header from elsewhere must not take all memory. */
const mostCost = 2 ** 20
const shortestSecret = 12
const longestSecret = 64 * 1024
const context = Buffer.from('carrel backup key 1')

export const wrappedKeySchema = z.strictObject({
  cipher: z.literal('aes-256-gcm-stream'),
  kdf: z.literal('scrypt'),
  cost: z.int().min(2).max(mostCost),
  blockSize: z.int().min(1).max(32),
  parallel: z.int().min(1).max(16),
  salt: z.base64(),
  /** Nonce, key and tag. */
  wrapped: z.base64(),
})

export type WrappedKey = z.infer<typeof wrappedKeySchema>

export interface BackupKeys {
  /** For objects (sealed-stream.ts). */
  readonly objects: Uint8Array
  /** What a blob is called, so that nobody without the key can tell whether a known blob is in the backup. */
  readonly nameOf: (digest: string) => string
}

/** `cost` is for tests. @throws {BackupError} invalid, when the secret is too short */
export async function makeKeys(
  secret: Uint8Array,
  cost = defaultCost,
): Promise<{ readonly wrapped: WrappedKey; readonly keys: BackupKeys }> {
  if (secret.length < shortestSecret) throw tooShort()
  const salt = randomBytes(16)
  const dataKey = randomBytes(32)
  const parameters = { kdf: 'scrypt', cost, blockSize, parallel, salt: text(salt) } as const
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', await deriveKey(secret, parameters), nonce)
  cipher.setAAD(context)
  const sealed = [nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]
  const wrapped = {
    cipher: 'aes-256-gcm-stream',
    ...parameters,
    wrapped: text(Buffer.concat(sealed)),
  } as const
  return { wrapped, keys: keysOf(dataKey) }
}

/** @throws {BackupError} denied, when it is another key */
export async function openKeys(secret: Uint8Array, wrapped: WrappedKey): Promise<BackupKeys> {
  const bytes = Buffer.from(wrapped.wrapped, 'base64')
  if (bytes.length !== 60) throw wrongKey()
  const key = await deriveKey(secret, wrapped)
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
  decipher.setAAD(context)
  decipher.setAuthTag(bytes.subarray(44))
  const dataKey = decipher.update(bytes.subarray(12, 44))
  try {
    decipher.final()
  } catch (cause) {
    throw wrongKey(cause)
  }
  return keysOf(dataKey)
}

/** One line break at the end is how files end, and no part of the secret. @throws {BackupError} invalid */
export function secretOf(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  if (bytes[end - 1] === 0x0a) end -= 1
  if (bytes[end - 1] === 0x0d && end < bytes.length) end -= 1
  if (end > longestSecret) throw new BackupError('invalid', 'the key is longer than 64 KiB')
  return bytes.subarray(0, end)
}

function keysOf(dataKey: Uint8Array): BackupKeys {
  const names = derived(dataKey, 'names')
  return {
    objects: derived(dataKey, 'objects'),
    nameOf: (digest) => createHmac('sha256', names).update(digest).digest('hex'),
  }
}

function derived(dataKey: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(
    hkdfSync('sha256', dataKey, new Uint8Array(), `carrel backup ${purpose}`, 32),
  )
}

async function deriveKey(
  secret: Uint8Array,
  {
    cost,
    blockSize: r,
    parallel: p,
    salt,
  }: Pick<WrappedKey, 'cost' | 'blockSize' | 'parallel' | 'salt'>,
): Promise<Uint8Array> {
  const options = { N: cost, r, p, maxmem: 256 * cost * r }
  return new Promise((resolve, reject) => {
    scrypt(secret, Buffer.from(salt, 'base64'), 32, options, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function tooShort(): BackupError {
  return new BackupError('invalid', 'the key is too short', {
    why: `a key or passphrase has at least ${shortestSecret} characters`,
    fix: 'make one: openssl rand -base64 32 > backup.key',
  })
}

function wrongKey(cause?: unknown): BackupError {
  return new BackupError('denied', 'this is not the key of this backup', { cause })
}
