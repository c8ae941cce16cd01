import assert from 'node:assert/strict'
import { mock, suite, test } from 'node:test'
import { StorageFullError } from '../oci/errors.ts'
import { findReadOnly, switchReadOnlyOff, switchReadOnlyOn } from '../metadata/read-only.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import type { FreeSpace } from '../registry/free-space.ts'
import { createChangeGuard, effectOf, effects } from './read-only.ts'
import type { ResourceKind } from './target.ts'
import { anApp, ask, type TestApp } from './test-support/app.ts'
import { putContent, putImage } from './test-support/content.ts'

const hour = 3_600_000

async function switchOn({ metadata }: TestApp, more: { until?: number; reason?: string } = {}) {
  const { until, reason = '' } = more
  await metadata.write(async (tx) =>
    switchReadOnlyOn(tx, { since: Date.now(), until, reason, by: 'ann' }),
  )
}

suite('the effect of a route', () => {
  test('is said for every route that is no GET or HEAD, and for nothing else', async (t) => {
    const { routes } = await anApp(t)
    for (const [resource, methods] of Object.entries(routes)) {
      const changing = Object.keys(methods).filter((one) => one !== 'GET' && one !== 'HEAD')
      const said = Object.keys(effects[resource as ResourceKind])
      assert.deepEqual(said.toSorted(), changing.toSorted(), resource)
    }
  })

  test('that is not said counts as a change', () => {
    assert.equal(effectOf('catalog', 'DELETE'), 'change')
    assert.equal(effectOf('manifest', 'HEAD'), 'none')
    assert.equal(effectOf('manifest', 'PUT'), 'push')
  })
})

suite('while the installation is read-only', () => {
  test('nothing that is kept changes, and reading and signing in go on', async (t) => {
    const app = await anApp(t)
    const image = await putImage(app, 'alice/app', 'v1')
    const blob = `/v2/alice/app/blobs/${(await layerOf(app)).digest}`
    const opened = await ask(app, 'POST /v2/alice/app/blobs/uploads/', { as: 'alice' })
    const session = opened.headers['location'] ?? ''
    await switchOn(app, { reason: 'the disk is moved.' })

    const moment = Date.now() + 1001
    mock.timers.enable({ apis: ['Date'], now: moment })
    t.after(() => mock.timers.reset())
    for (const line of [
      'POST /v2/alice/app/blobs/uploads/',
      'POST /v2/alice/new/blobs/uploads/',
      `PATCH ${session}`,
      `PUT ${session}?digest=${image.digest}`,
      `DELETE ${session}`,
      'PUT /v2/alice/app/manifests/v2',
      'DELETE /v2/alice/app/manifests/v1',
      `DELETE /v2/alice/app/manifests/${image.digest}`,
      `DELETE ${blob}`,
    ]) {
      const answer = await ask(app, line, { as: 'admin', body: 'x' })
      assert.equal(answer.status, 403, `${line}: ${answer.text}`)
      assert.deepEqual(answer.codes(), ['DENIED'])
      const said = /^The registry is read-only \(switched on by ann\): the disk is moved\. Pulls/
      assert.match(answer.message(), said)
      assert.equal(answer.headers['retry-after'], undefined)
    }
    for (const line of [
      'GET /v2/alice/app/manifests/v1',
      `GET ${blob}`,
      'GET /v2/alice/app/tags/list',
      'GET /v2/_catalog',
      'GET /token?service=x',
      'GET /api/v1/repositories',
    ]) {
      assert.equal((await ask(app, line, { as: 'admin' })).status, 200, line)
    }
    const type = 'application/json'
    const token = JSON.stringify({ name: 'ci' })
    const made = await ask(app, 'POST /api/v1/tokens', { as: 'alice', body: token, type })
    assert.equal(made.status, 201, made.text)
    const named = JSON.stringify({ name: 'alice/other' })
    const refused = await ask(app, 'POST /api/v1/repositories', { as: 'alice', body: named, type })
    assert.equal(refused.status, 403, refused.text)
    assert.match((refused.json() as { detail: string }).detail, /read-only/)
    assert.equal(
      (await ask(app, 'GET /readyz')).text,
      '{"status":"degraded","degraded":["read-only"]}',
    )
  })

  test('whoever may not push is told that, and not how the registry is', async (t) => {
    const app = await anApp(t)
    await putImage(app, 'alice/app', 'v1')
    await switchOn(app, { reason: 'secret' })
    mock.timers.enable({ apis: ['Date'], now: Date.now() + 1001 })
    t.after(() => mock.timers.reset())
    const answer = await ask(app, 'PUT /v2/alice/app/manifests/v2', { as: 'bob' })
    assert.equal(answer.status, 403)
    assert.doesNotMatch(answer.text, /read-only|secret/)
    assert.equal((await ask(app, 'PUT /v2/alice/app/manifests/v2')).status, 401)
  })

  test('it ends by itself at the time that was said, and clients are told when', async (t) => {
    const app = await anApp(t)
    const manifest = JSON.stringify(await putContent(app, 'alice/app'))
    const question = {
      as: 'alice',
      body: manifest,
      type: 'application/vnd.oci.image.manifest.v1+json',
    }
    const from = Date.now() + 2000
    mock.timers.enable({ apis: ['Date'], now: from })
    t.after(() => mock.timers.reset())
    await switchOn(app, { until: from + 1500 })
    const put = async () => ask(app, 'PUT /v2/alice/app/manifests/v1', question)
    const refused = await put()
    assert.equal(refused.status, 403)
    assert.equal(refused.headers['retry-after'], '2')
    assert.match(refused.message(), /until \d{4}-\d\d-\d\d \d\d:\d\d UTC/)
    mock.timers.setTime(from + 900)
    assert.equal((await put()).headers['retry-after'], '1')
    mock.timers.setTime(from + 1500)
    assert.equal((await put()).status, 201)
  })
})

