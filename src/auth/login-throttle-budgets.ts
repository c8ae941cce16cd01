// How many sign-in attempts are evaluated: arithmetic over counters, without a clock and a database of its own.
//
// - address: 100 in 15 minutes, whatever the account.
// - account: 10 from all clients together that the account is not known to sign in from. Every attempt lengthens the
//   window, so that no 15 minutes hold more than 10, wherever they begin. Who signs in from a known client does not
//   take part: strangers cannot lock the account's owner out.
// - client (one account from one network): 10, then one after each pause; pauses double up to 15 minutes.
import type { LoginAttempts } from '../metadata/login-attempts.ts'

export type Budget = 'address' | 'account' | 'client'

const minuteMs = 60_000
export const windowMs = 15 * minuteMs
const limits: Readonly<Record<Budget, number>> = { address: 100, account: 10, client: 10 }
const firstPauseMs = minuteMs
const longestPauseMs = 15 * minuteMs
/** No window ends later than this from now, so one that does was written by a clock that was wrong. */
const longestWindowMs = longestPauseMs + windowMs

export type Taken =
  | { readonly attempts: LoginAttempts; readonly refusedUntil?: undefined }
  | { readonly attempts?: undefined; readonly refusedUntil: number }

/** The counter after one more attempt, or until when there is none. */
export function takeAttempt(budget: Budget, before: LoginAttempts | undefined, now: number): Taken {
  const live = before !== undefined && isLive(before, now) ? before : undefined
  const count = (live?.count ?? 0) + 1
  if (budget === 'client') {
    const { blockedUntil = 0 } = live ?? {}
    return blockedUntil > now ? { refusedUntil: blockedUntil } : { attempts: paused(count, now) }
  }
  if (live !== undefined && count > limits[budget]) return { refusedUntil: live.windowEndsAt }
  const isFixed = budget === 'address' && live !== undefined
  const windowEndsAt = isFixed ? live.windowEndsAt : now + windowMs
  return { attempts: { count, windowEndsAt, blockedUntil: undefined } }
}

function paused(count: number, now: number): LoginAttempts {
  const pauses = count - limits.client
  if (pauses < 0) return { count, windowEndsAt: now + windowMs, blockedUntil: undefined }
  const blockedUntil = now + Math.min(firstPauseMs * 2 ** pauses, longestPauseMs)
  // Who goes on after the longest pause has that pause again; who stays away for a window begins anew.
  return { count, windowEndsAt: blockedUntil + windowMs, blockedUntil }
}

/** The counter without one attempt that it holds; undefined when nothing is left of it. */
export function giveBack(
  budget: Budget,
  before: LoginAttempts | undefined,
  now: number,
): LoginAttempts | undefined {
  if (before === undefined || !isLive(before, now) || before.count <= 1) return undefined
  const count = before.count - 1
  const isPaused = budget === 'client' && count >= limits.client
  return { ...before, count, blockedUntil: isPaused ? before.blockedUntil : undefined }
}

function isLive({ windowEndsAt }: LoginAttempts, now: number): boolean {
  return windowEndsAt > now && windowEndsAt <= now + longestWindowMs
}
