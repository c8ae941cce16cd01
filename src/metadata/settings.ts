// What an installation knows of itself: its id, its keys, its one-time links.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

const value = query<{ key: string }>()((db, p) =>
  db.selectFrom('settings').select('value').where('key', '=', p.key),
)

export async function findSetting(reader: Reader, key: string): Promise<string | undefined> {
  return (await reader.one(value, { key }))?.value
}

const insert = query<{ key: string; value: string }>()((db, p) =>
  db
    .insertInto('settings')
    .values({ key: p.key, value: p.value })
    .onConflict((conflict) => conflict.column('key').doNothing()),
)

/** The setting as it is, or `value` when there is none: the first writer wins, all get the same. */
export async function ensureSetting(tx: Transaction, key: string, value: string): Promise<string> {
  await tx.run(insert, { key, value })
  return (await findSetting(tx, key)) ?? value
}

const save = query<{ key: string; value: string }>()((db, p) =>
  db
    .insertInto('settings')
    .values({ key: p.key, value: p.value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: p.value })),
)

/** The setting from now on, whatever it was. */
export async function saveSetting(tx: Transaction, key: string, value: string): Promise<void> {
  await tx.run(save, { key, value })
}

const drop = query<{ key: string }>()((db, p) => db.deleteFrom('settings').where('key', '=', p.key))

/** Returns whether there was one. */
export async function removeSetting(tx: Transaction, key: string): Promise<boolean> {
  return (await tx.run(drop, { key })) > 0
}

export interface SigningKeyRow {
  readonly kid: string
  readonly privateJwk: string
  readonly publicJwk: string
  readonly createdAt: number
}

const keys = query<object>()((db) =>
  db
    .selectFrom('signing_keys')
    .select([
      'kid',
      'private_jwk as privateJwk',
      'public_jwk as publicJwk',
      'created_at as createdAt',
    ])
    .orderBy('created_at', 'desc'),
)

/** Newest first. */
export async function listSigningKeys(reader: Reader): Promise<readonly SigningKeyRow[]> {
  return reader.all(keys, {})
}

const insertKey = query<SigningKeyRow>()((db, p) =>
  db.insertInto('signing_keys').values({
    kid: p.kid,
    private_jwk: p.privateJwk,
    public_jwk: p.publicJwk,
    created_at: p.createdAt,
  }),
)

export async function insertSigningKey(
  tx: Transaction,
  key: Omit<SigningKeyRow, 'createdAt'>,
): Promise<void> {
  await tx.run(insertKey, { ...key, createdAt: Date.now() })
}

const removeKey = query<{ kid: string }>()((db, p) =>
  db.deleteFrom('signing_keys').where('kid', '=', p.kid),
)

/** What it has signed is no longer taken as soon as every process has noticed. */
export async function removeSigningKey(tx: Transaction, kid: string): Promise<void> {
  await tx.run(removeKey, { kid })
}

const insertLink = query<{ keyHash: string; principalId: number; expiresAt: number }>()((db, p) =>
  db
    .insertInto('setup_links')
    .values({ key_hash: p.keyHash, principal_id: p.principalId, expires_at: p.expiresAt }),
)

export async function insertSetupLink(
  tx: Transaction,
  link: { readonly keyHash: string; readonly principalId: number; readonly expiresAt: number },
): Promise<void> {
  await tx.run(insertLink, link)
}

const useLink = query<{ keyHash: string; now: number }>()((db, p) =>
  db
    .updateTable('setup_links')
    .set({ used_at: p.now })
    .where('key_hash', '=', p.keyHash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', p.now),
)
const goodLink = query<{ keyHash: string; now: number }>()((db, p) =>
  db
    .selectFrom('setup_links')
    .select('principal_id')
    .where('key_hash', '=', p.keyHash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', p.now),
)

/** Whether the link could be used now. */
export async function isGoodSetupLink(reader: Reader, keyHash: string): Promise<boolean> {
  return (await reader.one(goodLink, { keyHash, now: Date.now() })) !== undefined
}

const linkOwner = query<{ keyHash: string }>()((db, p) =>
  db
    .selectFrom('setup_links')
    .select('principal_id as principalId')
    .where('key_hash', '=', p.keyHash),
)

/** Uses the link up; returns whose it was, or undefined when it is unknown, used or expired. */
export async function useSetupLink(tx: Transaction, keyHash: string): Promise<number | undefined> {
  const used = await tx.run(useLink, { keyHash, now: Date.now() })
  if (used === 0) return undefined
  return (await tx.one(linkOwner, { keyHash }))?.principalId
}

const removeLinks = query<{ principalId: number }>()((db, p) =>
  db.deleteFrom('setup_links').where('principal_id', '=', p.principalId),
)

/** None of the principal's links works any more. */
export async function deleteSetupLinks(tx: Transaction, principalId: number): Promise<void> {
  await tx.run(removeLinks, { principalId })
}
