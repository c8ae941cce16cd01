// Every command about access, beside the data of a running server and over the network: both do the same, and say the
// same. Secrets alone go to standard output, so that they can be piped.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { addUser } from './support/access-api.ts'
import { openTerminal, type Terminal, type Way } from './support/access-cli.ts'
import { audience, jobClaims, startAccessWorld, type AccessWorld } from './support/access-world.ts'
import { pushImage } from './support/access-images.ts'
import { createWire } from './support/access-wire.ts'
import { runProgram } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const secretAlone = /^carrel_(?:pat|robot|login)_[0-9A-Za-z]{36}\n$/
const denied = 4
const failed = 1
const usage = 2
const ways: readonly Way[] = ['data', 'host']
const stack = new AsyncDisposableStack()
let world: AccessWorld
let folder: string
let terminals: readonly Terminal[]

before(async () => {
  folder = stack.use(await temporaryFolder('commands')).path
  world = stack.use(await startAccessWorld({ directory: false }))
  const { api, registry } = world
  const { secret } = await api.call('tokens.create', { name: 'of the administrator' })
  const env = { CARREL_OUTBOUND_ALLOW: world.issuer.server.host, HOME: folder }
  terminals = ways.map((way) => openTerminal(way, registry, { token: secret, env }))
  using wire = createWire(registry.port)
  for (const { name } of terminals) {
    for (const user of ['ann', 'bob']) await addUser(api, name(user))
    await pushImage(wire, registry.authorization, { repository: `${name('ann')}/app` })
  }
})
after(async () => stack.disposeAsync())

/** In both ways at once, and then what was printed is compared. */
function testBoth(title: string, run: (terminal: Terminal) => Promise<void>): void {
  test(title, async () => {
    const before = terminals.map(({ printed }) => printed.length)
    await Promise.all(terminals.map(run))
    const [beside, over] = terminals.map(({ printed }, index) => printed.slice(before[index]))
    assert.deepEqual(over, beside)
  })
}

