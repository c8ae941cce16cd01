// What requests change, and whether that may be changed now: the read-only switch, and the room that is kept for deletes
// and collection. Every route that can change something says here what it changes; the test fails for one that does not,
// and until then it counts as a change.
import { findReadOnly } from '../metadata/read-only.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import type { FreeSpace } from '../registry/free-space.ts'
import { HttpError } from './http-error.ts'
import type { Method } from './route.ts'
import type { ResourceKind } from './target.ts'

/**
 * `push`: brings content, so that it needs room. `change`: of what is kept, without need of room. `none`: of nothing that
 * is kept, such as a sign-in.
 */
export type Effect = 'push' | 'change' | 'none'

type ChangingMethod = Exclude<Method, 'GET' | 'HEAD'>

export const effects: {
  readonly [R in ResourceKind]: Readonly<Partial<Record<ChangingMethod, Effect>>>
} = {
  base: {},
  catalog: {},
  extensions: {},
  tags: {},
  manifest: { PUT: 'push', DELETE: 'change' },
  blob: { DELETE: 'change' },
  uploads: { POST: 'push' },
  upload: { PATCH: 'push', PUT: 'push', DELETE: 'change' },
  referrers: {},
  token: { POST: 'none' },
  livez: {},
  readyz: {},
  metrics: {},
  authority: {},
  'trust-script': {},
  home: {},
  'setup-page': {},
  setup: { POST: 'none' },
  asset: {},
  login: { POST: 'none' },
  'login-code': { POST: 'none' },
  'provider-login': {},
  'provider-answer': {},
  logout: { POST: 'none' },
  account: {},
  device: { POST: 'none' },
  'device-start': { POST: 'none' },
  'device-token': { POST: 'none' },
}

export function effectOf(resource: ResourceKind, method: string): Effect {
  if (method === 'GET' || method === 'HEAD') return 'none'
  const all: Readonly<Partial<Record<string, Effect>>> = effects[resource]
  return all[method] ?? 'change'
}

export interface ChangeGuard {
  /**
   * Whether a request may have this effect now. `bytes`: how many it announces.
   *
   * @throws {HttpError} 403 while the installation is read-only
   * @throws {StorageFullError} when no room is left for pushes
   */
  require(effect: Effect, bytes?: number): Promise<void>
}

export interface GuardDeps {
  readonly metadata: Reader
  /** Of the configuration: for as long as this process runs. */
  readonly readOnly?: boolean | undefined
  readonly space?: Pick<FreeSpace, 'requireRoom'> | undefined
}

/** The switch is looked at again after this time, so that pushes cost no query. */
const freshMs = 1000

export function createChangeGuard({ metadata, readOnly = false, space }: GuardDeps): ChangeGuard {
  let known: Promise<Closed | undefined> | undefined
  let askedAt = 0

  /** What failed is asked anew. */
  async function ask(): Promise<Closed | undefined> {
    try {
      return await findReadOnly(metadata)
    } catch (error) {
      askedAt = 0
      throw error
    }
  }

  async function closed(now: number): Promise<Closed | undefined> {
    if (readOnly) return byConfiguration
    if (known === undefined || now - askedAt >= freshMs || now < askedAt) {
      askedAt = now
      known = ask()
    }
    const state = await known
    return state?.until !== undefined && state.until <= now ? undefined : state
  }

  return {
    async require(effect, bytes = 0) {
      if (effect === 'none') return
      const now = Date.now()
      const state = await closed(now)
      if (state !== undefined) throw refusal(state, now)
      if (effect === 'push') await space?.requireRoom(bytes)
    },
  }
}

interface Closed {
  readonly until: number | undefined
  readonly reason: string
  readonly by: string
}

const byConfiguration: Closed = { until: undefined, reason: '', by: 'its configuration' }

function refusal({ until, reason, by }: Closed, now: number): HttpError {
  const end =
    until === undefined
      ? ''
      : ` until ${new Date(until).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const who = by === '' ? '' : ` (switched on by ${by})`
  const why = reason === '' ? '' : `: ${reason.replace(/[.!?]$/, '')}`
  const then =
    until === undefined
      ? 'Ask its operator when it takes changes again.'
      : 'Try again after that time.'
  const message = `The registry is read-only${end}${who}${why}. Pulls and logins go on. ${then}`
  const headers =
    until === undefined ? {} : { 'retry-after': Math.max(1, Math.ceil((until - now) / 1000)) }
  return new HttpError(403, message, headers)
}
