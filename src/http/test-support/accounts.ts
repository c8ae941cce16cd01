// Accounts for tests of the whole application: made straight in the database, signing in with a token.
import { issueToken } from '../../access/tokens.ts'
import type { PrincipalKind } from '../../auth/identity.ts'
import type { Transaction } from '../../metadata/metadata-store.ts'
import { findPrincipalByName, insertPrincipal } from '../../metadata/principals.ts'
import { basic, type TestApp } from './app.ts'
import { give } from './grants.ts'
import type { Given } from './matrix-model.ts'

export interface Account {
  readonly id: number
  readonly name: string
  readonly kind: PrincipalKind
  readonly secret: string
  readonly tokenId: number
  /** The header Authorization. */
  readonly as: string
}

export interface AccountOptions {
  readonly kind?: 'user' | 'robot'
  readonly admin?: boolean
  readonly given?: readonly Given[]
  /** Of its token; left out: all that it may. */
  readonly scopes?: readonly string[]
  readonly createdBy?: number
  readonly passwordHash?: string
}

const actor = { id: undefined, name: 'test' }

export async function anAccount(
  { metadata }: Pick<TestApp, 'metadata'>,
  name: string,
  options: AccountOptions = {},
): Promise<Account> {
  return metadata.write(async (tx) => makeAccount(tx, name, options))
}

async function makeAccount(
  tx: Transaction,
  name: string,
  { kind = 'user', admin = false, given = [], scopes, createdBy, passwordHash }: AccountOptions,
): Promise<Account> {
  const provider = kind === 'robot' ? 'robot' : 'local'
  await insertPrincipal(tx, { name, kind, provider, admin, createdBy, passwordHash })
  const owner = await findPrincipalByName(tx, name)
  if (owner === undefined) throw new Error(`${name} was not made`)
  for (const one of given) await give(tx, { kind: 'principal', id: owner.id }, one)
  const { secret, id: tokenId } = await issueToken(tx, actor, {
    kind: kind === 'robot' ? 'robot' : 'personal',
    owner,
    name: 'test',
    scopes,
    expiresAt: undefined,
  })
  const as = kind === 'robot' ? basic(name, secret) : `Bearer ${secret}`
  return { id: owner.id, name, kind, secret, tokenId, as }
}

/** Another token of the account. */
export async function aToken(
  { metadata }: Pick<TestApp, 'metadata'>,
  { id, name, kind }: Account,
  scopes?: readonly string[],
): Promise<string> {
  const made = await metadata.write(async (tx) =>
    issueToken(tx, actor, {
      kind: 'personal',
      owner: { id, name, kind },
      name: 'more',
      scopes,
      expiresAt: undefined,
    }),
  )
  return made.secret
}

export async function giveMore(
  app: Pick<TestApp, 'metadata' | 'authenticator'>,
  { id }: Pick<Account, 'id'>,
  grant: Given,
): Promise<number> {
  const made = await app.metadata.write(async (tx) => give(tx, { kind: 'principal', id }, grant))
  app.authenticator.forgetPrincipal(id)
  return made
}
