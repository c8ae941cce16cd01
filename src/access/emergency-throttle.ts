// Counts attempts in memory while the database cannot be written: fewer than usual, for each process by itself, and
// none of them is given back.
import { throttleKeys } from '../auth/login-throttle-keys.ts'
import type { LoginAttempt, LoginThrottle } from '../auth/login-throttle.ts'

export interface EmergencyThrottleOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const windowMs = 15 * 60_000
const mostOfAccount = 5
const mostOfAddress = 50
/** Beyond it nobody new is let in until a window has ended. */
const mostKeys = 10_000

export function createEmergencyThrottle({
  now = () => Date.now(),
}: EmergencyThrottleOptions = {}): Pick<LoginThrottle, 'reserve'> {
  const counts = new Map<string, number>()
  let endsAt = 0

  function take(key: string, most: number): boolean {
    const count = counts.get(key) ?? 0
    if (count >= most || (count === 0 && counts.size >= mostKeys)) return false
    counts.set(key, count + 1)
    return true
  }

  return {
    async reserve({ account, address }: LoginAttempt) {
      if (now() >= endsAt) {
        counts.clear()
        endsAt = now() + windowMs
      }
      const keys = throttleKeys(account, address)
      const allowed = take(keys.address, mostOfAddress) && take(keys.account, mostOfAccount)
      if (allowed) return { allowed, succeeded: nothing, withdrawn: nothing }
      return { allowed, retryAfterSeconds: Math.ceil((endsAt - now()) / 1000) }
    },
  }
}

const nothing = async (): Promise<void> => undefined
