import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'

import { verifyEvidence } from '../../access/evidence.ts'
import { ensureEvidenceKey } from '../../access/evidence-key.ts'
import { noteGrantUses } from '../../metadata/grant-uses.ts'
import { query } from '../../metadata/query.ts'
import { anApiWorld } from '../test-support/api-world.ts'

const day = 24 * 60 * 60 * 1000

const age = query<{ at: number }>()((db, p) =>
  db.updateTable('grants').set({ granted_at: p.at, changed_at: p.at }),
)

/** bob has a grant on shop/ that is 100 days old and was used for pushes. */
async function aWorld(t: TestContext) {
  const world = await anApiWorld(t)
  const { app, operator } = world
  const given = { who: 'user:bob', where: 'shop/', actions: 'writer', reason: '=cmd' }
  const { id } = await operator.call('grants.create', given)
  await app.metadata.write(async (tx) => {
    await tx.run(age, { at: Date.now() - 100 * day })
    await noteGrantUses(tx, [{ grantId: id, at: Date.now(), actions: ['push'] }])
  })
  return { ...world, id }
}

suite('carrel access explain', () => {
  test('says why somebody may, and ends with 0', async (t) => {
    const { run } = await aWorld(t)
    const { code, stdout } = await run('access explain user:bob shop/app push')
    assert.equal(code, 0)
    assert.match(stdout, /^yes\t.*shop\//)
  })

  test('says why somebody may not and what would let them, and ends with 4', async (t) => {
    const { run } = await aWorld(t)
    const { code, stdout, stderr } = await run('access explain user:ann shop/app push')
    assert.equal(code, 4)
    assert.match(stdout, /^no\t/)
    assert.match(stderr, /to allow it: carrel grant add user:ann shop\/app/)
    const json = await run('access explain user:ann shop/app push --json')
    assert.equal(json.code, 4)
    assert.equal((JSON.parse(json.stdout) as { allowed: boolean }).allowed, false)
  })

  test('of nobody and of nothing is a mistake', async (t) => {
    const { run } = await aWorld(t)
    assert.equal((await run('access explain user:nobody shop/app push')).code, 3)
    assert.notEqual((await run('access explain user:ann shop/app fly')).code, 0)
    assert.equal((await run('access explain user:ann')).code, 2)
  })
})

suite('carrel access review', () => {
  test('reports grants, administrators and open repositories', async (t) => {
    const { run, operator } = await aWorld(t)
    await operator.call('repositories.create', { name: 'shop/site', visibility: 'public' })
    await operator.call('repositories.create', { name: 'shop/app' })
    const { code, stdout } = await run('access review')
    assert.equal(code, 0)
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
    const told = rows.map(
      ([grant, who, where]) => `${Number(grant) > 0 ? 'grant' : grant} ${who} ${where}`,
    )
    assert.ok(told.includes('grant user:bob shop/'))
    assert.ok(told.includes('administrator user:admin *'))
    assert.ok(told.includes('visibility anonymous shop/site'))
    assert.ok(!told.some((row) => row.endsWith(' shop/app')))
  })

  test('filters everything alike', async (t) => {
    const { run, operator } = await aWorld(t)
    await operator.call('repositories.create', { name: 'shop/site', visibility: 'public' })
    const who = async (filters: string) =>
      (await run(`access review ${filters}`)).stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split('\t').slice(1, 3).join(' '))
    assert.deepEqual(await who('--broader'), ['user:bob shop/'])
    assert.deepEqual(await who('--where shop/'), ['user:bob shop/', 'anonymous shop/site'])
    assert.deepEqual(await who("--where 's*/*'"), ['anonymous shop/site'])
    assert.deepEqual(await who('--where shop/ --no-expiry --who anonymous'), [
      'anonymous shop/site',
    ])
    assert.deepEqual(await who('--unused 90d --where shop/'), [])
    assert.deepEqual(await who('--unused 90d --who user:ann'), ['user:ann ann/'])
    assert.deepEqual(await who('--unused 101d'), [])
    assert.deepEqual(await who('--disabled'), [])
    assert.deepEqual(await who('--never-used --who user:admin'), [
      'user:admin admin/',
      'user:admin *',
    ])
    assert.equal((await run('access review --unused 36h')).code, 2)
    assert.equal((await run('access review --json --csv')).code, 2)
  })

  test('as a table for spreadsheets it has no formulas, and as JSON whole objects', async (t) => {
    const { run, id } = await aWorld(t)
    const csv = await run('access review --csv --who user:bob --where shop/')
    const [heading, row] = csv.stdout.split('\r\n')
    assert.match(heading ?? '', /^kind,grant,who,where,actions,/)
    assert.match(row ?? '', new RegExp(`^grant,${id},user:bob,shop/,pull push overwrite,push,`))
    assert.match(row ?? '', /,"'=cmd",/)
    const json = await run('access review --json --who user:bob --where shop/')
    const [right] = JSON.parse(json.stdout) as { id: number; flags: string[]; reason: string }[]
    assert.deepEqual([right?.id, right?.reason], [id, '=cmd'])
    assert.deepEqual(right?.flags, ['broader-than-used', 'no-expiry'])
  })
})