suite('the guard', () => {
  test('sees the switch within a second, and asks once in that time', async (t) => {
    const { metadata } = await anApp(t)
    let asked = 0
    const counting: Reader = {
      all: async (query, parameters) => metadata.all(query, parameters),
      async one(query, parameters) {
        asked += 1
        return metadata.one(query, parameters)
      },
    }
    mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 })
    t.after(() => mock.timers.reset())
    const guard = createChangeGuard({ metadata: counting })
    for (let index = 0; index < 50; index += 1) await guard.require('push')
    assert.equal(asked, 1)
    await metadata.write(async (tx) =>
      switchReadOnlyOn(tx, { since: 0, until: Date.now() + hour, reason: '', by: '' }),
    )
    mock.timers.setTime(1_800_000_001_000)
    await assert.rejects(guard.require('push'), /read-only/)
    await assert.rejects(guard.require('change'), /read-only/)
    await guard.require('none')
    assert.equal(asked, 2)
    await metadata.write(async (tx) => switchReadOnlyOff(tx))
    assert.equal(await findReadOnly(metadata), undefined)
    mock.timers.setTime(1_800_000_002_000)
    await guard.require('change')
    assert.equal(asked, 3)
  })

  test('lets nothing pass while the switch cannot be read, and asks anew', async () => {
    let fails = true
    const metadata: Reader = {
      all: async () => [],
      one: async () => (fails ? Promise.reject(new Error('no database')) : undefined),
    }
    const guard = createChangeGuard({ metadata })
    await assert.rejects(guard.require('push'), /no database/)
    fails = false
    await guard.require('push')
  })

  test('is closed for as long as the configuration says so', async (t) => {
    const { metadata } = await anApp(t)
    const guard = createChangeGuard({ metadata, readOnly: true })
    await assert.rejects(guard.require('change'), /switched on by its configuration/)
    await guard.require('none')
  })
})

suite('on a disk that is nearly full', () => {
  const full: FreeSpace = {
    look: async () => ({ free: 1, total: 100, reserve: 10 }),
    async requireRoom(bytes = 0) {
      throw new StorageFullError(`no room for ${bytes}`)
    },
  }

  test('pushes are refused before a byte is read, and deletes and logins go on', async (t) => {
    const app = await anApp(t)
    const { digest } = await putImage(app, 'alice/app', 'v1')
    const space = { ...full }
    const tight = await anApp(t, { space })
    await assert.rejects(putImage(tight, 'alice/app', 'v1'))
    const body = 'x'.repeat(1000)
    const answer = await ask(tight, `POST /v2/alice/app/blobs/uploads/?digest=${digest}`, {
      as: 'alice',
      body,
    })
    assert.equal(answer.status, 403)
    assert.equal(answer.message(), 'no room for 1000')
    space.requireRoom = async () => undefined
    const image = await putImage(tight, 'alice/app', 'v1')
    space.requireRoom = full.requireRoom
    const as = 'admin'
    assert.equal((await ask(tight, 'PUT /v2/alice/app/manifests/v2', { as })).status, 403)
    const line = `DELETE /v2/alice/app/manifests/${image.digest}`
    assert.equal((await ask(tight, line, { as })).status, 202)
    assert.equal((await ask(tight, 'GET /token?service=x', { as })).status, 200)
    const ready = await ask(tight, 'GET /readyz')
    assert.deepEqual(ready.json(), { status: 'degraded', degraded: ['disk'] })
    assert.equal(ready.status, 200)
  })
})

async function layerOf(app: TestApp) {
  const answer = await ask(app, 'GET /v2/alice/app/manifests/v1', { as: 'admin' })
  const [layer] = (answer.json() as { layers: { digest: string }[] }).layers
  assert.ok(layer)
  return layer
}
