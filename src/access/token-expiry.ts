// How long a token lasts. Every token ends unless somebody who may say so says `never`: what was forgotten stops by
// itself. Times are milliseconds since 1970.
import type { TokenKind } from '../metadata/token-secrets.ts'
import { Refusal } from './refusal.ts'

const hourMs = 60 * 60_000
const dayMs = 24 * hourMs

export const usualLifetimeMs = 90 * dayMs
const longestLifetimeMs = 366 * dayMs
export const longestLoginMs = 12 * hourMs

/** Undefined: as long as is usual for the kind. */
export type AskedExpiry = number | 'never' | undefined

/**
 * When the token ends; undefined is never.
 *
 * @throws {Refusal} invalid for a time that has passed; policy for one that is too far away
 */
export function chooseExpiry(
  kind: TokenKind,
  asked: AskedExpiry,
  { now, mayNever }: { readonly now: number; readonly mayNever: boolean },
): number | undefined {
  if (asked === undefined) return now + (kind === 'login' ? longestLoginMs : usualLifetimeMs)
  if (asked === 'never') return requireNever(kind, mayNever)
  if (!Number.isSafeInteger(asked) || asked <= now) {
    throw new Refusal('invalid', 'the token would have ended already', {
      why: 'its expiry lies in the past',
      fix: '--expires 90d',
    })
  }
  const longest = longestOf(kind)
  if (longest === undefined || asked - now <= longest.ms) return asked
  throw new Refusal('policy', `the token would last too long`, {
    why: `${longest.what} lasts at most ${longest.text}`,
    fix: `--expires ${longest.option}`,
  })
}

function requireNever(kind: TokenKind, mayNever: boolean): undefined {
  if (kind === 'login') {
    throw new Refusal('policy', 'a token for one login always ends', {
      why: 'it lies in files of clients, where nobody looks for it',
      fix: 'carrel token create',
    })
  }
  if (mayNever) return undefined
  throw new Refusal('policy', 'the token has to end', {
    why: 'only an administrator makes one that never does',
    fix: '--expires 366d',
  })
}

function longestOf(kind: TokenKind) {
  switch (kind) {
    case 'login':
      return { ms: longestLoginMs, what: 'a token for one login', text: '12 hours', option: '12h' }
    case 'personal':
      return {
        ms: longestLifetimeMs,
        what: 'a token of a person',
        text: '366 days, unless an administrator says: never',
        option: '366d',
      }
    case 'robot':
      return undefined
  }
}

/**
 * The same span again, from now on: that which the token had when its present secret was made.
 */
export function renewedExpiry(
  token: { readonly expiresAt: number | undefined; readonly secretMadeAt: number },
  now: number,
): number | undefined {
  if (token.expiresAt === undefined) return undefined
  return now + Math.max(0, token.expiresAt - token.secretMadeAt)
}