describe('commands about access', () => {
  testBoth('team', async ({ run, runJson, name }) => {
    const team = name('web')
    await run(['team', 'create', team, '--description', 'the web shop'])
    await run(['team', 'ls'])
    assert.ok(Array.isArray(await runJson(['team', 'ls'])))
    await run(['team', 'edit', team, '--description', 'the shop'])
    await run(['team', 'add', team, name('ann'), '--maintainer'])
    await run(['team', 'add', team, name('bob')])
    await run(['team', 'show', team])
    await runJson(['team', 'show', team])
    await run(['team', 'remove', team, name('bob')])
    await run(['team', 'rm', team, '--dry-run'])
    await run(['team', 'rm', team, '--yes'])
    await run(['team', 'show', team], { code: 3 })
  })

  testBoth('grant', async ({ run, runJson, name }) => {
    const why = ['--reason', 'a test', '--expires', '30d']
    await run(['grant', 'add', `user:${name('bob')}`, `${name('ann')}/app`, 'writer', ...why])
    await run(['grant', 'ls'])
    const all = (await runJson(['grant', 'ls', '--who', `user:${name('bob')}`])) as { id: number }[]
    const id = String(all.at(-1)?.id)
    await run(['grant', 'show', id])
    await run(['grant', 'edit', id, '--actions', 'pull,push'])
    await run(['grant', 'rm', id, '--dry-run'])
    await run(['grant', 'rm', id, '--yes'])
    await run(['grant', 'add', `user:${name('bob')}`, 'Not A Place', 'writer'], { code: failed })
  })

  testBoth('token', async ({ run, runJson, name }) => {
    const owner = ['--for', `user:${name('ann')}`]
    const scope = ['--scope', `${name('ann')}/:pull,push`]
    const made = await run(['token', 'create', ...owner, ...scope, '--name', 'laptop'])
    assert.match(made.stdout, secretAlone)
    const login = await run(['token', 'login', ...owner, '--name', 'for docker'])
    assert.match(login.stdout, secretAlone)
    await run(['token', 'ls', ...owner])
    const [first] = (await runJson(['token', 'ls', ...owner])) as { id: number }[]
    const id = String(first?.id)
    const rotated = await run(['token', 'rotate', id])
    assert.match(rotated.stdout, secretAlone)
    assert.notEqual(rotated.stdout, made.stdout)
    await run(['token', 'revoke', id, '--yes'])
    await run(['token', 'rotate', id], { code: failed })
  })

  testBoth('robot', async ({ run, runJson, name }) => {
    const robot = name('ci')
    const asked = ['--scope', `${name('ann')}/app:pull,push`, '--description', 'builds']
    const made = await run(['robot', 'create', robot, ...asked])
    assert.match(made.stdout, secretAlone)
    const rotated = await run(['robot', 'rotate', robot, '--grace', '1h'])
    assert.match(rotated.stdout, secretAlone)
    await run(['robot', 'ls'])
    await runJson(['robot', 'ls'])
    await run(['robot', 'disable', robot])
    await run(['robot', 'enable', robot])
    await run(['robot', 'rm', robot, '--yes'])
  })

  testBoth('access', async ({ run, runJson, name }) => {
    const app = `${name('ann')}/app`
    await run(['access', 'explain', `user:${name('ann')}`, app, 'push'])
    await run(['access', 'explain', `user:${name('bob')}`, app, 'push'], { code: denied })
    await runJson(['access', 'explain', 'anonymous', app, 'pull'], { code: denied })
    await run(['access', 'review', '--where', `${name('ann')}/`])
    const rights = await runJson(['access', 'review', '--where', `${name('ann')}/`])
    assert.ok(Array.isArray(rights) && rights.length > 0)
    const { stdout } = await run(['access', 'review', '--csv', '--where', `${name('ann')}/`])
    assert.match(stdout, /^[a-z ]+(?:,[a-z ]+)+\r?\n/)
  })

  testBoth('user', async ({ run, name }) => {
    await run(['user', 'disable', name('bob')])
    await run(['user', 'enable', name('bob')])
    await run(['user', 'disable', 'nobody'], { code: 3 })
  })

  testBoth('federation', async ({ run, runJson, name }) => {
    const rule = name('main')
    const { repository, repository_owner_id: owner } = jobClaims
    const claims = [`repository=${repository}`, `repository_owner_id=${owner}`]
    const where = ['--issuer', world.issuer.issuer, '--audience', audience]
    const terms = claims.flatMap((claim) => ['--claim', claim])
    const scope = ['--scope', `${name('ann')}/app:pull,push`]
    await run(['federation', 'add', rule, '--kind', 'github', ...terms, ...where, ...scope])
    await run(['federation', 'ls'])
    await runJson(['federation', 'ls'])
    const input = world.makeJobToken()
    await run(['federation', 'test', '--rule', rule], { input })
    const other = world.makeJobToken({ claims: { repository: 'evil/shop' } })
    await run(['federation', 'test', '--rule', rule], { input: other, code: denied })
    await runJson(['federation', 'test', '--rule', rule], { input })
    await run(['federation', 'disable', rule])
    await run(['federation', 'enable', rule])
    await run(['federation', 'rm', rule, '--yes'])
  })

  testBoth('session', async ({ run, name }) => {
    await run(['session', 'ls', '--for', `user:${name('ann')}`])
    await run(['session', 'end', '--all', '--for', `user:${name('ann')}`])
  })

  testBoth('audit verify', async ({ run, runJson }) => {
    await run(['audit', 'verify'])
    assert.equal(((await runJson(['audit', 'verify'])) as { ok: boolean }).ok, true)
  })
})

test('audit ls tells who did it, and from where', async () => {
  const [beside, over] = terminals
  for (const [terminal, actor, address] of [
    [beside, 'operator', ''],
    [over, 'admin', '127.0.0.1'],
  ] as const) {
    const what = ['audit', 'ls', '--event', 'robot.created']
    const { stdout = '' } = (await terminal?.run([...what, '--limit', '20'])) ?? {}
    const robot = `robot:${terminal?.name('ci')}`
    assert.ok(stdout.includes(`\trobot.created\t${actor}\t${robot}\t${address}\t`), stdout)
    const entries = await terminal?.runJson([...what, '--subject', robot])
    assert.ok(Array.isArray(entries) && entries.length === 1)
  }
})

