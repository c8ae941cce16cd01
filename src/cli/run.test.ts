import assert from 'node:assert/strict'
import { test } from 'node:test'

import { commandList } from './command-list.ts'
import { exitCodeMeanings } from './exit-codes.ts'
import { createWorld, runCli } from './test-support.ts'
import { anApiWorld } from './test-support/api-world.ts'
import { addRepository } from './test-support/repositories.ts'

const { composition } = createWorld()

for (const words of [['version'], ['--version'], ['-V']]) {
  test(`${words.join(' ')} prints the version`, async () => {
    const said = await runCli(words, composition)
    assert.deepEqual(said, { code: 0, stdout: 'carrel 0.1.0\n', stderr: '' })
  })
}

test('version --json is one object', async () => {
  const { stdout } = await runCli(['version', '--json'], composition)
  assert.deepEqual(Object.keys(JSON.parse(stdout) as object), ['version', 'node', 'platform'])
})

test('without a command, the commands are shown and nothing has failed', async () => {
  const said = await runCli([], composition)
  assert.equal(said.code, 0)
  assert.equal(said.stderr, '')
  for (const line of said.stdout.split('\n')) assert.ok(line.length <= 80, line)
  for (const { name, summary } of commandList) {
    assert.ok(said.stdout.includes(name) && said.stdout.includes(summary), name)
  }
})

const described = [
  'up',
  'serve',
  'doctor',
  'fsck',
  'version',
  ...['ls', 'show', 'create', 'edit', 'disable', 'enable'].map((verb) => `user ${verb}`),
  ...['passwd', 'totp off', 'rm'].map((verb) => `user ${verb}`),
  ...['ls', 'create', 'show', 'edit', 'rm'].map((verb) => `repo ${verb}`),
  ...['ls', 'rm'].map((verb) => `tag ${verb}`),
  ...['ls', 'show', 'create', 'edit', 'rm'].map((verb) => `namespace ${verb}`),
  ...['link', 'reset-password', 'rotate-keys'].map((verb) => `admin ${verb}`),
  ...['show', 'check'].map((verb) => `config ${verb}`),
]

for (const command of described) {
  test(`the help of ${command} leads with examples, has --json, and is the same by both ways`, async () => {
    const words = command.split(' ')
    const said = await runCli([...words, '--help'], composition, { program: './carrel' })
    assert.equal(said.code, 0)
    assert.equal(said.stderr, '')
    const [examples, usage] = [said.stdout.indexOf('Examples:'), said.stdout.indexOf('Usage:')]
    assert.ok(examples > 0 && examples < usage, said.stdout)
    assert.ok(said.stdout.includes(`  ./carrel ${command}`), said.stdout)
    assert.match(said.stdout, /--json/)
    assert.doesNotMatch(said.stdout, /--password[ =]/)
    for (const line of said.stdout.split('\n')) assert.ok(line.length <= 80, line)
    const other = await runCli(['help', ...words], composition, { program: './carrel' })
    assert.deepEqual(other, said)
  })
}

test('help exit-codes lists every code, and help environment every variable', async () => {
  const codes = await runCli(['help', 'exit-codes'], composition)
  for (const [code, meaning] of exitCodeMeanings) {
    assert.ok(codes.stdout.includes(`${code}  ${meaning}`), meaning)
  }
  const environment = await runCli(['help', 'environment'], composition)
  for (const name of ['CARREL_LISTEN=HOST:PORT', 'CARREL_METADATA_URL_FILE', 'CARREL_CONFIG']) {
    assert.ok(environment.stdout.includes(name), name)
  }
  const { stdout } = await runCli(['help', 'exit-codes', '--json'], composition)
  assert.deepEqual((JSON.parse(stdout) as unknown[])[0], { code: 0, meaning: 'done' })
})

const mistakes: readonly (readonly [string, string, string])[] = [
  ['usre ls', 'error: there is no command "usre"', 'try: carrel user'],
  ['repo lss', 'error: there is no command "repo lss"', 'try: carrel repo ls'],
  ['repo ls --jsn', 'error: there is no option --jsn', 'try: --json'],
  ['repo create', 'error: repo create needs NAME', 'try: carrel repo create --help'],
  ['repo ls --data', 'needs a value', 'try: carrel repo ls --help'],
  [
    'repo create x --visibility secret',
    '--visibility must be one of: private, internal, public',
    'try: carrel repo create --help',
  ],
  ['help repoo', 'error: there is no help for "repoo"', 'try: carrel help repo'],
  ['user create ann --password hunter2', 'never given in a flag', '--password-stdin'],
  ['user create ann --password=hunter2', 'never given in a flag', '--password-stdin'],
  [
    'user create ann hunter2',
    'too many arguments for user create',
    'try: carrel user create --help',
  ],
  ['admin reset-password --pass=hunter2', 'there is no option --pass', 'try: '],
]

