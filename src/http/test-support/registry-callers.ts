// Registry tokens (JWT) made with the credentials of other callers, bound to repositories in every way: to the one of
// now, to none that was there, to the former one of that name, to another one.
import type { Identity, TokenAccess } from '../../auth/identity.ts'
import type { TestApp } from './app.ts'
import type { Caller, Limits } from './matrix-model.ts'
import type { Person, World } from './matrix-people.ts'

const words = ['pull', 'push', 'delete'] as const

/** How a registry token is bound to each of the repositories. */
type Binding = 'present' | 'before it was' | 'former' | 'another'

const tokens: readonly (readonly [Binding, readonly string[]])[] = [
  ['present', []],
  ['present', ['pull']],
  ['present', ['pull', 'push']],
  ['present', ['push']],
  ['present', ['delete']],
  ['present', words],
  // No client can get such a one; an older version, or a fault, might have made it.
  ['present', ['admin', '*']],
  ['before it was', words],
  // Of a repository of that name that was deleted.
  ['former', words],
  ['another', words],
]
const fewTokens = [
  ['present', words],
  ['present', ['pull']],
  ['former', words],
] as const

export async function withRegistryTokens(
  app: TestApp,
  world: World,
  callers: readonly Caller[],
): Promise<readonly Caller[]> {
  const made: Caller[] = []
  const find = (title: string) => callers.find((caller) => caller.title === title)
  const holders = {
    all: ['nobody', 'admin', 'alice', 'robot'],
    few: [
      'bob',
      'wendy',
      'keeper',
      'only-delete',
      'owner-by-installation',
      'alice with fitting scope',
      'alice with scope of one repository',
      'admin with scope of pull everywhere',
      'alice with a token that is revoked',
      'alice with a token that is expired',
      'job by its identity token',
      'switched-off',
      'ended',
      'robot-over',
    ],
  }
  for (const title of [...holders.all, ...holders.few]) {
    const caller = find(title)
    if (caller === undefined) throw new Error(`there is no caller ${title}`)
    const identity = identityOf(caller)
    const kinds = holders.all.includes(title) ? tokens : fewTokens
    for (const [binding, actions] of kinds) {
      const access = world.repositories.map(({ name, id }) => ({
        type: 'repository' as const,
        name: binding === 'another' ? `${name}-other` : name,
        repositoryId:
          binding === 'former' ? world.former[name] : binding === 'before it was' ? undefined : id,
        actions,
      }))
      const isBound = binding === 'present' || binding === 'before it was'
      const held = world.repositories.map(({ name }) => [name, isBound ? actions : []] as const)
      const limits = { catalog: false, repositories: Object.fromEntries(held) }
      const carried = { identity, access: actions.length === 0 ? [] : access, limits }
      made.push(await registryToken(app, caller, `${binding}:${actions.join()}`, carried))
    }
    const access = [
      { type: 'registry', name: 'catalog', repositoryId: undefined, actions: ['*'] },
    ] as const
    const limits = { catalog: true, repositories: {} }
    made.push(await registryToken(app, caller, 'catalog', { identity, access, limits }))
  }
  const forged = made.find(({ title }) => title === 'admin with present:pull,push,delete')
  made.push({
    title: 'forged signature',
    authorization: withChangedEnd(forged?.authorization ?? ''),
    holder: undefined,
    refused: 'token',
  })
  return made
}

async function registryToken(
  app: TestApp,
  caller: Caller,
  title: string,
  {
    identity,
    access,
    limits,
  }: {
    readonly identity: Identity
    readonly access: readonly TokenAccess[]
    readonly limits: Limits
  },
): Promise<Caller> {
  const { token } = await app.issuer.issue(identity, access)
  return {
    ...caller,
    title: `${caller.title} with ${title}`,
    authorization: `Bearer ${token}`,
    limits,
    ...(caller.refused !== undefined && { refused: 'token' as const }),
  }
}

/** Whoever it is: what it may do is looked up when the token is used. */
function identityOf({ holder, tokenId: id }: Caller): Identity {
  if (holder === undefined) return { kind: 'anonymous' }
  const person = holder as Person
  return {
    kind: 'principal',
    id: person.id,
    name: person.name,
    principalKind: person.kind,
    provider: person.provider,
    admin: person.admin,
    grants: [],
    ...(id !== undefined && {
      token: { id, kind: 'personal', scopes: undefined, expiresAt: undefined },
    }),
  }
}

/** The signature of another content. */
function withChangedEnd(authorization: string): string {
  const at = authorization.length - 40
  const other = authorization[at] === 'A' ? 'B' : 'A'
  return `${authorization.slice(0, at)}${other}${authorization.slice(at + 1)}`
}
