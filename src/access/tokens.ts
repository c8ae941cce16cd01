// Tokens: what people give to programs instead of their password. A token's scopes can only narrow what its owner may
// do (auth/token-limits.ts), at the moment of use: so none has to be compared with the owner's rights when it is made,
// and what the owner loses later, the token loses too.
import { hashSecret, makeSecret } from '../auth/secret-format.ts'
import { formatTokenScope, parseTokenScope } from '../auth/token-scope.ts'
import { appendAudit } from '../metadata/audit.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import {
  findPrincipalById,
  findPrincipalByName,
  type PrincipalRow,
} from '../metadata/principals.ts'
import { addSecret, type TokenKind } from '../metadata/token-secrets.ts'
import {
  insertToken,
  listTokens as listTokenRows,
  revokeToken as revokeTokenRow,
  setTokenExpiry,
  type ListedToken,
} from '../metadata/tokens.ts'
import type { Actor } from './actor.ts'
import { Refusal } from './refusal.ts'
import { chooseExpiry, renewedExpiry, type AskedExpiry } from './token-expiry.ts'
import { createTokenViews, type Token, type TokenOwner } from './token-view.ts'

export interface TokensDeps {
  readonly metadata: MetadataStore
}

export interface NewToken {
  /** Whose it is: a principal's name. The actor's own when left out. */
  readonly for?: string | undefined
  /** What it is for. */
  readonly name?: string | undefined
  readonly scopes?: readonly string[] | undefined
  readonly expiresAt?: AskedExpiry
  /** login: for clients that keep it in a file; hours, and never for managing anything. */
  readonly kind?: 'personal' | 'login' | undefined
  /** The caller administers the installation, and so may say `never`. */
  readonly mayNever?: boolean | undefined
}

/** The secret is shown this once. */
export type TokenWithSecret = Token & { readonly secret: string }

/** Whether the caller may look after the tokens of this principal; one that may not learns nothing of them. */
export type MayManage = (owner: TokenOwner) => boolean

const longestName = 100
const mostScopes = 100
const secretKindOf = { personal: 'pat', robot: 'robot', login: 'login' } as const
/** What is written to a file by a client pulls and pushes; it manages neither accounts nor grants. */
const scopesOfLogins: readonly string[] = ['*:pull,push,overwrite,delete']

const usualGraceMs = 14 * 24 * 60 * 60_000
const longestGraceMs = 90 * 24 * 60 * 60_000

/** @throws {Refusal} not-found, invalid, policy */
export async function createToken(
  { metadata }: TokensDeps,
  actor: Actor,
  asked: NewToken,
): Promise<TokenWithSecret> {
  const { kind = 'personal', mayNever = false } = asked
  const given = kind === 'login' ? (asked.scopes ?? scopesOfLogins) : asked.scopes
  const scopes = given === undefined ? undefined : requireScopes(given)
  const expiresAt = chooseExpiry(kind, asked.expiresAt, { now: Date.now(), mayNever })
  const name = requireTokenName(asked.name ?? `made ${new Date().toISOString().slice(0, 10)}`)
  return metadata.write(async (tx) => {
    const owner = await requireOwner(tx, actor, asked.for)
    return issueToken(tx, actor, { kind, owner, name, scopes, expiresAt })
  })
}

export interface IssuedToken {
  readonly kind: TokenKind
  readonly owner: Pick<PrincipalRow, 'id' | 'name' | 'kind'>
  readonly name: string
  /** Checked before. */
  readonly scopes: readonly string[] | undefined
  readonly expiresAt: number | undefined
}

/** Makes a token of any kind, in the transaction of what it is made for. Nothing is checked here. */
export async function issueToken(
  tx: Transaction,
  actor: Actor,
  { kind, owner, name, scopes, expiresAt }: IssuedToken,
): Promise<TokenWithSecret> {
  const secret = makeSecret(secretKindOf[kind])
  const id = await insertToken(tx, {
    kind,
    principalId: owner.id,
    name,
    scopes: scopes === undefined ? undefined : JSON.stringify(scopes),
    createdBy: actor.id,
    expiresAt,
    hash: hashSecret(secret),
  })
  await appendAudit(tx, {
    event: 'token.created',
    actor,
    subject: `${owner.kind}:${owner.name}`,
    detail: { token: id, kind, name, scopes: scopes ?? 'all', expiresAt: momentOf(expiresAt) },
  })
  return { ...(await viewToken(tx, id)), secret }
}

