import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { query } from '../../metadata/query.ts'
import { StorageFullError, StorageUnavailableError } from '../../oci/errors.ts'
import { withFaults } from '../../storage/fault-driver.ts'
import { anApp, ask } from '../test-support/app.ts'

test('a node lives as long as it answers, and is ready when pushes are taken', async (t) => {
  const app = await anApp(t)
  for (const [path, status] of [
    ['/livez', 'alive'],
    ['/readyz', 'ready'],
  ] as const) {
    const answer = await ask(app, `GET ${path}`)
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.json(), { status })
  }
})

test('a node that stops is alive and not ready', async (t) => {
  const app = await anApp(t)
  app.state.draining = true
  const answer = await ask(app, 'GET /readyz')
  assert.equal(answer.status, 503)
  assert.equal(answer.headers['retry-after'], '5')
  assert.equal((await ask(app, 'GET /livez')).status, 200)
})

test('a storage that takes no writes makes a node unready, looked at every ten seconds, and tells strangers nothing', async (t) => {
  let probes = 0
  let fails = true
  const app = await anApp(t, {
    driver: (driver) =>
      withFaults(driver, ({ operation }) => {
        if (operation !== 'probe') return undefined
        probes += 1
        return fails
          ? { kind: 'fail', error: new StorageUnavailableError('EROFS /var/lib/secret') }
          : undefined
      }),
  })
  mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 })
  try {
    for (let asked = 0; asked < 5; asked += 1) {
      const answer = await ask(app, 'GET /readyz')
      assert.equal(answer.status, 503)
      assert.match(answer.text, /storage does not take writes/)
      assert.doesNotMatch(answer.text, /secret/)
    }
    assert.equal(probes, 1)
    fails = false
    assert.equal((await ask(app, 'GET /readyz')).status, 503)
    mock.timers.setTime(1_800_000_010_001)
    const answers = await Promise.all([1, 2, 3].map(async () => ask(app, 'GET /readyz')))
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [200, 200, 200],
    )
    assert.equal(probes, 2)
  } finally {
    mock.timers.reset()
  }
})

test('a disk that is full leaves a node ready for pulls, and says what is missing', async (t) => {
  const error = new StorageFullError()
  const app = await anApp(t, {
    driver: (driver) =>
      withFaults(driver, ({ operation }) =>
        operation === 'probe' ? { kind: 'fail', error } : undefined,
      ),
    space: {
      look: async () => ({ free: 5, total: 1000, reserve: 100 }),
      requireRoom: async () => undefined,
    },
  })
  const answer = await ask(app, 'GET /readyz')
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.json(), { status: 'degraded', degraded: ['storage', 'disk'] })
})

const future = query<object>()((db) =>
  db.insertInto('migrations').values({ name: '9999-future', applied_at: 1 }),
)

test('a schema that a newer Carrel has changed makes a node unready', async (t) => {
  const app = await anApp(t)
  await app.metadata.write(async (tx) => tx.run(future, {}))
  const answer = await ask(app, 'GET /readyz')
  assert.equal(answer.status, 503)
  assert.match(answer.text, /newer Carrel .*9999-future/)
})

test('what was looked at is told to administrators alone', async (t) => {
  const app = await anApp(t)
  for (const as of [undefined, 'alice']) {
    assert.equal((await ask(app, 'GET /readyz', { ...(as && { as }) })).text, '{"status":"ready"}')
  }
  const { checks } = (await ask(app, 'GET /readyz', { as: 'admin' })).json() as {
    checks: { name: string; status: string }[]
  }
  assert.deepEqual(
    checks.map(({ name, status }) => `${name} ${status}`),
    ['database ok', 'storage ok', 'schema ok', 'disk ok', 'read-only ok'],
  )
})

test('/metrics is for administrators of the installation', async (t) => {
  const app = await anApp(t)
  const answer = await ask(app, 'GET /metrics', { as: 'admin' })
  assert.equal(answer.status, 200)
  assert.match(answer.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/)
  assert.equal((await ask(app, 'GET /metrics', { as: 'alice' })).status, 403)
  assert.equal((await ask(app, 'GET /metrics')).status, 401)
})