for (const [line, what, fix] of mistakes) {
  test(`"${line}" is a usage error that says what to type, and repeats no secret`, async () => {
    const said = await runCli(line.split(' '), composition)
    assert.equal(said.code, 2)
    assert.equal(said.stdout, '')
    assert.ok(said.stderr.includes(what), said.stderr)
    assert.ok(said.stderr.includes(fix), said.stderr)
    assert.doesNotMatch(said.stderr, /hunter2/)
  })
}

test('a noun without a verb shows its verbs on standard error and is a usage error', async () => {
  const said = await runCli(['repo'], composition)
  assert.equal(said.code, 2)
  assert.equal(said.stdout, '')
  assert.match(said.stderr, /create .*NAME/)
  assert.doesNotMatch(said.stderr, /error:/)
})

test('wrong settings are all named, and nothing is opened', async () => {
  const world = createWorld()
  const env = { CARREL_LISTEN: 'foo', CARREL_WORKERS: 'x', CARREL_LISTN: 'y' }
  const said = await runCli(['repo', 'ls'], world.composition, { env })
  assert.equal(said.code, 2)
  assert.match(said.stderr, /^warning: CARREL_LISTN \(did you mean CARREL_LISTEN\?\)/)
  assert.match(said.stderr, /error: 2 settings are wrong\n {2}why: CARREL_LISTEN "foo"/)
  assert.match(said.stderr, /\n {7}CARREL_WORKERS "x"/)
  assert.equal(world.opened.length, 0)
})

test('-q silences messages and warnings but no data, wherever it stands', async (t) => {
  const world = await anApiWorld(t)
  await addRepository(world.app, 'team/api', ['1.0'])
  const env = { CARREL_NONSENSE: '1' }
  for (const line of ['-q repo rm team/api --dry-run', 'repo ls -q']) {
    const said = await world.run(line, { env })
    assert.equal(said.code, 0)
    assert.equal(said.stderr, '')
  }
})

const systemErrors: readonly (readonly [object, RegExp])[] = [
  [
    { code: 'EADDRINUSE', address: '127.0.0.1', port: 5443 },
    /cannot listen on 127\.0\.0\.1:5443\n {2}why: another program.*\n {2}try: .*5444/,
  ],
  [{ code: 'EACCES', port: 443 }, /root/],
  [{ code: 'ENOSPC', path: '/data/x' }, /cannot write \/data\/x\n {2}why: the disk is full/],
  [{ code: 'EWHATEVER' }, /error: it broke/],
]

for (const [fields, message] of systemErrors) {
  test(`a server that fails to start says so in words: ${message.source.slice(0, 30)}`, async () => {
    const failing = {
      ...composition,
      serve: () => Promise.reject(Object.assign(new Error('it broke'), fields)),
    }
    const said = await runCli(['serve'], failing)
    assert.equal(said.code, 1)
    assert.match(said.stderr, message)
    assert.doesNotMatch(said.stderr, /at .*\.ts/)
    const verbose = await runCli(['serve', '-v'], failing)
    assert.match(verbose.stderr, /at .*\.ts/)
  })
}

test('colour and control characters: none when piped, none with NO_COLOR, and none from names', async () => {
  // No Carrel answers like that, but a server somewhere may.
  const repository = { name: 'team/api', visibility: 'private', tags: 1, manifests: 1, bytes: 36 }
  const description = 'a\u001b[31mred\tb\nc'
  const createdAt = '2026-11-23T12:00:00.000Z'
  const items = [{ ...repository, description, createdAt }]
  const rogue = {
    ...composition,
    openApi: async () => ({
      transport: async () => ({ status: 200, headers: {}, body: JSON.stringify({ items }) }),
      close: async () => undefined,
    }),
  }
  const piped = await runCli(['repo', 'ls'], rogue)
  assert.equal(piped.stdout, 'team/api\tprivate\t1\t36\t\ta [31mred b c\n')
  const people = await runCli(['repo', 'ls'], rogue, { terminal: true })
  assert.ok(people.stdout.includes('\u001b[1mNAME'))
  assert.ok(!people.stdout.includes('\u001b[31m'))
  const plain = await runCli(['repo', 'ls'], rogue, { terminal: true, env: { NO_COLOR: '1' } })
  assert.ok(!plain.stdout.includes('\u001b'))
})
