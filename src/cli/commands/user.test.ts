import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'

import { verifyPassword } from '../../auth/password-hash.ts'
import { addUser, principalOf } from '../../http/api/test-support/api.ts'
import { findPrincipalByName } from '../../metadata/principals.ts'
import { madePassword } from '../test-support.ts'
import { aFolder, anApiWorld, serveApi, type ApiWorld } from '../test-support/api-world.ts'

const password = 'seven-red-lanterns'

async function userOf({ app }: ApiWorld, name: string) {
  return findPrincipalByName(app.metadata, name)
}

async function hasPassword(world: ApiWorld, name: string, typed: string): Promise<boolean> {
  const user = await userOf(world, name)
  return verifyPassword(typed, user?.passwordHash ?? '')
}

suite('carrel user create', () => {
  test('takes the password from standard input and prints no data and no secret', async (t) => {
    const world = await anApiWorld(t)
    const said = await world.run('user create cleo --password-stdin --admin --data /srv/carrel', {
      input: `${password}\n`,
    })
    assert.deepEqual(said, { code: 0, stdout: '', stderr: 'made administrator cleo\n' })
    assert.equal(await hasPassword(world, 'cleo', password), true)
    assert.equal((await userOf(world, 'cleo'))?.admin, true)
    assert.equal(world.opened[0]?.config.dataDir, '/srv/carrel')
    assert.equal(world.opened[0]?.create, true)
    assert.equal(world.closed(), 1)
  })

  test('takes the password from a file', async (t) => {
    const cwd = await mkdtemp(join(tmpdir(), 'cli-'))
    t.after(() => rm(cwd, { recursive: true }))
    await writeFile(join(cwd, 'pw'), `${password}\r\n`)
    const world = await anApiWorld(t)
    const said = await world.run('user create cleo --password-file pw --json', { cwd })
    assert.equal(said.code, 0)
    const { createdAt, ...user } = JSON.parse(said.stdout) as { createdAt: string }
    assert.deepEqual(user, { name: 'cleo', admin: false, disabled: false, provider: 'local' })
    assert.match(createdAt, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    assert.deepEqual(Object.keys(JSON.parse(said.stdout) as object), [
      'name',
      'admin',
      'disabled',
      'provider',
      'createdAt',
    ])
    assert.equal(await hasPassword(world, 'cleo', password), true)
    const failed = await world.run('user create dan --password-file nothing', { cwd })
    assert.equal(failed.code, 2)
    assert.match(failed.stderr, /--password-file nothing: cannot be read \(ENOENT\)/)
  })

  test('--generate prints the password, and nothing else, on standard output', async (t) => {
    const world = await anApiWorld(t)
    const said = await world.run('user create cleo --generate')
    assert.deepEqual(said, { code: 0, stdout: `${madePassword}\n`, stderr: 'made user cleo\n' })
    assert.equal(await hasPassword(world, 'cleo', madePassword), true)
  })

  test('asks for the password twice at a terminal, and never shows it', async (t) => {
    const world = await anApiWorld(t)
    const typed = [`${password}x\u007f`, password]
    const said = await world.run('user create cleo', { typed })
    assert.equal(said.code, 0)
    assert.equal(await hasPassword(world, 'cleo', password), true)
    assert.match(said.stderr, /^Password for cleo: \nThe same again: \n/)
    assert.ok(!said.stderr.includes('lanterns') && !said.stdout.includes('lanterns'))
    const differing = await world.run('user create dan', { typed: [password, 'something else'] })
    assert.equal(differing.code, 1)
    assert.match(differing.stderr, /the two passwords differ/)
    assert.equal(await userOf(world, 'dan'), undefined)
  })

  test('ends with 130 after Ctrl-C at a question, and changes nothing', async (t) => {
    const world = await anApiWorld(t)
    const said = await world.run('user create cleo', { typed: ['abc\u0003'] })
    assert.equal(said.code, 130)
    assert.equal(await userOf(world, 'cleo'), undefined)
    assert.equal(world.closed(), 1)
  })

  test('refuses what is no password, and says what to do', async (t) => {
    const world = await anApiWorld(t)
    const refused: readonly (readonly [string, string, number, RegExp])[] = [
      ['--password-stdin', '', 2, /was empty/],
      ['--password-stdin', `${password}\nmore\n`, 2, /more than one line/],
      ['--password-stdin', 'x'.repeat(5000), 2, /too long/],
      ['--password-stdin', 'short\n', 5, /error: this password is not accepted\n {2}why: .*5/],
      ['--password-stdin --generate', '', 2, /--password-stdin and --generate exclude each other/],
      ['', '', 2, /no terminal to ask for one\n {2}try: add --password-stdin/],
    ]
    for (const [flags, input, code, message] of refused) {
      const said = await world.run(`user create cleo ${flags}`, { input })
      assert.equal(said.code, code, flags)
      assert.match(said.stderr, message)
      assert.doesNotMatch(said.stderr, /lanterns/)
      assert.equal(await userOf(world, 'cleo'), undefined)
    }
  })

  test('of a user that is there already is a failure, not a change', async (t) => {
    const world = await anApiWorld(t)
    const said = await world.run('user create ann --password-stdin', { input: password })
    assert.equal(said.code, 1)
    assert.match(said.stderr, /error: there is a user ann already/)
    assert.equal(await hasPassword(world, 'ann', 'the password of ann'), true)
  })

  test('says which names nobody can have, and why', async (t) => {
    const world = await anApiWorld(t)
    for (const [name, why] of [
      ['Cleo', /cleo would do/],
      ['a/b', /made of lower-case letters/],
      ['token', /clients send that name/],
      ['signed-in', /in grants that word means/],
      ['anonymous', /in grants that word means/],
    ] as const) {
      const said = await world.run(`user create ${name} --generate`)
      assert.deepEqual([said.code, said.stdout], [1, ''], name)
      assert.match(said.stderr, why)
    }
  })
})

suite('carrel user passwd', () => {
  test('changes the password, and guesses at a name that is not there', async (t) => {
    const world = await anApiWorld(t)
    assert.equal((await world.run('user passwd ann --password-stdin', { input: password })).code, 0)
    assert.equal(await hasPassword(world, 'ann', password), true)
    const said = await world.run('user passwd anne --generate')
    assert.equal(said.code, 3)
    assert.equal(said.stdout, '')
    assert.match(said.stderr, /no user anne; did you mean ann\?\n {2}try: carrel user passwd ann/)
  })

  test('of oneself on a server asks for the present one too', async (t) => {
    const world = await anApiWorld(t)
    const { origin, caFile } = await serveApi(t, world.app, 'ann')
    const env = { HOME: await aFolder(t), CARREL_TOKEN: 'x' }
    const line = `user passwd ann --host ${origin} --ca-file ${caFile}`
    const wrong = await world.run(line, { env, typed: [password, password, 'wrong'] })
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /not your present password/)
    const said = await world.run(line, { env, typed: [password, password, 'the password of ann'] })
    assert.equal(said.code, 0)
    assert.match(said.stderr, /Present password of ann: \n/)
    assert.equal(await hasPassword(world, 'ann', password), true)
    const script = await world.run(`${line} --password-stdin`, { env, input: 'another-password' })
    assert.equal(script.code, 1)
  })
})

