import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createTracer, type TracerOptions } from './traces.ts'

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { readonly key: string; readonly value: object }[]
  readonly status?: { readonly code: number }
}

function aTracer(more: Partial<TracerOptions> = {}) {
  const posted: string[] = []
  const warnings: string[] = []
  const tracer = createTracer({
    serviceName: 'carrel',
    version: '1',
    thread: '2',
    ratio: 1,
    post: async (json) => void posted.push(json),
    warn: (message) => warnings.push(message),
    ...more,
  })
  const spans = () =>
    posted.flatMap((json) => {
      const { resourceSpans } = JSON.parse(json) as {
        resourceSpans: { scopeSpans: { spans: Span[] }[] }[]
      }
      return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((one) => one.spans))
    })
  return { tracer, spans, posted, warnings }
}

const request = {
  handler: 'blob',
  method: 'GET',
  status: 200,
  requestBytes: 0,
  responseBytes: 7,
  requestId: 'a-1',
}
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

suite('traces', () => {
  test('go on with the trace of the client, as it wants to be sampled', async () => {
    const { tracer, spans } = aTracer({ ratio: 0 })
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
    tracer.ended(0.5, { ...request, traceparent })
    tracer.ended(0.5, { ...request, traceparent: `00-${traceId}-00f067aa0ba902b7-00` })
    tracer.ended(0.5, request)
    for (const bad of ['x', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, `${traceparent}-x`]) {
      tracer.ended(0.5, { ...request, traceparent: bad })
    }
    await tracer[Symbol.asyncDispose]()
    const [span, ...others] = spans()
    assert.deepEqual(others, [])
    assert.equal(span?.traceId, traceId)
    assert.equal(span.parentSpanId, '00f067aa0ba902b7')
    assert.match(span.spanId, /^[0-9a-f]{16}$/)
    assert.equal(span.name, 'GET blob')
    const took = BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)
    assert.equal(took, 500_000_000n)
    const status = span.attributes.find(({ key }) => key === 'http.response.status_code')
    assert.deepEqual(status?.value, { intValue: '200' })
    assert.equal(span.status, undefined)
  })

  test('begin anew for others, and tell failures', async () => {
    const { tracer, spans } = aTracer()
    tracer.ended(0.1, { ...request, status: 503 })
    tracer.ended(0.1, request)
    await tracer[Symbol.asyncDispose]()
    const [failed, fine] = spans()
    assert.deepEqual(failed?.status, { code: 2 })
    assert.equal(failed.parentSpanId, undefined)
    assert.notEqual(failed.traceId, fine?.traceId)
  })

  test('are sent in batches, and dropped with one warning when nobody takes them', async () => {
    const { tracer, posted } = aTracer()
    for (let count = 0; count < 1000; count += 1) tracer.ended(0, request)
    await tracer[Symbol.asyncDispose]()
    assert.equal(posted.length, 2)
    const broken = aTracer({ post: () => Promise.reject(new Error('no collector')) })
    for (let count = 0; count < 3000; count += 1) {
      broken.tracer.ended(0, request)
      if (count % 600 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await broken.tracer[Symbol.asyncDispose]()
    assert.equal(broken.warnings.length, 1)
    assert.match(broken.warnings[0] ?? '', /no collector/)
  })
})
