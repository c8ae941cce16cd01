import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { actions } from '../auth/action.ts'
import { decide } from '../auth/authorize.ts'
import { isIn, place, repositoryName } from '../auth/test-support/places.ts'
import { changePrincipal, findPrincipalByName, insertPrincipal } from '../metadata/principals.ts'
import { findRepository, insertRepository, type Visibility } from '../metadata/repositories.ts'
import { insertTeam } from '../metadata/teams.ts'
import { parseRepositoryName } from '../oci/reference.ts'
import { explainAccess, type Explanation } from './explain.ts'
import { addGrant, changeGrant, removeGrant } from './grants.ts'
import { identityOfSubject } from './identity-of.ts'
import { findSubject } from './subjects.ts'
import { addTeamMember } from './team-members.ts'
import { addUser, openWorld, operator, refusal, type World } from './test-support/world.ts'

async function aRepository(
  { metadata }: World,
  text: string,
  visibility: Visibility = 'private',
): Promise<void> {
  const name = parseRepositoryName(text)
  await metadata.write(async (tx) =>
    insertRepository(tx, { name, visibility, createdBy: undefined }),
  )
}

async function aTeam(world: World, name: string, ...members: readonly string[]): Promise<void> {
  await world.metadata.write(async (tx) =>
    insertTeam(tx, { name, description: '', createdBy: undefined }),
  )
  for (const member of members) await addTeamMember(world, operator, { team: name, member })
}

async function give(world: World, who: string, where: string, what: string): Promise<number> {
  return (await addGrant(world, operator, { who, where, actions: what })).id
}

async function ask(
  world: World,
  who: string,
  repository: string,
  action: string,
): Promise<Explanation> {
  return explainAccess(world, { who, repository, action })
}

function byOf({ by }: Explanation): number | string | undefined {
  return typeof by === 'object' ? by.id : by
}

suite('why somebody may', () => {
  test('the narrowest grant counts, and every way is told', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann', { admin: true })
    await aTeam(world, 'web', 'ann')
    await aRepository(world, 'web/app', 'public')
    const wide = await give(world, 'signed-in', '*', 'reader')
    const team = await give(world, 'team:web', 'web/', 'writer')
    const own = await give(world, 'user:ann', 'web/app', 'reader')
    await give(world, 'user:ann', 'web/other', 'reader')
    const explained = await ask(world, 'user:ann', 'web/app', 'pull')
    assert.equal(explained.allowed, true)
    assert.equal(explained.exists, true)
    assert.equal(byOf(explained), own)
    assert.equal(explained.because, `ann has reader on web/app (grant ${own}).`)
    assert.deepEqual(
      explained.ways.map(({ kind, message, via }) => [kind, message, via]),
      [
        ['grant', `ann has reader on web/app (grant ${own}).`, undefined],
        [
          'grant',
          `members of the team web, such as ann, have writer on web/ (grant ${team}).`,
          'team:web',
        ],
        ['grant', `whoever is signed in has reader on * (grant ${wide}).`, 'signed-in'],
        ['administrator', 'ann is an administrator of this installation.', undefined],
        ['visibility', 'web/app is public: anybody may pull from it.', undefined],
      ],
    )
    assert.deepEqual(explained.memberships, [
      { team: 'web', maintainer: false, sources: ['local'] },
    ])
    assert.deepEqual([explained.needed, explained.fix], [[], undefined])
  })

  test('an administrator may without a grant, and anybody what is visible', async () => {
    await using world = await openWorld()
    await addUser(world, 'boss', { admin: true })
    await addUser(world, 'ann')
    await aRepository(world, 'web/internal', 'internal')
    await aRepository(world, 'web/public', 'public')
    assert.equal(byOf(await ask(world, 'user:boss', 'web/none', 'delete')), 'administrator')
    assert.equal(byOf(await ask(world, 'user:ann', 'web/internal', 'pull')), 'visibility')
    assert.equal(byOf(await ask(world, 'signed-in', 'web/internal', 'pull')), 'visibility')
    assert.equal(byOf(await ask(world, 'anonymous', 'web/public', 'pull')), 'visibility')
    assert.equal((await ask(world, 'anonymous', 'web/internal', 'pull')).allowed, false)
    assert.equal((await ask(world, 'user:ann', 'web/public', 'push')).allowed, false)
  })

  test('of a team it is told what a member gets by it, and nothing that a member has besides', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann', { admin: true })
    await aTeam(world, 'web', 'ann')
    await give(world, 'user:ann', 'web/', 'owner')
    await give(world, 'team:web', 'web/', 'writer')
    assert.equal((await ask(world, 'team:web', 'web/app', 'push')).allowed, true)
    const explained = await ask(world, 'team:web', 'web/app', 'delete')
    assert.equal(explained.allowed, false)
    assert.equal(explained.because, 'Nothing lets members of the team web delete from web/app.')
    assert.deepEqual(explained.memberships, [])
  })

  test('making a repository takes what pushing takes', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    const id = await give(world, 'user:ann', 'web/new', 'push')
    const explained = await ask(world, 'user:ann', 'web/new', 'create')
    assert.deepEqual([byOf(explained), explained.exists], [id, false])
  })
})

