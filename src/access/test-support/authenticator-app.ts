// What an authenticator app does with the secret that it was shown.
import { totpCode, totpStep } from '../../auth/totp.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

export function bytesOf(base32: string): Uint8Array {
  const bits = Array.from(base32, (character) =>
    alphabet.indexOf(character).toString(2).padStart(5, '0'),
  ).join('')
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
}

export function codeAt(base32: string, at: number): string {
  return totpCode(bytesOf(base32), totpStep(at))
}
