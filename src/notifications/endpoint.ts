// One receiver of notifications: a queue in memory, one event a request, in order, again and again until it is taken.
// After so many failures in a row it is left alone for a while, as registry:2 does. What is queued ends with the process.
import { setTimeout as sleep } from 'node:timers/promises'
import { eventsMediaType, type NotificationEvent } from './event.ts'

export interface EndpointOptions {
  readonly name: string
  readonly url: URL
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly timeoutMs: number
  /** Failures in a row before it waits for `backoffMs`. */
  readonly threshold: number
  readonly backoffMs: number
  readonly ignoredMediaTypes: readonly string[]
  readonly ignoredActions: readonly string[]
}

export interface EndpointDeps {
  readonly fetch: typeof globalThis.fetch
  readonly warn: (message: string) => void
}

export interface Endpoint {
  send(event: NotificationEvent): void
  /** Tries for so long to get rid of what waits. */
  close(graceMs: number): Promise<void>
}

/** A receiver that is away for long must not fill the memory. */
const mostQueued = 10_000

export function createEndpoint(options: EndpointOptions, deps: EndpointDeps): Endpoint {
  const queue: NotificationEvent[] = []
  const closing = new AbortController()
  let failures = 0
  let lost = 0
  let working: Promise<void> | undefined

  function send(event: NotificationEvent): void {
    if (closing.signal.aborted || isIgnored(options, event)) return
    if (queue.length === mostQueued) {
      queue.shift()
      lost += 1
      if (lost === 1)
        deps.warn(`notifications to ${options.name} wait in vain: the oldest are lost`)
    }
    queue.push(event)
    working ??= deliverAll().finally(() => {
      working = undefined
    })
  }

  async function deliverAll(): Promise<void> {
    for (let event = queue[0]; event !== undefined && !closing.signal.aborted; event = queue[0]) {
      const failure = await deliver(event)
      if (failure === undefined) {
        failures = 0
        lost = 0
        if (queue[0] === event) queue.shift()
        continue
      }
      failures += 1
      if (failures === options.threshold) {
        deps.warn(`notifications to ${options.name} fail and wait: ${failure}`)
      }
      await pause(failures < options.threshold ? firstPauseMs : options.backoffMs)
    }
  }

  async function deliver(event: NotificationEvent): Promise<string | undefined> {
    try {
      const { status } = await deps.fetch(options.url, {
        method: 'POST',
        headers: [
          ['content-type', eventsMediaType],
          ...options.headers.map((pair) => [...pair] as [string, string]),
        ],
        body: JSON.stringify({ events: [event] }),
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(options.timeoutMs), closing.signal]),
      })
      return status >= 200 && status < 400 ? undefined : `it answered with the status ${status}`
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  async function pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: closing.signal }).catch(() => undefined)
  }

  return {
    send,
    async close(graceMs) {
      const timer = setTimeout(() => closing.abort(), graceMs)
      await working
      clearTimeout(timer)
      closing.abort()
    },
  }
}

const firstPauseMs = 50

function isIgnored(
  { ignoredMediaTypes, ignoredActions }: EndpointOptions,
  { action, target }: NotificationEvent,
): boolean {
  return (
    ignoredActions.includes(action) ||
    (target.mediaType !== undefined && ignoredMediaTypes.includes(target.mediaType))
  )
}
