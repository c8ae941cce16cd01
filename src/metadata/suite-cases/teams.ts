// Cases of the contract: teams, their members by every source, and the groups that fill them.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { insertGrant } from '../grants.ts'
import type { MetadataStore, Transaction } from '../metadata-store.ts'
import { deletePrincipal } from '../principals.ts'
import {
  insertTeamGroup,
  listTeamGroups,
  removeTeamGroup,
  replaceGroupMembership,
} from '../team-groups.ts'
import {
  findMember,
  findStanding,
  listMembers,
  listTeamsOf,
  removeMember,
  removeMembersFrom,
  setMember,
} from '../team-members.ts'
import {
  countGrantsOfTeam,
  deleteTeam,
  findTeam,
  insertTeam,
  listTeams,
  updateTeam,
} from '../teams.ts'
import { aUser, type Case } from './case.ts'
import { aTeam } from './grant-case.ts'

async function join(
  tx: Transaction,
  teamId: number,
  principalId: number,
  more: { readonly source?: string; readonly maintainer?: boolean } = {},
): Promise<void> {
  const { source = 'local', maintainer = false } = more
  await setMember(tx, { teamId, principalId, source, maintainer, addedBy: undefined })
}

const firstPage = { after: 0, limit: 100 }

async function memberNames(store: MetadataStore, teamId: number): Promise<string[]> {
  return (await listMembers(store, teamId, firstPage)).map(({ name }) => name)
}

const groupNames = ['a', 'b', 'A', 'a%', 'a_', 'cn=web,dc=corp', 'a,b', '\\']
const group = fc.constantFrom(...groupNames)

