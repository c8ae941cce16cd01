// When principals were last seen. It is noted now and then for many at once, by several writers.
import type { Transaction } from './metadata-store.ts'
import { query } from './query.ts'

export interface Seen {
  readonly principalId: number
  /** Milliseconds since 1970. */
  readonly at: number
}

const see = query<{ id: number; at: number }>()((db, p) =>
  db
    .updateTable('principals')
    .set({ last_seen_at: p.at })
    .where('id', '=', p.id)
    .where((or) => or.or([or('last_seen_at', 'is', null), or('last_seen_at', '<', p.at)])),
)

/** Times only move forward, so notes may come in any order. Unknown principals do not matter. */
export async function noteSeen(tx: Transaction, seen: readonly Seen[]): Promise<void> {
  // In one order everywhere: two nodes that note the same principals must not wait for each other.
  const ordered = seen.toSorted((a, b) => a.principalId - b.principalId)
  for (const { principalId, at } of ordered) await tx.run(see, { id: principalId, at })
}
