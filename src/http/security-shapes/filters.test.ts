// Lists are filtered by what the contract names and by nothing else: no column of a table can be guessed at by asking
// which rows have it, and what is asked for tells nothing that the caller may not see. See CVE-2025-30086 (Harbor).
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { pathParameters, type Operation } from '../../contract/operation.ts'
import { operations } from '../../contract/operations.ts'
import { anAccount } from '../test-support/accounts.ts'
import { anApp, ask } from '../test-support/app.ts'
import { rights } from '../test-support/matrix-model.ts'

/** Columns of tables, and what other interfaces call filters, orders and choices of fields. */
const tempting = [
  'password',
  'passwordHash',
  'password_hash',
  'salt',
  'secret',
  'hash',
  'token',
  'totp',
  'totpSecret',
  'totp_secret',
  'key',
  'principal_id',
  'principalId',
  'subject_kind',
  'disabled_at',
  'provider',
  'email',
  'q',
  'filter',
  'filters',
  'search',
  'where[password]',
  'sort',
  'orderBy',
  'order',
  'fields',
  'select',
  'include',
  'expand',
  'join',
  'limit[$gt]',
  '$where',
  'access_token',
] as const

function filled(path: string): string {
  let whole = path
  for (const { name, rest } of pathParameters(path)) {
    whole = whole.replace(`{${name}${rest ? '...' : ''}}`, /id/i.test(name) ? '1' : 'ann')
  }
  return whole
}

suite('a filter that is not in the contract', () => {
  test('is refused by every operation that has a query, whoever asks', async (t) => {
    const app = await anApp(t)
    const ann = await anAccount(app, 'ann', { given: [{ place: 'ann/', rights }] })
    let asked = 0
    for (const [name, { method, path, input }] of Object.entries<Operation>(operations)) {
      if (method !== 'GET' && method !== 'DELETE') continue
      for (const field of tempting.filter((one) => !Object.hasOwn(input.shape, one))) {
        const query = new URLSearchParams({ [field]: '%' }).toString()
        for (const as of ['admin', ann.as]) {
          const line = `${method} /api/v1${filled(path)}?${query}`
          const { status, text } = await ask(app, line, { as })
          assert.equal(status, 400, `${name} ${field}: ${text}`)
          assert.match(text, /no such field|stands in the path/, name)
          asked += 1
        }
      }
    }
    t.diagnostic(`${asked} requests`)
    assert.ok(asked > 1000)
  })
})

suite('a filter that is in the contract', () => {
  test('finds only among what the caller may see', async (t) => {
    const app = await anApp(t)
    const ann = await anAccount(app, 'ann', { given: [{ place: 'ann/', rights }] })
    await anAccount(app, 'eve', { given: [{ place: 'eve/', rights }] })
    for (const query of [
      'who=user:eve',
      'where=eve/',
      'where=eve/app',
      'neverUsed=true',
      'noExpiry=true',
      'who=user:eve&where=eve/',
      'disabledHolder=true',
      'unusedDays=1',
      'broaderThanUsed=true',
    ]) {
      const { text } = await ask(app, `GET /api/v1/grants?${query}`, { as: ann.as })
      assert.ok(!text.includes('eve/"'), `${query}: ${text}`)
    }
    const own = await ask(app, 'GET /api/v1/grants?where=ann/', { as: ann.as })
    assert.equal((own.json() as { items: unknown[] }).items.length, 1)
  })
  test('does not tell which accounts and teams there are', async (t) => {
    const app = await anApp(t)
    const ann = await anAccount(app, 'ann')
    await anAccount(app, 'eve')
    const team = { as: 'admin', body: '{"name":"crew"}', type: 'application/json' }
    assert.equal((await ask(app, 'POST /api/v1/teams', team)).status, 201)
    for (const [there, none] of [
      ['user:eve', 'user:none'],
      ['team:crew', 'team:none'],
      ['user:evf', 'user:none'],
      ['eve', 'none'],
    ]) {
      const known = await ask(app, `GET /api/v1/grants?who=${there}`, { as: ann.as })
      const unknown = await ask(app, `GET /api/v1/grants?who=${none}`, { as: ann.as })
      assert.equal(known.status, unknown.status, there)
      assert.ok(!/eve|crew/.test(known.text.replaceAll(there ?? '', '')), known.text)
    }
  })
})
