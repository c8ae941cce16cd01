// Requests as spans for OpenTelemetry: OTLP in JSON, sent in batches. What cannot be sent is dropped: nobody waits for it.
// Loaded only where traces are wanted.
import { randomBytes } from 'node:crypto'
import type { AnsweredRequest } from './http-metrics.ts'

export interface Tracer extends AsyncDisposable {
  /** A request of `seconds` has just ended. */
  ended(seconds: number, request: AnsweredRequest): void
}

export interface TracerOptions {
  readonly serviceName: string
  readonly version: string
  readonly thread: string
  /** Of requests that come without a trace, this part begins one. */
  readonly ratio: number
  /** Sends one batch. */
  readonly post: (json: string) => Promise<void>
  /** Told once, until it works again. */
  readonly warn: (message: string) => void
}

const sendEveryMs = 5000
const batchSpans = 512
const mostWaiting = 4096
/** W3C trace context, version 00. */
const traceparentPattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/
const server = 2
const failed = 2

export function createTracer(options: TracerOptions): Tracer {
  const { ratio, post, warn } = options
  let waiting: object[] = []
  let sending: Promise<void> | undefined
  let isBroken = false
  const timer = setInterval(() => void flush(), sendEveryMs)
  timer.unref()

  async function flush(): Promise<void> {
    sending ??= sendAll().finally(() => {
      sending = undefined
    })
    return sending
  }

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchSpans)
      waiting = waiting.slice(batchSpans)
      try {
        await post(JSON.stringify(envelope(options, batch)))
        isBroken = false
      } catch (error) {
        if (!isBroken) warn(`Traces cannot be sent, and are dropped: ${String(error)}`)
        isBroken = true
        waiting = []
      }
    }
  }

  return {
    ended(seconds, request) {
      const context = contextOf(request.traceparent, ratio)
      if (context === undefined || waiting.length >= mostWaiting) return
      waiting.push(spanOf(context, seconds, request))
      if (waiting.length === batchSpans) void flush()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await flush()
    },
  }
}

interface Context {
  readonly traceId: string
  readonly parentSpanId: string | undefined
}

/** Undefined: this request is not to be traced. */
function contextOf(traceparent: string | undefined, ratio: number): Context | undefined {
  const [, traceId, parentSpanId, flags = '00'] = traceparentPattern.exec(traceparent ?? '') ?? []
  if (traceId !== undefined && !/^0+$/.test(traceId)) {
    return (Number.parseInt(flags, 16) & 1) === 1 ? { traceId, parentSpanId } : undefined
  }
  if (ratio < 1 && Math.random() >= ratio) return undefined
  return { traceId: randomBytes(16).toString('hex'), parentSpanId: undefined }
}

function spanOf({ traceId, parentSpanId }: Context, seconds: number, request: AnsweredRequest) {
  const { handler, method, status, requestBytes, responseBytes, requestId } = request
  const end = Date.now()
  return {
    traceId,
    spanId: randomBytes(8).toString('hex'),
    ...(parentSpanId !== undefined && { parentSpanId }),
    name: `${method} ${handler}`,
    kind: server,
    startTimeUnixNano: nanoseconds(end - seconds * 1000),
    endTimeUnixNano: nanoseconds(end),
    attributes: [
      attribute('http.request.method', method),
      attribute('http.route', handler),
      attribute('http.response.status_code', status),
      attribute('http.request.body.size', requestBytes),
      attribute('http.response.body.size', responseBytes),
      ...(requestId === undefined ? [] : [attribute('carrel.request_id', requestId)]),
    ],
    ...((status >= 500 || status === 0) && { status: { code: failed } }),
  }
}

function envelope({ serviceName, version, thread }: TracerOptions, spans: readonly object[]) {
  const attributes = [
    attribute('service.name', serviceName),
    attribute('service.version', version),
    attribute('thread.name', thread),
  ]
  return {
    resourceSpans: [
      { resource: { attributes }, scopeSpans: [{ scope: { name: 'carrel', version }, spans }] },
    ],
  }
}

/** In the JSON of protobuf 64-bit numbers are text. */
function attribute(key: string, value: string | number) {
  return {
    key,
    value: typeof value === 'string' ? { stringValue: value } : { intValue: String(value) },
  }
}

function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`
}
