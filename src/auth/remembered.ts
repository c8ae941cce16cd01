// What was read from the database, for a few seconds: requests cost a Map lookup, and what was changed, here or
// through another process, is seen within them.

export interface Remembered<K, V> {
  /** Undefined when it must be looked up. */
  peek(key: K): V | undefined
  /** Undefined when there is no such thing; that is not remembered. */
  get(key: K): Promise<V | undefined>
  /** To be called after a change, so that this process knows at once. */
  forget(key: K): void
  /** The same for all values of which something is true; looks at each. */
  forgetThose(isMeant: (value: V) => boolean): void
}

export interface RememberedOptions {
  readonly lifetimeMs?: number
  readonly maxEntries?: number
  /** Milliseconds on any clock that does not jump. */
  readonly now?: () => number
}

interface Entry<V> {
  readonly value: V
  readonly until: number
}

export function createRemembered<K, V>(
  read: (key: K) => Promise<V | undefined>,
  options: RememberedOptions = {},
): Remembered<K, V> {
  const { lifetimeMs = 5000, maxEntries = 10_000, now = () => performance.now() } = options
  const entries = new Map<K, Entry<V>>()
  const underway = new Map<K, Promise<V | undefined>>()

  function peek(key: K): V | undefined {
    const entry = entries.get(key)
    return entry !== undefined && entry.until > now() ? entry.value : undefined
  }

  /** `readAt`: when the reading began, as the value may have been changed since. */
  function remember(key: K, value: V, readAt: number): void {
    entries.delete(key)
    const [oldest] = entries.keys()
    if (oldest !== undefined && entries.size >= maxEntries) entries.delete(oldest)
    entries.set(key, { value, until: readAt + lifetimeMs })
  }

  function find(key: K): Promise<V | undefined> {
    const running = underway.get(key)
    if (running !== undefined) return running
    const readAt = now()
    const run: Promise<V | undefined> = read(key)
      .then((value) => {
        // After a forget() during the reading this may be the state of before.
        if (value !== undefined && underway.get(key) === run) remember(key, value, readAt)
        return value
      })
      .finally(() => {
        if (underway.get(key) === run) underway.delete(key)
      })
    underway.set(key, run)
    return run
  }

  return {
    peek,
    get: async (key) => peek(key) ?? find(key),
    forget(key) {
      entries.delete(key)
      underway.delete(key)
    },
    forgetThose(isMeant) {
      for (const [key, { value }] of entries) if (isMeant(value)) entries.delete(key)
      // Of what is being read nobody knows yet.
      underway.clear()
    },
  }
}
