// Grants of another time.
import { query } from '../../metadata/query.ts'
import type { World } from './world.ts'

const setTimes = query<{ id: number; grantedAt: number; expiresAt: number }>()((db, p) =>
  db
    .updateTable('grants')
    .set({ granted_at: p.grantedAt, expires_at: p.expiresAt })
    .where('id', '=', p.id),
)

/** As if it had been given then, to end then. */
export async function backdate(
  { metadata }: World,
  id: number,
  { grantedAt, expiresAt }: { readonly grantedAt: number; readonly expiresAt?: number },
): Promise<void> {
  await metadata.write(async (tx) =>
    tx.run(setTimes, { id, grantedAt, expiresAt: expiresAt as number }),
  )
}
