// Cases of the contract: grants, who holds them, and what is noted of their use.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  findGrantById,
  listGrants,
  removeExpiredGrants,
  type GrantFilter,
  type GrantRow,
} from '../grant-rows.ts'
import { noteGrantUses } from '../grant-uses.ts'
import {
  bindGrants,
  changeGrant,
  grantsOfAnybody,
  grantsOfPrincipal,
  grantsOfSignedIn,
  grantsOfTeam,
  insertGrant,
  removeGrant,
  removeGrantsInNamespace,
  type GrantHolder,
  type NewGrant,
} from '../grants.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata-store.ts'
import { deletePrincipal } from '../principals.ts'
import { query } from '../query.ts'
import { deleteRepository } from '../repositories.ts'
import { setMember } from '../team-members.ts'
import { deleteTeam, insertTeam } from '../teams.ts'
import { aRepository, aUser, type Case } from './case.ts'

async function aGrant(
  tx: Transaction,
  holder: GrantHolder,
  placeText: string,
  more: Partial<NewGrant> = {},
): Promise<number> {
  return insertGrant(tx, {
    holder,
    placeKind: kindOf(placeText),
    place: placeText,
    repositoryId: undefined,
    actions: 'pull',
    reason: '',
    grantedBy: undefined,
    expiresAt: undefined,
    ...more,
  })
}

function kindOf(placeText: string): string {
  if (placeText === '*') return 'installation'
  if (placeText === '/') return 'root'
  if (placeText.endsWith('/')) return 'namespace'
  return /[*?]/.test(placeText) ? 'glob' : 'repository'
}

async function aTeam(tx: Transaction, name: string): Promise<number> {
  const id = await insertTeam(tx, { name, description: '', createdBy: undefined })
  if (id === undefined) throw new Error(`the team ${name} was not made`)
  return id
}

async function join(tx: Transaction, teamId: number, principalId: number): Promise<void> {
  const membership = { teamId, principalId, source: 'local' }
  await setMember(tx, { ...membership, maintainer: false, addedBy: undefined })
}

function ids(rows: readonly { readonly id: number }[]): number[] {
  return rows.map(({ id }) => id).toSorted((a, b) => a - b)
}

const all = { after: 0, limit: 1000 }

async function listed(
  reader: Reader,
  filter: GrantFilter,
  page: { readonly after: number; readonly limit: number } = all,
): Promise<number[]> {
  return (await listGrants(reader, filter, page)).map(({ id }) => id)
}

async function mustFind(reader: Reader, id: number): Promise<GrantRow> {
  const found = await findGrantById(reader, id)
  assert.ok(found)
  return found
}

const setTimes = query<{ id: number; grantedAt: number; lastUsedAt: number }>()((db, p) =>
  db
    .updateTable('grants')
    .set({ granted_at: p.grantedAt, last_used_at: p.lastUsedAt })
    .where('id', '=', p.id),
)

const disable = query<{ id: number; disabledAt: number; expiresAt: number }>()((db, p) =>
  db
    .updateTable('principals')
    .set({ disabled_at: p.disabledAt, expires_at: p.expiresAt })
    .where('id', '=', p.id),
)

const none = undefined as unknown as number

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

