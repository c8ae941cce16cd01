import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { grantsOfPrincipal } from '../metadata/grants.ts'
import { findPrincipalByName, insertPrincipal } from '../metadata/principals.ts'
import { replaceGroupMembership } from '../metadata/team-groups.ts'
import { findStanding } from '../metadata/team-members.ts'
import { addGrant } from './grants.ts'
import { addTeamMember, listTeamMembers, removeTeamMember } from './team-members.ts'
import { createTeam, editTeam, listTeams, removeTeam, showTeam } from './teams.ts'
import { addUser, auditOf, openWorld, operator, refusal, type World } from './test-support/world.ts'

const page = { after: '', limit: 100 }
const members = { after: 0, limit: 100 }
const corp = { provider: 'oidc:corp', group: 'web' }

/** Signs in by corp with these groups. */
async function signIn(world: World, name: string, ...groups: readonly string[]): Promise<void> {
  await world.metadata.write(async (tx) => {
    const principal = await findPrincipalByName(tx, name)
    assert.ok(principal)
    const { id: principalId } = principal
    await replaceGroupMembership(tx, { principalId, source: 'oidc:corp', groups })
  })
}

async function namesIn(world: World, team: string): Promise<string[]> {
  return (await listTeamMembers(world, { team, ...members })).map(({ name }) => name)
}

