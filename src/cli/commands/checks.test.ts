// doctor, fsck and config check: the commands whose exit code tells what they found.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createWorld, emptyReport, runCli } from '../test-support.ts'

const damaged = {
  ...emptyReport,
  ok: false,
  repositories: 1,
  blobs: 4,
  bytes: 1_234_567,
  problems: [
    { kind: 'blob-missing', digest: 'sha256:abc', name: 'team/api:1.0', message: 'It is gone.' },
  ],
  notes: ['3 blobs wait to be collected'],
}

test('fsck of a whole installation ends with 0 and makes nothing', async () => {
  const world = createWorld()
  world.report = { ...emptyReport, repositories: 2, tags: 1 }
  const said = await runCli(['fsck'], world.composition)
  assert.equal(said.code, 0)
  assert.equal(said.stdout, '')
  assert.match(said.stderr, /^all is whole: 2 repositories, 1 tag, 0 manifests/)
  assert.equal(world.opened[0]?.create, false)
})

test('fsck of a damaged one ends with 6; --json prints exactly one object', async () => {
  const world = createWorld()
  world.report = damaged
  const json = await runCli(['fsck', '--json', '--data', '/srv/x'], world.composition)
  assert.equal(json.code, 6)
  assert.equal(json.stderr, '')
  assert.equal(json.stdout.trimEnd().split('\n').length, 1)
  assert.deepEqual(JSON.parse(json.stdout), damaged)
  const piped = await runCli(['fsck'], world.composition)
  assert.equal(piped.code, 6)
  assert.equal(piped.stdout, 'blob-missing\tsha256:abc\tteam/api:1.0\tIt is gone.\n')
  assert.match(piped.stderr, /^note: 3 blobs wait.*\n1 problem in 1 repository/)
  const people = await runCli(['fsck'], world.composition, { terminal: true })
  assert.match(
    people.stdout,
    /✗.*blob-missing.*\n {4}team\/api:1\.0\n {4}sha256:abc\n {4}It is gone\./,
  )
})

test('doctor ends with 6 for a problem and with 0 for a warning, and shows what to do', async () => {
  const world = createWorld()
  world.checks = [
    { name: 'disk', status: 'ok', message: 'fine', fix: 'not shown' },
    { name: 'http', status: 'warning', message: 'open', fix: 'carrel config show' },
  ]
  const options = { terminal: true, env: { NO_COLOR: '1' }, program: './carrel' }
  const warned = await runCli(['doctor'], world.composition, options)
  assert.equal(warned.code, 0)
  assert.match(warned.stdout, /✓ disk +fine\n {2}! http +open\n +try: \.\/carrel config show\n/)
  assert.doesNotMatch(warned.stdout, /not shown/)
  assert.equal(warned.stderr, '0 problems, 1 warning\n')
  world.checks = [{ name: 'database', status: 'problem', message: 'broken', fix: 'carrel fsck' }]
  const json = await runCli(['doctor', '--json'], world.composition)
  assert.equal(json.code, 6)
  const { ok, checks } = JSON.parse(json.stdout) as { ok: boolean; checks: unknown[] }
  assert.equal(ok, false)
  assert.deepEqual(checks[1], world.checks[0])
})

test('doctor finds wrong settings itself, and then looks no further', async () => {
  const world = createWorld()
  world.checks = [{ name: 'disk', status: 'ok', message: 'fine' }]
  const env = { CARREL_LISTEN: 'foo' }
  const said = await runCli(['doctor'], world.composition, { env })
  assert.equal(said.code, 6)
  assert.match(said.stdout, /^settings\tproblem\tCARREL_LISTEN "foo".*\tcarrel help environment\n$/)
})

test('config check ends with 6 and every problem, or with 0', async () => {
  const { composition } = createWorld()
  const bad = await runCli(['config', 'check'], composition, {
    env: { CARREL_LISTEN: 'foo', CARREL_OPEN: 'x' },
  })
  assert.equal(bad.code, 6)
  assert.equal(bad.stdout.trimEnd().split('\n').length, 2)
  const json = await runCli(['config', 'check', '--json'], composition)
  assert.equal(json.code, 0)
  assert.deepEqual(JSON.parse(json.stdout), { ok: true, problems: [], warnings: [] })
})

test('config check looks into the files that the settings name', async () => {
  const world = createWorld()
  world.fileProblems = ['sso.yaml (CARREL_SINGLE_SIGN_ON) cannot be used:', 'sso.yaml: is empty']
  const said = await runCli(['config', 'check'], world.composition)
  assert.equal(said.code, 6)
  assert.equal(said.stdout, `${world.fileProblems.join('\n')}\n`)
  assert.match(said.stderr, /a file that the settings name cannot be used/)
  const json = await runCli(['config', 'check', '--json'], world.composition)
  assert.deepEqual(JSON.parse(json.stdout), {
    ok: false,
    problems: world.fileProblems,
    warnings: [],
  })
})

test('config show prints values and who set them, and no secret', async () => {
  const { composition } = createWorld()
  const env = { CARREL_METADATA_URL: 'postgres://u:hunter2@db/x' }
  const said = await runCli(['config', 'show', '--data', '/srv/x'], composition, { env })
  assert.equal(said.code, 0)
  assert.match(said.stdout, /^data\t\/srv\/x\t--data$/m)
  assert.match(said.stdout, /^metadata\.url\t\[secret\]\tCARREL_METADATA_URL$/m)
  const json = await runCli(['config', 'show', '--json'], composition, { env })
  assert.ok(!`${said.stdout}${json.stdout}`.includes('hunter2'))
})
