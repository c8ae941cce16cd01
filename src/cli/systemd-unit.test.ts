import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemdUnit } from './systemd-unit.ts'

const facts = {
  node: process.execPath,
  program: '/opt/my carrel/50%/main.js',
  listen: ':5443',
  drainSeconds: 60,
}

test('a path with spaces and percent signs stays one word of the command', () => {
  const unit = systemdUnit(facts)
  assert.match(
    unit,
    /^ExecStart=\S+ --disable-\S+ --max-\S+ "\/opt\/my carrel\/50%%\/main\.js" serve$/m,
  )
  assert.match(unit, /^TimeoutStopSec=75$/m, 'longer than requests may take to finish')
})

test('systemd finds nothing wrong with the unit', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'unit-'))
  t.after(async () => rm(folder, { recursive: true }))
  const file = join(folder, 'carrel.service')
  await writeFile(file, systemdUnit({ ...facts, program: process.execPath }))
  const { error, stderr, status } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
    encoding: 'utf8',
  })
  if (error !== undefined) return t.skip('there is no systemd-analyze here')
  const ours = stderr.split('\n').filter((line) => line.includes('carrel.service'))
  assert.deepEqual([ours, status], [[], 0])
})
