// One-time codes of an authenticator app (RFC 6238 over RFC 4226): SHA-1, steps of 30 seconds, six digits, which is
// what every app understands. A code of the step before or after counts as well, for clocks that differ.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const stepMs = 30_000
const digits = 6
const window = 1
/** As long as the hash, as RFC 4226 §4 recommends. */
const secretBytes = 20
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

export function makeTotpSecret(): Uint8Array {
  return randomBytes(secretBytes)
}

/** For typing into an app by hand, and for the URI. */
export function encodeTotpSecret(secret: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of secret) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += base32.charAt((held >> bits) & 31)
    }
  }
  return bits === 0 ? text : text + base32.charAt((held << (5 - bits)) & 31)
}

/** What an app reads from a picture: who issues the codes, for which account, and the secret. */
export function totpUri({
  issuer,
  account,
  secret,
}: {
  readonly issuer: string
  readonly account: string
  readonly secret: Uint8Array
}): string {
  const by = encodeURIComponent(issuer)
  const label = `${by}:${encodeURIComponent(account)}`
  return (
    `otpauth://totp/${label}?secret=${encodeTotpSecret(secret)}&issuer=${by}` +
    `&algorithm=SHA1&digits=${digits}&period=${stepMs / 1000}`
  )
}

/** The code of a step; exported for tests and for who enrols by machine. */
export function totpCode(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', secret).update(counter).digest()
  const offset = (mac.at(-1) ?? 0) & 15
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff
  return String(number % 10 ** digits).padStart(digits, '0')
}

export function totpStep(now: number): number {
  return Math.floor(now / stepMs)
}

export interface TotpMoment {
  /** Milliseconds since 1970. */
  readonly now: number
  /** The last step whose code was used: its code and those before it count no more. */
  readonly lastStep: number | undefined
}

/**
 * The step whose code this is, or undefined. The caller then uses the step up (metadata/totp.ts), and only that tells
 * whether the code was the first.
 */
export function checkTotp(
  secret: Uint8Array,
  typed: string,
  { now, lastStep }: TotpMoment,
): number | undefined {
  const code = readCode(typed)
  if (code === undefined) return undefined
  const present = totpStep(now)
  let matched: number | undefined
  for (let step = present - window; step <= present + window; step += 1) {
    const isRight = step >= 0 && timingSafeEqual(code, Buffer.from(totpCode(secret, step)))
    const isUsed = lastStep !== undefined && step <= lastStep
    if (isRight && !isUsed) matched ??= step
  }
  return matched
}

/** People type the blank that apps show in the middle. */
function readCode(typed: string): Buffer | undefined {
  if (typed.length > 16) return undefined
  const code = typed.replace(/\s/g, '')
  return /^[0-9]{6}$/.test(code) ? Buffer.from(code) : undefined
}
