import assert from 'node:assert/strict'
import { test } from 'node:test'

import { addRepository, createWorld, runCli } from '../test-support.ts'

test('repo create makes a private repository, and says where to push', async () => {
  const world = createWorld()
  const said = await runCli(['repo', 'create', 'team/api'], world.composition)
  assert.equal(said.code, 0)
  assert.equal(said.stdout, '')
  assert.equal(
    said.stderr,
    'made private repository team/api\nnext: docker push localhost:5443/team/api:TAG\n',
  )
  assert.equal(world.repositories.get('team/api')?.visibility, 'private')
  assert.equal((await runCli(['repo', 'create', 'team/api'], world.composition)).code, 1)
})

test('repo create and edit set visibility and description', async () => {
  const world = createWorld()
  const create = 'repo create site --visibility public --description text --json'
  const made = await runCli(create.split(' '), world.composition, {
    env: { CARREL_PUBLIC_URL: 'https://registry.example.com' },
  })
  assert.deepEqual(JSON.parse(made.stdout), {
    name: 'site',
    visibility: 'public',
    description: 'text',
    tags: 0,
    manifests: 0,
    bytes: 0,
    createdAt: '2026-11-23T12:00:00.000Z',
  })
  assert.match(made.stderr, /docker push registry\.example\.com\/site:TAG/)
  await runCli(['repo', 'edit', 'site', '--description', ''], world.composition)
  assert.equal(world.repositories.get('site')?.description, '')
  assert.equal(world.repositories.get('site')?.visibility, 'public')
  await runCli(['repo', 'edit', 'site', '--visibility', 'internal'], world.composition)
  assert.equal(world.repositories.get('site')?.visibility, 'internal')
  const nothing = await runCli(['repo', 'edit', 'site'], world.composition)
  assert.equal(nothing.code, 2)
})

test('repo ls prints an array of objects, tab-separated lines, or a hint when there is nothing', async () => {
  const world = createWorld()
  const empty = await runCli(['repo', 'ls'], world.composition)
  assert.equal(empty.stdout, '')
  assert.match(empty.stderr, /docker push localhost:5443\/NAME:TAG/)
  assert.equal((await runCli(['repo', 'ls', '--json'], world.composition)).stdout, '[]\n')
  addRepository(world, 'team/api', ['1.0', '1.1'])
  const piped = await runCli(['repo', 'ls'], world.composition)
  assert.equal(piped.stdout, 'team/api\tprivate\t2\t3600000\t\t\n')
  assert.equal(piped.stderr, '')
  const { stdout } = await runCli(['repo', 'ls', '--json'], world.composition)
  assert.deepEqual(JSON.parse(stdout), [
    {
      name: 'team/api',
      visibility: 'private',
      description: '',
      tags: 2,
      manifests: 0,
      bytes: 3_600_000,
      createdAt: '2026-11-23T12:00:00.000Z',
    },
  ])
  assert.equal(world.opened[0]?.create, false)
})

test('a list is cut to the width of the terminal', async () => {
  const world = createWorld()
  addRepository(world, `team/${'long-'.repeat(30)}name`)
  const { stdout } = await runCli(['repo', 'ls'], world.composition, {
    terminal: true,
    env: { NO_COLOR: '1' },
  })
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
})

test('repo show prints one thing a line', async () => {
  const world = createWorld()
  addRepository(world, 'team/api', ['1.0'])
  const { stdout } = await runCli(['repo', 'show', 'team/api'], world.composition)
  assert.deepEqual(
    stdout.split('\n').map((line) => line.split('\t')[0]),
    ['name', 'visibility', 'description', 'tags', 'manifests', 'bytes', 'created', 'last push', ''],
  )
})

test('a repository that is not there ends with 3 and the name that was meant', async () => {
  const world = createWorld()
  addRepository(world, 'team/api')
  for (const words of [['show'], ['edit', '--visibility', 'public'], ['rm', '--yes']]) {
    const [verb = '', ...flags] = words
    const said = await runCli(['repo', verb, 'team/apo', ...flags], world.composition)
    assert.equal(said.code, 3)
    assert.equal(said.stdout, '')
    assert.match(said.stderr, /no repository team\/apo; did you mean team\/api\?/)
    assert.ok(said.stderr.includes(`try: carrel repo ${verb} team/api`), said.stderr)
  }
  const far = await runCli(['repo', 'show', 'something-else'], world.composition)
  assert.match(far.stderr, /try: carrel repo ls/)
})

test('repo rm says what goes, asks, and does nothing without a yes', async () => {
  const world = createWorld()
  addRepository(world, 'team/api', ['1.0', '1.1'])
  const words = ['repo', 'rm', 'team/api']
  const script = await runCli(words, world.composition)
  assert.equal(script.code, 2)
  assert.match(script.stderr, /2 tags and 0 manifests \(3\.6 MB\)/)
  assert.match(script.stderr, /try: add --yes/)
  const dry = await runCli([...words, '--dry-run'], world.composition)
  assert.equal(dry.code, 0)
  assert.match(dry.stderr, /^would happen: .*2 tags/)
  for (const answer of ['', 'n', 'nay']) {
    assert.equal((await runCli(words, world.composition, { typed: [answer] })).code, 1)
  }
  assert.equal(world.repositories.size, 1)
  const said = await runCli([...words, '--yes', '--json'], world.composition)
  assert.deepEqual(JSON.parse(said.stdout), {
    name: 'team/api',
    removed: true,
    tags: 2,
    manifests: 0,
    bytes: 3_600_000,
  })
  assert.equal(world.repositories.size, 0)
})
