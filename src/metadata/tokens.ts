// Tokens of people, robots and logins. Their secrets are in token-secrets.ts.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import {
  insertFirstSecret,
  type SecretSlot,
  type TokenFacts,
  type TokenKind,
} from './token-secrets.ts'

export interface TokenRow extends TokenFacts {
  readonly createdAt: number
  readonly createdBy: number | undefined
  readonly lastUsedAt: number | undefined
  readonly lastUsedFrom: string | undefined
  readonly expiryToldAt: number | undefined
}

export interface ListedToken extends TokenRow {
  /** The old one first. */
  readonly secrets: readonly SecretSlot[]
}

const insert = query<{
  kind: string
  principalId: number
  name: string
  scopes: string
  createdAt: number
  createdBy: number
  expiresAt: number
}>()((db, p) =>
  db
    .insertInto('tokens')
    .values({
      kind: p.kind,
      principal_id: p.principalId,
      name: p.name,
      scopes: p.scopes,
      created_at: p.createdAt,
      created_by: p.createdBy,
      expires_at: p.expiresAt,
    })
    .returning('id'),
)

export type NewToken = Omit<TokenFacts, 'id' | 'revokedAt'> & {
  readonly createdBy: number | undefined
  /** Of its first secret. */
  readonly hash: string
}

/** Makes the token with its first secret; returns its id. */
export async function insertToken(tx: Transaction, token: NewToken): Promise<number> {
  const createdAt = Date.now()
  const made = await tx.one(insert, {
    ...token,
    scopes: token.scopes as string,
    createdBy: token.createdBy as number,
    expiresAt: token.expiresAt as number,
    createdAt,
  })
  if (made === undefined) throw new Error('the database did not tell the id of a new token')
  await insertFirstSecret(tx, { tokenId: made.id, hash: token.hash, createdAt })
  return made.id
}

const columns = [
  'id',
  'kind',
  'principal_id as principalId',
  'name',
  'scopes',
  'created_at as createdAt',
  'created_by as createdBy',
  'expires_at as expiresAt',
  'revoked_at as revokedAt',
  'last_used_at as lastUsedAt',
  'last_used_from as lastUsedFrom',
  'expiry_told_at as expiryToldAt',
] as const

const byId = query<{ id: number }>()((db, p) =>
  db.selectFrom('tokens').select(columns).where('id', '=', p.id),
)

/** The token, whether or not it is still good. */
export async function findToken(reader: Reader, id: number): Promise<TokenRow | undefined> {
  const row = await reader.one(byId, { id })
  return row && rowOf(row)
}

interface PageParameters {
  readonly after: number
  readonly limit: number
  readonly principalId: number
  readonly kind: string
}

/** One query for each choice of filters: the text of a query does not depend on values. */
function pageBy(...filters: readonly ('principalId' | 'kind')[]) {
  return query<PageParameters>()((db, p) => {
    let tokens = db.selectFrom('tokens').select(columns).where('id', '>', p.after)
    if (filters.includes('principalId')) tokens = tokens.where('principal_id', '=', p.principalId)
    if (filters.includes('kind')) tokens = tokens.where('kind', '=', p.kind)
    return db
      .selectFrom(tokens.orderBy('id').limit(p.limit).as('t'))
      .leftJoin('token_secrets as s', 's.token_id', 't.id')
      .selectAll('t')
      .select([
        's.slot',
        's.created_at as secretCreatedAt',
        's.last_used_at as secretLastUsedAt',
        's.replaced_at as replacedAt',
        's.ends_at as endsAt',
      ])
      .orderBy('t.id')
  })
}

const pages = {
  all: pageBy(),
  principal: pageBy('principalId'),
  kind: pageBy('kind'),
  both: pageBy('principalId', 'kind'),
}

/** One for each secret of a token. */
type PageRow = ReturnType<NonNullable<(typeof pages.all)['types']>>

/** At most `limit` tokens after the one with the id `after` (0 for the first page), by id. */
export async function listTokens(
  reader: Reader,
  page: {
    readonly principalId?: number | undefined
    readonly kind?: TokenKind | undefined
    readonly after: number
    readonly limit: number
  },
): Promise<readonly ListedToken[]> {
  const { principalId, kind, after, limit } = page
  const rows = await reader.all(pageOf(principalId, kind), {
    after,
    limit,
    principalId: principalId as number,
    kind: kind as string,
  })
  const tokens: [PageRow, ...PageRow[]][] = []
  for (const row of rows) {
    const latest = tokens.at(-1)
    if (latest?.[0].id === row.id) latest.push(row)
    else tokens.push([row])
  }
  return tokens.map(tokenOf)
}

function pageOf(principalId: number | undefined, kind: string | undefined) {
  if (principalId === undefined) return kind === undefined ? pages.all : pages.kind
  return kind === undefined ? pages.principal : pages.both
}

function tokenOf(rows: readonly [PageRow, ...PageRow[]]): ListedToken {
  const [row] = rows
  const old = rows.filter(({ replacedAt }) => replacedAt !== null)
  const present = rows.filter(({ replacedAt }) => replacedAt === null)
  const presentUsedAt = present[0]?.secretLastUsedAt ?? undefined
  return {
    ...rowOf(row),
    secrets: [
      ...old.flatMap((one) => slotOf(one, presentUsedAt)),
      ...present.flatMap((one) => slotOf(one, undefined)),
    ],
  }
}