suite('why somebody may not', () => {
  test('the narrowest grant that would do is the line to type, then the one around it', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    await world.metadata.write(async (tx) =>
      insertPrincipal(tx, { name: 'ci', provider: 'robot', kind: 'robot' }),
    )
    const explained = await ask(world, 'user:ann', 'web/app', 'pull')
    assert.equal(explained.allowed, false)
    assert.equal(explained.because, 'Nothing lets ann pull from web/app.')
    assert.equal(explained.fix, 'carrel grant add user:ann web/app reader')
    assert.deepEqual(explained.needed, [
      { where: 'web/app', role: 'reader', command: 'carrel grant add user:ann web/app reader' },
      { where: 'web/', role: 'reader', command: 'carrel grant add user:ann web/ reader' },
    ])
    const fix = async (who: string, name: string, action: string) =>
      (await ask(world, who, name, action)).fix
    assert.equal(await fix('robot:ci', 'app', 'create'), 'carrel grant add robot:ci app writer')
    assert.equal(await fix('user:ann', 'app', 'overwrite'), 'carrel grant add user:ann app writer')
    assert.equal(await fix('user:ann', 'app', 'delete'), 'carrel grant add user:ann app maintainer')
    assert.equal(await fix('user:ann', 'app', 'admin'), 'carrel grant add user:ann app owner')
    assert.equal((await ask(world, 'user:ann', 'app', 'pull')).needed[1]?.where, '/')
  })

  test('where there is a grant on the place already it is widened, and loses nothing', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    const id = await give(world, 'user:ann', 'web/app', 'decide')
    const explained = await ask(world, 'user:ann', 'web/app', 'push')
    assert.equal(explained.fix, `carrel grant edit ${id} --actions pull,push,overwrite,decide`)
    assert.deepEqual(
      explained.ways.map(({ kind, message }) => [kind, message]),
      [
        ['nothing', 'Nothing lets ann push to web/app.'],
        ['nothing', `ann has decide on web/app (grant ${id}).`],
      ],
    )
    await changeGrant(world, operator, { id, actions: 'pull,push,overwrite,decide' })
    assert.equal((await ask(world, 'user:ann', 'web/app', 'push')).allowed, true)
  })

  test('what nobody may be given is not proposed', async () => {
    await using world = await openWorld()
    const push = await ask(world, 'anonymous', 'web/app', 'push')
    assert.deepEqual([push.allowed, push.needed, push.fix], [false, [], undefined])
    assert.equal(push.because, 'Whoever is not signed in may pull at most.')
    const admin = await ask(world, 'signed-in', 'web/app', 'admin')
    assert.deepEqual([admin.needed, admin.fix], [[], undefined])
    assert.equal(
      admin.because,
      'Nothing lets whoever is signed in administer web/app, and nothing can.',
    )
    const pull = await ask(world, 'anonymous', 'web/app', 'pull')
    assert.equal(pull.fix, 'carrel grant add anonymous web/app reader')
  })

  test('whoever is disabled or has expired may do nothing, and it is told which', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann', { admin: true })
    await give(world, 'user:ann', '*', 'owner')
    const change = async (more: object) =>
      world.metadata.write(async (tx) => {
        const ann = await findPrincipalByName(tx, 'ann')
        assert.ok(ann)
        await changePrincipal(tx, { ...ann, ...more })
      })
    await change({ disabled: true })
    const disabled = await ask(world, 'user:ann', 'web/app', 'pull')
    assert.equal(disabled.allowed, false)
    assert.match(disabled.because, /^ann is disabled/)
    assert.deepEqual([disabled.needed, disabled.fix], [[], 'carrel user enable ann'])
    await change({ disabled: false, expiresAt: Date.UTC(2020, 0, 2) })
    const over = await ask(world, 'user:ann', 'web/app', 'pull')
    assert.equal(over.allowed, false)
    assert.match(over.because, /^ann expired on 2020-01-02/)
    await change({ disabled: false, expiresAt: Date.now() + 60_000 })
    assert.equal((await ask(world, 'user:ann', 'web/app', 'pull')).allowed, true)
  })

  test('a name that the shell would take apart is quoted', async () => {
    await using world = await openWorld()
    await addUser(world, "o'neil; rm")
    const { fix } = await ask(world, "user:o'neil; rm", 'web/app', 'pull')
    assert.equal(fix, `carrel grant add 'user:o'\\''neil; rm' web/app reader`)
  })

  test('nonsense is refused', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    for (const name of ['web/', '*', 'web/*', '', 'Web']) {
      await assert.rejects(
        ask(world, 'user:ann', name, 'pull'),
        refusal('invalid', /no name of a rep/),
      )
    }
    await assert.rejects(
      ask(world, 'user:ann', 'app', 'fly'),
      refusal('invalid', /"fly" is nothing/),
    )
    await assert.rejects(ask(world, 'user:bob', 'app', 'pull'), refusal('not-found', /no user bob/))
  })
})

