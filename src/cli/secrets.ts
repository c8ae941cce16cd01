// What commands that make secrets have in common: the secret alone goes to standard output, so that it can be piped
// into the next program or a file, and everything that is said about it to standard error.
import type { Command } from 'commander'

import { parseDuration, parseExpiry } from './duration.ts'
import type { Output } from './output.ts'
import { formatMoment } from './text.ts'

/** With --json the whole object, the secret in it. */
export function printSecret(
  output: Output,
  made: { readonly secret: string },
  { json }: { readonly json?: boolean },
): void {
  if (json === true) output.json(made)
  else output.data(`${made.secret}\n`)
}

export interface RotationOptions {
  readonly grace?: string
  readonly expires?: string
}

export function addRotationOptions(command: Command): Command {
  return command
    .option('--grace <TIME>', 'how long the old secret works on: 14d when left out; 0 ends it now')
    .option('--expires <WHEN>', 'when the new one ends: 90d, 2027-01-31, never; as long again')
}

export function rotationOf({ grace, expires }: RotationOptions) {
  const graceMs = grace === undefined || grace === '0' ? 0 : parseDuration(grace, '--grace')
  return {
    ...(grace !== undefined && { graceSeconds: graceMs / 1000 }),
    ...(expires !== undefined && { expiresAt: parseExpiry(expires, '--expires') }),
  }
}

/** `until 2027-02-22 12:00 UTC`, or that there is no end. */
export function untilOf(expiresAt: string | undefined): string {
  return expiresAt === undefined ? 'without an end' : `until ${formatMoment(new Date(expiresAt))}`
}

interface Rotated {
  readonly secrets: readonly { readonly state: string; readonly endsAt?: string }[]
}

/** What becomes of the secret of before. */
export function oldSecretOf({ secrets }: Rotated): string {
  const old = secrets.find(({ state }) => state === 'replaced')
  if (old?.endsAt === undefined) return 'the old secret no longer works'
  return `the old secret works until nobody has used it for 24 hours, at most ${untilOf(old.endsAt)}`
}
