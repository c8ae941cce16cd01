import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { verifyExport } from '../../audit/verify.ts'
import { appendAudit } from '../../metadata/audit.ts'
import { query } from '../../metadata/query.ts'
import { ensureSetting } from '../../metadata/settings.ts'
import { aFolder, anApiWorld, serveApi } from '../test-support/api-world.ts'

suite('carrel audit', () => {
  test('lists what happened, newest first, and filters', async (t) => {
    const { run } = await anApiWorld(t)
    await run('grant add user:ann shop/ writer')
    await run('grant add user:bob shop/ reader')
    const events = async (flags: string) =>
      (await run(`audit ls ${flags}`)).stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split('\t').slice(1, 4).join(' '))
    assert.deepEqual(await events('--event grant.added'), [
      'grant.added operator user:bob',
      'grant.added operator user:ann',
    ])
    assert.deepEqual(await events('--event grant. --subject user:ann'), [
      'grant.added operator user:ann',
    ])
    assert.deepEqual(await events('--actor nobody'), [])
    assert.deepEqual(await events('--since 1h --event grant. --limit 1'), [
      'grant.added operator user:bob',
    ])
    assert.deepEqual(await events('--until 1h'), [])
    assert.deepEqual(await events('--until 2020-01-01'), [])
    assert.equal((await events('--since 2020-01-01T00:00:00Z --event grant.')).length, 2)
    assert.equal((await run('audit ls --since soon')).code, 2)
    assert.equal((await run('audit ls --limit 0')).code, 2)
    const json = await run('audit ls --event grant. --json')
    assert.equal((JSON.parse(json.stdout) as { subject: string }[])[0]?.subject, 'user:bob')
  })

  test('exports everything, oldest first, as lines that can be checked or as a table', async (t) => {
    const { run, app } = await anApiWorld(t)
    await app.metadata.write(async (tx) => ensureSetting(tx, 'installation-id', 'one'))
    await run("grant add user:ann shop/ writer --reason '=1+1'")
    await run('grant add user:bob shop/ reader')
    const lines = await run('audit export --event grant.')
    assert.equal(lines.code, 0)
    const entries = lines.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { subject: string })
    assert.deepEqual(
      entries.map(({ subject }) => subject),
      ['user:ann', 'user:bob'],
    )
    assert.match(lines.stderr, /^2 entries/)
    const whole = await run('audit export')
    const report = await verifyExport([whole.stdout], { installationId: 'one' })
    assert.deepEqual([report.ok, report.entries > 2], [true, true])
    assert.match(whole.stdout, /"event":"audit.exported".*"event":"grant\."/)
    const csv = await run('audit export --event grant. --csv')
    assert.match(csv.stderr, /^2 entries/)
    const [heading, first] = csv.stdout.split('\r\n')
    assert.equal(heading, 'seq,id,at,event,actor_id,actor,subject,address,detail,previous,hash')
    assert.match(first ?? '', /,grant\.added,,operator,user:ann,,"\{.*""grant""/)
  })

  test('exports from a server in pieces, for administrators', async (t) => {
    const { run, app } = await anApiWorld(t)
    await app.metadata.write(async (tx) => {
      await ensureSetting(tx, 'installation-id', 'one')
      const actor = { name: 'ann' }
      const detail = { text: 'x'.repeat(1000) }
      for (let number = 0; number < 1200; number += 1) {
        await appendAudit(tx, {
          event: 'image.pulled',
          actor,
          subject: `web/app-${number}`,
          detail,
        })
      }
    })
    const { origin, caFile } = await serveApi(t, app, 'admin')
    const env = { HOME: await aFolder(t), CARREL_TOKEN: 'x' }
    const there = `audit export --event image.pulled --host ${origin} --ca-file ${caFile}`
    const said = await run(there, { env })
    assert.deepEqual([said.code, said.stderr], [0, '1,200 entries\n'])
    assert.equal(said.stdout, (await run('audit export --event image.pulled')).stdout)
    const bob = await serveApi(t, app, 'bob')
    const refused = await run(`audit export --host ${bob.origin} --ca-file ${bob.caFile}`, { env })
    assert.deepEqual([refused.code, refused.stdout], [4, ''])
  })

  test('is found to be whole, and to be tampered with', async (t) => {
    const { run, app } = await anApiWorld(t)
    await app.metadata.write(async (tx) => ensureSetting(tx, 'installation-id', 'one'))
    await run('grant add user:ann shop/ writer')
    const whole = await run('audit verify')
    assert.deepEqual([whole.code, whole.stdout], [0, ''])
    assert.match(whole.stderr, /entr(?:y|ies), all as they were written/)
    const tamper = query<object>()((db) => db.updateTable('audit').set({ actor: 'mallory' }))
    await app.metadata.write(async (tx) => tx.run(tamper, {}))
    const { code, stdout, stderr } = await run('audit verify')
    assert.equal(code, 6)
    assert.match(stdout, /\tchanged\t/)
    assert.match(stderr, /warning: \d+ problems? in/)
    const json = await run('audit verify --json')
    assert.equal((JSON.parse(json.stdout) as { ok: boolean }).ok, false)
  })
})