test('user ls is tab-separated when piped, a table for people, an array of objects with --json', async (t) => {
  const world = await anApiWorld(t)
  const { createdAt = 0 } = (await userOf(world, 'admin')) ?? {}
  const time = new Date(createdAt).toISOString()
  const piped = await world.run('user ls')
  assert.equal(piped.code, 0)
  assert.equal(piped.stdout.split('\n')[0], `admin\tadmin\tactive\tlocal\t${time}`)
  assert.equal(piped.stdout.split('\n').length, 4)
  const people = await world.run('user ls', { terminal: true, env: { TERM: 'dumb' } })
  assert.deepEqual(people.stdout.split('\n').slice(0, 2), [
    'NAME   ROLE   STATE   FROM   CREATED',
    `admin  admin  active  local  ${time.slice(0, 16).replace('T', ' ')} UTC`,
  ])
  const json = await world.run('user ls --json')
  assert.deepEqual(
    (JSON.parse(json.stdout) as { name: string }[]).map(({ name }) => name),
    ['admin', 'ann', 'bob'],
  )
  assert.ok(!json.stdout.includes('argon2'))
})

test('user rm asks at a terminal, needs --yes without one, and --dry-run only says', async (t) => {
  const world = await anApiWorld(t)
  assert.equal((await world.run('user rm ann')).code, 2)
  const dry = await world.run('user rm ann --dry-run --json')
  assert.deepEqual(JSON.parse(dry.stdout), { name: 'ann', removed: false })
  assert.equal((await world.run('user rm ann', { typed: ['n'] })).code, 1)
  assert.notEqual(await userOf(world, 'ann'), undefined)
  const said = await world.run('user rm ann', { typed: ['y'] })
  assert.equal(said.code, 0)
  assert.match(said.stderr, /can no longer sign in.*\nDo it\? \[y\/N\] y\n/s)
  assert.equal(await userOf(world, 'ann'), undefined)
  assert.equal((await world.run('user rm ann --yes')).code, 3)
  const last = await world.run('user rm admin --yes')
  assert.equal(last.code, 4)
  assert.match(
    last.stderr,
    /admin is the last administrator\n.*\n {2}try: carrel user create OTHER/,
  )
})

