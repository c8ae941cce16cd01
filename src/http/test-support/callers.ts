// Every kind of caller that there is, with its credential: nobody, passwords, tokens of people and robots with and
// without scopes, identity tokens of jobs, and registry tokens made with each of them.
import { hashSecret, makeSecret } from '../../auth/secret-format.ts'
import { issueToken, replaceSecret, type IssuedToken } from '../../access/tokens.ts'
import type { Federate } from '../../auth/sign-in-federated.ts'
import type { Transaction } from '../../metadata/metadata-store.ts'
import { insertToken, revokeToken } from '../../metadata/tokens.ts'
import { basic, type TestApp } from './app.ts'
import { requirePerson, type Person, type World } from './matrix-people.ts'
import { rights, roleRights, type Caller, type Given } from './matrix-model.ts'
import { withRegistryTokens } from './registry-callers.ts'
import { disableUser, users } from './users.ts'

const actor = { id: undefined, name: 'test' }

/** What a job presents: three parts of base64url. No server of this world knows any other. */
export const jobToken = `eyJ${'a'.repeat(60)}.eyJ${'b'.repeat(60)}.${'c'.repeat(80)}`

/** For an application in which jobs sign in. `principalId` is asked for when one does. */
export function federateJob(principalId: () => number): Federate {
  return async (token) =>
    token === jobToken
      ? { principalId: principalId(), provenance: '{}', goodUntil: Date.now() + 600_000 }
      : undefined
}

/** Callers with and without tokens of their own; their tokens hold for all repositories of the world. */
export async function makeCallers(app: TestApp, world: World): Promise<readonly Caller[]> {
  const callers: Caller[] = [...strangers(world)]
  await app.metadata.write(async (tx) => {
    const maker = { tx, world }
    for (const person of world.people.values()) callers.push(...(await signedIn(maker, person)))
    callers.push(...(await narrowed(maker)))
    callers.push(...(await broken(maker)))
  })
  for (const name of ['switched-off', 'robot-off']) {
    await disableUser(app.metadata, requirePerson(world.people, name).id)
  }
  callers.push(...(await withRegistryTokens(app, world, callers)))
  // What was remembered of some of them is older than their grants.
  for (const { id } of world.people.values()) app.authenticator.forgetPrincipal(id)
  return callers
}

function strangers({ people }: World): readonly Caller[] {
  const nobody = { holder: undefined }
  const refused = { holder: undefined, refused: 'credentials' } as const
  const passwordOf = (name: 'admin' | 'alice' | 'bob') => ({
    title: `${name} by password`,
    authorization: basic(name, users[name].password),
    holder: requirePerson(people, name),
  })
  return [
    { ...nobody, title: 'nobody', authorization: undefined },
    { ...nobody, title: 'empty Basic', authorization: basic('', '') },
    { ...refused, title: 'wrong password', authorization: basic('alice', 'x'), isSlow: true },
    { ...refused, title: 'unknown user', authorization: basic('nobody', 'x'), isSlow: true },
    {
      ...refused,
      title: 'disabled user by password',
      authorization: basic('carol', users.carol.password),
      isSlow: true,
    },
    { ...refused, title: 'no scheme', authorization: 'nonsense' },
    { ...nobody, title: 'no token', authorization: 'Bearer x.y.z', refused: 'token' },
    ...(['admin', 'alice', 'bob'] as const).map(passwordOf),
    {
      title: 'job by its identity token',
      authorization: basic('oidc', jobToken),
      holder: requirePerson(people, 'job'),
    },
  ]
}

interface Maker {
  readonly tx: Transaction
  readonly world: World
}

/** Every principal with a token that is not narrowed, by Bearer and Basic in turn. */
async function signedIn({ tx }: Maker, person: Person): Promise<readonly Caller[]> {
  if (person.kind === 'federated') return []
  const kind = person.kind === 'robot' ? 'robot' : 'personal'
  const expiresAt = person.name === 'robot-over' ? Date.now() - 1000 : undefined
  const { secret, id: tokenId } = await makeToken(tx, person, { kind, expiresAt })
  const isBasic = person.kind === 'robot' || person.id % 2 === 0
  const isOut = ['switched-off', 'robot-off', 'robot-over', 'ended'].includes(person.name)
  const authorization = isBasic ? basic(person.name, secret) : `Bearer ${secret}`
  return [
    {
      title: person.name,
      authorization,
      holder: person,
      tokenId,
      ...(isOut && { refused: isBasic ? 'credentials' : 'token' }),
    },
  ]
}