/** At most `limit` tokens after the id `after` (0 for the first page). @throws {Refusal} not-found */
export async function listTokens(
  { metadata }: TokensDeps,
  page: {
    /** Whose: everybody's when left out. */
    readonly principalId?: number | undefined
    readonly kind?: TokenKind | undefined
    readonly after: number
    readonly limit: number
  },
): Promise<readonly Token[]> {
  return metadata.read(async (tx) => {
    const view = createTokenViews(tx)
    const tokens: Token[] = []
    for (const row of await listTokenRows(tx, page)) tokens.push(await view(row))
    return tokens
  })
}

/** Without `may`: whoever it belongs to. @throws {Refusal} not-found */
export async function showToken(
  { metadata }: TokensDeps,
  id: number,
  may: MayManage = () => true,
): Promise<Token> {
  return metadata.read(async (tx) => requireToken(tx, id, may))
}

export interface Rotation {
  readonly id: number
  readonly may?: MayManage | undefined
  /** How long the old secret works on at most; 14 days when left out, 0 ends it at once. */
  readonly graceMs?: number | undefined
  /** Left out: as long again as before. */
  readonly expiresAt?: AskedExpiry
  readonly mayNever?: boolean | undefined
  /** Called with the token as it is, in the transaction; throws to keep it so. */
  readonly expect?: ((current: Token) => void) | undefined
}

/**
 * Gives the token of a person another secret. Robots have a way of their own (robots.ts), which asks for more.
 *
 * @throws {Refusal} not-found, invalid, policy
 */
export async function rotateToken(
  { metadata }: TokensDeps,
  actor: Actor,
  rotation: Rotation,
): Promise<TokenWithSecret> {
  return metadata.write(async (tx) => {
    const token = await requireToken(tx, rotation.id, rotation.may)
    rotation.expect?.(token)
    if (token.kind === 'robot') {
      throw new Refusal('invalid', `token ${token.id} is that of a robot`, {
        fix: `carrel robot rotate ${token.owner.name}`,
      })
    }
    if (token.kind === 'login') {
      throw new Refusal('invalid', `token ${token.id} is for one login`, {
        why: 'it ends within hours, so another one is made instead',
        fix: 'carrel token login',
      })
    }
    return replaceSecret(tx, actor, token, rotation)
  })
}

/** What rotation is for every kind. The caller has found the token in this transaction, and checked who asks. */
export async function replaceSecret(
  tx: Transaction,
  actor: Actor,
  token: Token,
  rotation: Pick<Rotation, 'graceMs' | 'expiresAt' | 'mayNever'>,
): Promise<TokenWithSecret> {
  const { id, kind, owner } = token
  const now = Date.now()
  if (token.state === 'revoked') {
    throw new Refusal('invalid', `token ${id} was revoked`, {
      why: 'what was revoked stays so',
      fix: `carrel token create --for ${owner.kind}:${owner.name}`,
    })
  }
  const expiresAt = expiryAfterRotation(token, rotation, now)
  const secret = makeSecret(secretKindOf[kind])
  const deadline = now + requireGrace(rotation.graceMs)
  await addSecret(tx, { tokenId: id, hash: hashSecret(secret), deadline })
  await setTokenExpiry(tx, id, expiresAt)
  await appendAudit(tx, {
    event: 'token.rotated',
    actor,
    subject: `${owner.kind}:${owner.name}`,
    detail: {
      token: id,
      kind,
      name: token.name,
      oldEndsAt: momentOf(deadline),
      expiresAt: momentOf(expiresAt),
    },
  })
  return { ...(await viewToken(tx, id)), secret }
}

function expiryAfterRotation(
  token: Token,
  { expiresAt, mayNever = false }: Pick<Rotation, 'expiresAt' | 'mayNever'>,
  now: number,
): number | undefined {
  if (expiresAt !== undefined) return chooseExpiry(token.kind, expiresAt, { now, mayNever })
  const present = token.secrets.find(({ replacedAt }) => replacedAt === undefined)
  const secretMadeAt = present?.createdAt ?? token.createdAt
  return renewedExpiry({ expiresAt: token.expiresAt, secretMadeAt }, now)
}