function fresh(word: string): string {
  return `${word}-${Math.random().toString(36).slice(2, 12)}`
}

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
      assert.deepEqual(await listed(store, {}), [made.alike, made.glob])
    },
  ],
  [
    'grants go with the user or the team that holds them',
    async (store) => {
      const { ann, web, other } = await store.write(async (tx) => {
        const ann = await aUser(tx, 'ann')
        const web = await aTeam(tx, 'web')
        await aGrant(tx, { kind: 'principal', id: ann }, '*')
        await aGrant(tx, { kind: 'team', id: web }, '*')
        return { ann, web, other: await aGrant(tx, { kind: 'signed-in' }, '*') }
      })
      await store.write(async (tx) => deletePrincipal(tx, ann))
      assert.equal((await listed(store, {})).length, 2)
      await store.write(async (tx) => deleteTeam(tx, web))
      assert.deepEqual(await listed(store, {}), [other])
    },
  ],
  [
    'grants are listed by holder and by place, whole or by what it begins with, whatever characters it has',
    async (store) => {
      const places = ['a_b/', 'a_b/app', 'a_b/x*', 'axb/', 'axb/app', 'a_b-c/', 'a_b0', '*', '/']
      const globs = ['a%b/', 'a\\b/', 'a*b/x']
      const { ann, web, made } = await store.write(async (tx) => {
        const ann = await aUser(tx, 'ann')
        const web = await aTeam(tx, 'web')
        const made = new Map<string, number>()
        for (const text of [...places, ...globs]) {
          made.set(text, await aGrant(tx, { kind: 'principal', id: ann }, text))
        }
        await aGrant(tx, { kind: 'team', id: web }, 'elsewhere/')
        return { ann, web, made }
      })
      const idsOf = (...texts: string[]) => texts.map((text) => made.get(text)!)
      assert.deepEqual(await listed(store, { place: 'a_b/' }), idsOf('a_b/'))
      assert.deepEqual(await listed(store, { place: 'a%b/' }), idsOf('a%b/'))
      assert.deepEqual(await listed(store, { place: '*' }), idsOf('*'))
      assert.deepEqual(await listed(store, { place: '%' }), [])
      assert.deepEqual(
        await listed(store, { placePrefix: 'a_b/' }),
        idsOf('a_b/', 'a_b/app', 'a_b/x*'),
      )
      assert.deepEqual(await listed(store, { placePrefix: 'a%' }), idsOf('a%b/'))
      assert.deepEqual(await listed(store, { placePrefix: 'a\\' }), idsOf('a\\b/'))
      const byAnn = { holder: { kind: 'principal', id: ann } } as const
      assert.deepEqual(await listed(store, byAnn), [...made.values()])
      assert.deepEqual(await listed(store, { ...byAnn, place: 'axb/app' }), idsOf('axb/app'))
      assert.equal((await listed(store, { holder: { kind: 'team', id: web } })).length, 1)
      assert.deepEqual(await listed(store, { holder: { kind: 'team', id: ann + 1000 } }), [])
      assert.deepEqual(await listed(store, { holder: { kind: 'anonymous' } }), [])
      assert.deepEqual(
        await listed(store, byAnn, { after: made.get('a_b/app')!, limit: 2 }),
        idsOf('a_b/x*', 'axb/'),
      )
      const removed = await store.write(async (tx) => removeGrantsInNamespace(tx, 'a_b'))
      assert.equal(removed, 3)
      assert.deepEqual(await listed(store, { placePrefix: 'a_b' }), idsOf('a_b-c/', 'a_b0'))
      assert.deepEqual(await listed(store, { placePrefix: 'axb/' }), idsOf('axb/', 'axb/app'))
    },
  ],
  [
    'grants are found by what is wrong with them',
    async (store) => {
      const day = 24 * 60 * 60 * 1000
      const now = Date.now()
      const made = await store.write(async (tx) => {
        const ann = await aUser(tx, 'ann')
        const gone = await aUser(tx, 'gone')
        const over = await aUser(tx, 'over')
        await tx.run(disable, { id: gone, disabledAt: now, expiresAt: none })
        await tx.run(disable, { id: over, disabledAt: none, expiresAt: now - 1 })
        const times = async (id: number, grantedAt: number, lastUsedAt: number) =>
          tx.run(setTimes, { id, grantedAt: now - grantedAt * day, lastUsedAt })
        const fresh = await aGrant(tx, { kind: 'principal', id: ann }, 'a/', {
          expiresAt: now + day,
        })
        const old = await aGrant(tx, { kind: 'principal', id: ann }, 'b/')
        await times(old, 100, none)
        const idle = await aGrant(tx, { kind: 'principal', id: gone }, 'c/')
        await times(idle, 200, now - 95 * day)
        const busy = await aGrant(tx, { kind: 'principal', id: over }, 'd/')
        await times(busy, 200, now - day)
        return { fresh, old, idle, busy }
      })
      assert.deepEqual(await listed(store, { unusedSince: now - 90 * day }), [made.old, made.idle])
      assert.deepEqual(await listed(store, { neverUsed: true }), [made.fresh, made.old])
      assert.deepEqual(await listed(store, { noExpiry: true }), [made.old, made.idle, made.busy])
      assert.deepEqual(await listed(store, { disabledHolder: true }), [made.idle, made.busy])
      assert.deepEqual(await listed(store, { noExpiry: true, neverUsed: true }), [made.old])
      assert.equal((await mustFind(store, made.busy)).subjectDisabled, true)
      assert.equal((await mustFind(store, made.old)).subjectDisabled, false)
    },
  ],
  [
    'grants that are over are removed a few at a time, and told',
    async (store) => {
      const made = await store.write(async (tx) => {
        const made: number[] = []
        for (const expiresAt of [10, 20, 30, undefined]) {
          const holder = { kind: 'principal', id: await aUser(tx, fresh('user')) } as const
          made.push(await aGrant(tx, holder, 'web/', { expiresAt }))
        }
        return made
      })
      const sweep = async (now: number, limit: number) =>
        ids(await store.write(async (tx) => removeExpiredGrants(tx, now, limit)))
      assert.deepEqual(await sweep(9, 10), [])
      assert.deepEqual(await sweep(20, 1), [made[0]])
      assert.deepEqual(await sweep(20, 10), [made[1]])
      assert.deepEqual(await sweep(20, 10), [])
      assert.deepEqual(await listed(store, {}), [made[2], made[3]])
    },
  ],
  [
    'use is noted forward only, and actions only come',
    async (store) => {
      const [one, two] = await store.write(async (tx) => {
        const ann = { kind: 'principal', id: await aUser(tx, 'ann') } as const
        return [await aGrant(tx, ann, 'a/'), await aGrant(tx, ann, 'b/')] as const
      })
      const note = async (...uses: readonly (readonly [number, number, ...string[]])[]) =>
        store.write(async (tx) =>
          noteGrantUses(
            tx,
            uses.map(([grantId, at, ...actions]) => ({ grantId, at, actions })),
          ),
        )
      const use = async (id: number) => {
        const { lastUsedAt, actionsUsed } = await mustFind(store, id)
        return [lastUsedAt, actionsUsed]
      }
      await note(
        [two, 50, 'push'],
        [one, 100, 'pull'],
        [one, 90, 'push', 'pull'],
        [two + 9, 1, 'pull'],
      )
      assert.deepEqual(await use(one), [100, 'pull,push'])
      assert.deepEqual(await use(two), [50, 'push'])
      await note([one, 40, 'delete'])
      assert.deepEqual(await use(one), [100, 'pull,push,delete'])
      await note([one, 100, 'pull'], [two, 60])
      assert.deepEqual(await use(one), [100, 'pull,push,delete'])
      assert.deepEqual(await use(two), [60, 'push'])
    },
  ],
  [
    'use of many grants at once, by several who note at the same time, is not lost',
    async (store) => {
      const made = await store.write(async (tx) => {
        const ann = { kind: 'principal', id: await aUser(tx, 'ann') } as const
        const made: number[] = []
        for (let count = 0; count < 75; count += 1) made.push(await aGrant(tx, ann, `n${count}/`))
        return made
      })
      const noteAs = async (action: string, at: number, grantIds: readonly number[]) =>
        store.write(
          async (tx) =>
            noteGrantUses(
              tx,
              grantIds.map((grantId) => ({ grantId, at, actions: [action] })),
            ),
          { durable: false },
        )
      await Promise.all([
        noteAs('pull', 1000, made),
        noteAs('push', 3000, made.toReversed()),
        noteAs('delete', 2000, made),
      ])
      for (const grant of await listGrants(store, {}, all)) {
        assert.equal(grant.lastUsedAt, 3000)
        assert.deepEqual(grant.actionsUsed.split(',').toSorted(), ['delete', 'pull', 'push'])
      }
    },
  ],
]
