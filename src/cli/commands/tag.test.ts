import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createWorld, runCli } from '../test-support.ts'
import { anApiWorld } from '../test-support/api-world.ts'
import { addRepository } from '../test-support/repositories.ts'

test('tag ls prints whole digests for programs and short ones for people', async (t) => {
  const world = await anApiWorld(t)
  const { digest, bytes } = await addRepository(world.app, 'team/api', ['1.0'])
  const json = await world.run('tag ls team/api --json')
  const [tag] = JSON.parse(json.stdout) as { updatedAt: string }[]
  assert.match(tag?.updatedAt ?? '', /^\d{4}-.*Z$/)
  assert.deepEqual(
    { ...tag, updatedAt: '' },
    {
      name: '1.0',
      digest,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      bytes,
      updatedAt: '',
      updatedBy: 'ann',
    },
  )
  const piped = await world.run('tag ls team/api')
  assert.ok(piped.stdout.startsWith(`1.0\t${digest}\t${bytes}\t`), piped.stdout)
  assert.match(piped.stdout, /Z\tann\n$/)
  const people = await world.run('tag ls team/api', { terminal: true, env: { NO_COLOR: '1' } })
  const short = digest.slice(0, 'sha256:'.length + 12)
  assert.ok(people.stdout.includes(`1.0  ${short}  3.6 MB  manifest`), people.stdout)
})

test('tag ls of a repository that is not there ends with 3, and of an empty one says so', async (t) => {
  const world = await anApiWorld(t)
  await addRepository(world.app, 'team/api')
  const said = await world.run('tag ls team/ap --json')
  assert.equal(said.code, 3)
  assert.equal(said.stdout, '')
  assert.match(said.stderr, /no repository team\/ap; did.*\n {2}try: carrel tag ls team\/api/)
  assert.equal((await world.run("tag ls 'No Such'")).code, 3)
  const empty = await world.run('tag ls team/api')
  assert.deepEqual(empty, { code: 0, stdout: '', stderr: 'team/api has no tags\n' })
})

test('tag rm removes one tag after a yes', async (t) => {
  const world = await anApiWorld(t)
  const { digest } = await addRepository(world.app, 'team/api', ['1.0', '1.1'])
  const names = async () =>
    (await world.run('tag ls team/api')).stdout.split('\n').map((line) => line.split('\t')[0])
  assert.equal((await world.run('tag rm team/api:1.0')).code, 2)
  assert.equal((await world.run('tag rm team/api:1.0 --dry-run')).code, 0)
  assert.deepEqual(await names(), ['1.0', '1.1', ''])
  const said = await world.run('tag rm team/api:1.0 -y --json')
  assert.deepEqual(JSON.parse(said.stdout), {
    repository: 'team/api',
    tag: '1.0',
    removed: true,
    digest,
  })
  assert.deepEqual(await names(), ['1.1', ''])
})

test('tag rm of a tag that is not there guesses and asks nothing', async (t) => {
  const world = await anApiWorld(t)
  await addRepository(world.app, 'team/api', ['1.0', 'latest'])
  const said = await world.run('tag rm team/api:latst')
  assert.equal(said.code, 3)
  assert.match(
    said.stderr,
    /no tag latst in team\/api; did you mean latest\?\n {2}try: carrel tag rm team\/api:latest/,
  )
})

for (const reference of ['team/api', 'localhost:5443/team/api', 'team/api@sha256:abc', ':1.0']) {
  test(`${reference} names no tag`, async () => {
    const said = await runCli(['tag', 'rm', reference, '--yes'], createWorld().composition)
    assert.equal(said.code, 2)
    assert.match(said.stderr, /names no tag/)
  })
}