function slotOf(row: PageRow, successorUsedAt: number | undefined): readonly SecretSlot[] {
  if (row.slot === null || row.secretCreatedAt === null) return []
  return [
    {
      slot: row.slot,
      createdAt: row.secretCreatedAt,
      lastUsedAt: row.secretLastUsedAt ?? undefined,
      replacedAt: row.replacedAt ?? undefined,
      endsAt: row.endsAt ?? undefined,
      successorUsedAt,
    },
  ]
}

const revoke = query<{ id: number; now: number }>()((db, p) =>
  db
    .updateTable('tokens')
    .set({ revoked_at: p.now })
    .where('id', '=', p.id)
    .where('revoked_at', 'is', null),
)

/** Returns false when there is no such token, or it was revoked before. */
export async function revokeToken(tx: Transaction, id: number): Promise<boolean> {
  return (await tx.run(revoke, { id, now: Date.now() })) === 1
}

const remove = query<{ id: number }>()((db, p) => db.deleteFrom('tokens').where('id', '=', p.id))

/** With its secrets. Returns whether there was such a token. */
export async function deleteToken(tx: Transaction, id: number): Promise<boolean> {
  return (await tx.run(remove, { id })) === 1
}

const expiry = query<{ id: number; expiresAt: number }>()((db, p) =>
  db
    .updateTable('tokens')
    .set({ expires_at: p.expiresAt, expiry_told_at: null })
    .where('id', '=', p.id)
    .where('revoked_at', 'is', null),
)

/**
 * Another end for the token, of which nobody was told yet; undefined is none. In a replacement of its secret this comes
 * after addSecret: the old secret keeps the end that it had. Returns false when there is no such token, or it was
 * revoked.
 */
export async function setTokenExpiry(
  tx: Transaction,
  id: number,
  expiresAt: number | undefined,
): Promise<boolean> {
  return (await tx.run(expiry, { id, expiresAt: expiresAt as number })) === 1
}

const expiring = query<{ before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('tokens')
    .select(['id', 'kind', 'principal_id as principalId', 'name', 'expires_at as expiresAt'])
    .where('expires_at', '<=', p.before)
    .where('revoked_at', 'is', null)
    .where('expiry_told_at', 'is', null)
    .orderBy('expires_at')
    .orderBy('id')
    .limit(p.limit),
)

export interface ExpiringToken extends Pick<TokenRow, 'id' | 'kind' | 'principalId' | 'name'> {
  readonly expiresAt: number
}

/** Tokens that end, or have ended, by `before`, and whose end nobody was told yet; the first to end come first. */
export async function listExpiring(
  reader: Reader,
  { before, limit }: { readonly before: number; readonly limit: number },
): Promise<readonly ExpiringToken[]> {
  return (await reader.all(expiring, { before, limit })) as readonly ExpiringToken[]
}

const told = query<{ id: number; expiresAt: number; now: number }>()((db, p) =>
  db
    .updateTable('tokens')
    .set({ expiry_told_at: p.now })
    .where('id', '=', p.id)
    .where('expires_at', '=', p.expiresAt)
    .where('expiry_told_at', 'is', null),
)

/** Returns true for one caller alone, whose part it is to tell; false too when the token ends at another time now. */
export async function markExpiryTold(
  tx: Transaction,
  { id, expiresAt }: { readonly id: number; readonly expiresAt: number },
): Promise<boolean> {
  return (await tx.run(told, { id, expiresAt, now: Date.now() })) === 1
}

const removeEnded = query<{ kind: string; before: number; limit: number }>()((db, p) =>
  db
    .deleteFrom('tokens')
    .where('id', 'in', (of) =>
      of
        .selectFrom('tokens')
        .select('id')
        .where('kind', '=', p.kind)
        .where('expires_at', '<=', p.before)
        .orderBy('id')
        .limit(p.limit),
    ),
)

/** Removes tokens of this kind that ended by `before`, at most `limit`; returns how many. */
export async function removeExpiredTokens(
  tx: Transaction,
  page: { readonly kind: TokenKind; readonly before: number; readonly limit: number },
): Promise<number> {
  return tx.run(removeEnded, page)
}

type RawToken = Pick<PageRow, keyof TokenRow>

function rowOf(raw: RawToken): TokenRow {
  return {
    id: raw.id,
    kind: raw.kind as TokenKind,
    principalId: raw.principalId,
    name: raw.name,
    scopes: raw.scopes ?? undefined,
    createdAt: raw.createdAt,
    createdBy: raw.createdBy ?? undefined,
    expiresAt: raw.expiresAt ?? undefined,
    revokedAt: raw.revokedAt ?? undefined,
    lastUsedAt: raw.lastUsedAt ?? undefined,
    lastUsedFrom: raw.lastUsedFrom ?? undefined,
    expiryToldAt: raw.expiryToldAt ?? undefined,
  }
}
