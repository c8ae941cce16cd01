import assert from 'node:assert/strict'
import { access } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startPostgres, startRegistry } from './start-registry.ts'

test('a started registry answers, drains with 0 on SIGTERM and leaves nothing behind', async () => {
  let dataDir: string
  let pid: number
  {
    await using registry = await startRegistry({ postgres: false })
    ;({ dataDir, pid } = registry)
    const { user, password, host, authorization } = registry
    assert.equal(host, `127.0.0.1:${registry.port}`)
    assert.equal(user, 'admin')
    assert.ok(password.length >= 16)
    const answer = await fetch(`${registry.url}/v2/`, { headers: { authorization } })
    assert.equal(answer.status, 200)
    assert.equal((await fetch(`${registry.url}/v2/`)).status, 401)
    assert.deepEqual(await registry.stop(), { code: 0, signal: undefined })
  }
  await assert.rejects(access(dataDir))
  assert.throws(() => process.kill(pid, 0))
})

test('a killed registry starts again on the data that it left', async () => {
  await using first = await startRegistry()
  assert.deepEqual(await first.kill(), { code: undefined, signal: 'SIGKILL' })
  await using again = await startRegistry({
    data: first.dataDir,
    port: first.port,
    postgres: false,
  })
  assert.equal(again.host, first.host)
})

for (const tls of [true, 'own-authority'] as const) {
  test(`TLS can be verified with the authority's file (${String(tls)})`, async () => {
    await using registry = await startRegistry({ tls })
    assert.match(registry.url, /^https:/)
    const status = await new Promise((resolve, reject) => {
      const options = { ca: readFileSync(registry.caFile), agent: new https.Agent() }
      https
        .get(`${registry.url}/readyz`, options, (response) => {
          response.resume().on('end', () => resolve(response.statusCode))
        })
        .on('error', reject)
    })
    assert.equal(status, 200)
  })
}

test('a registry on PostgreSQL writes its tables there', async () => {
  await using postgres = await startPostgres()
  const url = await postgres.createDatabase('library')
  await using registry = await startRegistry({ postgres: { url } })
  const { authorization } = registry
  assert.equal((await fetch(`${registry.url}/v2/`, { headers: { authorization } })).status, 200)
  await assert.rejects(access(`${registry.dataDir}/carrel.db`))
})

test('open mode needs no login', async () => {
  await using registry = await startRegistry({ open: true })
  const status = await new Promise((resolve, reject) => {
    http
      .get(`${registry.url}/v2/_catalog`, (response) => {
        response.resume().on('end', () => resolve(response.statusCode))
      })
      .on('error', reject)
  })
  assert.equal(status, 200)
})
