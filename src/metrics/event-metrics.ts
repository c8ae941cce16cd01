// What happened at the door of one thread: logins, pushes.
import { counter, type Metric } from './metric.ts'

export interface EventMetrics {
  readonly login: (result: 'succeeded' | 'failed' | 'throttled') => void
  readonly refused: () => void
  readonly pushed: (bytes: number) => void
  metrics(): readonly Metric[]
}

export function createEventMetrics(): EventMetrics {
  const logins = { succeeded: 0, failed: 0, throttled: 0 }
  let [refusals, pushes, pushedBytes] = [0, 0, 0]
  return {
    login(result) {
      logins[result] += 1
    },
    refused() {
      refusals += 1
    },
    pushed(bytes) {
      pushes += 1
      pushedBytes += bytes
    },
    metrics() {
      const results = Object.entries(logins).map(([result, value]) => [{ result }, value] as const)
      return [
        ...counter('carrel_logins_total', 'Sign-ins with a password or code, by result.', results),
        ...counter(
          'carrel_access_refused_total',
          'Requests for what the caller may not do.',
          refusals,
        ),
        ...counter('carrel_pushes_total', 'Manifests that were pushed.', pushes),
        ...counter(
          'carrel_pushed_bytes_total',
          'Bytes of the images pushed, shared ones too.',
          pushedBytes,
        ),
      ]
    },
  }
}