suite('carrel access shrink', () => {
  test('takes away what nobody used, after it has said so', async (t) => {
    const { run, operator, id } = await aWorld(t)
    const actions = async () => (await operator.call('grants.show', { id })).actions.join(',')
    const dry = await run(`access shrink ${id} --dry-run --json`)
    assert.equal(dry.code, 0)
    assert.match(dry.stderr, /would happen: user:bob has pull,push,overwrite on shop\/, used push/)
    assert.equal((JSON.parse(dry.stdout) as { shrunk: boolean }[])[0]?.shrunk, false)
    assert.equal((await run(`access shrink ${id}`)).code, 2)
    assert.equal(await actions(), 'pull,push,overwrite')
    const done = await run(`access shrink ${id} --yes --json`)
    assert.equal(done.code, 0)
    assert.match(done.stderr, /user:bob lost .*overwrite on shop\//)
    assert.equal((JSON.parse(done.stdout) as { shrunk: boolean }[])[0]?.shrunk, true)
    assert.ok((await actions()).includes('push'))
  })

  test('--all leaves out what is young and what users own', async (t) => {
    const { run, app, operator, id } = await aWorld(t)
    const { items } = await operator.call('grants.list', { who: 'user:ann' })
    const use = { grantId: items[0]?.id ?? 0, at: Date.now(), actions: ['pull'] }
    await app.metadata.write(async (tx) => noteGrantUses(tx, [use]))
    const ids = async (flags: string) => {
      const { stdout } = await run(`access shrink --all --dry-run --json ${flags}`)
      return (JSON.parse(stdout) as { id: number }[]).map((each) => each.id)
    }
    assert.deepEqual(await ids(''), [id])
    assert.deepEqual(await ids('--where web/'), [])
    assert.deepEqual(await ids('--min-age 101d'), [])
    assert.deepEqual(await ids('--unused 30d'), [])
  })

  test('needs to know which grants, and takes none that was never used', async (t) => {
    const { run, operator } = await aWorld(t)
    assert.equal((await run('access shrink')).code, 2)
    assert.equal((await run('access shrink 1 --all')).code, 2)
    assert.equal((await run('access shrink 1 --where web/')).code, 2)
    assert.equal((await run('access shrink x')).code, 2)
    assert.equal((await run('access shrink 999 --yes')).code, 3)
    const { items } = await operator.call('grants.list', { neverUsed: true })
    const { code, stderr } = await run(`access shrink ${items[0]?.id} --yes`)
    assert.equal(code, 2)
    assert.match(stderr, /was never used[\s\S]*carrel grant rm/)
  })
})

suite('carrel access campaign', () => {
  test('goes from its opening to signed evidence', async (t) => {
    const { run, app, id } = await aWorld(t)
    const key = await ensureEvidenceKey(app.metadata)
    const opened = await run(
      'access campaign open spring --where shop/ --owner ann --due 14d --json',
    )
    assert.equal(opened.code, 0)
    assert.match(opened.stderr, /ann decides on 1 grant until /)
    const review = (JSON.parse(opened.stdout) as { id: number }).id
    assert.match((await run('access campaign ls')).stdout, /\tspring\tshop\/\tann\t1\t1\t/)
    const shown = await run(`access campaign show ${review} --undecided`)
    assert.match(shown.stdout, new RegExp(`^${id}\tuser:bob\tshop/\tpull,push,overwrite\t`))
    assert.match(shown.stderr, /1 of 1 are undecided/)
    assert.equal((await run(`access campaign decide ${review} ${id} perhaps`)).code, 2)
    const decided = await run(`access campaign decide ${review} ${id} keep --note fine`)
    assert.match(decided.stderr, /user:bob: keep, pull,push,overwrite on shop\//)
    assert.equal((await run(`access campaign evidence ${review}`)).code, 3)
    assert.equal((await run(`access campaign close ${review}`)).code, 2)
    const closed = await run(`access campaign close ${review} --yes`)
    assert.equal(closed.code, 0)
    const { stdout } = await run(`access campaign evidence ${review} --json`)
    const signed = JSON.parse(stdout) as {
      content: string
      signature: string
      keyId: string
      publicKey: string
    }
    const keys = [{ kid: key.kid, publicJwk: key.publicJwk }]
    assert.deepEqual(verifyEvidence(signed, keys), { ok: true, keyId: key.kid })
    assert.equal((await run(`access campaign evidence ${review}`)).stdout, signed.content)
    assert.match(
      (await run(`access campaign evidence ${review} --csv`)).stdout,
      /^review,review id,grant,/,
    )
    assert.equal((await run('access campaign ls --open')).stdout, '')
  })

  test('closing says how many grants end', async (t) => {
    const { run } = await aWorld(t)
    const { stdout } = await run(
      'access campaign open spring --where shop/ --owner ann --due 14d --json',
    )
    const { id } = JSON.parse(stdout) as { id: number }
    const dry = await run(`access campaign close ${id} --dry-run`)
    assert.match(dry.stderr, /would happen: 1 grant on shop\/ that nobody decided on ends now/)
  })

  test('that cannot be opened says why', async (t) => {
    const { run } = await aWorld(t)
    assert.equal((await run('access campaign open x --owner ann')).code, 2)
    assert.equal((await run('access campaign open x --owner ann --due never')).code, 2)
    assert.equal((await run('access campaign open x --owner nobody --due 3d')).code, 3)
    assert.equal((await run('access campaign show 77')).code, 3)
  })
})
