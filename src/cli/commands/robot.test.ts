import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { anApiWorld } from '../test-support/api-world.ts'

const secretLine = /^carrel_robot_[0-9A-Za-z]{36}\n$/

suite('carrel robot', () => {
  test('create prints the secret alone, and says what the robot has', async (t) => {
    const { run, operator } = await anApiWorld(t)
    const made = await run(
      "robot create ci --scope 'shop/app:pull,push' --scope 'shop/base:pull' --description 'builds the shop' --expires never",
    )
    assert.equal(made.code, 0)
    assert.match(made.stdout, secretLine)
    assert.equal(
      made.stderr,
      'made robot ci with 2 grants, without an end\nit signs in so: docker login -u ci --password-stdin HOST\n',
    )
    const { items } = await operator.call('grants.list', { who: 'robot:ci' })
    assert.deepEqual(
      items.map(({ where, actions }) => `${where} ${actions.join(',')}`),
      ['shop/app pull,push', 'shop/base pull'],
    )
    const bare = await run('robot create deploy --json')
    const robot = JSON.parse(bare.stdout) as { secret: string; grants: number }
    assert.match(`${robot.secret}\n`, secretLine)
    assert.match(bare.stderr, /next: carrel grant add robot:deploy WHERE writer/)
    const taken = await run('robot create ann')
    assert.deepEqual([taken.code, taken.stdout], [1, ''])
    assert.match(taken.stderr, /a user ann already\n.*share their names/)
    const wrong = await run("robot create x --scope 'shop/app:fly'")
    assert.deepEqual([wrong.code, wrong.stdout], [1, ''])
  })

  test('rotate prints another secret; ls shows both while the old one works', async (t) => {
    const { run } = await anApiWorld(t)
    const first = await run('robot create ci')
    const rotated = await run('robot rotate ci')
    assert.match(rotated.stdout, secretLine)
    assert.notEqual(rotated.stdout, first.stdout)
    assert.match(rotated.stderr, /^robot ci has a new secret, until .*\nthe old secret works until/)
    const fields = (await run('robot ls')).stdout.trimEnd().split('\t')
    assert.deepEqual(
      [fields[0], fields[1], fields[2], fields[4], fields[6]],
      ['ci', 'active', '0', '', 'replaced, current'],
    )
    const people = await run('robot ls', { terminal: true, env: { TERM: 'dumb' } })
    assert.match(people.stdout, /^NAME {2}STATE {3}GRANTS/)
    const missing = await run('robot rotate c1')
    assert.deepEqual([missing.code, missing.stdout], [3, ''])
    assert.match(missing.stderr, /try: carrel robot (rotate ci|ls)/)
  })

  test('disable, enable and rm', async (t) => {
    const { run, operator } = await anApiWorld(t)
    await run("robot create ci --scope 'shop/:pull'")
    assert.equal((await run('robot disable ci')).stderr, 'disabled robot ci\n')
    assert.match((await run('robot ls')).stdout, /^ci\tdisabled\t/)
    const enabled = await run('robot enable ci --json')
    assert.equal((JSON.parse(enabled.stdout) as { disabled: boolean }).disabled, false)
    assert.equal((await run('robot rm ci')).code, 2)
    const dry = await run('robot rm ci --dry-run')
    assert.match(dry.stderr, /robot ci is removed with 1 grant/)
    const removed = await run('robot rm ci --yes --json')
    assert.deepEqual(JSON.parse(removed.stdout), { name: 'ci', removed: true })
    assert.equal((await operator.call('robots.list', {})).items.length, 0)
    assert.equal((await run('robot disable ci')).code, 3)
    assert.match((await run('robot ls')).stderr, /no robots yet/)
  })
})