suite('explanations and decisions', () => {
  const holder = fc.constantFrom(
    'user:ann',
    'user:bob',
    'team:web',
    'team:ops',
    'signed-in',
    'anonymous',
  )
  const given = fc.record({
    grants: fc.array(
      fc.record({ holder, place, actions: fc.subarray([...actions], { minLength: 1 }) }),
      {
        maxLength: 5,
      },
    ),
    name: repositoryName,
    visibility: fc.constantFrom(
      undefined,
      'private' as const,
      'internal' as const,
      'public' as const,
    ),
    who: fc.constantFrom('user:ann', 'user:bob', 'team:web', 'signed-in', 'anonymous'),
    action: fc.constantFrom(...actions),
  })

  /** Who holds through whom: ann is in web. */
  const holds: Readonly<Record<string, readonly string[]>> = {
    'user:ann': ['user:ann', 'team:web', 'signed-in', 'anonymous'],
    'user:bob': ['user:bob', 'signed-in', 'anonymous'],
    'team:web': ['team:web', 'signed-in', 'anonymous'],
    'signed-in': ['signed-in', 'anonymous'],
    anonymous: ['anonymous'],
  }

  test('an explanation says what the decision says, and following its advice allows it', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    await addUser(world, 'bob')
    await aTeam(world, 'web', 'ann')
    await aTeam(world, 'ops')
    await fc.assert(
      fc.asyncProperty(given, async ({ grants, name, visibility, who, action }) => {
        const made = new Set<number>()
        const kept: { readonly holder: string; readonly where: (typeof grants)[0] }[] = []
        for (const grant of grants) {
          const where = grant.place.text
          const what = grant.actions.join(',')
          const id = await give(world, grant.holder, where, what).catch(() => undefined)
          if (id === undefined || made.has(id)) continue
          made.add(id)
          kept.push({ holder: grant.holder, where: grant })
        }
        const isNew =
          visibility !== undefined && (await findRepository(world.metadata, name)) === undefined
        if (isNew) await aRepository(world, name, visibility)
        const repository = await findRepository(world.metadata, name)
        const explained = await ask(world, who, name, action)
        const identity = await identityOfSubject(
          world.metadata,
          await findSubject(world.metadata, who),
        )
        const permission = { action, resource: { type: 'repository', name } } as const
        assert.equal(explained.allowed, decide(identity, permission, { repository }).allowed)
        const isGranted = kept.some(
          (one) =>
            holds[who]?.includes(one.holder) === true &&
            one.where.actions.includes(action) &&
            isIn(one.where.place, name),
        )
        assert.equal(typeof explained.by === 'object', isGranted)
        const [needed] = explained.needed
        if (needed !== undefined) {
          const words = needed.command.split(' ')
          if (words[2] === 'add') made.add(await give(world, words[3]!, words[4]!, words[5]!))
          else await changeGrant(world, operator, { id: Number(words[3]), actions: words[5]! })
          assert.equal((await ask(world, who, name, action)).allowed, true)
        }
        for (const id of made) await removeGrant(world, operator, { id })
      }),
      { numRuns: 60 },
    )
  })
})
