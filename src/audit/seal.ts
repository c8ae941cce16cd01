// Seals audit rows in order. Who writes an audit row does not wait for the rows of others; here, once a second, those
// that are not sealed yet get their numbers and hashes, one batch after another.
import { firstHash, sealOf } from './chain.ts'
import {
  findLastSeal,
  lockAuditHead,
  moveAuditHead,
  readUnsealed,
  setSeals,
  type AuditHead,
} from '../metadata/audit-seals.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import { findSetting } from '../metadata/settings.ts'

/** Writers wait while a batch is sealed. */
const batchSize = 500

/**
 * Seals what is there, at most `limit` rows; returns how many. Any number of processes may call it: one at a time seals.
 * It is durable, so that a head that is anchored afterwards is never ahead of what a power loss leaves.
 */
export async function sealAudit(
  metadata: MetadataStore,
  { limit = 20_000 }: { readonly limit?: number } = {},
): Promise<number> {
  let sealed = 0
  while (sealed < limit) {
    // Most of the time there is nothing, and that is found out without a transaction.
    if ((await readUnsealed(metadata, 1)).length === 0) break
    const atMost = Math.min(batchSize, limit - sealed)
    const count = await metadata.write(async (tx) => sealBatch(tx, atMost))
    sealed += count
    if (count < atMost) break
  }
  return sealed
}

async function sealBatch(tx: Transaction, atMost: number): Promise<number> {
  const start = await lockEnd(tx)
  const rows = await readUnsealed(tx, atMost)
  if (rows.length === 0) return 0
  let { seq, hash } = start
  const seals = []
  for (const row of rows) {
    seq += 1
    hash = sealOf(hash, row, seq)
    seals.push({ id: row.id, seq, hash })
  }
  const set = await setSeals(tx, seals)
  if (set !== seals.length) throw new Error('An audit row went away while it was sealed.')
  await moveAuditHead(tx, { seq, hash, at: Date.now() })
  return seals.length
}

/**
 * Where the chain goes on. Head and last row differ only when somebody changed the database by hand. Then it goes on
 * from the later one: new rows are to be sealed in any case, and what is missing stays missing for verifyAudit to find.
 */
async function lockEnd(tx: Transaction): Promise<Pick<AuditHead, 'seq' | 'hash'>> {
  const head = await lockAuditHead(tx, async () => ({ ...(await beginning(tx)), at: Date.now() }))
  const last = await findLastSeal(tx)
  if (last !== undefined && last.seq > (head?.seq ?? 0)) return last
  return head ?? (await beginning(tx))
}

async function beginning(reader: Reader): Promise<Pick<AuditHead, 'seq' | 'hash'>> {
  return { seq: 0, hash: firstHash(await installationIdOf(reader)) }
}

/** @throws {Error} when the installation has no id yet: it gets one before anything else */
export async function installationIdOf(reader: Reader): Promise<string> {
  const id = await findSetting(reader, 'installation-id')
  if (id === undefined) throw new Error('The installation has no id to seal its audit log with.')
  return id
}
