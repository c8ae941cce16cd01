// Passwords as they are stored: argon2id in PHC form for our own, bcrypt for those of an htpasswd file. Everything
// here computes for tens of milliseconds: on a server it runs in the password pool's threads alone.
import { argon2Sync, randomBytes, timingSafeEqual } from 'node:crypto'
import { hashSync } from 'bcryptjs'

// OWASP ASVS 5.0 appendix C: t=2, m>=19 MiB, p=1.
const ownCost: Argon2Cost = { memoryKiB: 19456, passes: 2, parallelism: 1 }
const saltBytes = 16
const tagBytes = 32

// A stored hash says how dear it is to check: these bound what one login can be made to cost.
const maxMemoryKiB = 256 * 1024
const maxPasses = 10
const maxParallelism = 16
const maxStoredCharacters = 512
const minBcryptCost = 4
const maxBcryptCost = 15
// bcrypt reads no more than this of a password.
const maxBcryptPasswordBytes = 72
const bcryptPrefix = '$2b$10$'.length + 22

interface Argon2Cost {
  readonly memoryKiB: number
  readonly passes: number
  readonly parallelism: number
}

interface Argon2Hash {
  readonly cost: Argon2Cost
  readonly salt: Buffer
  readonly tag: Buffer
}

export function hashPassword(password: string): string {
  const salt = randomBytes(saltBytes)
  const tag = argon2id(password, salt, { cost: ownCost, tagLength: tagBytes })
  return formatArgon2({ cost: ownCost, salt, tag })
}

/** False as well for a stored hash that is malformed, of another kind, or dearer than allowed. */
export function verifyPassword(password: string, stored: string): boolean {
  if (isBcryptHash(stored)) return verifyBcrypt(password, stored)
  const expected = parseArgon2(stored)
  if (expected === undefined) return false
  const tag = argon2id(password, expected.salt, {
    cost: expected.cost,
    tagLength: expected.tag.length,
  })
  return timingSafeEqual(tag, expected.tag)
}

/** A bcrypt hash that is neither malformed nor dearer than allowed. */
export function isBcryptHash(stored: string): boolean {
  return bcryptCost(stored) !== undefined
}

export function bcryptCost(stored: string): number | undefined {
  const [, digits] = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(stored) ?? []
  if (digits === undefined) return undefined
  const cost = Number(digits)
  return cost >= minBcryptCost && cost <= maxBcryptCost ? cost : undefined
}

/** A hash that no password has and that costs as much to check as one of ours: for users that do not exist. */
export function impossibleHash(): string {
  return formatArgon2({
    cost: ownCost,
    salt: randomBytes(saltBytes),
    tag: randomBytes(tagBytes),
  })
}

/** The same in bcrypt, with the cost of an htpasswd file. */
export function impossibleBcryptHash(cost: number): string {
  const digits = randomBytes(40).toString('base64').replace(/[+=]/g, '.').slice(0, 53)
  return `$2b$${String(cost).padStart(2, '0')}$${digits}`
}

function argon2id(
  password: string,
  salt: Buffer,
  options: { cost: Argon2Cost; tagLength: number },
): Buffer {
  return argon2Sync('argon2id', {
    message: Buffer.from(password, 'utf8'),
    nonce: salt,
    memory: options.cost.memoryKiB,
    passes: options.cost.passes,
    parallelism: options.cost.parallelism,
    tagLength: options.tagLength,
  })
}

/**
 * bcrypt reads 72 bytes and repeats a password behind a NUL until it has them, so a longer password and one with a
 * NUL in it have the hash of another one: they are refused, not cut.
 */
function verifyBcrypt(password: string, stored: string): boolean {
  if (password.includes('\0') || Buffer.byteLength(password) > maxBcryptPasswordBytes) return false
  // Behind marking, cost and salt: programs differ in the unused bits of the salt's last character.
  const actual = Buffer.from(hashSync(password, stored).slice(bcryptPrefix))
  const expected = Buffer.from(stored.slice(bcryptPrefix))
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}

// https://github.com/P-H-C/phc-string-format: base64 without padding.
const argon2Pattern =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

function formatArgon2({ cost, salt, tag }: Argon2Hash): string {
  const parameters = `m=${cost.memoryKiB},t=${cost.passes},p=${cost.parallelism}`
  return `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(tag)}`
}

function parseArgon2(stored: string): Argon2Hash | undefined {
  if (stored.length > maxStoredCharacters) return undefined
  const [, memory, passes, parallelism, salt, tag] = argon2Pattern.exec(stored) ?? []
  if (salt === undefined || tag === undefined) return undefined
  const cost: Argon2Cost = {
    memoryKiB: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
  }
  const hash: Argon2Hash = {
    cost,
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
  return isAffordable(cost) && isLongEnough(hash) ? hash : undefined
}

function isAffordable({ memoryKiB, passes, parallelism }: Argon2Cost): boolean {
  if (parallelism < 1 || parallelism > maxParallelism) return false
  if (passes < 1 || passes > maxPasses) return false
  return memoryKiB >= 8 * parallelism && memoryKiB <= maxMemoryKiB
}

/** A tag of few bytes would match many passwords. */
function isLongEnough({ salt, tag }: Argon2Hash): boolean {
  return salt.length >= 8 && salt.length <= 64 && tag.length >= 16 && tag.length <= 64
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
