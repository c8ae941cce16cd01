// Second factors of principals: the sealed secret, and the last step of 30 seconds whose code was used. A secret of
// which no code was used yet is not confirmed: the person may never have got it, so it is asked of nobody.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export interface TotpRow {
  /** As auth/totp-seal.ts sealed it. */
  readonly sealed: Uint8Array
  /** Undefined until it is confirmed. */
  readonly lastStep: number | undefined
}

const one = query<{ id: number }>()((db, p) =>
  db
    .selectFrom('principals')
    .select(['totp_secret as sealed', 'totp_step as lastStep'])
    .where('id', '=', p.id)
    .where('totp_secret', 'is not', null),
)

/** Undefined for a principal that never began with a second factor, or has none any more. */
export async function findTotp(reader: Reader, id: number): Promise<TotpRow | undefined> {
  const row = await reader.one(one, { id })
  if (row === undefined || row.sealed === null) return undefined
  return { sealed: row.sealed, lastStep: row.lastStep ?? undefined }
}

const set = query<{ id: number; sealed: Uint8Array }>()((db, p) =>
  db
    .updateTable('principals')
    .set({ totp_secret: p.sealed })
    .where('id', '=', p.id)
    .where('totp_step', 'is', null),
)

/**
 * Begins: the first code that is used (useTotpStep) confirms it. Returns false for a principal whose second factor is
 * confirmed: that one is taken away first.
 */
export async function setTotp(tx: Transaction, id: number, sealed: Uint8Array): Promise<boolean> {
  return (await tx.run(set, { id, sealed })) === 1
}

const clear = query<{ id: number }>()((db, p) =>
  db
    .updateTable('principals')
    .set({ totp_secret: null, totp_step: null })
    .where('id', '=', p.id)
    .where('totp_secret', 'is not', null),
)

/** Returns whether there was one, or the beginning of one. */
export async function clearTotp(tx: Transaction, id: number): Promise<boolean> {
  return (await tx.run(clear, { id })) === 1
}

const use = query<{ id: number; step: number }>()((db, p) =>
  db
    .updateTable('principals')
    .set({ totp_step: p.step })
    .where('id', '=', p.id)
    .where('totp_secret', 'is not', null)
    .where((or) => or.or([or('totp_step', 'is', null), or('totp_step', '<', p.step)])),
)

/**
 * Uses the step's code up: of all who present it, one gets true. In the transaction that read the secret with findTotp,
 * so that it is the code of the secret that is there.
 */
export async function useTotpStep(tx: Transaction, id: number, step: number): Promise<boolean> {
  return (await tx.run(use, { id, step })) === 1
}
