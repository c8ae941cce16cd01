import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HealthReport } from '../http/site/health-report.ts'
import { listenForMetrics } from './metrics-listener.ts'

const good: HealthReport = { status: 'ready', checks: [{ name: 'database', status: 'ok' }] }

test('the address for whoever watches answers four places and nothing else', async () => {
  let health = good
  await using listener = await listenForMetrics(
    { host: '127.0.0.1', port: 0 },
    { metrics: async () => 'a 1\n', health: async () => health },
  )
  const ask = async (path: string, method = 'GET') =>
    fetch(`http://127.0.0.1:${listener.port}${path}`, { method })
  const metrics = await ask('/metrics')
  assert.equal(await metrics.text(), 'a 1\n')
  assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  assert.deepEqual(await (await ask('/debug/health')).json(), {})
  assert.deepEqual(await (await ask('/livez')).json(), { status: 'alive' })
  assert.deepEqual(await (await ask('/readyz')).json(), good)
  for (const path of ['/', '/v2/', '/api/v1/users', '/debug/vars', '/metrics/x']) {
    assert.equal((await ask(path)).status, 404, path)
  }
  assert.equal((await ask('/metrics', 'POST')).status, 405)
  assert.equal(await (await ask('/metrics', 'HEAD')).text(), '')

  health = {
    status: 'not ready',
    checks: [
      { name: 'database', status: 'failed', message: 'It does not answer.' },
      { name: 'disk', status: 'degraded', message: 'Full.' },
    ],
  }
  const failing = await ask('/debug/health')
  assert.equal(failing.status, 503)
  assert.deepEqual(await failing.json(), { database: 'It does not answer.' })
  assert.equal((await ask('/readyz')).status, 503)
})

test('an address that is taken is told with the setting that names it', async () => {
  const watched = { metrics: async () => '', health: async () => good }
  await using first = await listenForMetrics({ host: '127.0.0.1', port: 0 }, watched)
  await assert.rejects(
    listenForMetrics({ host: '127.0.0.1', port: first.port }, watched),
    /127\.0\.0\.1, port \d+ failed .*CARREL_METRICS_LISTEN/,
  )
})
