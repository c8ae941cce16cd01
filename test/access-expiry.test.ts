// A token that ends soon says so: with every answer to whoever uses it, and once to its owner in the audit log.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openMetadata } from '../src/compose-stores.ts'
import { accessUpkeep } from '../src/installation/upkeep.ts'
import { addUser, apiOf, askToken, basic, collect, type ApiClient } from './support/access-api.ts'
import { pushImage } from './support/access-images.ts'
import { createWire, type Answer } from './support/access-wire.ts'
import { startRegistry, type StartedRegistry } from './support/start-registry.ts'

const dayMs = 24 * 60 * 60_000
const path = '/v2/ann/app/manifests/v1'
const scope = 'repository:ann/app:pull'

let registry: StartedRegistry
let api: ApiClient

before(async () => {
  registry = await startRegistry({ postgres: false })
  api = apiOf(registry, registry.authorization)
  await addUser(api, 'ann')
  using wire = createWire(registry.port)
  await pushImage(wire, registry.authorization, { repository: 'ann/app' })
})
after(async () => registry[Symbol.asyncDispose]())

/** The answers to the same question with a token's secret as Basic and as Bearer, and with a registry token. */
async function askWith(secret: string): Promise<readonly Answer[]> {
  using wire = createWire(registry.port)
  const own = basic('ann', secret)
  const { answer, bearer } = await askToken(wire, own, scope)
  const answers = [answer]
  for (const authorization of [own, `Bearer ${secret}`, bearer]) {
    answers.push(await wire.ask('GET', path, { authorization }))
  }
  for (const { status } of answers) assert.equal(status, 200)
  return answers
}

async function makeToken(name: string, ms: number): Promise<string> {
  const expiresAt = new Date(Date.now() + ms).toISOString()
  return (await api.call('tokens.create', { for: 'user:ann', name, expiresAt })).secret
}

for (const [name, ms, when] of [
  ['three days', 3 * dayMs + 60_000, 'in 3 days'],
  ['one day', dayMs + 60_000, 'in one day'],
  ['an hour', 60 * 60_000, 'in less than a day'],
] as const) {
  test(`with a token that ends in ${name}, every answer has a warning`, async () => {
    for (const { headers } of await askWith(await makeToken(name, ms))) {
      const text = String(headers['warning'])
      assert.match(text, /^299 - "[^"\\]*"$/)
      assert.ok(text.includes(`Your token ends ${when}.`), text)
      assert.match(text, /carrel token rotate \d+"$/)
    }
  })
}

test('a token that lasts for more than a week is not warned of', async () => {
  for (const { headers } of await askWith(await makeToken('a week and a bit', 8 * dayMs))) {
    assert.equal(headers['warning'], undefined)
  }
})

test('a login that lasts for hours is not warned of: it is not renewed', async () => {
  const login = await api.call('tokens.create', { for: 'user:ann', name: 'x', kind: 'login' })
  for (const { headers } of await askWith(login.secret)) assert.equal(headers['warning'], undefined)
})

test('the secret of a robot is renewed by another command', async () => {
  const expiresAt = new Date(Date.now() + dayMs).toISOString()
  const robot = { name: 'ci', scopes: ['ann/app:pull'], expiresAt }
  const { secret } = await api.call('robots.create', robot)
  using wire = createWire(registry.port)
  const { headers } = await wire.ask('GET', path, { authorization: basic('ci', secret) })
  assert.match(String(headers['warning']), /carrel robot rotate ci"$/)
})

test('its owner is told once, a week before', async () => {
  await makeToken('soon', 7 * dayMs + 2000)
  await makeToken('later', 9 * dayMs)
  await sleep(2500)
  await using metadata = await openMetadata(
    { metadata: { dialect: 'sqlite' }, dataDir: registry.dataDir },
    { migrate: false },
  )
  const upkeep = accessUpkeep(metadata, join(registry.dataDir))
  const task = upkeep.find(({ name }) => name.includes('tokens'))
  assert.ok(task)
  for (let count = 0; count < 2; count += 1) await task.run()
  const entries = await collect(api.pages('audit.list', { event: 'token.expiring' }))
  const told = entries.map(({ subject, detail }) => [subject, detail['name']])
  assert.deepEqual(told, [['user:ann', 'soon']])
})
