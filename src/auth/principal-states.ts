// What a principal is at present (disabled? administrator? which password hash?), remembered for a few seconds:
// requests cost a Map lookup, and a principal that was disabled, here or through another process, stops within them.
import type { Htpasswd } from './htpasswd.ts'
import type { PrincipalDirectory, PrincipalRecord } from './principal.ts'

export interface PrincipalStates {
  /** The remembered state; undefined when it must be looked up. */
  peek(id: number): PrincipalRecord | undefined
  /** Undefined when there is no such principal. */
  get(id: number): Promise<PrincipalRecord | undefined>
  /** To be called when a principal was changed, so that this process knows at once. */
  forget(id: number): void
  /** Whether this principal, as `peek` or `get` gave it, may do anything at all. */
  isActive(record: PrincipalRecord): boolean
  /** What its password is checked against; undefined when it cannot sign in with one. */
  passwordHashOf(record: PrincipalRecord): string | undefined
}

export interface PrincipalStatesDeps {
  readonly principals: Pick<PrincipalDirectory, 'findById'>
  readonly htpasswd?: Pick<Htpasswd, 'lookup' | 'current' | 'isFresh'> | undefined
}

export interface PrincipalStatesOptions {
  readonly lifetimeMs?: number
  readonly maxEntries?: number
  /** Milliseconds on any clock that does not jump. */
  readonly now?: () => number
}

interface Entry {
  readonly record: PrincipalRecord
  readonly until: number
}

export function createPrincipalStates(
  { principals, htpasswd }: PrincipalStatesDeps,
  options: PrincipalStatesOptions = {},
): PrincipalStates {
  const { lifetimeMs = 5000, maxEntries = 10_000, now = () => performance.now() } = options
  const entries = new Map<number, Entry>()
  const underway = new Map<number, Promise<PrincipalRecord | undefined>>()

  function remembered(id: number): PrincipalRecord | undefined {
    const entry = entries.get(id)
    return entry !== undefined && entry.until > now() ? entry.record : undefined
  }

  /** `readAt`: when the reading began, as the record may have been changed since. */
  function remember(record: PrincipalRecord, readAt: number): void {
    entries.delete(record.id)
    const [oldest] = entries.keys()
    if (oldest !== undefined && entries.size >= maxEntries) entries.delete(oldest)
    entries.set(record.id, { record, until: readAt + lifetimeMs })
  }

  function find(id: number): Promise<PrincipalRecord | undefined> {
    const running = underway.get(id)
    if (running !== undefined) return running
    const readAt = now()
    const run: Promise<PrincipalRecord | undefined> = principals
      .findById(id)
      .then((record) => {
        // After a forget() during the reading this may be the state of before.
        if (record !== undefined && underway.get(id) === run) remember(record, readAt)
        return record
      })
      .finally(() => {
        if (underway.get(id) === run) underway.delete(id)
      })
    underway.set(id, run)
    return run
  }

  return {
    peek(id) {
      const record = remembered(id)
      const isStale = record?.provider === 'htpasswd' && htpasswd?.isFresh() === false
      return isStale ? undefined : record
    },
    async get(id) {
      const record = remembered(id) ?? (await find(id))
      if (record?.provider === 'htpasswd') await htpasswd?.lookup(record.name)
      return record
    },
    forget(id) {
      entries.delete(id)
      underway.delete(id)
    },
    isActive(record) {
      if (record.disabled) return false
      return record.provider === 'local' || htpasswd?.current(record.name) !== undefined
    },
    passwordHashOf(record) {
      if (record.disabled) return undefined
      return record.provider === 'local' ? record.passwordHash : htpasswd?.current(record.name)
    },
  }
}
