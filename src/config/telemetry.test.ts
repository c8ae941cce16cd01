import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTelemetry } from './telemetry.ts'

test('traces are sent only where a variable says so', () => {
  assert.equal(readTelemetry({}), undefined)
  assert.equal(
    readTelemetry({ OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' }),
    undefined,
  )
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' }
  assert.equal(readTelemetry(endpoint)?.url, 'http://collector:4318/v1/traces')
  assert.equal(readTelemetry({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }), undefined)
  assert.equal(readTelemetry({ ...endpoint, OTEL_SDK_DISABLED: 'true' }), undefined)
  const local = readTelemetry({ OTEL_TRACES_EXPORTER: 'otlp' })
  assert.deepEqual(local, {
    url: 'http://localhost:4318/v1/traces',
    headers: {},
    serviceName: 'carrel',
    ratio: 1,
  })
  const traces = 'https://o.example.com/in'
  const both = { ...endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces }
  assert.equal(readTelemetry(both)?.url, traces)
})

test('headers, name and sampling are taken from the usual variables', () => {
  const read = readTelemetry({
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, X-Team = web,nonsense',
    OTEL_SERVICE_NAME: 'registry',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  })
  assert.deepEqual(read?.headers, { 'api-key': 'a b', 'x-team': 'web' })
  assert.deepEqual([read.serviceName, read.ratio], ['registry', 0.25])
})

test('what cannot be used is said before the server starts', () => {
  const otlp = { OTEL_TRACES_EXPORTER: 'otlp' }
  assert.throws(
    () => readTelemetry({ ...otlp, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }),
    /OTLP over HTTP only/,
  )
  assert.throws(
    () => readTelemetry({ ...otlp, OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' }),
    /is no address/,
  )
})
