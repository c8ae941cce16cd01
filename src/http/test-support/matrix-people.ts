// The people of the authorisation matrices, with what each of them was given: every role by every way in which one can
// come to it, each right alone, and what looks like a right and is none.
import { localSource, setMember } from '../../metadata/team-members.ts'
import { insertTeam } from '../../metadata/teams.ts'
import type { Transaction } from '../../metadata/metadata-store.ts'
import { findPrincipalByName, insertPrincipal } from '../../metadata/principals.ts'
import type { TestApp } from './app.ts'
import { makeRepository, putImage } from './content.ts'
import { give } from './grants.ts'
import { removeRepository } from '../../registry/delete.ts'
import {
  rights,
  roleRights,
  type Everybody,
  type Given,
  type Holder,
  type Repository,
  type Right,
} from './matrix-model.ts'

export interface Person extends Holder {
  readonly id: number
  readonly teams: readonly string[]
  /** Whose robot it is. */
  readonly madeBy: string | undefined
  readonly provider: 'local' | 'robot' | 'federation'
}

export interface World {
  readonly repositories: readonly (Repository & { readonly id: number | undefined })[]
  /** Ids of the repositories that had the names before. */
  readonly former: Readonly<Record<string, number>>
  readonly everybody: Everybody
  readonly people: ReadonlyMap<string, Person>
  /** Ids of grants, by `NAME PLACE`. */
  readonly grants: ReadonlyMap<string, number>
  /** Digest of what `v1` names in each. */
  readonly image: string
}

const visibilities = ['private', 'internal', 'public', 'missing'] as const

/** alice/ is a person's, web/ a team's, root-… is in no namespace, and in commons/ something is given to everybody. */
export const matrixRepositories: readonly Repository[] = [
  ...['alice/', 'web/', 'root-'].flatMap((beginning) =>
    visibilities.map((visibility) => ({ name: `${beginning}${visibility}`, visibility })),
  ),
  { name: 'commons/any-private', visibility: 'private' },
  { name: 'commons/any-missing', visibility: 'missing' },
  { name: 'commons/members-private', visibility: 'private' },
  { name: 'commons/members-missing', visibility: 'missing' },
]

const names = matrixRepositories.map(({ name }) => name)

/** By which places a role on all of the repositories can be given. */
const ways = {
  repository: names,
  namespace: ['alice/', 'web/', '/', 'commons/'],
  glob: ['alice/*', 'w?b/**', 'root-*', 'c*s/*-**'],
  installation: ['*'],
} as const

const everybody: Everybody = {
  anonymous: [
    { place: 'commons/any-private', rights: ['pull'] },
    { place: 'commons/any-missing', rights: ['pull'] },
  ],
  signedIn: [{ place: 'commons/members-*', rights: roleRights.writer }],
}

interface Plan {
  readonly name: string
  readonly kind?: Holder['kind']
  readonly given?: readonly Given[]
  readonly teams?: readonly string[]
  /** For robots: whose name. */
  readonly madeBy?: string
}

const teams: Readonly<Record<string, readonly Given[]>> = {
  crew: [{ place: 'web/', rights }],
  ...Object.fromEntries(
    Object.entries(roleRights).map(([role, held]) => [
      `${role}s`,
      ways.namespace.map((place) => ({ place, rights: held })),
    ]),
  ),
}

const plans: readonly Plan[] = [
  { name: 'walt', teams: ['crew'] },
  { name: 'wendy', teams: ['crew'] },
  { name: 'mallory', given: [{ place: 'mallory/', rights }] },
  ...Object.entries(roleRights).flatMap(([role, held]) => [
    ...Object.entries(ways).map(([way, places]) => ({
      name: `${role}-by-${way}`,
      given: places.map((place) => ({ place, rights: held })),
    })),
    { name: `${role}-by-team`, teams: [`${role}s`] },
  ]),
  ...rights.map((right) => ({ name: `only-${right}`, given: everywhere([right]) })),
  { name: 'keeper', given: everywhere(['pull', 'push']) },
  { name: 'waited' },
  { name: 'former' },
  { name: 'late' },
  { name: 'robot', kind: 'robot', given: [{ place: 'alice/', rights: roleRights.writer }] },
  { name: 'robot-owner', kind: 'robot', given: [{ place: 'alice/', rights }], madeBy: 'alice' },
  { name: 'robot-mallory', kind: 'robot', madeBy: 'mallory' },
  { name: 'robot-off', kind: 'robot', given: everywhere(rights) },
  { name: 'robot-over', kind: 'robot', given: everywhere(rights) },
  { name: 'job', kind: 'federated', given: [{ place: 'web/', rights: roleRights.writer }] },
  { name: 'switched-off', given: everywhere(rights) },
  { name: 'ended', given: everywhere(rights) },
]

