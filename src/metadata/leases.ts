// Leases: who may do alone what must not be done twice at once. They end by themselves, by the clock of whoever asks.
import type { Reader, Transaction } from './metadata-store.ts'
import { query } from './query.ts'

/** `backup`: nothing is purged meanwhile. `collection`: one collector at a time. */
export type LeaseName = 'backup' | 'collection' | 'scrub' | 'journal' | 'drill'

const byName = query<{ name: string }>()((db, p) =>
  db.selectFrom('leases').select(['holder', 'ends_at as endsAt']).where('name', '=', p.name),
)

const set = query<{ name: string; holder: string; endsAt: number }>()((db, p) =>
  db
    .insertInto('leases')
    .values({ name: p.name, holder: p.holder, ends_at: p.endsAt })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ holder: p.holder, ends_at: p.endsAt }),
    ),
)

const remove = query<{ name: string; holder: string }>()((db, p) =>
  db.deleteFrom('leases').where('name', '=', p.name).where('holder', '=', p.holder),
)

export interface Lease {
  readonly holder: string
  readonly endsAt: number
}

/** The lease that is held now. */
export async function findLease(
  reader: Reader,
  name: LeaseName,
  now: number = Date.now(),
): Promise<Lease | undefined> {
  const found = await reader.one(byName, { name })
  return found !== undefined && found.endsAt > now ? found : undefined
}

/** Takes the lease, or makes one's own longer. Returns false while another holds it. */
export async function takeLease(
  tx: Transaction,
  name: LeaseName,
  { holder, forMs }: { readonly holder: string; readonly forMs: number },
): Promise<boolean> {
  const held = await findLease(tx, name)
  if (held !== undefined && held.holder !== holder) return false
  await tx.run(set, { name, holder, endsAt: Date.now() + forMs })
  return true
}

export async function endLease(tx: Transaction, name: LeaseName, holder: string): Promise<void> {
  await tx.run(remove, { name, holder })
}
