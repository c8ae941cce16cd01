// Requests of one thread, counted under the names that distribution uses. On the hot path: two lookups and some sums.
import { createHistogram, type Histogram } from './histogram.ts'
import type { Metric } from './metric.ts'

export interface AnsweredRequest {
  /** What kind of place was asked: of a fixed, short list. */
  readonly handler: string
  readonly method: string
  /** 0: the client went away before there was an answer, or the answer broke off. */
  readonly status: number
  /** As announced. */
  readonly requestBytes: number
  readonly responseBytes: number
  readonly requestId?: string | undefined
  /** The header of W3C trace context, as it came. */
  readonly traceparent?: string | undefined
}

export interface HttpMetrics {
  /** A request has come; what it returns is for `ended`. */
  began(): number
  ended(began: number, request: AnsweredRequest): void
  metrics(): readonly Metric[]
}

const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const methods = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'])

interface Tally {
  readonly handler: string
  readonly method: string
  readonly durations: Histogram
  readonly codes: Map<number, number>
  requestBytes: number
  responseBytes: number
}

export function createHttpMetrics(): HttpMetrics {
  const tallies = new Map<string, Tally>()
  let inFlight = 0

  function tallyOf(handler: string, given: string): Tally {
    const method = methods.has(given) ? given : 'other'
    const key = `${method} ${handler}`
    let tally = tallies.get(key)
    if (tally === undefined) {
      const durations = createHistogram(bounds)
      tally = { handler, method, durations, codes: new Map(), requestBytes: 0, responseBytes: 0 }
      tallies.set(key, tally)
    }
    return tally
  }

  return {
    began() {
      inFlight += 1
      return performance.now()
    },
    ended(began, { handler, method, status, requestBytes, responseBytes }) {
      inFlight -= 1
      const tally = tallyOf(handler, method)
      tally.durations.observe((performance.now() - began) / 1000)
      tally.codes.set(status, (tally.codes.get(status) ?? 0) + 1)
      tally.requestBytes += requestBytes
      tally.responseBytes += responseBytes
    },
    metrics() {
      const all = [...tallies.values()]
      const duration = 'registry_http_request_duration_seconds'
      return [
        {
          name: 'registry_http_requests_total',
          help: 'Requests that were answered; code 0: the client went away, or the answer broke off.',
          type: 'counter',
          aggregator: 'sum',
          values: all.flatMap(({ handler, method, codes }) =>
            Array.from(codes, ([code, value]) => ({
              labels: { handler, method: method.toLowerCase(), code },
              value,
            })),
          ),
        },
        {
          name: duration,
          help: 'From the first line of a request to the end of its answer.',
          type: 'histogram',
          aggregator: 'sum',
          values: all.flatMap(({ handler, method, durations }) =>
            durations.samples(duration, { handler, method: method.toLowerCase() }),
          ),
        },
        {
          name: 'registry_http_in_flight_requests',
          help: 'Requests that are being answered.',
          type: 'gauge',
          aggregator: 'sum',
          values: [{ labels: {}, value: inFlight }],
        },
        bytes('request', 'Bytes that requests announced.', all, (tally) => tally.requestBytes),
        bytes('response', 'Bytes that answers had.', all, (tally) => tally.responseBytes),
      ]
    },
  }
}

function bytes(
  what: string,
  help: string,
  all: readonly Tally[],
  of: (tally: Tally) => number,
): Metric {
  return {
    name: `registry_http_${what}_size_bytes_total`,
    help,
    type: 'counter',
    aggregator: 'sum',
    values: all.map((tally) => ({
      labels: { handler: tally.handler, method: tally.method.toLowerCase() },
      value: of(tally),
    })),
  }
}