test('audit export prints every entry as a line of JSON, or as a table', async () => {
  const [beside, over] = terminals
  const { stdout } = (await beside?.run(['audit', 'export', '--until', '2100-01-01'])) ?? {}
  const lines = stdout?.trimEnd().split('\n') ?? []
  assert.ok(lines.length > 20)
  for (const line of lines)
    assert.equal(typeof (JSON.parse(line) as { event: string }).event, 'string')
  const { stdout: table = '' } = (await over?.run(['audit', 'export', '--csv'])) ?? {}
  const [heading = '', ...rows] = table.split('\r\n')
  assert.match(heading, /^seq,(?:\w+,)*at,event,/)
  assert.ok(rows.length >= lines.length)
})

test('import says what it would do, beside the data alone', async () => {
  const [beside, over] = terminals
  const passwords = join(folder, 'htpasswd')
  // Bcrypt of "a password for a test", from apache2-utils.
  await writeFile(passwords, 'carl:$2y$10$MnYUX0q2sqi6p5kzMJz8gOlLtOaB7Bvsy8o7WKrrpqHLdGNVZtZ5e\n')
  const acl = join(folder, 'auth_config.yml')
  await writeFile(
    acl,
    'users:\n  "dora":\n    password: "$2y$10$MnYUX0q2sqi6p5kzMJz8gOlLtOaB7Bvsy8o7WKrrpqHLdGNVZtZ5e"\n' +
      'acl:\n  - match: {account: "dora", name: "web/*"}\n    actions: ["pull"]\n',
  )
  const htpasswd = await beside?.run(['import', 'htpasswd', passwords, '--dry-run'])
  assert.match(htpasswd?.stdout ?? '', /^carl\tadded/)
  const dockerAuth = await beside?.run(['import', 'docker-auth', acl, '--dry-run'])
  assert.match(dockerAuth?.stdout ?? '', /user:dora web\/\*? ?/)
  const users = (await beside?.run(['user', 'ls']))?.stdout ?? ''
  assert.doesNotMatch(users, /^(?:carl|dora)\t/m)
  await over?.run(['import', 'htpasswd', passwords, '--dry-run'], { code: usage })
})

test('over the network nothing is done without a token, or with one that is narrowed', async () => {
  const { registry, api } = world
  const ask = async (token: string | undefined) => {
    const env = { ...process.env, CARREL_TOKEN: token, HOME: folder }
    const args = ['user', 'ls', '--host', registry.url]
    return runProgram(new URL('../carrel', import.meta.url).pathname, args, { env })
  }
  const { secret } = await api.call('tokens.create', { name: 'narrow', scopes: ['web/:owner'] })
  for (const token of [undefined, secret, 'carrel_pat_nonsense']) {
    const { code, stderr } = await ask(token)
    assert.equal(code, denied, `${token?.slice(0, 12)}: ${stderr}`)
  }
})

const helped = [
  ['team', 'add'],
  ['grant', 'add'],
  ['token', 'create'],
  ['robot', 'rotate'],
  ['access', 'explain'],
  ['access', 'review'],
  ['audit', 'export'],
  ['federation', 'add'],
  ['user', 'disable'],
  ['import', 'docker-auth'],
]

test('every command has help with examples that begin with its name', async () => {
  const carrel = new URL('../carrel', import.meta.url).pathname
  for (const command of [...helped, ...new Set(helped.map(([noun = '']) => [noun]))]) {
    const { code, stdout } = await runProgram(carrel, [...command, '--help'])
    assert.equal(code, 0)
    assert.match(stdout, /Examples/i, command.join(' '))
    assert.ok(stdout.includes(`carrel ${command.join(' ')}`), stdout)
  }
})
