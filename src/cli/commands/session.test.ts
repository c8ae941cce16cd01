import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { startSession } from '../../access/sessions.ts'
import { principalOf } from '../../http/api/test-support/api.ts'
import { anApiWorld } from '../test-support/api-world.ts'

suite('carrel session', () => {
  test('lists the sessions of somebody and ends them', async (t) => {
    const { app, run } = await anApiWorld(t)
    const { id, name } = await principalOf(app, 'ann')
    const actor = { id, name, address: '192.0.2.7' }
    for (const userAgent of ['Firefox', 'Chrome', 'Safari']) {
      await startSession(app, actor, { userAgent })
    }
    const listed = await run('session ls --for user:ann')
    const rows = listed.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
    assert.deepEqual(
      rows.map((row) => [row[1], row[5], row[6]]),
      [
        ['web', '192.0.2.7', 'Firefox'],
        ['web', '192.0.2.7', 'Chrome'],
        ['web', '192.0.2.7', 'Safari'],
      ],
    )
    const first = rows[0]?.[0] ?? ''
    assert.equal((await run(`session end ${first}`)).stderr, 'ended 1 session\n')
    assert.equal((await run(`session end ${first}`)).code, 3)
    const json = await run('session end --all --for user:ann --json')
    assert.deepEqual(JSON.parse(json.stdout), { ended: 2 })
    assert.match((await run('session ls --for user:ann')).stderr, /no sessions/)
  })

  test('asks whose, where nobody has sessions of their own', async (t) => {
    const { run } = await anApiWorld(t)
    for (const line of [
      'session ls',
      'session end',
      'session end --all',
      'session end x',
      'session end 7 --all',
      'session end 7 --for user:ann',
    ]) {
      assert.equal((await run(line)).code, 2, line)
    }
    assert.equal((await run('session ls --for user:nobody')).code, 3)
  })
})
