import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { findRepository } from '../../metadata/repositories.ts'
import { parseRepositoryName } from '../../oci/reference.ts'
import { aFolder, anApiWorld, serveApi, type ApiWorld } from '../test-support/api-world.ts'
import { addRepository } from '../test-support/repositories.ts'

async function repositoryOf({ app }: ApiWorld, name: string) {
  return findRepository(app.metadata, parseRepositoryName(name))
}

test('repo create makes a private repository, and says where to push', async (t) => {
  const world = await anApiWorld(t)
  const said = await world.run('repo create team/api')
  assert.equal(said.code, 0)
  assert.equal(said.stdout, '')
  assert.equal(
    said.stderr,
    'made private repository team/api\nnext: docker push localhost:5443/team/api:TAG\n',
  )
  assert.equal(world.opened[0]?.create, true)
  assert.equal((await repositoryOf(world, 'team/api'))?.visibility, 'private')
  const again = await world.run('repo create team/api')
  assert.equal(again.code, 1)
  assert.match(again.stderr, /there is a repository team\/api already\n {2}try: carrel repo edit/)
  const wrong = await world.run('repo create Team/api')
  assert.equal(wrong.code, 1)
})

test('repo create makes what the namespace says when nothing else is said', async (t) => {
  const world = await anApiWorld(t)
  await world.run('namespace create docs --visibility public')
  assert.match((await world.run('repo create docs/site')).stderr, /^made public repository/)
  const other = await world.run('repo create docs/draft --visibility private')
  assert.match(other.stderr, /^made private repository/)
})

test('repo create and edit set visibility and description', async (t) => {
  const world = await anApiWorld(t)
  const create = 'repo create site --visibility public --description text --json'
  const made = await world.run(create, {
    env: { CARREL_PUBLIC_URL: 'https://registry.example.com' },
  })
  const { createdAt, ...shown } = JSON.parse(made.stdout) as { createdAt: string }
  assert.match(createdAt, /^\d{4}-/)
  assert.deepEqual(shown, {
    name: 'site',
    visibility: 'public',
    description: 'text',
    tags: 0,
    manifests: 0,
    bytes: 0,
  })
  assert.match(made.stderr, /docker push registry\.example\.com\/site:TAG/)
  await world.run("repo edit site --description ''")
  const edited = await repositoryOf(world, 'site')
  assert.deepEqual([edited?.description, edited?.visibility], ['', 'public'])
  await world.run('repo edit site --visibility internal')
  assert.equal((await repositoryOf(world, 'site'))?.visibility, 'internal')
  assert.equal((await world.run('repo edit site')).code, 2)
})

test('repo ls prints an array of objects, tab-separated lines, or a hint when there is nothing', async (t) => {
  const world = await anApiWorld(t)
  const empty = await world.run('repo ls')
  assert.equal(empty.stdout, '')
  assert.match(empty.stderr, /docker push localhost:5443\/NAME:TAG/)
  assert.equal((await world.run('repo ls --json')).stdout, '[]\n')
  const { bytes } = await addRepository(world.app, 'team/api', ['1.0', '1.1'])
  await addRepository(world.app, 'team/none')
  const piped = await world.run('repo ls')
  const [first = '', second] = piped.stdout.split('\n')
  assert.match(first, new RegExp(`^team/api\tprivate\t2\t${bytes}\t\\d{4}-[^\t]+Z\t$`))
  assert.equal(second, 'team/none\tprivate\t0\t0\t\t')
  assert.equal(piped.stderr, '')
  const { stdout } = await world.run('repo ls --json')
  const [api, none] = JSON.parse(stdout) as object[]
  assert.deepEqual(
    { ...api, createdAt: '', pushedAt: '' },
    {
      name: 'team/api',
      visibility: 'private',
      description: '',
      tags: 2,
      manifests: 1,
      bytes,
      createdAt: '',
      pushedAt: '',
    },
  )
  assert.deepEqual(
    Object.keys(none ?? {}),
    Object.keys(api ?? {}).filter((key) => key !== 'pushedAt'),
  )
  assert.equal(world.opened[0]?.create, false)
})

test('repo ls of a namespace, of a visibility, and of both', async (t) => {
  const world = await anApiWorld(t)
  for (const name of ['team/api', 'team/web/app', 'team/web/cli', 'team-2/x', 'top']) {
    await addRepository(world.app, name)
  }
  await world.run('repo edit team/web/app --visibility public')
  await world.run('repo edit top --visibility public')
  const names = async (line: string) =>
    (await world.run(`repo ls ${line}`)).stdout
      .split('\n')
      .filter((row) => row !== '')
      .map((row) => row.split('\t')[0])
  assert.deepEqual(await names('team/'), ['team/api', 'team/web/app', 'team/web/cli'])
  assert.deepEqual(await names('team/web/'), ['team/web/app', 'team/web/cli'])
  assert.deepEqual(await names('/'), ['top'])
  assert.deepEqual(await names('--visibility public'), ['team/web/app', 'top'])
  assert.deepEqual(await names('team/ --visibility private'), ['team/api', 'team/web/cli'])
  assert.deepEqual(await names('team/ --visibility internal'), [])
  assert.match((await world.run('repo ls none/')).stderr, /^no such repositories/)
  for (const prefix of ['team', '/team/', '//']) {
    const { code, stderr } = await world.run(`repo ls ${prefix}`)
    assert.equal(code, 2, prefix)
    assert.match(stderr, /try: carrel repo ls/)
  }
})