test('a name that leads elsewhere is the name of nobody', async (t) => {
  const world = await anApiWorld(t)
  await world.operator.call('repositories.create', { name: 'ann/app' })
  for (const line of [
    'user rm ../users/ann --yes',
    'user rm ann/totp --yes',
    'user rm .. --yes',
    'repo rm ../users/ann --yes',
    'repo rm ann/../ann/app --yes',
  ]) {
    assert.equal((await world.run(line)).code, 3, line)
  }
  assert.notEqual(await userOf(world, 'ann'), undefined)
  assert.equal((await world.run('repo show ann/app')).code, 0)
})

suite('carrel user edit, disable and enable', () => {
  test('make an administrator and none, and change the name for people', async (t) => {
    const world = await anApiWorld(t)
    const made = await world.run("user edit ann --admin --display-name 'Ann Example' --json")
    assert.equal(made.code, 0)
    const { admin, displayName } = JSON.parse(made.stdout) as Record<string, unknown>
    assert.deepEqual([admin, displayName], [true, 'Ann Example'])
    const none = await world.run("user edit ann --not-admin --display-name ''")
    assert.deepEqual(none, { code: 0, stdout: '', stderr: 'changed user ann\n' })
    const ann = await userOf(world, 'ann')
    assert.deepEqual([ann?.admin, ann?.displayName], [false, undefined])
    assert.equal((await world.run('user edit ann')).code, 2)
    assert.equal((await world.run('user edit ann --admin --not-admin')).code, 2)
    assert.equal((await world.run('user edit admin --not-admin')).code, 4)
    const missing = await world.run('user edit anne --admin')
    assert.equal(missing.code, 3)
    assert.match(missing.stderr, /try: carrel user edit ann …/)
  })

  test('keep somebody from signing in, and let them in again', async (t) => {
    const world = await anApiWorld(t)
    const off = await world.run('user disable ann --json')
    assert.equal((JSON.parse(off.stdout) as { disabled: boolean }).disabled, true)
    assert.match(off.stderr, /ann can no longer sign in/)
    assert.equal((await userOf(world, 'ann'))?.disabled, true)
    assert.equal((await world.run('user enable ann')).code, 0)
    assert.equal((await userOf(world, 'ann'))?.disabled, false)
    assert.equal((await world.run('user disable admin')).code, 4)
    assert.equal((await world.run('user disable nobody')).code, 3)
  })
})

