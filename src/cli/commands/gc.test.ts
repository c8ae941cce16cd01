import assert from 'node:assert/strict'
import { test } from 'node:test'

import { insertBlob, linkBlob, unlinkBlob } from '../../metadata/blobs.ts'
import { findRepository } from '../../metadata/repositories.ts'
import { trashBlob } from '../../metadata/blob-trash.ts'
import { digestOf } from '../../oci/digest.ts'
import { parseRepositoryName } from '../../oci/reference.ts'
import { removeManifest } from '../../registry/delete.ts'
import { anApiWorld, type ApiWorld } from '../test-support/api-world.ts'
import { addRepository } from '../test-support/repositories.ts'

const terminal = { terminal: true, env: { NO_COLOR: '1' } }

async function idOf({ app }: ApiWorld, name: string): Promise<number> {
  return (await findRepository(app.metadata, parseRepositoryName(name)))?.id ?? 0
}

/** A deleted image, and a blob in the trash. */
async function aWorldWithGarbage(t: Parameters<typeof anApiWorld>[0]) {
  const world = await anApiWorld(t)
  const { digest } = await addRepository(world.app, 'team/api', ['1.0', '1.1'])
  const id = await idOf(world, 'team/api')
  const { metadata } = world.app
  await removeManifest(metadata, id, digest)
  const content = Buffer.from('left over')
  const left = digestOf(content)
  await metadata.write(async (tx) => {
    await insertBlob(tx, { digest: left, size: 9, storageKey: undefined, content })
    await linkBlob(tx, id, left)
    await unlinkBlob(tx, id, left)
    await trashBlob(tx, { digest: left, links: [id], now: Date.now() })
  })
  return { world, digest, left }
}

test('gc status says what will come back, what waits for how long, and why it is kept', async (t) => {
  const { world, digest, left } = await aWorldWithGarbage(t)
  const said = await world.run('gc status', terminal)
  const lines = said.stdout.split('\n')
  for (const line of lines) assert.ok(line.length <= 80, line)
  assert.match(said.stdout, /will come back {2}3\.6 MB in 2 blobs/)
  assert.match(said.stdout, /last run {8}never/)
  assert.match(said.stdout, /deleted images +1 {2}kept 14 days {2}20/)
  assert.match(said.stdout, /blobs in the trash +1 {2}kept 1 day {2}/)
  assert.match(said.stdout, /team\/api:1\.0 \+1 .*deleted {4,}20/)
  assert.match(said.stdout, new RegExp(`${left.slice(0, 19)} .*in the trash`))
  const piped = await world.run('gc status')
  assert.ok(piped.stdout.startsWith(`image\tteam/api\t${digest}\t1.0,1.1\t`), piped.stdout)
  const json = JSON.parse((await world.run('gc status --json')).stdout) as {
    things: { reason: string }[]
    reclaimable: object
  }
  assert.deepEqual(
    json.things.map(({ reason }) => reason),
    ['deleted', 'in the trash'],
  )
  assert.deepEqual(json.reclaimable, { blobs: 2, bytes: 3_600_009 })
})

test('gc run says what was done, and with --dry-run what would be', async (t) => {
  const { world } = await aWorldWithGarbage(t)
  const nothing = 'nothing is due: carrel gc status says what waits\n'
  assert.deepEqual(await world.run('gc run'), { code: 0, stdout: '', stderr: nothing })
  assert.equal((await world.run('gc run --dry-run')).stderr, nothing)
  const json = JSON.parse((await world.run('gc run --json')).stdout) as object
  assert.deepEqual(json, {
    repositories: 0,
    manifests: 0,
    purgedManifests: 0,
    blobs: 0,
    purgedBlobs: 0,
    bytes: 0,
    complete: true,
    errors: 0,
    errorMessages: [],
    busy: false,
    heldByBackup: false,
  })
  const status = await world.run('gc status', terminal)
  assert.match(status.stdout, /last run {8}20.* UTC, 0 B came back/)
})