suite('teams', () => {
  test('a team is there as it was made, and the log tells', async () => {
    await using world = await openWorld()
    const boss = await addUser(world, 'boss', { admin: true })
    const team = await createTeam(world, boss, {
      name: 'web',
      description: 'makes the web',
      groups: [corp],
    })
    const { createdAt, ...rest } = team
    assert.ok(Math.abs(createdAt - Date.now()) < 10_000)
    assert.deepEqual(rest, {
      name: 'web',
      description: 'makes the web',
      members: 0,
      groups: [corp],
    })
    assert.deepEqual(await showTeam(world, 'web'), team)
    const [entry] = await auditOf(world, 'team.created')
    assert.deepEqual(
      [entry?.actor.name, entry?.subject, entry?.detail['groups']],
      ['boss', 'team:web', ['oidc:corp=web']],
    )
    await assert.rejects(
      createTeam(world, boss, { name: 'web' }),
      refusal('exists', /team web already/),
    )
  })

  test('a team is named as a part of a repository’s name is; a user may have the same name', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    assert.equal((await createTeam(world, operator, { name: 'ann' })).name, 'ann')
    const wrong = ['', 'Web', 'web/app', 'a b', '_', 'web%', `${'x'.repeat(65)}`, 'a\0']
    for (const name of wrong) {
      const made = createTeam(world, operator, { name })
      await assert.rejects(made, refusal('invalid', /cannot be the name of a team/))
    }
    for (const [name, why] of [
      ['token', /clients send that name/],
      ['signed-in', /means everybody with an account/],
      ['anonymous', /means everybody/],
    ] as const) {
      const made = createTeam(world, operator, { name })
      await assert.rejects(made, refusal('invalid', /cannot be the name of a team/, why))
    }
    assert.equal((await listTeams(world, page)).length, 1)
  })

  test('groups are those of sign-in providers, and not too many', async () => {
    await using world = await openWorld()
    const make = async (groups: readonly { provider: string; group: string }[]) =>
      createTeam(world, operator, { name: 'web', groups })
    for (const provider of ['local', 'robot', 'federation', 'htpasswd', 'oidc:', 'oidc', '']) {
      await assert.rejects(make([{ provider, group: 'x' }]), refusal('invalid', /has no groups/))
    }
    await assert.rejects(make([{ ...corp, group: '' }]), refusal('invalid', /has no groups/))
    await assert.rejects(make([{ ...corp, group: 'a\nb' }]), refusal('invalid', /one line/))
    const many = Array.from({ length: 51 }, (_, index) => ({ ...corp, group: `g${index}` }))
    await assert.rejects(make(many), refusal('invalid', /too many/))
    const ldap = { provider: 'ldap:corp', group: 'cn=web,dc=corp' }
    assert.deepEqual((await make([ldap])).groups, [ldap])
  })

  test('teams are listed in order, all or those of one principal', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    for (const name of ['b', 'a_c', 'abc']) await createTeam(world, operator, { name })
    await addTeamMember(world, operator, { team: 'a_c', member: 'ann' })
    await addTeamMember(world, operator, { team: 'b', member: 'ann' })
    const names = async (more: object) =>
      (await listTeams(world, { ...page, ...more })).map(({ name }) => name)
    assert.deepEqual(await names({}), ['a_c', 'abc', 'b'])
    assert.deepEqual(await names({ after: 'a_c', limit: 1 }), ['abc'])
    assert.deepEqual(await names({ of: ann.id }), ['a_c', 'b'])
    assert.deepEqual(await names({ of: ann.id, after: 'a_c' }), ['b'])
    assert.deepEqual(await names({ of: ann.id, limit: 1 }), ['a_c'])
    assert.deepEqual(await names({ of: ann.id + 100 }), [])
  })

  test('what is given in a change changes and the rest stays', async () => {
    await using world = await openWorld()
    await createTeam(world, operator, { name: 'web', description: 'old', groups: [corp] })
    const other = { provider: 'oidc:corp', group: 'ops' }
    const described = await editTeam(world, operator, { name: 'web', description: 'new' })
    assert.deepEqual([described.description, described.groups.length], ['new', 1])
    const mapped = await editTeam(world, operator, { name: 'web', groups: [other, corp] })
    assert.deepEqual(
      [mapped.description, mapped.groups.map(({ group }) => group)],
      ['new', ['ops', 'web']],
    )
    const expect = (current: { readonly description: string }): void => {
      throw new Error(`it is ${current.description}`)
    }
    await assert.rejects(
      editTeam(world, operator, { name: 'web', description: 'x', expect }),
      /it is new/,
    )
    await assert.rejects(
      editTeam(world, operator, { name: 'wxb' }),
      refusal('not-found', /team wxb/),
    )
  })

  test('with a group that is taken away go those whom its provider put there, and nobody else', async () => {
    await using world = await openWorld()
    for (const name of ['ann', 'bob', 'cat']) await addUser(world, name)
    const ops = { provider: 'oidc:corp', group: 'ops' }
    await createTeam(world, operator, { name: 'web', groups: [corp, ops] })
    await signIn(world, 'ann', 'web')
    await signIn(world, 'bob', 'ops')
    await addTeamMember(world, operator, { team: 'web', member: 'cat' })
    assert.equal(
      (await editTeam(world, operator, { name: 'web', groups: [corp, ops] })).membersRemoved,
      0,
    )
    const edited = await editTeam(world, operator, { name: 'web', groups: [ops] })
    assert.equal(edited.membersRemoved, 2)
    assert.deepEqual(await namesIn(world, 'web'), ['cat'])
    await signIn(world, 'ann', 'web')
    await signIn(world, 'bob', 'ops')
    assert.deepEqual(await namesIn(world, 'web'), ['bob', 'cat'])
  })

  test('a team goes with its grants, and the log tells how many', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    await createTeam(world, operator, { name: 'web' })
    await addTeamMember(world, operator, { team: 'web', member: 'ann' })
    for (const where of ['web/', 'app']) {
      await addGrant(world, operator, { who: 'team:web', where, actions: 'writer' })
    }
    assert.equal((await grantsOfPrincipal(world.metadata, ann.id)).length, 2)
    assert.deepEqual(await removeTeam(world, operator, { name: 'web' }), { grants: 2, members: 1 })
    assert.deepEqual(await grantsOfPrincipal(world.metadata, ann.id), [])
    assert.deepEqual((await auditOf(world, 'team.removed'))[0]?.detail, { grants: 2, members: 1 })
    await assert.rejects(
      removeTeam(world, operator, { name: 'web' }),
      refusal('not-found', /team web/),
    )
    await createTeam(world, operator, { name: 'web' })
    await addTeamMember(world, operator, { team: 'web', member: 'ann' })
    assert.deepEqual(await grantsOfPrincipal(world.metadata, ann.id), [])
  })
})

