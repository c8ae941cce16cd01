// Cases of the contract: grants, and who holds them.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { findGrantById } from '../grant-rows.ts'
import {
  bindGrants,
  bindStrayGrants,
  changeGrant,
  grantsOfAnybody,
  grantsOfPrincipal,
  grantsOfSignedIn,
  grantsOfTeam,
  hasStrayGrants,
  removeGrant,
  type GrantHolder,
} from '../grants.ts'
import type { MetadataStore } from '../metadata-store.ts'
import { deletePrincipal } from '../principals.ts'
import { deleteRepository } from '../repositories.ts'
import { setMember } from '../team-members.ts'
import { deleteTeam } from '../teams.ts'
import { aRepository, aUser, type Case } from './case.ts'
import { aGrant, aTeam, fresh, ids, join, mustFind } from './grant-case.ts'

const holderOfModel = fc.oneof(
  fc.record({ kind: fc.constant('principal' as const), id: fc.nat({ max: 3 }) }),
  fc.record({ kind: fc.constant('team' as const), id: fc.nat({ max: 2 }) }),
  fc.constant({ kind: 'signed-in' as const }),
  fc.constant({ kind: 'anonymous' as const }),
)

/** Who may do what where, in memory: users and teams by their number. */
const model = fc.record({
  members: fc.uniqueArray(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 3 })), {
    selector: String,
    maxLength: 8,
  }),
  grants: fc.array(holderOfModel, { maxLength: 12 }),
})

/** Makes four users, three teams and the model's grants of them. */
async function enact(store: MetadataStore, { members, grants }: ModelOf<typeof model>) {
  return store.write(async (tx) => {
    const users: number[] = []
    for (let count = 0; count < 4; count += 1) users.push(await aUser(tx, fresh('user')))
    const teams: number[] = []
    for (let count = 0; count < 3; count += 1) teams.push(await aTeam(tx, fresh('team')))
    for (const [team, user] of members) await join(tx, teams[team]!, users[user]!)
    const made: number[] = []
    for (const holder of grants) {
      const of =
        holder.kind === 'principal'
          ? { kind: holder.kind, id: users[holder.id]! }
          : holder.kind === 'team'
            ? { kind: holder.kind, id: teams[holder.id]! }
            : holder
      made.push(await aGrant(tx, of, `${fresh('place')}/`))
    }
    return { users, teams, made }
  })
}

type ModelOf<T> = T extends fc.Arbitrary<infer M> ? M : never

