// What threads count, as the text that Prometheus reads.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createEventMetrics } from './event-metrics.ts'
import { expositionOf } from './exposition.ts'
import { createHistogram } from './histogram.ts'
import { createHttpMetrics, type AnsweredRequest } from './http-metrics.ts'
import { counter, gauge } from './metric.ts'
import { createStorageMetrics } from './storage-metrics.ts'

/** Of the text, by name and labels. */
function valuesIn(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))] as const
    }),
  )
}

const pull: AnsweredRequest = {
  handler: 'blob',
  method: 'GET',
  status: 200,
  requestBytes: 0,
  responseBytes: 1000,
}

suite('metrics', () => {
  test('of requests are summed over threads, by handler, method and code', async () => {
    const [one, two] = [createHttpMetrics(), createHttpMetrics()]
    one.ended(one.began(), pull)
    one.ended(one.began(), { ...pull, status: 404 })
    two.ended(two.began(), pull)
    two.began()
    two.ended(two.began(), { ...pull, method: 'BREW' })
    const values = valuesIn(await expositionOf([one.metrics(), two.metrics()]))
    const labels = 'handler="blob",method="get"'
    assert.equal(values.get(`registry_http_requests_total{${labels},code="200"}`), 2)
    assert.equal(values.get(`registry_http_requests_total{${labels},code="404"}`), 1)
    assert.equal(values.get('registry_http_in_flight_requests'), 1)
    assert.equal(values.get(`registry_http_response_size_bytes_total{${labels}}`), 3000)
    assert.equal(values.get(`registry_http_request_duration_seconds_count{${labels}}`), 3)
    const other = 'registry_http_requests_total{handler="blob",method="other",code="200"}'
    assert.equal(values.get(other), 1)
  })

  test('of durations are buckets that grow, with what is on a border below it', () => {
    const histogram = createHistogram([1, 2])
    for (const value of [0.5, 1, 1.5, 2, 3]) histogram.observe(value)
    const samples = histogram.samples('x', { a: 'b' })
    assert.deepEqual(
      samples.map(({ metricName, labels, value }) => [metricName, labels['le'], value]),
      [
        ['x_bucket', '1', 2],
        ['x_bucket', '2', 4],
        ['x_bucket', '+Inf', 5],
        ['x_sum', undefined, 8],
        ['x_count', undefined, 5],
      ],
    )
  })

  test('of the storage tell times and failures by action', async () => {
    const storage = createStorageMetrics('filesystem')
    storage.observe('write', 0.002, false)
    storage.observe('write', 9, true)
    const values = valuesIn(await expositionOf([storage.metrics()]))
    const labels = 'driver="filesystem",action="write"'
    assert.equal(values.get(`registry_storage_errors_total{${labels}}`), 1)
    assert.equal(values.get(`registry_storage_action_seconds_count{${labels}}`), 2)
    assert.equal(values.get(`registry_storage_action_seconds_bucket{${labels},le="0.0025"}`), 1)
  })

  test('of the door count logins, refusals and pushes', async () => {
    const events = createEventMetrics()
    events.login('failed')
    events.login('failed')
    events.login('succeeded')
    events.refused()
    events.pushed(10)
    const values = valuesIn(await expositionOf([events.metrics()]))
    assert.equal(values.get('carrel_logins_total{result="failed"}'), 2)
    assert.equal(values.get('carrel_logins_total{result="succeeded"}'), 1)
    assert.equal(values.get('carrel_access_refused_total'), 1)
    assert.equal(values.get('carrel_pushed_bytes_total'), 10)
  })

  test('that are not known are left out, and labels are escaped', async () => {
    const text = await expositionOf([
      [
        ...gauge('a', 'Help.', undefined),
        ...gauge('b', 'Help.', [[{ name: 'x"\n' }, 1]]),
        ...counter('c', 'Help.', Infinity),
      ],
    ])
    assert.doesNotMatch(text, /\ba\b/)
    assert.ok(text.includes('b{name="x\\"\\n"} 1\n'), text)
    assert.match(text, /^c \+Inf$/m)
    assert.match(text, /^# TYPE c counter$/m)
  })
})