suite('members of teams', () => {
  test('a user and a robot are put in and taken out, and the log tells', async () => {
    await using world = await openWorld()
    const boss = await addUser(world, 'boss')
    await addUser(world, 'ann')
    await world.metadata.write(async (tx) =>
      insertPrincipal(tx, { name: 'ci', provider: 'robot', kind: 'robot' }),
    )
    await createTeam(world, operator, { name: 'web' })
    const ann = await addTeamMember(world, boss, { team: 'web', member: 'ann', maintainer: true })
    assert.deepEqual(
      [ann.name, ann.kind, ann.maintainer, ann.sources],
      ['ann', 'user', true, ['local']],
    )
    const ci = await addTeamMember(world, boss, { team: 'web', member: 'ci' })
    assert.deepEqual([ci.kind, ci.maintainer], ['robot', false])
    assert.deepEqual(await namesIn(world, 'web'), ['ann', 'ci'])
    assert.equal((await showTeam(world, 'web')).members, 2)
    const [entry] = await auditOf(world, 'team.member-added')
    assert.deepEqual(entry?.detail, { member: 'user:ann', maintainer: true })
    await removeTeamMember(world, boss, { team: 'web', member: 'ann' })
    assert.deepEqual(await namesIn(world, 'web'), ['ci'])
    assert.equal((await auditOf(world, 'team.member-removed'))[0]?.subject, 'team:web')
    const again = removeTeamMember(world, boss, { team: 'web', member: 'ann' })
    await assert.rejects(again, refusal('not-found', /ann is not in the team web/))
  })

  test('the same again changes nothing, and a maintainer can be made one no longer', async () => {
    await using world = await openWorld()
    const ann = await addUser(world, 'ann')
    await createTeam(world, operator, { name: 'web' })
    const put = async (maintainer: boolean) =>
      addTeamMember(world, operator, { team: 'web', member: 'ann', maintainer })
    const isMaintainer = async () =>
      (await findStanding(world.metadata, { team: 'web', principalId: ann.id })).maintainer
    await put(true)
    await put(true)
    assert.equal((await auditOf(world, 'team.member-added')).length, 1)
    assert.equal(await isMaintainer(), true)
    await put(false)
    assert.equal(await isMaintainer(), false)
  })

  test('strangers, trust rules and unknown teams are refused', async () => {
    await using world = await openWorld()
    await addUser(world, 'a_b')
    await world.metadata.write(async (tx) =>
      insertPrincipal(tx, { name: 'gh', provider: 'federation', kind: 'federated' }),
    )
    await createTeam(world, operator, { name: 'web' })
    const put = async (team: string, member: string) =>
      addTeamMember(world, operator, { team, member })
    await assert.rejects(put('web', 'axb'), refusal('not-found', /no user or robot axb/))
    await assert.rejects(put('web', 'a%'), refusal('not-found', /no user or robot/))
    await assert.rejects(put('web', 'gh'), refusal('invalid', /cannot be in a team/, /trust rule/))
    await assert.rejects(put('w%', 'a_b'), refusal('not-found', /no team w%/))
  })

  test('whoever only groups have put there is not taken out by hand, and stays by hand when they go', async () => {
    await using world = await openWorld()
    await addUser(world, 'ann')
    await createTeam(world, operator, { name: 'web', groups: [corp] })
    await signIn(world, 'ann', 'web', 'other')
    const takeOut = async () => removeTeamMember(world, operator, { team: 'web', member: 'ann' })
    await assert.rejects(takeOut(), refusal('denied', /by hand/, /groups of oidc:corp/))
    const both = await addTeamMember(world, operator, {
      team: 'web',
      member: 'ann',
      maintainer: true,
    })
    assert.deepEqual([both.sources, both.maintainer], [['local', 'oidc:corp'], true])
    await signIn(world, 'ann')
    assert.deepEqual(await namesIn(world, 'web'), ['ann'])
    await signIn(world, 'ann', 'web')
    assert.deepEqual(await takeOut(), { sources: ['oidc:corp'] })
    assert.deepEqual(await namesIn(world, 'web'), ['ann'])
    await signIn(world, 'ann', 'Web')
    assert.deepEqual(await namesIn(world, 'web'), [])
  })
})