suite('carrel user show', () => {
  test('tells teams, grants of one’s own and of teams, and the second factor', async (t) => {
    const world = await anApiWorld(t)
    await world.run('team create web')
    await world.run('team add web ann')
    await world.run('grant add team:web shop/ writer')
    await world.run('grant add signed-in docs/ reader')
    const json = await world.run('user show ann --json')
    const shown = JSON.parse(json.stdout) as {
      teams: string[]
      totp: boolean
      grants: { who: string; where: string; role: string }[]
    }
    assert.deepEqual([shown.teams, shown.totp], [['web'], false])
    assert.deepEqual(
      shown.grants.map(({ who, where, role }) => `${who} ${where} ${role}`),
      ['user:ann ann/ owner', 'team:web shop/ writer'],
    )
    const { code, stdout } = await world.run('user show ann')
    assert.equal(code, 0)
    const [fields = '', grants = ''] = stdout.split('\n\n')
    assert.match(fields, /^name\tann\n/)
    assert.match(fields, /\nsecond factor\toff\n/)
    assert.match(fields, /\nlast seen\t\n/)
    assert.match(fields, /\nteams\tweb$/)
    assert.match(grants, /^\d+\tuser:ann\tann\/\tpull,push,/)
    const people = await world.run('user show ann', { terminal: true, env: { NO_COLOR: '1' } })
    assert.match(people.stdout, /^last seen +never$/m)
    assert.match(people.stdout, /team:web +shop\/ +writer/)
    assert.match((await world.run('user show anne')).stderr, /try: carrel user show ann/)
    assert.match((await world.run('user show admin')).stderr, /may do everything/)
  })
})

suite('carrel user totp off', () => {
  test('switches the second factor of somebody off, after a yes', async (t) => {
    const world = await anApiWorld(t)
    const none = await world.run('user totp off ann --yes')
    assert.equal(none.code, 1)
    assert.match(none.stderr, /ann has no second factor/)
    await switchOn(world, 'ann')
    assert.match((await world.run('user show ann')).stdout, /second factor\ton/)
    assert.equal((await world.run('user totp off ann')).code, 2)
    const dry = await world.run('user totp off ann --dry-run --json')
    assert.deepEqual(JSON.parse(dry.stdout), { name: 'ann', removed: false })
    assert.equal((await userOf(world, 'ann'))?.secondFactor, true)
    assert.equal((await world.run('user totp off ann --yes')).code, 0)
    assert.equal((await userOf(world, 'ann'))?.secondFactor, false)
    const log = await world.run('audit ls --event user.totp-off')
    assert.match(log.stdout, /\toperator\tuser:ann\t.*administrator/)
    assert.equal((await world.run('user totp')).code, 2)
  })

  test('is nothing that an administrator does to oneself', async (t) => {
    const world = await anApiWorld(t)
    await addUser(world.app.metadata, 'boss', { admin: true })
    await switchOn(world, 'boss')
    const { origin, caFile } = await serveApi(t, world.app, 'boss')
    const env = { HOME: await aFolder(t), CARREL_TOKEN: 'x' }
    const said = await world.run(`user totp off boss --yes --host ${origin} --ca-file ${caFile}`, {
      env,
    })
    assert.equal(said.code, 4)
    assert.match(said.stderr, /switched off with a code/)
    assert.equal((await userOf(world, 'boss'))?.secondFactor, true)
  })
})

async function switchOn({ app }: ApiWorld, name: string): Promise<void> {
  const { setTotp, useTotpStep } = await import('../../metadata/totp.ts')
  const { id } = await principalOf(app, name)
  await app.metadata.write(async (tx) => {
    await setTotp(tx, id, Buffer.from('sealed'))
    await useTotpStep(tx, id, 1)
  })
}
