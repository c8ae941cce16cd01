import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { anApiWorld, serveApi } from '../test-support/api-world.ts'

const secretLine = /^carrel_(pat|login)_[0-9A-Za-z]{36}\n$/

suite('carrel token', () => {
  test('create prints the secret alone, and says the rest to people', async (t) => {
    const { run, operator } = await anApiWorld(t)
    const made = await run(
      "token create --for user:ann --scope 'web/app:pull,push' --scope '*:pull' --expires 30d --name laptop",
    )
    assert.equal(made.code, 0)
    assert.match(made.stdout, secretLine)
    assert.match(
      made.stderr,
      /^made token \d+ for user:ann, until \d{4}-\d\d-\d\d \d\d:\d\d UTC\n$/,
    )
    const { items } = await operator.call('tokens.list', { for: 'user:ann' })
    assert.deepEqual(
      [items[0]?.name, items[0]?.scopes],
      ['laptop', ['web/app:pull,push', '*:reader']],
    )
    const json = await run('token create --for user:ann --json')
    const token = JSON.parse(json.stdout) as { secret: string; kind: string }
    assert.match(`${token.secret}\n`, secretLine)
    assert.equal(token.kind, 'personal')
    const quiet = await run('-q token create --for user:ann --expires never')
    assert.match(quiet.stdout, secretLine)
    assert.equal(quiet.stderr, '')
  })

  test('says what is wrong, and makes nothing', async (t) => {
    const { run, operator } = await anApiWorld(t)
    const cases: readonly (readonly [line: string, code: number, words: RegExp])[] = [
      ['token create', 1, /whose token is it\?[\s\S]*try: carrel token create --for user:NAME/],
      ['token create --for ann', 1, /user:NAME/],
      ['token create --for user:nobody', 3, /no user nobody/],
      ['token create --for user:ann --scope web/app:fly', 1, /fly/],
      ['token create --for user:ann --expires 400d', 5, /too long/],
      ['token create --for user:ann --expires soon', 2, /no duration/],
      ['token create --for user:ann --password x', 2, /never given in a flag/],
      ['token ls --for user:ann --all', 2, /exclude each other/],
      ['token rotate x', 2, /no number of a token/],
      ['token rotate 999', 3, /./],
    ]
    for (const [line, code, words] of cases) {
      const said = await run(line)
      assert.equal(said.code, code, `${line}: ${said.stderr}`)
      assert.match(said.stderr, words, line)
      assert.equal(said.stdout, '')
    }
    assert.equal((await operator.call('tokens.list', {})).items.length, 0)
  })

  test('login makes a short one for docker', async (t) => {
    const { run, operator } = await anApiWorld(t)
    const made = await run('token login --for user:ann')
    assert.match(made.stdout, /^carrel_login_/)
    assert.match(made.stderr, /^it signs in ann until .* \(token \d+\)\n$/)
    const { items } = await operator.call('tokens.list', {})
    assert.equal(items[0]?.kind, 'login')
    const hours = (Date.parse(items[0]?.expiresAt ?? '') - Date.now()) / 3_600_000
    assert.ok(hours > 11.9 && hours <= 12)
  })

  test('rotate prints another secret, and says what becomes of the old one', async (t) => {
    const { run, operator } = await anApiWorld(t)
    const first = await run('token create --for user:ann')
    const [one] = (await operator.call('tokens.list', {})).items
    const rotated = await run(`token rotate ${one?.id}`)
    assert.match(rotated.stdout, secretLine)
    assert.notEqual(rotated.stdout, first.stdout)
    assert.match(rotated.stderr, /has a new secret, until .*\nthe old secret works until nobody/)
    const now = await run(`token rotate ${one?.id} --grace 0 --expires 10d`)
    assert.match(now.stderr, /the old secret no longer works\n$/)
    const [after] = (await operator.call('tokens.list', {})).items
    assert.deepEqual(
      after?.secrets.map(({ state }) => state),
      ['ended', 'current'],
    )
    assert.equal((await run(`token rotate ${one?.id} --grace soon`)).code, 2)
  })

  test('ls shows whose, what, until when and which secrets, and never a secret', async (t) => {
    const { run } = await anApiWorld(t)
    await run("token create --for user:ann --scope 'web/:pull' --name laptop")
    await run('token create --for user:bob')
    const piped = await run('token ls --for user:ann')
    const fields = piped.stdout.trimEnd().split('\t')
    assert.deepEqual(
      [fields[1], fields[2], fields[3], fields[4], fields[5], fields[7], fields[9]],
      ['user:ann', 'personal', 'laptop', 'web/:reader', 'active', '', 'current'],
    )
    assert.equal((await run('token ls')).stdout.trimEnd().split('\n').length, 2)
    const people = await run('token ls', { terminal: true, env: { TERM: 'dumb' } })
    assert.match(people.stdout, /^ *ID {2}FOR/)
    const json = await run('token ls --json')
    assert.ok(!json.stdout.includes('carrel_pat_'))
    assert.equal((JSON.parse(json.stdout) as unknown[]).length, 2)
    assert.match((await run('token ls --for user:admin')).stderr, /no tokens/)
  })

  test('revoke asks, and ends the token', async (t) => {
    const { run, operator } = await anApiWorld(t)
    await run('token create --for user:ann --name laptop')
    const [one] = (await operator.call('tokens.list', {})).items
    const script = await run(`token revoke ${one?.id}`)
    assert.equal(script.code, 2)
    assert.match(script.stderr, /\(laptop\) of user:ann no longer works/)
    const dry = await run(`token revoke ${one?.id} --dry-run --json`)
    assert.equal((JSON.parse(dry.stdout) as { revoked: boolean }).revoked, false)
    const done = await run(`token revoke ${one?.id} --yes --json`)
    assert.deepEqual(JSON.parse(done.stdout), {
      id: one?.id,
      for: 'user:ann',
      name: 'laptop',
      revoked: true,
    })
    assert.equal((await operator.call('tokens.show', { id: one?.id ?? 0 })).state, 'revoked')
  })

  test('works over the network for one’s own', async (t) => {
    const { app, run } = await anApiWorld(t)
    const remote = await serveApi(t, app, 'ann')
    const host = `--host ${remote.origin} --ca-file ${remote.caFile}`
    const env = { CARREL_TOKEN: 'a-token' }
    const made = await run(`token create --name laptop ${host}`, { env })
    assert.equal(made.code, 0, made.stderr)
    assert.match(made.stdout, secretLine)
    assert.match((await run(`token ls ${host}`, { env })).stdout, /\tuser:ann\t/)
    const other = await run(`token create --for user:bob ${host}`, { env })
    assert.equal(other.code, 3)
    assert.equal((await run(`token ls --all ${host}`, { env })).code, 4)
  })
})