test('gc undo brings back what is in the trash, after a yes', async (t) => {
  const { world } = await aWorldWithGarbage(t)
  assert.equal((await world.run('gc undo')).code, 2)
  const dry = await world.run('gc undo --dry-run')
  assert.match(dry.stderr, /^would happen: 1 blob \(9 B\) and 0 untagged images come back/)
  const done = await world.run('gc undo --yes --json')
  assert.match(done.stderr, /^brought back 1 blob \(9 B\) and 0 untagged images/)
  assert.deepEqual(JSON.parse(done.stdout), {
    undone: true,
    blobs: 1,
    bytes: 9,
    manifests: 0,
    errors: 0,
    errorMessages: [],
  })
})

test('tag history and tag restore tell what a tag was, and make it that again', async (t) => {
  const world = await anApiWorld(t)
  const { digest } = await addRepository(world.app, 'team/api', ['1.0'])
  const short = digest.slice(0, 'sha256:'.length + 12)
  await world.run('tag rm team/api:1.0 --yes')
  const people = await world.run('tag history team/api:1.0', terminal)
  for (const line of people.stdout.split('\n')) assert.ok(line.length <= 80, line)
  assert.match(people.stdout, new RegExp(`UTC {2}1\\.0 +${short} {2}deleted`))
  assert.match(people.stdout, new RegExp(`UTC {2}1\\.0 +none +${short} +ann`))
  const piped = await world.run('tag history team/api')
  assert.match(piped.stdout, new RegExp(`Z\\t1\\.0\\t${digest}\\t\\t\\n`))
  const restored = await world.run('tag restore team/api:1.0')
  assert.equal(restored.stderr, `team/api:1.0 points to ${digest} again\n`)
  const again = await world.run(`tag restore team/api:1.0@${digest} --json`)
  assert.equal((JSON.parse(again.stdout) as { changed: boolean }).changed, false)
  await removeManifest(world.app.metadata, await idOf(world, 'team/api'), digest)
  const image = await world.run(`tag restore team/api@${digest}`)
  assert.equal(image.stderr, `team/api@${digest} is there again\nwith 1.0\n`)
  for (const bad of ['team/api', 'team/api@', ':1.0', 'team/api:1.0@sha256:abc']) {
    const said = await world.run(`tag restore ${bad}`)
    assert.ok(said.code === 2 || said.code === 1, `${bad}: ${said.stderr}`)
  }
  const gone = await world.run('tag restore team/ap:1.0')
  assert.equal(gone.code, 3)
  assert.match(gone.stderr, /did you mean team\/api\?/)
  assert.equal((await world.run('tag history team/api@sha256:abc')).code, 2)
  assert.equal((await world.run('tag history team/api --limit no')).code, 2)
  const limited = await world.run('tag history team/api --limit 1 --json')
  assert.equal((JSON.parse(limited.stdout) as unknown[]).length, 1)
})

test('repo ls --deleted and repo restore bring a removed repository back', async (t) => {
  const world = await anApiWorld(t)
  await addRepository(world.app, 'team/api', ['1.0'])
  assert.match((await world.run('repo ls --deleted')).stderr, /^no removed repositories/)
  await world.run('repo rm team/api --yes')
  const people = await world.run('repo ls --deleted', terminal)
  for (const line of people.stdout.split('\n')) assert.ok(line.length <= 80, line)
  assert.match(people.stdout, /team\/api +1 {2}3\.6 MB {2}20.* UTC/)
  assert.equal((await world.run('repo ls other/ --deleted --json')).stdout, '[]\n')
  const restored = await world.run('repo restore team/api')
  const holds = '1 tag and 1 manifest and 0 grants'
  assert.equal(restored.stderr, `brought back repository team/api with ${holds}\n`)
  const again = await world.run('repo restore team/api')
  assert.equal(again.code, 3)
  assert.match(
    again.stderr,
    /no removed repository team\/api.*\n.*\n {2}try: carrel repo ls --deleted/i,
  )
})
