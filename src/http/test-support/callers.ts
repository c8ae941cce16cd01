// Every kind of caller that there is: nobody, users, and each of them with tokens of every kind.
import { removeRepository } from '../../registry/delete.ts'
import type { Identity, TokenAccess } from '../../auth/identity.ts'
import { basic, type TestApp } from './app.ts'
import { makeRepository } from './content.ts'
import { users, type UserName } from './users.ts'

export interface Caller {
  readonly title: string
  readonly authorization: string | undefined
  /** 'bad': what is presented is no good, so who asks does not matter. */
  readonly who: UserName | 'anonymous' | 'bad'
  /** What a token carries: for repositories by name, or for the catalog. Undefined: no token. */
  readonly carries?: {
    /** Actions on the repository that is asked about, if the token is for its present self. */
    readonly actions: readonly string[]
    readonly catalog: boolean
  }
  readonly isToken: boolean
  /** A password has to be hashed for each of its requests. */
  readonly isSlow?: boolean
}

/** How a token is bound to the repository that is asked about. */
export type TokenKind = 'present' | 'before it was' | 'former' | 'another'

const tokens: readonly (readonly [kind: TokenKind, actions: readonly string[]])[] = [
  ['present', []],
  ['present', ['pull']],
  ['present', ['pull', 'push']],
  ['present', ['delete']],
  ['present', ['push']],
  ['present', ['pull', 'push', 'delete']],
  // Made before there was a repository of that name.
  ['before it was', ['pull', 'push', 'delete']],
  // Of a repository of that name that was deleted.
  ['former', ['pull', 'push', 'delete']],
  ['another', ['pull', 'push', 'delete']],
]

export interface Asked {
  readonly name: string
  /** Undefined: there is no such repository. */
  readonly id: number | undefined
}

/** All callers of one repository; their tokens are for it. */
export async function callersOf(app: TestApp, asked: Asked): Promise<readonly Caller[]> {
  const callers: Caller[] = [
    { title: 'nobody', authorization: undefined, who: 'anonymous', isToken: false },
    { title: 'empty Basic', authorization: basic('', ''), who: 'anonymous', isToken: false },
    {
      title: 'wrong password',
      authorization: basic('alice', 'x'),
      who: 'bad',
      isToken: false,
      isSlow: true,
    },
    {
      title: 'disabled user',
      authorization: basic('carol', users.carol.password),
      who: 'bad',
      isToken: false,
      isSlow: true,
    },
    { title: 'no token of ours', authorization: 'Bearer x.y.z', who: 'bad', isToken: true },
  ]
  for (const who of ['anonymous', 'admin', 'alice', 'bob', 'carol'] as const) {
    callers.push(...(await callersAs(app, asked, who)))
  }
  const admin = callers.find((one) => one.title === 'admin with present:pull,push,delete')
  callers.push({
    title: 'forged signature',
    authorization: withChangedEnd(admin?.authorization ?? ''),
    who: 'bad',
    isToken: true,
  })
  return callers
}

async function callersAs(
  app: TestApp,
  asked: Asked,
  who: UserName | 'anonymous',
): Promise<readonly Caller[]> {
  const callers: Caller[] = []
  if (who !== 'anonymous' && !users[who].disabled) {
    const authorization = basic(who, users[who].password)
    callers.push({ title: who, authorization, who, isToken: false })
  }
  const identity = identityOf(app, who)
  const isGood = who === 'anonymous' || !users[who].disabled
  const add = async (title: string, access: readonly TokenAccess[], carries: Caller['carries']) => {
    const { token } = await app.issuer.issue(identity, access)
    callers.push({
      title: `${who} with ${title}`,
      authorization: `Bearer ${token}`,
      who: isGood ? who : 'bad',
      isToken: true,
      ...(carries !== undefined && { carries }),
    })
  }
  for (const [kind, actions] of tokens) {
    const access = accessOf(asked, kind, actions)
    const isBound = kind !== 'another' && kind !== 'former'
    const carries = { actions: isBound ? actions : [], catalog: false }
    await add(`${kind}:${actions.join()}`, access === undefined ? [] : [access], carries)
  }
  const catalog = { type: 'registry', name: 'catalog', repositoryId: undefined, actions: ['*'] }
  await add('catalog', [{ ...catalog, type: 'registry' }], { actions: [], catalog: true })
  return callers
}

function accessOf(
  { name, id }: Asked,
  kind: TokenKind,
  actions: readonly string[],
): TokenAccess | undefined {
  if (actions.length === 0) return undefined
  const type = 'repository'
  switch (kind) {
    case 'present':
      return { type, name, repositoryId: id, actions }
    case 'before it was':
      return { type, name, repositoryId: undefined, actions }
    case 'former':
      return { type, name, repositoryId: 987_654, actions }
    case 'another':
      return { type, name: `${name}-other`, repositoryId: id, actions }
  }
}

function identityOf(app: TestApp, who: UserName | 'anonymous'): Identity {
  if (who === 'anonymous') return { kind: 'anonymous' }
  const { admin } = users[who]
  // Tokens say who it is; what it may do is looked up when they are used.
  return {
    kind: 'principal',
    id: app.ids[who],
    name: who,
    principalKind: 'user',
    provider: 'local',
    admin,
    grants: [],
  }
}

/** The signature of another content. */
function withChangedEnd(authorization: string): string {
  const at = authorization.length - 40
  const other = authorization[at] === 'A' ? 'B' : 'A'
  return `${authorization.slice(0, at)}${other}${authorization.slice(at + 1)}`
}

/** A repository of that name was there once and is no more. */
export async function makeAndRemove(app: TestApp, name: string): Promise<void> {
  const { id } = await makeRepository(app, name)
  await removeRepository(app.metadata, id)
}