export const grants: readonly Case[] = [
  [
    'a grant is found as it was given, with the names of who holds and who gave it',
    async (store) => {
      const before = Date.now()
      const { id, ann, boss } = await store.write(async (tx) => {
        const ann = await aUser(tx, 'ann')
        const boss = await aUser(tx, 'boss', true)
        const id = await aGrant(tx, { kind: 'principal', id: ann }, 'web/', {
          actions: 'pull,push',
          reason: 'builds the web',
          grantedBy: boss,
          expiresAt: 4_102_444_800_000,
        })
        return { id, ann, boss }
      })
      const { grantedAt, changedAt, ...rest } = await mustFind(store, id)
      assert.ok(grantedAt >= before && grantedAt <= Date.now())
      assert.equal(changedAt, grantedAt)
      assert.deepEqual(rest, {
        id,
        subject: { kind: 'principal', id: ann, name: 'ann', principalKind: 'user' },
        placeKind: 'namespace',
        place: 'web/',
        repositoryId: undefined,
        actions: 'pull,push',
        reason: 'builds the web',
        grantedBy: { id: boss, name: 'boss' },
        expiresAt: 4_102_444_800_000,
        lastUsedAt: undefined,
        actionsUsed: '',
        subjectDisabled: false,
      })
      assert.equal(await findGrantById(store, id + 1), undefined)
    },
  ],
  [
    'grants of teams and of everybody are found as those, and a giver who is gone leaves a number',
    async (store) => {
      const made = await store.write(async (tx) => {
        const boss = await aUser(tx, 'boss', true)
        const web = await aTeam(tx, 'web')
        const team = await aGrant(tx, { kind: 'team', id: web }, '*', { grantedBy: boss })
        const signedIn = await aGrant(tx, { kind: 'signed-in' }, '/')
        const anonymous = await aGrant(tx, { kind: 'anonymous' }, 'pub/')
        await deletePrincipal(tx, boss)
        return { boss, web, team, signedIn, anonymous }
      })
      const team = await mustFind(store, made.team)
      assert.deepEqual(team.subject, { kind: 'team', id: made.web, name: 'web' })
      assert.deepEqual(team.grantedBy, { id: made.boss, name: undefined })
      assert.deepEqual((await mustFind(store, made.signedIn)).subject, { kind: 'signed-in' })
      assert.deepEqual((await mustFind(store, made.anonymous)).subject, { kind: 'anonymous' })
    },
  ],
  [
    'a grant is changed in what may change, and removed once',
    async (store) => {
      const id = await store.write(async (tx) => aGrant(tx, { kind: 'signed-in' }, 'web/app'))
      const given = await mustFind(store, id)
      const news = { id, actions: 'pull,push', reason: 'now writes', expiresAt: 5 }
      await new Promise((resolve) => setTimeout(resolve, 2))
      assert.equal(await store.write(async (tx) => changeGrant(tx, news)), true)
      const { changedAt, ...changed } = await mustFind(store, id)
      assert.ok(changedAt > given.changedAt)
      assert.deepEqual({ ...changed, changedAt: given.changedAt }, { ...given, ...news })
      await store.write(async (tx) => changeGrant(tx, { ...news, expiresAt: undefined }))
      assert.equal((await mustFind(store, id)).expiresAt, undefined)
      assert.equal(await store.write(async (tx) => removeGrant(tx, id)), true)
      assert.equal(await store.write(async (tx) => removeGrant(tx, id)), false)
      assert.equal(await store.write(async (tx) => changeGrant(tx, news)), false)
    },
  ],
  [
    'whoever asks holds exactly what the model says: their own, their teams’, and everybody’s',
    async (store) => {
      await fc.assert(
        fc.asyncProperty(model, async (given) => {
          const everybody = ids(await grantsOfSignedIn(store))
          const { users, teams, made } = await enact(store, given)
          const those = (...holds: readonly ((holder: GrantHolder) => boolean)[]): number[] => [
            ...everybody,
            ...made.filter((_, index) => holds.some((test) => test(given.grants[index]!))),
          ]
          const common = (holder: GrantHolder) => !('id' in holder)
          for (const [user, id] of users.entries()) {
            const isOwn = (holder: GrantHolder) => holder.kind === 'principal' && holder.id === user
            const isTeams = (holder: GrantHolder) =>
              holder.kind === 'team' &&
              given.members.some(([t, u]) => t === holder.id && u === user)
            assert.deepEqual(ids(await grantsOfPrincipal(store, id)), those(isOwn, isTeams, common))
          }
          for (const [team, id] of teams.entries()) {
            const isTeams = (holder: GrantHolder) => holder.kind === 'team' && holder.id === team
            assert.deepEqual(ids(await grantsOfTeam(store, id)), those(isTeams, common))
          }
          assert.deepEqual(ids(await grantsOfSignedIn(store)), those(common))
          const ofAnybody = ids(await grantsOfAnybody(store)).filter((id) => made.includes(id))
          const anonymous = made.filter((_, index) => given.grants[index]?.kind === 'anonymous')
          assert.deepEqual(ofAnybody, anonymous)
        }),
        { numRuns: 12 },
      )
    },
  ],
  [
    'what is held is told as it takes to decide by it, once for a member by two sources',
    async (store) => {
      const { ann, grant, repository } = await store.write(async (tx) => {
        const ann = await aUser(tx, 'ann')
        const web = await aTeam(tx, 'web')
        await join(tx, web, ann)
        const other = { teamId: web, principalId: ann, source: 'oidc:corp' }
        await setMember(tx, { ...other, maintainer: false, addedBy: undefined })
        const repository = await aRepository(tx, 'web/app')
        const more = { repositoryId: repository, actions: 'pull,push', expiresAt: 77 }
        return {
          ann,
          repository,
          grant: await aGrant(tx, { kind: 'team', id: web }, 'web/app', more),
        }
      })
      assert.deepEqual(await grantsOfPrincipal(store, ann), [
        {
          id: grant,
          placeKind: 'repository',
          place: 'web/app',
          repositoryId: repository,
          actions: 'pull,push',
          expiresAt: 77,
        },
      ])
    },
  ],
  [
    'a grant that waits is given to the repository of exactly that name, and goes with it',
    async (store) => {
      const made = await store.write(async (tx) => {
        const ann = { kind: 'principal', id: await aUser(tx, 'ann') } as const
        const waiting = await aGrant(tx, ann, 'web/my_app')
        const alike = await aGrant(tx, ann, 'web/myxapp')
        const glob = await aGrant(tx, ann, 'web/*', { placeKind: 'glob' })
        const id = await aRepository(tx, 'web/my_app')
        await bindGrants(tx, { repositoryId: id, name: 'web/my_app' })
        return { waiting, alike, glob, id }
      })
      assert.equal((await mustFind(store, made.waiting)).repositoryId, made.id)
      assert.equal((await mustFind(store, made.alike)).repositoryId, undefined)
      assert.equal((await mustFind(store, made.glob)).repositoryId, undefined)
      await store.write(async (tx) => {
        await deleteRepository(tx, made.id)
        const again = await aRepository(tx, 'web/my_app')
        assert.equal(await bindGrants(tx, { repositoryId: again, name: 'web/my_app' }), 0)
      })
      assert.equal(await findGrantById(store, made.waiting), undefined)
      assert.equal((await mustFind(store, made.alike)).place, 'web/myxapp')
    },
  ],
  [
    'grants go with the user or the team that holds them',
    async (store) => {
      const { ann, web, own, team, other } = await store.write(async (tx) => {
        const ann = await aUser(tx, 'ann')
        const web = await aTeam(tx, 'web')
        const own = await aGrant(tx, { kind: 'principal', id: ann }, '*')
        const team = await aGrant(tx, { kind: 'team', id: web }, '*')
        return { ann, web, own, team, other: await aGrant(tx, { kind: 'signed-in' }, '*') }
      })
      await store.write(async (tx) => deletePrincipal(tx, ann))
      assert.equal(await findGrantById(store, own), undefined)
      assert.equal((await mustFind(store, team)).place, '*')
      await store.write(async (tx) => deleteTeam(tx, web))
      assert.equal(await findGrantById(store, team), undefined)
      assert.equal((await mustFind(store, other)).place, '*')
    },
  ],
  [
    'a grant and a repository that have not seen each other are given to each other later',
    async (store) => {
      assert.equal(await hasStrayGrants(store), false)
      const made = await store.write(async (tx) => {
        const id = await aRepository(tx, 'web/my_app')
        await aRepository(tx, 'web/other')
        const stray = await aGrant(tx, { kind: 'signed-in' }, 'web/my_app')
        const waiting = await aGrant(tx, { kind: 'signed-in' }, 'web/myxapp')
        const space = await aGrant(tx, { kind: 'signed-in' }, 'web/')
        return { id, stray, waiting, space }
      })
      assert.equal(await hasStrayGrants(store), true)
      assert.equal(await store.write(bindStrayGrants), 1)
      assert.equal(await hasStrayGrants(store), false)
      assert.equal((await mustFind(store, made.stray)).repositoryId, made.id)
      assert.equal((await mustFind(store, made.waiting)).repositoryId, undefined)
      assert.equal((await mustFind(store, made.space)).repositoryId, undefined)
    },
  ],
]
