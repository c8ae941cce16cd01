// The secrets of tokens, known by their SHA-256 alone: at most two of a token, the present one and the one that it
// replaces (auth/secret-slots.ts says when that ends).
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export type TokenKind = 'personal' | 'robot' | 'login'

/** What sign-in needs to know of a token. */
export interface TokenFacts {
  readonly id: number
  readonly kind: TokenKind
  readonly principalId: number
  readonly name: string
  /** JSON; undefined is all that the principal may. */
  readonly scopes: string | undefined
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
}

export interface SecretSlot {
  /** 1 or 2. */
  readonly slot: number
  readonly createdAt: number
  readonly lastUsedAt: number | undefined
  /** Undefined for the token's present secret. */
  readonly replacedAt: number | undefined
  readonly endsAt: number | undefined
  /** When the secret that replaced this one was last used; undefined when it never was, or nothing replaced it. */
  readonly successorUsedAt: number | undefined
}

export interface FoundSecret {
  readonly token: TokenFacts
  readonly secret: SecretSlot & { readonly hash: string }
}

const byHash = query<{ hash: string }>()((db, p) =>
  db
    .selectFrom('token_secrets as s')
    .innerJoin('tokens as t', 't.id', 's.token_id')
    .select([
      't.id',
      't.kind',
      't.principal_id as principalId',
      't.name',
      't.scopes',
      't.expires_at as expiresAt',
      't.revoked_at as revokedAt',
      's.hash',
      's.slot',
      's.created_at as createdAt',
      's.last_used_at as lastUsedAt',
      's.replaced_at as replacedAt',
      's.ends_at as endsAt',
    ])
    .select((row) =>
      row
        .selectFrom('token_secrets as present')
        .select((of) => of.fn.max('present.last_used_at').as('at'))
        .whereRef('present.token_id', '=', 's.token_id')
        .where('present.replaced_at', 'is', null)
        .as('presentUsedAt'),
    )
    .where('s.hash', '=', p.hash),
)

/** The secret with its token, whether or not either is still good: the caller looks at the times. */
export async function findSecret(reader: Reader, hash: string): Promise<FoundSecret | undefined> {
  const row = await reader.one(byHash, { hash })
  if (row === undefined) return undefined
  const isOld = row.replacedAt !== null
  return {
    token: {
      id: row.id,
      kind: row.kind as TokenKind,
      principalId: row.principalId,
      name: row.name,
      scopes: row.scopes ?? undefined,
      expiresAt: row.expiresAt ?? undefined,
      revokedAt: row.revokedAt ?? undefined,
    },
    secret: {
      hash: row.hash,
      slot: row.slot,
      createdAt: row.createdAt,
      lastUsedAt: row.lastUsedAt ?? undefined,
      replacedAt: row.replacedAt ?? undefined,
      endsAt: row.endsAt ?? undefined,
      successorUsedAt: isOld ? (row.presentUsedAt ?? undefined) : undefined,
    },
  }
}

const insert = query<{ hash: string; tokenId: number; slot: number; createdAt: number }>()(
  (db, p) =>
    db.insertInto('token_secrets').values({
      hash: p.hash,
      token_id: p.tokenId,
      slot: p.slot,
      created_at: p.createdAt,
    }),
)

/** For a new token. */
export async function insertFirstSecret(
  tx: Transaction,
  secret: { readonly tokenId: number; readonly hash: string; readonly createdAt: number },
): Promise<void> {
  await tx.run(insert, { ...secret, slot: 1 })
}

const living = query<{ id: number }>()((db, p) =>
  db
    .selectFrom('tokens')
    .select('expires_at as expiresAt')
    .where('id', '=', p.id)
    .where('revoked_at', 'is', null),
)
const removeOld = query<{ tokenId: number }>()((db, p) =>
  db
    .deleteFrom('token_secrets')
    .where('token_id', '=', p.tokenId)
    .where('replaced_at', 'is not', null),
)
const replace = query<{ tokenId: number; now: number; endsAt: number }>()((db, p) =>
  db
    .updateTable('token_secrets')
    .set({ replaced_at: p.now, ends_at: p.endsAt })
    .where('token_id', '=', p.tokenId),
)
const slotOf = query<{ tokenId: number }>()((db, p) =>
  db.selectFrom('token_secrets').select('slot').where('token_id', '=', p.tokenId),
)

/**
 * Gives the token another secret. The present one becomes the old one, which ends at `deadline` at the latest, or when
 * the token itself would have ended; one that was old already is removed. Returns false when there is no such token,
 * or it was revoked.
 */
export async function addSecret(
  tx: Transaction,
  {
    tokenId,
    hash,
    deadline,
  }: { readonly tokenId: number; readonly hash: string; readonly deadline: number },
): Promise<boolean> {
  const token = await tx.one(living, { id: tokenId })
  if (token === undefined) return false
  const now = Date.now()
  await tx.run(removeOld, { tokenId })
  await tx.run(replace, { tokenId, now, endsAt: Math.min(deadline, token.expiresAt ?? deadline) })
  const slot = (await tx.one(slotOf, { tokenId }))?.slot === 1 ? 2 : 1
  await tx.run(insert, { tokenId, hash, slot, createdAt: now })
  return true
}

export interface TokenUse {
  readonly hash: string
  readonly tokenId: number
  readonly at: number
  readonly address: string
}

const useSecret = query<{ hash: string; at: number }>()((db, p) =>
  db
    .updateTable('token_secrets')
    .set({ last_used_at: p.at })
    .where('hash', '=', p.hash)
    .where((or) => or.or([or('last_used_at', 'is', null), or('last_used_at', '<', p.at)])),
)
const useToken = query<{ tokenId: number; at: number; address: string }>()((db, p) =>
  db
    .updateTable('tokens')
    .set({ last_used_at: p.at, last_used_from: p.address })
    .where('id', '=', p.tokenId)
    .where((or) => or.or([or('last_used_at', 'is', null), or('last_used_at', '<', p.at)])),
)

/** What is later than what is there is kept, so that notes may come in any order. Unknown secrets do not matter. */
export async function noteTokenUses(tx: Transaction, uses: readonly TokenUse[]): Promise<void> {
  // In one order everywhere: two nodes that note the same tokens must not wait for each other.
  const ordered = uses.toSorted((a, b) => a.tokenId - b.tokenId || (a.hash < b.hash ? -1 : 1))
  for (const { hash, tokenId, at, address } of ordered) {
    await tx.run(useToken, { tokenId, at, address })
    await tx.run(useSecret, { hash, at })
  }
}
