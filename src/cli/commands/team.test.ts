import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { anApiWorld } from '../test-support/api-world.ts'

suite('carrel team', () => {
  test('makes a team and says what to do next', async (t) => {
    const { run } = await anApiWorld(t)
    const made = await run("team create web --description 'the shop'")
    assert.deepEqual([made.code, made.stdout], [0, ''])
    assert.equal(made.stderr, 'made team web\nnext: carrel team add web USER\n')
    const json = await run('team create ops --group oidc:corp=operators --group ldap:hq=ops --json')
    const { createdAt, ...team } = JSON.parse(json.stdout) as Record<string, unknown>
    assert.ok(typeof createdAt === 'string')
    assert.deepEqual(team, {
      name: 'ops',
      description: '',
      members: 0,
      groups: [
        { provider: 'ldap:hq', group: 'ops' },
        { provider: 'oidc:corp', group: 'operators' },
      ],
    })
    const again = await run('team create web')
    assert.equal(again.code, 1)
    assert.match(
      again.stderr,
      /^error: there is a team web already\n {2}try: carrel team show web\n$/,
    )
  })

  test('puts somebody in and takes them out', async (t) => {
    const { run } = await anApiWorld(t)
    await run('team create web')
    assert.equal(
      (await run('team add web ann --maintainer')).stderr,
      'ann is a maintainer of team web\n',
    )
    assert.equal((await run('team add web bob')).stderr, 'bob is in team web\n')
    const shown = await run('team show web')
    const lines = shown.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t').slice(0, 4))
    assert.deepEqual(lines, [
      ['ann', 'maintainer', 'local', 'active'],
      ['bob', 'member', 'local', 'active'],
    ])
    const json = JSON.parse((await run('team show web --json')).stdout) as {
      members: { name: string }[]
    }
    assert.deepEqual(
      json.members.map(({ name }) => name),
      ['ann', 'bob'],
    )
    assert.equal((await run('team remove web bob')).stderr, 'took bob out of team web\n')
    const mistyped = await run('team remove web an')
    assert.equal(mistyped.code, 3)
    assert.match(mistyped.stderr, /did you mean ann\?/)
    assert.match(mistyped.stderr, /try: carrel team remove web ann/)
    const nobody = await run('team add web nobody')
    assert.equal(nobody.code, 3)
    assert.match(nobody.stderr, /there is no user or robot nobody/)
  })

  test('lists teams for people and for programs', async (t) => {
    const { run } = await anApiWorld(t)
    const none = await run('team ls')
    assert.deepEqual([none.stdout, none.code], ['', 0])
    assert.match(none.stderr, /no teams yet/)
    await run("team create web --description 'the shop'")
    await run('team create ops')
    assert.equal((await run('team ls')).stdout, 'ops\t0\t\t\nweb\t0\t\tthe shop\n')
    const people = await run('team ls', { terminal: true, env: { NO_COLOR: '1' } })
    assert.match(people.stdout, /^NAME +MEMBERS +GROUPS +DESCRIPTION\nops/)
    const json = JSON.parse((await run('team ls --json')).stdout) as { name: string }[]
    assert.deepEqual(
      json.map(({ name }) => name),
      ['ops', 'web'],
    )
  })

  test('changes what is given, and nothing when nothing is', async (t) => {
    const { run, operator } = await anApiWorld(t)
    await run('team create web --group oidc:corp=a')
    assert.equal(
      (await run("team edit web --description 'all of it'")).stderr,
      'changed team web\n',
    )
    assert.equal((await operator.call('teams.show', { name: 'web' })).groups.length, 1)
    await run('team edit web --no-groups')
    const { groups, description } = await operator.call('teams.show', { name: 'web' })
    assert.deepEqual([groups, description], [[], 'all of it'])
    for (const line of [
      'team edit web',
      'team edit web --group x',
      'team edit web --group a=b --no-groups',
    ]) {
      assert.equal((await run(line)).code, 2, line)
    }
    const mistyped = await run('team edit wep --description x')
    assert.equal(mistyped.code, 3)
    assert.match(mistyped.stderr, /did you mean web\?/)
  })

  test('removes a team only after a yes, and says what goes', async (t) => {
    const { run, operator } = await anApiWorld(t)
    await run('team create web')
    await run('team add web ann')
    await run('grant add team:web shop/ writer')
    const script = await run('team rm web')
    assert.equal(script.code, 2)
    assert.match(script.stderr, /1 member and 1 grant/)
    assert.equal((await run('team rm web --dry-run')).code, 0)
    assert.equal((await run('team rm web', { typed: ['n'] })).code, 1)
    assert.equal((await operator.call('teams.list', {})).items.length, 1)
    const removed = await run('team rm web --yes --json')
    assert.deepEqual(JSON.parse(removed.stdout), {
      name: 'web',
      removed: true,
      members: 1,
      grants: 1,
    })
    assert.deepEqual((await operator.call('teams.list', {})).items, [])
    assert.equal((await run('team rm web --yes')).code, 3)
  })

  test('lets go of the data, whatever happens', async (t) => {
    const world = await anApiWorld(t)
    await world.run('team show none')
    await world.run('team ls')
    assert.equal(world.closed(), 2)
  })
})
