import assert from 'node:assert/strict'
import { test } from 'node:test'

import { addRepository, createWorld, runCli } from '../test-support.ts'

const digest = `sha256:${'ab'.repeat(32)}`

test('tag ls prints whole digests for programs and short ones for people', async () => {
  const world = createWorld()
  addRepository(world, 'team/api', ['1.0'])
  const json = await runCli(['tag', 'ls', 'team/api', '--json'], world.composition)
  assert.deepEqual(JSON.parse(json.stdout), [
    {
      name: '1.0',
      digest,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      bytes: 3_600_000,
      updatedAt: '2026-11-23T12:00:00.000Z',
      updatedBy: 'ann',
    },
  ])
  const piped = await runCli(['tag', 'ls', 'team/api'], world.composition)
  assert.ok(piped.stdout.startsWith(`1.0\t${digest}\t3600000\t`), piped.stdout)
  const people = await runCli(['tag', 'ls', 'team/api'], world.composition, { terminal: true })
  assert.match(people.stdout, /1\.0 {2}sha256:abababababab {2}3\.6 MB {2}index/)
})

test('tag ls of a repository that is not there ends with 3', async () => {
  const world = createWorld()
  addRepository(world, 'team/api')
  const said = await runCli(['tag', 'ls', 'team/ap', '--json'], world.composition)
  assert.equal(said.code, 3)
  assert.equal(said.stdout, '')
  assert.match(said.stderr, /try: carrel tag ls team\/api/)
})

test('tag rm removes one tag after a yes', async () => {
  const world = createWorld()
  addRepository(world, 'team/api', ['1.0', '1.1'])
  const words = ['tag', 'rm', 'team/api:1.0']
  assert.equal((await runCli(words, world.composition)).code, 2)
  assert.equal((await runCli([...words, '--dry-run'], world.composition)).code, 0)
  assert.equal(world.tags.get('team/api')?.length, 2)
  const said = await runCli([...words, '-y', '--json'], world.composition)
  assert.deepEqual(JSON.parse(said.stdout), {
    repository: 'team/api',
    tag: '1.0',
    removed: true,
    digest,
  })
  assert.deepEqual(
    world.tags.get('team/api')?.map(({ name }) => name),
    ['1.1'],
  )
})

test('tag rm of a tag that is not there guesses and asks nothing', async () => {
  const world = createWorld()
  addRepository(world, 'team/api', ['1.0', 'latest'])
  const said = await runCli(['tag', 'rm', 'team/api:latst'], world.composition)
  assert.equal(said.code, 3)
  assert.match(said.stderr, /did you mean latest\?\n {2}try: carrel tag rm team\/api:latest/)
})

for (const reference of ['team/api', 'localhost:5443/team/api', 'team/api@sha256:abc', ':1.0']) {
  test(`${reference} names no tag`, async () => {
    const said = await runCli(['tag', 'rm', reference, '--yes'], createWorld().composition)
    assert.equal(said.code, 2)
    assert.match(said.stderr, /names no tag/)
  })
}
