import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { anApiWorld } from '../test-support/api-world.ts'

suite('carrel grant', () => {
  test('lets somebody do something, for a while and for a reason', async (t) => {
    const { run, operator } = await anApiWorld(t)
    const { code, stdout, stderr } = await run(
      "grant add user:ann shop/app writer --expires 30d --reason 'on call'",
    )
    assert.deepEqual([code, stdout], [0, ''])
    assert.match(
      stderr,
      /^user:ann has writer on shop\/app until \d{4}-\d\d-\d\d \d\d:\d\d UTC \(grant \d+\)\nit holds once there is a repository shop\/app\n$/,
    )
    const { items } = await operator.call('grants.list', { where: 'shop/app' })
    const [grant] = items
    assert.equal(grant?.reason, 'on call')
    const days = (Date.parse(grant?.expiresAt ?? '') - Date.now()) / 86_400_000
    assert.ok(days > 29.9 && days <= 30)
  })

  test('explains what is wrong with who, where and what', async (t) => {
    const { run } = await anApiWorld(t)
    const cases: readonly (readonly [line: string, code: number, stderr: RegExp])[] = [
      [
        'grant add ann shop/ writer',
        1,
        /"ann" does not say who\n.*write user:NAME[\s\S]*try: carrel grant add user:ann shop\/ writer/,
      ],
      ['grant add user:nobody shop/ writer', 3, /there is no user nobody/],
      ['grant add user:ann Shop/ writer', 1, /nothing can be granted on "Shop\/"/],
      ['grant add user:ann shop/ king', 1, /"king" is neither a role/],
      ['grant add anonymous shop/ writer', 1, /anonymous can be given pull only/],
      ['grant add user:ann shop/', 2, /grant add needs ROLE-OR-ACTIONS/],
      ['grant add user:ann shop/ writer --expires soon', 2, /--expires "soon" is no duration/],
    ]
    for (const [line, code, stderr] of cases) {
      const said = await run(line)
      assert.equal(said.code, code, `${line}: ${said.stderr}`)
      assert.match(said.stderr, stderr)
      assert.equal(said.stdout, '')
    }
  })

  test('lists what is worth a look', async (t) => {
    const { run } = await anApiWorld(t)
    await run('grant add user:bob shop/ reader --expires 30d')
    const ids = async (filters: string) =>
      (await run(`grant ls ${filters}`)).stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split('\t').slice(1, 4).join(' '))
    const owner = 'pull,push,overwrite,delete,decide,admin'
    assert.deepEqual(await ids('--who user:bob'), [`user:bob bob/ ${owner}`, 'user:bob shop/ pull'])
    assert.deepEqual(await ids('--who user:bob --without-expiry'), [`user:bob bob/ ${owner}`])
    assert.deepEqual(await ids('--where shop/ --never-used'), ['user:bob shop/ pull'])
    assert.deepEqual(await ids('--unused 90d'), [])
    assert.deepEqual(await ids('--broader'), [])
    assert.deepEqual(await ids('--disabled'), [])
    assert.match((await run('grant ls --unused 90d')).stderr, /no such grants/)
    assert.equal((await run('grant ls --unused 90m')).code, 2)
    const json = JSON.parse((await run('grant ls --where shop/ --json')).stdout) as {
      role: string
    }[]
    assert.deepEqual(
      json.map(({ role }) => role),
      ['reader'],
    )
    const people = await run('grant ls --where shop/', { terminal: true, env: { NO_COLOR: '1' } })
    assert.match(people.stdout, /^ID +WHO +WHERE +MAY/)
    assert.match(people.stdout, /user:bob {2}shop\/ {2}reader/)
  })

  test('changes a grant, and shows it', async (t) => {
    const { run, operator } = await anApiWorld(t)
    const { id } = await operator.call('grants.create', {
      who: 'user:bob',
      where: 'shop/',
      actions: 'writer',
    })
    const edited = await run(`grant edit ${id} --actions reader --expires 2099-01-31`)
    assert.equal(
      edited.stderr,
      `user:bob has reader on shop/ until 2099-01-31 00:00 UTC (grant ${id})\n`,
    )
    await run(`grant edit ${id} --expires never --reason why`)
    const shown = await run(`grant show ${id}`)
    const fields = new Map(
      shown.stdout.split('\n').map((line) => line.split('\t') as [string, string]),
    )
    assert.deepEqual(
      [fields.get('role'), fields.get('until'), fields.get('reason'), fields.get('last used')],
      ['reader', '', 'why', ''],
    )
    const unused = await run(`grant edit ${id} --shrink`)
    assert.equal(unused.code, 1)
    assert.match(unused.stderr, /nobody ever used it[\s\S]*try: carrel grant rm/)
    for (const line of ['', '--shrink --actions reader']) {
      assert.equal((await run(`grant edit ${id} ${line}`)).code, 2, line)
    }
    assert.equal((await run('grant show 99999')).code, 3)
    assert.equal((await run('grant show x')).code, 2)
  })

  test('takes rights away after a yes, several at once', async (t) => {
    const { run, operator } = await anApiWorld(t)
    const ids: number[] = []
    for (const where of ['a/', 'b/']) {
      const made = await operator.call('grants.create', {
        who: 'user:bob',
        where,
        actions: 'reader',
      })
      ids.push(made.id)
    }
    const [first = 0, second = 0] = ids
    const script = await run(`grant rm ${first}`)
    assert.equal(script.code, 2)
    assert.match(script.stderr, /user:bob loses reader on a\//)
    const removed = await run(`grant rm ${first} ${second} ${first} --yes --json`)
    assert.deepEqual(JSON.parse(removed.stdout), [
      { id: first, who: 'user:bob', where: 'a/', removed: true },
      { id: second, who: 'user:bob', where: 'b/', removed: true },
    ])
    assert.match(removed.stderr, /removed 2 grants/)
    const gone = await run(`grant rm ${first} --yes`)
    assert.equal(gone.code, 3)
    assert.match(gone.stderr, /there is no grant/)
  })
})
