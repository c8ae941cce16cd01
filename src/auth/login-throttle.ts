// Against brute force. Every attempt to sign in with something that can be guessed is counted in the database, which all
// nodes share, before anything is evaluated: guesses that come at once, on however many nodes, do not pass together. An
// attempt that succeeds is given back. How many there are is in login-throttle-budgets.ts; accounts that do not exist
// are counted as those that do.
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { giveBack, takeAttempt, type Budget } from './login-throttle-budgets.ts'
import {
  createLoginCounters,
  type CounterTable,
  type LoginCounters,
} from './login-throttle-counters.ts'
import { throttleKeys } from './login-throttle-keys.ts'

export interface LoginAttempt {
  /** The name as it was typed, whether or not there is such an account. */
  readonly account: string
  /** The client's, as the caller believes it to be. */
  readonly address: string
  /** Whether the account has signed in from there before (isKnownClient of metadata/). */
  readonly knownClient: boolean
}

export type Reservation =
  | {
      readonly allowed: true
      /** To be called when every step of the sign-in was right, the second factor too. A second call does nothing. */
      succeeded(): Promise<void>
      /** To be called instead when nothing was evaluated, so that nothing was learned either. */
      withdrawn(): Promise<void>
    }
  | { readonly allowed: false; readonly retryAfterSeconds: number }

export interface LoginThrottle {
  /** @throws {StorageUnavailableError} when attempts cannot be counted: then nothing may be evaluated */
  reserve(attempt: LoginAttempt): Promise<Reservation>
  /**
   * As `succeeded` of a reservation that was left spent, here or on another node: the sign-in had a further step, and
   * that was right too.
   */
  completed(attempt: LoginAttempt): Promise<void>
}

export interface LoginThrottleDeps {
  readonly metadata: Pick<MetadataStore, 'write'>
  /** Milliseconds since 1970: the nodes compare it. */
  readonly now?: () => number
}

export function createLoginThrottle({
  metadata,
  now = () => Date.now(),
}: LoginThrottleDeps): LoginThrottle {
  const counters = createLoginCounters(metadata)
  const refused = createRefusedKeys()
  const deps = { counters, refused, now }

  return {
    async reserve(attempt) {
      const counted = countedFor(attempt)
      const keys = counted.map(({ key }) => key)
      const recall = () => refused.latest(keys, now())
      const outcome: Outcome =
        recall() ??
        (await counters.change<Outcome>({
          keys,
          shortcut: recall,
          apply: (table) => takeAll(table, counted, now()),
        }))
      if (outcome === 'taken') return reservation(deps, counted)
      for (const { key, until } of outcome) refused.remember(key, until, now())
      return { allowed: false, retryAfterSeconds: secondsUntil(outcome, now()) }
    },
    completed: async (attempt) => reservation(deps, countedFor(attempt)).succeeded(),
  }
}

interface Counted {
  readonly budget: Budget
  readonly key: string
}

function countedFor({ account, address, knownClient }: LoginAttempt): readonly Counted[] {
  const keys = throttleKeys(account, address)
  const own: readonly Counted[] = [
    { budget: 'client', key: keys.client },
    { budget: 'address', key: keys.address },
  ]
  return knownClient ? own : [...own, { budget: 'account', key: keys.account }]
}

interface Refused {
  readonly key: string
  readonly until: number
}

type Outcome = 'taken' | readonly Refused[]

/** One attempt of each budget, or of none. */
function takeAll(table: CounterTable, counted: readonly Counted[], now: number): Outcome {
  const taken = counted.map(({ budget, key }) => ({
    key,
    ...takeAttempt(budget, table.get(key), now),
  }))
  const refusals = taken.flatMap(({ key, refusedUntil: until }) =>
    until === undefined ? [] : [{ key, until }],
  )
  if (refusals.length > 0) return refusals
  for (const { key, attempts } of taken) table.set(key, attempts)
  return 'taken'
}

interface ReservationDeps {
  readonly counters: LoginCounters
  readonly refused: RefusedKeys
  readonly now: () => number
}

function reservation(
  { counters, refused, now }: ReservationDeps,
  counted: readonly Counted[],
): Extract<Reservation, { readonly allowed: true }> {
  const keys = counted.map(({ key }) => key)
  let isOpen = true

  async function end(clears: (budget: Budget) => boolean): Promise<void> {
    if (!isOpen) return
    isOpen = false
    await counters.change({
      keys,
      apply(table) {
        for (const { budget, key } of counted) {
          table.set(key, clears(budget) ? undefined : giveBack(budget, table.get(key), now()))
        }
      },
    })
    refused.forget(keys)
  }

  return {
    allowed: true,
    succeeded: async () => end((budget) => budget === 'client'),
    withdrawn: async () => end(() => false),
  }
}

function secondsUntil(refusals: readonly Refused[], now: number): number {
  const until = Math.max(...refusals.map((one) => one.until))
  return Math.max(1, Math.ceil((until - now) / 1000))
}

interface RefusedKeys {
  /** Those of the keys that are known to be refused. */
  latest(keys: readonly string[], now: number): readonly Refused[] | undefined
  remember(key: string, until: number, now: number): void
  forget(keys: readonly string[]): void
}

/** A success on another node may end a refusal early, so after this time the database is asked again. */
const rememberedMs = 5000
const mostRemembered = 10_000

/** What was refused a moment ago is refused again without asking the database: a flood costs a Map lookup each. */
function createRefusedKeys(): RefusedKeys {
  const entries = new Map<string, { readonly until: number; readonly askAgainAt: number }>()

  return {
    latest(keys, now) {
      const found: Refused[] = []
      for (const key of keys) {
        const entry = entries.get(key)
        if (entry !== undefined && entry.askAgainAt > now) found.push({ key, until: entry.until })
      }
      return found.length === 0 ? undefined : found
    },
    remember(key, until, now) {
      // What is remembered already keeps its time, or a steady flood would never ask again.
      const entry = entries.get(key)
      if (entry !== undefined && entry.askAgainAt > now) return
      // A Map keeps the order of insertion: its first entry is the one to be asked for first.
      entries.delete(key)
      const [oldest] = entries.keys()
      if (oldest !== undefined && entries.size >= mostRemembered) entries.delete(oldest)
      entries.set(key, { until, askAgainAt: Math.min(until, now + rememberedMs) })
    },
    forget(keys) {
      for (const key of keys) entries.delete(key)
    },
  }
}
