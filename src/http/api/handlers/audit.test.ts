import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { verifyExport } from '../../../audit/verify.ts'
import { createApiClient } from '../../../contract/client.ts'
import { ensureSetting } from '../../../metadata/settings.ts'
import { inProcessTransport } from '../in-process.ts'
import { anApi, auditEvents, identityOf, refused, type TestApi } from '../test-support/api.ts'

async function aLog(t: Parameters<typeof anApi>[0]) {
  const app = await anApi(t)
  await app.metadata.write(async (tx) => ensureSetting(tx, 'installation-id', 'one'))
  const admin = await clientAs(app, 'admin')
  for (const name of ['web', 'ops']) await admin.call('teams.create', { name })
  return { app, admin }
}

async function clientAs(app: TestApi, who: string) {
  return createApiClient(inProcessTransport(app.api, await identityOf(app, who)))
}

async function exported(
  admin: Awaited<ReturnType<typeof clientAs>>,
  input: Parameters<typeof admin.stream<'audit.export'>>[1],
): Promise<string> {
  let text = ''
  await admin.stream('audit.export', input, async (piece) => {
    text += Buffer.from(piece).toString('utf8')
  })
  return text
}

suite('an export of the audit log', () => {
  test('can be checked elsewhere, and is told in the log itself', async (t) => {
    const { app, admin } = await aLog(t)
    const text = await exported(admin, {})
    const report = await verifyExport([text], { installationId: 'one' })
    assert.equal(report.ok, true)
    const events = text
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event)
    assert.deepEqual(events, ['team.created', 'team.created', 'audit.exported'])
    await exported(admin, { event: 'team.', format: 'csv' })
    assert.deepEqual((await auditEvents(app)).slice(-2), [
      'audit.exported audit by admin',
      'audit.exported audit by admin',
    ])
  })

  test('has what the filters let through, as lines or as a table', async (t) => {
    const { admin } = await aLog(t)
    const lines = async (input: object) => (await exported(admin, input)).trimEnd().split(/\r?\n/)
    assert.equal((await lines({ subject: 'team:web' })).length, 1)
    assert.deepEqual(await lines({ actor: 'nobody' }), [''])
    assert.deepEqual(await lines({ until: '2020-01-01T00:00:00Z' }), [''])
    const table = await lines({ event: 'team.', format: 'csv' })
    assert.equal(table.length, 3)
    assert.match(table[0] ?? '', /^seq,id,at,event,/)
  })

  test('says what it is, is kept nowhere, and is for administrators alone', async (t) => {
    const { app, admin } = await aLog(t)
    const transport = inProcessTransport(app.api, await identityOf(app, 'admin'))
    for (const [format, type] of [
      ['jsonl', 'application/x-ndjson'],
      ['csv', 'text/csv'],
    ] as const) {
      const path = `/api/v1/audit/export?format=${format}`
      const { status, headers } = await transport({ method: 'GET', path, headers: {} })
      assert.deepEqual(
        [status, headers['content-type'], headers['cache-control'], headers['content-length']],
        [200, type, 'no-store', undefined],
      )
    }
    const ann = await clientAs(app, 'ann')
    await assert.rejects(exported(ann, {}), refused('403 denied'))
    const wrong = exported(admin, { format: 'xml' } as never)
    await assert.rejects(wrong, refused('400 invalid-input', /format/))
  })

  test('that nobody reads any more ends, and is no whole file', async (t) => {
    const { admin } = await aLog(t)
    let pieces = 0
    const run = admin.stream('audit.export', {}, async () => {
      pieces += 1
      throw new Error('nobody reads any more')
    })
    await assert.rejects(run)
    assert.equal(pieces, 1)
  })
})
