// Codes for whoever lost the device with the second factor: each works once. Only their SHA-256 are kept, those of one
// principal in one setting. Not among the sessions, which end together when a password is changed, nor among the
// secrets of tokens, which open the registry by themselves. Ids of principals are never given out twice, so what is
// left of somebody who was removed belongs to nobody.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'
import { findSetting } from './settings.ts'

const keyOf = (principalId: number) => `recovery-codes:${principalId}`

const put = query<{ key: string; value: string }>()((db, p) =>
  db
    .insertInto('settings')
    .values({ key: p.key, value: p.value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: p.value })),
)

const remove = query<{ key: string }>()((db, p) =>
  db.deleteFrom('settings').where('key', '=', p.key),
)

/** The codes before no longer work. */
export async function replaceRecoveryCodes(
  tx: Transaction,
  principalId: number,
  hashes: readonly string[],
): Promise<void> {
  await tx.run(put, { key: keyOf(principalId), value: JSON.stringify(hashes) })
}

/** How many are left. */
export async function countRecoveryCodes(reader: Reader, principalId: number): Promise<number> {
  return (await hashesOf(reader, principalId)).length
}

/** Uses the code up: of all who present it, one gets true. */
export async function useRecoveryCode(
  tx: Transaction,
  principalId: number,
  hash: string,
): Promise<boolean> {
  const hashes = await hashesOf(tx, principalId)
  if (!hashes.includes(hash)) return false
  const left = hashes.filter((one) => one !== hash)
  await replaceRecoveryCodes(tx, principalId, left)
  return true
}

export async function deleteRecoveryCodes(tx: Transaction, principalId: number): Promise<void> {
  await tx.run(remove, { key: keyOf(principalId) })
}

async function hashesOf(reader: Reader, principalId: number): Promise<readonly string[]> {
  const stored = await findSetting(reader, keyOf(principalId))
  return stored === undefined ? [] : (JSON.parse(stored) as readonly string[])
}
