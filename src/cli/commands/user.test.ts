import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { createWorld, madePassword, runCli } from '../test-support.ts'

const password = 'correct-horse-battery'

test('user create takes the password from standard input and prints no data and no secret', async () => {
  const world = createWorld()
  const words = ['user', 'create', 'ann', '--password-stdin', '--admin', '--data', '/srv/carrel']
  const said = await runCli(words, world.composition, { input: `${password}\n` })
  assert.deepEqual(said, { code: 0, stdout: '', stderr: 'made administrator ann\n' })
  assert.equal(world.users.get('ann')?.password, password)
  assert.equal(world.users.get('ann')?.admin, true)
  assert.equal(world.opened[0]?.config.dataDir, '/srv/carrel')
  assert.equal(world.opened[0]?.create, true)
  assert.equal(world.closed, 1)
})

test('user create takes the password from a file', async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'cli-'))
  t.after(() => rm(cwd, { recursive: true }))
  await writeFile(join(cwd, 'pw'), `${password}\r\n`)
  const world = createWorld()
  const words = ['user', 'create', 'ann', '--password-file', 'pw', '--json']
  const said = await runCli(words, world.composition, { cwd })
  assert.equal(said.code, 0)
  assert.deepEqual(JSON.parse(said.stdout), {
    name: 'ann',
    admin: false,
    disabled: false,
    provider: 'local',
    createdAt: '2026-11-23T12:00:00.000Z',
  })
  assert.equal(world.users.get('ann')?.password, password)
  const missing = ['user', 'create', 'bob', '--password-file', 'nothing']
  const failed = await runCli(missing, world.composition, { cwd })
  assert.equal(failed.code, 2)
  assert.match(failed.stderr, /--password-file nothing: cannot be read \(ENOENT\)/)
})

test('--generate prints the password, and nothing else, on standard output', async () => {
  const world = createWorld()
  const said = await runCli(['user', 'create', 'ann', '--generate'], world.composition)
  assert.deepEqual(said, { code: 0, stdout: `${madePassword}\n`, stderr: 'made user ann\n' })
  assert.equal(world.users.get('ann')?.password, madePassword)
})

test('at a terminal the password is asked for twice, and never shown', async () => {
  const world = createWorld()
  const typed = [`${password}x\u007f`, password]
  const said = await runCli(['user', 'create', 'ann'], world.composition, { typed })
  assert.equal(said.code, 0)
  assert.equal(world.users.get('ann')?.password, password)
  assert.match(said.stderr, /^Password for ann: \nThe same again: \n/)
  assert.ok(!said.stderr.includes('correct') && !said.stdout.includes('correct'))
  const differing = await runCli(['user', 'create', 'bob'], world.composition, {
    typed: [password, 'something else'],
  })
  assert.equal(differing.code, 1)
  assert.match(differing.stderr, /the two passwords differ/)
  assert.equal(world.users.has('bob'), false)
})

test('Ctrl-C at a question ends with 130 and changes nothing', async () => {
  const world = createWorld()
  const said = await runCli(['user', 'create', 'ann'], world.composition, { typed: ['abc\u0003'] })
  assert.equal(said.code, 130)
  assert.equal(world.users.size, 0)
  assert.equal(world.closed, 1)
})

const refused: readonly (readonly [string, string, number, RegExp])[] = [
  ['--password-stdin', '', 2, /was empty/],
  ['--password-stdin', `${password}\nmore\n`, 2, /more than one line/],
  ['--password-stdin', 'x'.repeat(5000), 2, /too long/],
  ['--password-stdin', 'short\n', 5, /too short/],
  ['--password-stdin --generate', '', 2, /--password-stdin and --generate exclude each other/],
  ['', '', 2, /no terminal to ask for one\n {2}try: add --password-stdin/],
]

for (const [flags, input, code, message] of refused) {
  test(`user create ${flags} with ${input.slice(0, 8).trim() || 'nothing'} ends with ${code}`, async () => {
    const world = createWorld()
    const words = ['user', 'create', 'ann', ...flags.split(' ').filter(Boolean)]
    const said = await runCli(words, world.composition, { input })
    assert.equal(said.code, code)
    assert.match(said.stderr, message)
    assert.doesNotMatch(said.stderr, /correct-horse/)
    assert.equal(world.users.size, 0)
  })
}

test('a user that exists already is a failure, not a change', async () => {
  const world = createWorld()
  await runCli(['user', 'create', 'ann', '--generate'], world.composition)
  const words = ['user', 'create', 'ann', '--password-stdin']
  const said = await runCli(words, world.composition, { input: password })
  assert.equal(said.code, 1)
  assert.match(said.stderr, /error: there is a user ann/)
  assert.equal(world.users.get('ann')?.password, madePassword)
})

test('user passwd changes the password, and guesses at a name that is not there', async () => {
  const world = createWorld()
  await runCli(['user', 'create', 'ann', '--generate'], world.composition)
  const words = ['user', 'passwd', 'ann', '--password-stdin']
  assert.equal((await runCli(words, world.composition, { input: password })).code, 0)
  assert.equal(world.users.get('ann')?.password, password)
  const said = await runCli(['user', 'passwd', 'anne', '--generate'], world.composition)
  assert.equal(said.code, 3)
  assert.equal(said.stdout, '')
  assert.match(said.stderr, /did you mean ann\?\n {2}try: carrel user passwd ann/)
})

test('user ls is tab-separated when piped, a table for people, an array of objects with --json', async () => {
  const world = createWorld()
  await runCli(['user', 'create', 'ann', '--generate', '--admin'], world.composition)
  const piped = await runCli(['user', 'ls'], world.composition)
  assert.deepEqual(piped, {
    code: 0,
    stdout: 'ann\tadmin\tactive\tlocal\t2026-11-23T12:00:00.000Z\n',
    stderr: '',
  })
  const people = await runCli(['user', 'ls'], world.composition, {
    terminal: true,
    env: { TERM: 'dumb' },
  })
  assert.deepEqual(people.stdout.split('\n').slice(0, 2), [
    'NAME  ROLE   STATE   FROM   CREATED',
    'ann   admin  active  local  2026-11-23 12:00 UTC',
  ])
  const json = await runCli(['user', 'ls', '--json'], world.composition)
  assert.equal((JSON.parse(json.stdout) as { name: string }[])[0]?.name, 'ann')
  assert.ok(!json.stdout.includes(madePassword))
})

test('user rm asks at a terminal, needs --yes without one, and --dry-run only says', async () => {
  const world = createWorld()
  await runCli(['user', 'create', 'ann', '--generate'], world.composition)
  const words = ['user', 'rm', 'ann']
  assert.equal((await runCli(words, world.composition)).code, 2)
  const dry = await runCli([...words, '--dry-run', '--json'], world.composition)
  assert.deepEqual(JSON.parse(dry.stdout), { name: 'ann', removed: false })
  assert.equal((await runCli(words, world.composition, { typed: ['n'] })).code, 1)
  assert.equal(world.users.has('ann'), true)
  const said = await runCli(words, world.composition, { typed: ['y'] })
  assert.equal(said.code, 0)
  assert.match(said.stderr, /can no longer sign in.*\nDo it\? \[y\/N\] y\n/)
  assert.equal(world.users.has('ann'), false)
  assert.equal((await runCli([...words, '--yes'], world.composition)).code, 3)
})