function everywhere(held: readonly Right[]): readonly Given[] {
  return ways.namespace.map((place) => ({ place, rights: held }))
}

/** Each repository is the second of its name. */
export async function makeWorld(app: TestApp): Promise<World> {
  const former: Record<string, number> = {}
  for (const { name, visibility } of matrixRepositories) {
    const { id } = await makeRepository(
      app,
      name,
      visibility === 'missing' ? 'private' : visibility,
    )
    former[name] = id
  }
  const made = await app.metadata.write(async (tx) => {
    const people = await makePeople(tx, app)
    const { id } = requirePerson(people, 'former')
    for (const place of names) await give(tx, { kind: 'principal', id }, { place, rights })
    return people
  })
  for (const id of Object.values(former)) await removeRepository(app.metadata, id)
  await app.metadata.write(async (tx) => {
    const { id } = requirePerson(made, 'waited')
    const waiting = { rights: roleRights.writer }
    for (const place of names) await give(tx, { kind: 'principal', id }, { place, ...waiting })
  })
  const repositories: World['repositories'][number][] = []
  let image = ''
  for (const { name, visibility } of matrixRepositories) {
    const { id } =
      visibility === 'missing' ? { id: undefined } : await makeRepository(app, name, visibility)
    if (id !== undefined) image = (await putImage(app, name, 'v1')).digest
    repositories.push({ name, visibility, id })
  }
  const grants = new Map<string, number>()
  await app.metadata.write(async (tx) => giveAll(tx, made, grants))
  const waited = names.map((place) => ({ place, rights: roleRights.writer }))
  const people = new Map(made)
  people.set('waited', { ...requirePerson(made, 'waited'), given: waited })
  return { repositories, former, everybody, people, grants, image }
}

async function makePeople(tx: Transaction, { ids }: TestApp): Promise<ReadonlyMap<string, Person>> {
  const people = new Map<string, Person>()
  const local = { kind: 'user', provider: 'local', teams: [], madeBy: undefined } as const
  for (const name of ['admin', 'bob', 'alice'] as const) {
    // Each has the namespace of that name.
    const given = [{ place: `${name}/`, rights }]
    people.set(name, { ...local, name, id: ids[name], admin: name === 'admin', given })
  }
  for (const plan of plans) {
    const { name, kind = 'user', given = [], teams: memberOf = [], madeBy } = plan
    const provider = ({ user: 'local', robot: 'robot', federated: 'federation' } as const)[kind]
    const createdBy = people.get(madeBy ?? '')?.id
    const expiresAt = name === 'ended' ? Date.now() - 1000 : undefined
    await insertPrincipal(tx, { name, kind, provider, createdBy, expiresAt })
    const row = await findPrincipalByName(tx, name)
    if (row === undefined) throw new Error(`${name} was not made`)
    const all = [...given, ...memberOf.flatMap((team) => teams[team] ?? [])]
    const person = { name, kind, provider, id: row.id, admin: false, given: all }
    people.set(name, { ...person, teams: memberOf, madeBy })
  }
  return people
}

async function giveAll(
  tx: Transaction,
  people: ReadonlyMap<string, Person>,
  grants: Map<string, number>,
): Promise<void> {
  for (const { name, given = [] } of plans) {
    const { id } = requirePerson(people, name)
    for (const one of given) {
      grants.set(`${name} ${one.place}`, await give(tx, { kind: 'principal', id }, one))
    }
  }
  const late = { kind: 'principal', id: requirePerson(people, 'late').id } as const
  for (const { place } of everywhere(rights)) {
    await give(tx, late, { place, rights, expiresAt: Date.now() - 1000 })
  }
  for (const [name, given] of Object.entries(teams)) {
    const id = await insertTeam(tx, { name, description: '', createdBy: undefined })
    if (id === undefined) throw new Error(`the team ${name} was not made`)
    for (const one of given)
      grants.set(`${name} ${one.place}`, await give(tx, { kind: 'team', id }, one))
    for (const plan of plans.filter((one) => one.teams?.includes(name))) {
      const principalId = requirePerson(people, plan.name).id
      const maintainer = plan.name === 'walt'
      const member = { teamId: id, principalId, source: localSource }
      await setMember(tx, { ...member, maintainer, addedBy: undefined })
    }
  }
  for (const one of everybody.anonymous) await give(tx, { kind: 'anonymous' }, one)
  for (const one of everybody.signedIn) {
    grants.set(`signed-in ${one.place}`, await give(tx, { kind: 'signed-in' }, one))
  }
}

export function requirePerson(people: ReadonlyMap<string, Person>, name: string): Person {
  const found = people.get(name)
  if (found === undefined) throw new Error(`there is no ${name} in this world`)
  return found
}
