// How often strangers may have something made for them: counted by the address, in the counters that all nodes share.
// There is one window at a time, which begins with the first request in it.
import { createLoginCounters } from '../auth/login-throttle-counters.ts'
import { clientNetwork } from '../auth/login-throttle-keys.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { OciError } from '../oci/errors.ts'

export interface RequestLimitOptions {
  /** What is limited, in the plural: `device codes`. Limits of one name share their counters. */
  readonly what: string
  readonly most: number
  readonly windowMs: number
  /** Milliseconds since 1970: the nodes compare it. */
  readonly now?: () => number
}

export interface RequestLimit {
  /** Counts one. @throws {OciError} TOOMANYREQUESTS when that would be one too many */
  take(address: string): Promise<void>
}

export function createRequestLimit(
  metadata: Pick<MetadataStore, 'write'>,
  { what, most, windowMs, now = () => Date.now() }: RequestLimitOptions,
): RequestLimit {
  const counters = createLoginCounters(metadata)

  return {
    async take(address) {
      const key = `${what} ${clientNetwork(address)}`
      const refusedUntil = await counters.change<number | undefined>({
        keys: [key],
        apply(table) {
          const at = now()
          const before = table.get(key)
          // A window that ends too late was written by a clock that was wrong.
          const isLive =
            before !== undefined && before.windowEndsAt > at && before.windowEndsAt <= at + windowMs
          const count = isLive ? before.count + 1 : 1
          const windowEndsAt = isLive ? before.windowEndsAt : at + windowMs
          if (count > most) return windowEndsAt
          table.set(key, { count, windowEndsAt, blockedUntil: undefined })
          return undefined
        },
      })
      if (refusedUntil === undefined) return
      const retryAfterSeconds = Math.max(1, Math.ceil((refusedUntil - now()) / 1000))
      throw new OciError('TOOMANYREQUESTS', {
        message: `Too many ${what} were asked for from this address. Wait ${retryAfterSeconds} seconds, then try again.`,
        detail: { retryAfterSeconds },
      })
    },
  }
}
