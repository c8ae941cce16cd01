import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { anApiWorld } from '../test-support/api-world.ts'
import { addRepository } from '../test-support/repositories.ts'

suite('carrel namespace', () => {
  test('create makes one for somebody, and says what new repositories are', async (t) => {
    const { run } = await anApiWorld(t)
    const made = await run(
      "namespace create shop/ --owner user:ann --visibility internal --description 'the shop' --json",
    )
    assert.equal(made.code, 0)
    const { createdAt, ...shown } = JSON.parse(made.stdout) as { createdAt: string }
    assert.match(createdAt, /^\d{4}-/)
    assert.deepEqual(shown, {
      name: 'shop',
      description: 'the shop',
      defaultVisibility: 'internal',
      repositories: 0,
      owners: ['user:ann'],
    })
    assert.equal(made.stderr, 'made namespace shop for user:ann: new repositories are internal\n')
    assert.match((await run('repo create shop/app')).stderr, /^made internal repository/)
    const alone = await run('namespace create docs')
    assert.match(alone.stderr, /new repositories are private\nnext: carrel grant add WHO docs\//)
    const again = await run('namespace create shop')
    assert.equal(again.code, 1)
    assert.match(again.stderr, /try: carrel namespace show shop/)
  })

  test('create knows who was meant, and that a user’s name is for that user', async (t) => {
    const { run } = await anApiWorld(t)
    const bare = await run('namespace create shop --owner ann')
    assert.equal(bare.code, 1)
    assert.match(bare.stderr, /try: carrel namespace create shop --owner user:ann/)
    const near = await run('namespace create shop --owner user:anm')
    assert.equal(near.code, 3)
    assert.match(near.stderr, /try: carrel namespace create shop --owner user:ann/)
    assert.equal((await run('namespace create shop --owner signed-in')).code, 1)
    await run('namespace rm ann --yes')
    const name = await run('namespace create ann --owner user:bob')
    assert.equal(name.code, 1)
    assert.match(name.stderr, /try: carrel namespace create ann --owner user:ann/)
    assert.equal((await run('namespace create ann --owner user:ann')).code, 0)
  })

  test('ls and show tell whose it is', async (t) => {
    const { run, app } = await anApiWorld(t)
    await addRepository(app, 'ann/app')
    const ls = await run('namespace ls')
    assert.equal(ls.stdout, 'admin\tprivate\t0\t\nann\tprivate\t1\t\nbob\tprivate\t0\t\n')
    const json = JSON.parse((await run('namespace ls --json')).stdout) as object[]
    assert.deepEqual(Object.keys(json[0] ?? {}), [
      'name',
      'description',
      'defaultVisibility',
      'repositories',
      'createdAt',
    ])
    const show = await run('namespace show ann')
    assert.match(
      show.stdout,
      /^name\tann\n.*\nvisibility\tprivate\nrepositories\t1\nowners\tuser:ann\n/,
    )
    await run('namespace create docs')
    assert.match((await run('namespace show docs')).stderr, /grant add user:NAME docs\/ owner/)
    const missing = await run('namespace show an')
    assert.equal(missing.code, 3)
    assert.match(missing.stderr, /no namespace an; did.*\n {2}try: carrel namespace show ann/)
  })

  test('edit changes what new repositories are', async (t) => {
    const { run } = await anApiWorld(t)
    const edited = await run('namespace edit ann --visibility public')
    assert.equal(edited.stderr, 'changed namespace ann: new repositories are public\n')
    assert.match((await run('repo create ann/site')).stderr, /^made public/)
    const described = await run("namespace edit ann --description 'of Ann' --json")
    assert.deepEqual(
      Object.entries(JSON.parse(described.stdout) as Record<string, unknown>)
        .filter(([key]) => key !== 'createdAt')
        .map(([, value]) => value),
      ['ann', 'of Ann', 'public', 1, ['user:ann']],
    )
    assert.equal((await run('namespace edit ann')).code, 2)
    assert.equal((await run('namespace edit none --visibility public')).code, 3)
  })

  test('rm takes away what is empty, with its grants, after a yes', async (t) => {
    const { run, app } = await anApiWorld(t)
    await run('grant add user:bob ann/ writer')
    await addRepository(app, 'bob/app')
    assert.equal((await run('namespace rm ann')).code, 2)
    const dry = await run('namespace rm ann --dry-run --json')
    assert.deepEqual(JSON.parse(dry.stdout), { name: 'ann', removed: false, grants: 2 })
    assert.match(dry.stderr, /^would happen: namespace ann is removed with 2 grants/)
    assert.equal((await run('namespace rm ann/ --yes')).code, 0)
    assert.equal((await run('namespace show ann')).code, 3)
    assert.equal((await run('grant ls --where ann/')).stdout, '')
    for (const flag of ['--yes', '--dry-run']) {
      const full = await run(`namespace rm bob ${flag}`)
      assert.equal(full.code, 4)
      assert.match(full.stderr, /bob is not empty\n {2}why: 1 repository is in it\n.*repo ls bob\//)
    }
  })
})