/** Two teams, what is mapped to them, and logins one after another. */
const logins = fc.record({
  mapped: fc.uniqueArray(
    fc.tuple(fc.nat({ max: 1 }), fc.constantFrom('oidc:corp', 'ldap:corp'), group),
    { selector: String, maxLength: 8 },
  ),
  logins: fc.array(
    fc.record({
      source: fc.constantFrom('oidc:corp', 'ldap:corp'),
      groups: fc.array(fc.oneof(group, fc.string({ maxLength: 3 })), { maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
})

export const teams: readonly Case[] = [
  [
    'a team is found as it was made, its name is taken, and it can be described anew',
    async (store) => {
      const before = Date.now()
      const made = await store.write(async (tx) => {
        const boss = await aUser(tx, 'boss')
        const web = { name: 'web', description: 'makes the web', createdBy: boss }
        const id = await insertTeam(tx, web)
        assert.equal(await insertTeam(tx, { ...web, description: 'other' }), undefined)
        return { boss, id }
      })
      const found = await findTeam(store, 'web')
      assert.ok(found)
      const { createdAt, ...rest } = found
      assert.ok(createdAt >= before && createdAt <= Date.now())
      assert.deepEqual(rest, {
        id: made.id,
        name: 'web',
        description: 'makes the web',
        createdBy: made.boss,
        members: 0,
      })
      await store.write(async (tx) => updateTeam(tx, { id: found.id, description: 'else' }))
      assert.equal((await findTeam(store, 'web'))?.description, 'else')
    },
  ],
  [
    'teams are found by exactly their names, and listed in byte order, a page at a time',
    async (store) => {
      await store.write(async (tx) => {
        for (const name of ['b', 'a_c', 'abc', 'a-c', 'a.c']) await aTeam(tx, name)
      })
      for (const name of ['a%', 'a?c', '%', '\\', "a'c", '', 'A_C', 'a\0', '\ud800']) {
        assert.equal(await findTeam(store, name), undefined)
      }
      const names = async (after: string, limit: number) =>
        (await listTeams(store, { after, limit })).map(({ name }) => name)
      assert.deepEqual(await names('', 10), ['a-c', 'a.c', 'a_c', 'abc', 'b'])
      assert.deepEqual(await names('a.c', 2), ['a_c', 'abc'])
    },
  ],
  [
    'a member by several sources is one member, maintainer by any of them',
    async (store) => {
      const { ann, bob, web, ops } = await store.write(async (tx) => {
        const ann = await aUser(tx, 'ann')
        const bob = await aUser(tx, 'bob')
        const web = await aTeam(tx, 'web')
        const ops = await aTeam(tx, 'ops')
        await join(tx, web, ann, { source: 'oidc:corp' })
        await join(tx, web, ann, { maintainer: true })
        await join(tx, web, bob)
        await join(tx, ops, ann)
        return { ann, bob, web, ops }
      })
      const member = await findMember(store, web, ann)
      assert.deepEqual(
        [member?.name, member?.kind, member?.maintainer, member?.sources, member?.disabled],
        ['ann', 'user', true, ['local', 'oidc:corp'], false],
      )
      assert.equal((await findTeam(store, 'web'))?.members, 2)
      assert.deepEqual(await memberNames(store, web), ['ann', 'bob'])
      const second = await listMembers(store, web, { after: ann, limit: 1 })
      assert.deepEqual(
        second.map(({ id, maintainer }) => [id, maintainer]),
        [[bob, false]],
      )
      const teamsOfAnn = await listTeamsOf(store, ann)
      assert.deepEqual(teamsOfAnn, [
        { id: ops, name: 'ops', description: '', maintainer: false, sources: ['local'] },
        {
          id: web,
          name: 'web',
          description: '',
          maintainer: true,
          sources: ['local', 'oidc:corp'],
        },
      ])
      const standing = async (team: string, principalId: number) =>
        findStanding(store, { team, principalId })
      assert.deepEqual(await standing('web', ann), { member: true, maintainer: true })
      assert.deepEqual(await standing('web', bob), { member: true, maintainer: false })
      assert.deepEqual(await standing('ops', bob), { member: false, maintainer: false })
      assert.deepEqual(await standing('w_b', ann), { member: false, maintainer: false })
      await store.write(async (tx) => {
        const local = { teamId: web, principalId: ann, source: 'local' }
        assert.equal(await removeMember(tx, local), true)
        assert.equal(await removeMember(tx, local), false)
      })
      assert.deepEqual(await standing('web', ann), { member: true, maintainer: false })
      const gone = await store.write(async (tx) =>
        removeMembersFrom(tx, { teamId: web, source: 'oidc:corp' }),
      )
      assert.equal(gone, 1)
      assert.deepEqual(await memberNames(store, web), ['bob'])
    },
  ],
  [
    'a page of members holds whole members, by the order of their ids',
    async (store) => {
      const { web, ids } = await store.write(async (tx) => {
        const web = await aTeam(tx, 'web')
        const ids: number[] = []
        for (const name of ['d', 'c', 'b', 'a']) ids.push(await aUser(tx, name))
        for (const id of ids) {
          await join(tx, web, id)
          await join(tx, web, id, { source: 'ldap:corp' })
        }
        return { web, ids }
      })
      const page = await listMembers(store, web, { after: ids[0] ?? 0, limit: 2 })
      assert.deepEqual(
        page.map(({ id, sources }) => [id, sources]),
        ids.slice(1, 3).map((id) => [id, ['ldap:corp', 'local']]),
      )
    },
  ],
  [
    'a team that goes takes its members, groups and grants along; a principal leaves all teams',
    async (store) => {
      const { ann, web, ops } = await store.write(async (tx) => {
        const ann = await aUser(tx, 'ann')
        const web = await aTeam(tx, 'web')
        const ops = await aTeam(tx, 'ops')
        await join(tx, web, ann)
        await join(tx, ops, ann)
        await insertTeamGroup(tx, { teamId: web, provider: 'oidc:corp', group: 'web' })
        await insertGrant(tx, {
          holder: { kind: 'team', id: web },
          placeKind: 'installation',
          place: '*',
          repositoryId: undefined,
          actions: 'pull',
          reason: '',
          grantedBy: undefined,
          expiresAt: undefined,
        })
        return { ann, web, ops }
      })
      assert.equal(await countGrantsOfTeam(store, web), 1)
      await store.write(async (tx) => deleteTeam(tx, web))
      assert.equal(await countGrantsOfTeam(store, web), 0)
      assert.deepEqual(await listTeamGroups(store, web), [])
      assert.deepEqual(
        (await listTeamsOf(store, ann)).map(({ id }) => id),
        [ops],
      )
      await store.write(async (tx) => deletePrincipal(tx, ann))
      assert.deepEqual(await memberNames(store, ops), [])
    },
  ],
  [
    'groups are mapped once each, as they are written',
    async (store) => {
      const id = await store.write(async (tx) => {
        const teamId = await aTeam(tx, 'web')
        for (const group of ['b', 'B', 'b', 'b%']) {
          await insertTeamGroup(tx, { teamId, provider: 'oidc:corp', group })
        }
        await insertTeamGroup(tx, { teamId, provider: 'ldap:corp', group: 'b' })
        await removeTeamGroup(tx, { teamId, provider: 'oidc:corp', group: 'b%' })
        return teamId
      })
      assert.deepEqual(
        (await listTeamGroups(store, id)).map(({ provider, group }) => [provider, group]),
        [
          ['ldap:corp', 'b'],
          ['oidc:corp', 'B'],
          ['oidc:corp', 'b'],
        ],
      )
    },
  ],
  [
    'membership by groups is replaced at each login, and never added to',
    async (store) => {
      const { ann, bob, web, ops } = await store.write(async (tx) => {
        const ann = await aUser(tx, 'ann')
        const bob = await aUser(tx, 'bob')
        const web = await aTeam(tx, 'web')
        const ops = await aTeam(tx, 'ops')
        await insertTeamGroup(tx, { teamId: web, provider: 'oidc:corp', group: 'a' })
        await insertTeamGroup(tx, { teamId: ops, provider: 'oidc:corp', group: 'b' })
        await insertTeamGroup(tx, { teamId: ops, provider: 'ldap:corp', group: 'a' })
        await join(tx, ops, bob, { source: 'oidc:corp' })
        return { ann, bob, web, ops }
      })
      const login = async (...groups: readonly string[]) =>
        store.write(async (tx) =>
          replaceGroupMembership(tx, { principalId: ann, source: 'oidc:corp', groups }),
        )
      const team = { web: { id: web, name: 'web' }, ops: { id: ops, name: 'ops' } }
      assert.deepEqual(await login('a', 'b', 'c'), { added: [team.ops, team.web], removed: [] })
      assert.deepEqual(await login('b', 'a'), { added: [], removed: [] })
      assert.deepEqual(await login('a'), { added: [], removed: [team.ops] })
      assert.deepEqual(
        (await listTeamsOf(store, ann)).map(({ name }) => name),
        ['web'],
      )
      assert.deepEqual(await memberNames(store, ops), ['bob'])
      await store.write(async (tx) => join(tx, web, ann, { maintainer: true }))
      assert.deepEqual(await login(), { added: [], removed: [team.web] })
      assert.deepEqual((await listTeamsOf(store, ann))[0]?.sources, ['local'])
      assert.equal((await findMember(store, ops, bob))?.sources[0], 'oidc:corp')
    },
  ],
  [
    'after any logins whoever signed in is where the last groups of each provider put them',
    async (store) => {
      await fc.assert(
        fc.asyncProperty(logins, async ({ mapped, logins: all }) => {
          const suffix = Math.random().toString(36).slice(2)
          const providerOf = (name: string) => `${name}-${suffix}`
          const { user, ids } = await store.write(async (tx) => {
            const user = await aUser(tx, `user-${suffix}`)
            const ids = [await aTeam(tx, `x-${suffix}`), await aTeam(tx, `y-${suffix}`)]
            for (const [team, provider, name] of mapped) {
              const mapping = { provider: providerOf(provider), group: name }
              await insertTeamGroup(tx, { ...mapping, teamId: ids[team]! })
            }
            return { user, ids }
          })
          const last = new Map<string, readonly string[]>()
          for (const { source, groups } of all) {
            const login = { principalId: user, source: providerOf(source), groups }
            await store.write(async (tx) => replaceGroupMembership(tx, login))
            last.set(source, groups)
          }
          const expected = ids.filter((_, index) =>
            mapped.some(
              ([team, provider, name]) =>
                team === index && last.get(provider)?.includes(name) === true,
            ),
          )
          const found = (await listTeamsOf(store, user)).map(({ id }) => id)
          assert.deepEqual(found.toSorted(), expected.toSorted())
        }),
        { numRuns: 25 },
      )
    },
  ],
]