function requireGrace(graceMs = usualGraceMs): number {
  if (graceMs >= 0 && graceMs <= longestGraceMs) return graceMs
  throw new Refusal('invalid', 'the old secret cannot work on for that long', {
    why: 'it ends within 90 days',
  })
}

export interface Revocation {
  readonly id: number
  readonly may?: MayManage | undefined
  readonly expect?: ((current: Token) => void) | undefined
}

/** It stops at once, for good; revoked once more it stays as it was. @throws {Refusal} not-found */
export async function revokeToken(
  { metadata }: TokensDeps,
  actor: Actor,
  { id, may, expect }: Revocation,
): Promise<Token> {
  return metadata.write(async (tx) => {
    const token = await requireToken(tx, id, may)
    expect?.(token)
    if (!(await revokeTokenRow(tx, id))) return token
    const { kind, name, owner } = token
    await appendAudit(tx, {
      event: 'token.revoked',
      actor,
      subject: `${owner.kind}:${owner.name}`,
      detail: { token: id, kind, name },
    })
    return viewToken(tx, id)
  })
}

/** In the form in which they are kept. @throws {Refusal} invalid */
function requireScopes(scopes: readonly string[]): readonly string[] {
  if (scopes.length === 0) {
    throw new Refusal('invalid', 'a token without any scope could do nothing', {
      why: 'leave the scopes out for all that its owner may do',
    })
  }
  if (scopes.length > mostScopes) {
    throw new Refusal('invalid', `${scopes.length} scopes are too many`, {
      why: `a token has at most ${mostScopes}`,
    })
  }
  try {
    return [...new Set(scopes.map((scope) => formatTokenScope(parseTokenScope(scope))))]
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new Refusal('invalid', cause.message, { fix: '--scope web/app:pull,push', cause })
  }
}

function requireTokenName(name: string): string {
  const isPlain = /^[^\p{Cc}\p{Cs}\u2028\u2029]+$/u.test(name)
  if (isPlain && name.length <= longestName) return name
  throw new Refusal('invalid', 'the token cannot have this name', {
    why: `a name is one line of 1 to ${longestName} characters`,
  })
}

async function requireOwner(
  reader: Reader,
  actor: Actor,
  name: string | undefined,
): Promise<PrincipalRow> {
  if (name === undefined && actor.id === undefined) {
    throw new Refusal('invalid', 'whose token is it?', {
      why: 'whoever runs commands beside the data has no account',
      fix: 'carrel token create --for user:NAME',
    })
  }
  const owner =
    name === undefined
      ? await findPrincipalById(reader, actor.id ?? 0)
      : await findPrincipalByName(reader, name)
  if (owner === undefined) throw new Refusal('not-found', `there is no user ${name ?? actor.name}`)
  if (owner.kind === 'robot') {
    throw new Refusal('invalid', `${owner.name} is a robot, which has one token of its own`, {
      fix: `carrel robot rotate ${owner.name}`,
    })
  }
  if (owner.kind === 'federated') {
    throw new Refusal('invalid', `${owner.name} is a trust rule, which needs no token`, {
      why: 'jobs sign in with what their CI system gives them',
    })
  }
  if (owner.disabled) {
    throw new Refusal('invalid', `${owner.name} is disabled`, {
      why: 'a token of theirs would not work',
      fix: `carrel user enable ${owner.name}`,
    })
  }
  return owner
}

async function requireToken(
  reader: Reader,
  id: number,
  may: MayManage = () => true,
): Promise<Token> {
  const row = await findTokenRow(reader, id)
  const token = row && (await createTokenViews(reader)(row))
  // One that the caller may not manage is as if it were not there.
  if (token !== undefined && may(token.owner)) return token
  throw new Refusal('not-found', `there is no token ${id}`, { fix: 'carrel token ls' })
}

async function viewToken(reader: Reader, id: number): Promise<Token> {
  return requireToken(reader, id)
}

async function findTokenRow(reader: Reader, id: number): Promise<ListedToken | undefined> {
  const [row] = await listTokenRows(reader, { after: id - 1, limit: 1 })
  return row?.id === id ? row : undefined
}

function momentOf(at: number | undefined): string {
  return at === undefined ? 'never' : new Date(at).toISOString()
}