test('a list is cut to the width of the terminal', async (t) => {
  const world = await anApiWorld(t)
  await addRepository(world.app, `team/${'long-'.repeat(30)}name`)
  const { stdout } = await world.run('repo ls', { terminal: true, env: { NO_COLOR: '1' } })
  assert.match(stdout, /team\/long/)
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
})

test('repo show prints one thing a line', async (t) => {
  const world = await anApiWorld(t)
  const { bytes } = await addRepository(world.app, 'team/api', ['1.0'])
  const { stdout } = await world.run('repo show team/api')
  assert.deepEqual(
    stdout.split('\n').map((line) => line.split('\t')[0]),
    ['name', 'visibility', 'description', 'tags', 'manifests', 'bytes', 'created', 'last push', ''],
  )
  assert.match(stdout, new RegExp(`\nbytes\t${bytes}\ncreated\t\\d{4}-.*Z\n`))
  const people = await world.run('repo show team/api', { terminal: true, env: { NO_COLOR: '1' } })
  assert.match(people.stdout, /^visibility {3}private\n.*\n.*\n.*\nsize {9}3\.6 MB$/m)
})

test('a repository that is not there ends with 3 and the name that was meant', async (t) => {
  const world = await anApiWorld(t)
  await addRepository(world.app, 'team/api')
  for (const words of ['show', 'edit --visibility public', 'rm --yes']) {
    const [verb = '', ...flags] = words.split(' ')
    const said = await world.run(`repo ${verb} team/apo ${flags.join(' ')}`)
    assert.equal(said.code, 3)
    assert.equal(said.stdout, '')
    assert.match(said.stderr, /no repository team\/apo; did you mean team\/api\?/)
    assert.ok(said.stderr.includes(`try: carrel repo ${verb} team/api`), said.stderr)
    const none = await world.run(`repo ${verb} 'Such Name' ${flags.join(' ')}`)
    assert.equal(none.code, 3)
    assert.match(none.stderr, /there is no repository Such Name/)
  }
  const far = await world.run('repo show something-else')
  assert.match(far.stderr, /try: carrel repo ls/)
})

test('repo rm says what goes, asks, and does nothing without a yes', async (t) => {
  const world = await anApiWorld(t)
  const { bytes } = await addRepository(world.app, 'team/api', ['1.0', '1.1'])
  const script = await world.run('repo rm team/api')
  assert.equal(script.code, 2)
  assert.match(script.stderr, /2 tags and 1 manifest \(3\.6 MB\)/)
  assert.match(script.stderr, /try: add --yes/)
  const dry = await world.run('repo rm team/api --dry-run')
  assert.equal(dry.code, 0)
  assert.match(dry.stderr, /^would happen: .*2 tags/)
  for (const answer of ['', 'n', 'nay']) {
    assert.equal((await world.run('repo rm team/api', { typed: [answer] })).code, 1)
  }
  assert.notEqual(await repositoryOf(world, 'team/api'), undefined)
  const said = await world.run('repo rm team/api --yes --json')
  assert.deepEqual(JSON.parse(said.stdout), {
    name: 'team/api',
    removed: true,
    tags: 2,
    manifests: 1,
    bytes,
  })
  assert.equal(await repositoryOf(world, 'team/api'), undefined)
})

suite('carrel repo with --host', () => {
  test('does there what the token may do, and names the server in what to type', async (t) => {
    const world = await anApiWorld(t)
    const { origin, caFile } = await serveApi(t, world.app, 'ann')
    const env = { HOME: await aFolder(t), CARREL_TOKEN: 'x' }
    const run = async (line: string) =>
      world.run(`${line} --host ${origin} --ca-file ${caFile}`, { env })
    const empty = await run('repo ls')
    assert.equal(
      empty.stderr,
      `nothing yet; push something: docker push ${hostOf(origin)}/NAME:TAG\n`,
    )
    const made = await run('repo create ann/app')
    assert.equal(made.code, 0)
    assert.ok(made.stderr.includes(`docker push ${hostOf(origin)}/ann/app:TAG`), made.stderr)
    assert.equal((await run('repo ls')).stdout, (await world.run('repo ls ann/')).stdout)
    assert.equal((await run('repo create bob/app')).code, 4)
    assert.equal((await run('repo rm ann/app --yes')).code, 0)
  })
})

function hostOf(origin: string): string {
  return new URL(origin).host
}