interface Wanted {
  readonly kind?: IssuedToken['kind']
  readonly scopes?: readonly string[]
  readonly expiresAt?: number | undefined
}

async function makeToken(
  tx: Transaction,
  owner: Person,
  { kind = 'personal', scopes, expiresAt }: Wanted,
) {
  return issueToken(tx, actor, { kind, owner, name: kind, scopes, expiresAt })
}

const narrowings: readonly (readonly [who: string, title: string, scopes: readonly Given[]])[] = [
  ['alice', 'fitting scope', [{ place: 'alice/', rights }]],
  ['alice', 'scope of one repository', [{ place: 'alice/private', rights: roleRights.writer }]],
  ['alice', 'scope of pull everywhere', [{ place: '*', rights: ['pull'] }]],
  ['alice', 'scope of a glob', [{ place: 'ali*/pr*', rights: ['pull', 'delete', 'admin'] }]],
  ['alice', 'scope elsewhere', [{ place: 'mallory/', rights }]],
  ['admin', 'scope of everything', [{ place: '*', rights }]],
  ['admin', 'scope of pull everywhere', [{ place: '*', rights: ['pull'] }]],
  ['wendy', 'scope of push', [{ place: 'web/', rights: ['push'] }]],
]

async function narrowed({ tx, world }: Maker): Promise<readonly Caller[]> {
  const callers: Caller[] = []
  for (const [name, title, scopes] of narrowings) {
    const holder = requirePerson(world.people, name)
    const written = scopes.map((scope) => `${scope.place}:${scope.rights.join(',')}`)
    const { secret, id: tokenId } = await makeToken(tx, holder, { scopes: written })
    const authorization = `Bearer ${secret}`
    callers.push({ title: `${name} with ${title}`, authorization, holder, scopes, tokenId })
  }
  const alice = requirePerson(world.people, 'alice')
  const places = { place: '*', rights: ['pull', 'push', 'overwrite', 'delete'] } as const
  const login = await makeToken(tx, alice, {
    kind: 'login',
    scopes: [`*:${places.rights.join(',')}`],
  })
  callers.push({
    title: 'alice with a login token',
    authorization: basic('alice', login.secret),
    holder: alice,
    scopes: [places],
    tokenId: login.id,
  })
  // What the database holds may be of a version to come, with words that are not known yet.
  const secret = makeSecret('pat')
  const tokenId = await insertToken(tx, {
    kind: 'personal',
    principalId: alice.id,
    name: 'of another version',
    scopes: '["*:owner","nowhere"]',
    createdBy: undefined,
    expiresAt: undefined,
    hash: hashSecret(secret),
  })
  const title = 'alice with scopes that cannot be read'
  callers.push({ title, authorization: `Bearer ${secret}`, holder: alice, scopes: [], tokenId })
  return callers
}

/** Tokens that are over, and secrets that were replaced. */
async function broken({ tx, world }: Maker): Promise<readonly Caller[]> {
  const callers: Caller[] = []
  const alice = requirePerson(world.people, 'alice')
  const robot = requirePerson(world.people, 'robot')
  const revoked = await makeToken(tx, alice, {})
  await revokeToken(tx, revoked.id)
  const expired = await makeToken(tx, alice, { expiresAt: Date.now() - 1000 })
  for (const [title, { secret, id: tokenId }] of Object.entries({ revoked, expired })) {
    callers.push({
      title: `alice with a token that is ${title}`,
      authorization: `Bearer ${secret}`,
      holder: alice,
      tokenId,
      refused: 'token',
    })
  }
  const rotated = await makeToken(tx, robot, { kind: 'robot' })
  const renewed = await replaceSecret(tx, actor, rotated, { graceMs: 3_600_000 })
  const cut = await makeToken(tx, robot, { kind: 'robot' })
  const after = await replaceSecret(tx, actor, cut, { graceMs: 0 })
  const secrets = { 'old secret': rotated, 'new secret': renewed, 'secret after a cut': after }
  for (const [title, { secret }] of Object.entries(secrets)) {
    callers.push({
      title: `robot with its ${title}`,
      authorization: basic('robot', secret),
      holder: robot,
    })
  }
  callers.push({
    title: 'robot with a secret that was cut',
    authorization: basic('robot', cut.secret),
    holder: robot,
    refused: 'credentials',
  })
  callers.push({
    title: 'secret of robot under the name of alice',
    authorization: basic('alice', renewed.secret),
    holder: alice,
    refused: 'credentials',
  })
  return callers
}
