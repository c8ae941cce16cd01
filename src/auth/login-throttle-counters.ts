// The counters of the throttle in the database, which all nodes share. Changes that wait are made together, one after
// another in one transaction: so a flood costs few transactions, and threads of a process do not get into each other's
// way. What a change decides holds only when its transaction has ended.
import {
  deleteLoginAttempts,
  findLoginAttempts,
  saveLoginAttempts,
  type LoginAttempts,
} from '../metadata/login-attempts.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'

/** The counters of a change's keys as they are now; undefined removes one. */
export interface CounterTable {
  get(key: string): LoginAttempts | undefined
  set(key: string, attempts: LoginAttempts | undefined): void
}

export interface CounterChange<T> {
  /** At most three. */
  readonly keys: readonly string[]
  /** Asked just before the change would be made: with an answer, nothing is asked of the database. */
  readonly shortcut?: () => T | undefined
  /** May run several times; must do nothing but look into the table, and set what follows. */
  readonly apply: (table: CounterTable) => T
}

export interface LoginCounters {
  /**
   * Not durable: a power loss forgets counters of its last moments.
   *
   * @throws {StorageUnavailableError} when the database cannot be reached; nothing is counted then
   */
  change<T>(change: CounterChange<T>): Promise<T>
}

interface Waiting {
  readonly change: CounterChange<unknown>
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** So many changes share one transaction at most. */
const batchSize = 64

export function createLoginCounters(metadata: Pick<MetadataStore, 'write'>): LoginCounters {
  let waiting: Waiting[] = []
  let isRunning = false

  function nextBatch(): readonly Waiting[] {
    const batch: Waiting[] = []
    let looked = 0
    for (const one of waiting) {
      if (batch.length === batchSize) break
      looked += 1
      const known = one.change.shortcut?.()
      if (known === undefined) batch.push(one)
      else one.resolve(known)
    }
    waiting = waiting.slice(looked)
    return batch
  }

  async function run(): Promise<void> {
    for (let batch = nextBatch(); batch.length > 0; batch = nextBatch()) {
      try {
        const changes = batch.map(({ change }) => change)
        const results = await metadata.write(async (tx) => applyAll(tx, changes), {
          durable: false,
        })
        for (const [index, { resolve }] of batch.entries()) resolve(results[index])
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
      // Whoever was answered tells what it learned before the next ones are asked for shortcuts.
      await new Promise((resolve) => setImmediate(resolve))
    }
    isRunning = false
  }

  return {
    async change<T>(change: CounterChange<T>): Promise<T> {
      return new Promise<unknown>((resolve, reject) => {
        waiting.push({ change, resolve, reject })
        if (isRunning) return
        isRunning = true
        void run()
      }) as Promise<T>
    },
  }
}

async function applyAll(
  tx: Transaction,
  changes: readonly CounterChange<unknown>[],
): Promise<readonly unknown[]> {
  const rows = new Map<string, LoginAttempts | undefined>()
  const changed = new Set<string>()
  const table: CounterTable = {
    get: (key) => rows.get(key),
    set(key, attempts) {
      rows.set(key, attempts)
      changed.add(key)
    },
  }
  const results: unknown[] = []
  for (const { keys, apply } of changes) {
    const missing = keys.filter((key) => !rows.has(key))
    const found = await findLoginAttempts(tx, missing)
    for (const key of missing) rows.set(key, found.get(key))
    results.push(apply(table))
  }
  // In one order everywhere: two nodes that change the same counters must not wait for each other.
  for (const key of [...changed].toSorted()) {
    const attempts = rows.get(key)
    if (attempts === undefined) await deleteLoginAttempts(tx, key)
    else await saveLoginAttempts(tx, key, attempts)
  }
  return results
}
