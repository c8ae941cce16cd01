// One deadline over a whole exchange: name, connection, redirects and the last byte of the body.
import { OutboundError } from './outbound-error.ts'

export interface Deadline {
  /** Aborted with the caller's own reason, or with an OutboundError when the time is up. */
  readonly signal: AbortSignal
  /** To be called when the exchange is over, however it ended. */
  end(): void
}

export function startDeadline(
  timeoutMs: number,
  what: string,
  caller: AbortSignal | undefined,
): Deadline {
  const controller = new AbortController()
  const timer = setTimeout(() => {
    const why = `there was no whole answer within ${timeoutMs / 1000} seconds`
    const fix = 'Check that the server is up and that this machine reaches it.'
    controller.abort(new OutboundError('timeout', { what, why, fix }))
  }, timeoutMs)
  const follow = (): void => controller.abort(caller?.reason)
  if (caller?.aborted === true) follow()
  else caller?.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer)
      caller?.removeEventListener('abort', follow)
    },
  }
}

/** What `work` gives, or the signal's reason as soon as it is aborted. The work itself cannot be stopped. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: () => void = () => undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
  })
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
