import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { anApiWorld } from '../test-support/api-world.ts'

suite('carrel read-only', () => {
  test('is switched on and off, and says how it is', async (t) => {
    const { run } = await anApiWorld(t)
    assert.equal((await run('read-only')).stdout, 'pushes and deletes are taken\n')
    const on = await run("read-only on --for 2h --reason 'a move'")
    assert.match(on.stdout, /^read-only until .*, switched on by operator: a move\n$/)
    const json = JSON.parse((await run('read-only --json')).stdout) as Record<string, unknown>
    assert.equal(json['readOnly'], true)
    const left = Date.parse(String(json['until'])) - Date.now()
    assert.ok(left > 7_000_000 && left <= 7_200_000, String(left))
    assert.match((await run('read-only on')).stdout, /until: carrel read-only off/)
    assert.equal((await run('read-only off --json')).stdout, '{"readOnly":false}\n')
  })

  test('takes an end as a time or a duration, and refuses what is neither or over', async (t) => {
    const { run } = await anApiWorld(t)
    const on = await run('read-only on --until 2099-01-31T18:00:00+01:00 --json')
    assert.equal((JSON.parse(on.stdout) as { until: string }).until, '2099-01-31T17:00:00.000Z')
    for (const line of ['--until soon', '--for 2', '--until 2099-01-01 --for 2h']) {
      assert.equal((await run(`read-only on ${line}`)).code, 2, line)
    }
    assert.equal((await run('read-only on --until 2020-01-01')).code, 2)
  })
})
